//! What runs do to threads: questions, forks, cancels, queues.

#![allow(clippy::unwrap_used)]

mod support;

use hyper::Method;
use serde_json::{Value, json};
use support::*;

fn resume(agent: &str, answer: Value) -> Value {
    let mut request = with(
        request(agent, 2, 0.0),
        json!({"command": {"resume": answer}}),
    );
    request.as_object_mut().unwrap().remove("input");
    request
}

async fn thread_status(api: &Api, thread: &str) -> Value {
    api.get(&format!("/threads/{thread}")).await["status"].clone()
}

#[tokio::test]
async fn a_question_stops_the_run_and_an_answer_goes_on() {
    let (_server, api) = start().await;
    for (answer, said) in [
        (json!(true), "True"),
        (json!({"ok": 1}), "{'ok': 1}"),
        (Value::Null, "None"),
        (json!("it's"), "\"it's\""),
    ] {
        let thread = api.thread().await;
        let mut stream = api.run(&thread, request("approval", 2, 0.0)).await;
        let frames = stream.rest().await;
        assert_eq!(names(&frames)[frames.len() - 2..], ["updates", "values"]);
        let values = data(frames.last().unwrap());
        let question = json!({"question": "Send this draft?", "draft": words(2)});
        assert_eq!(values["__interrupt__"][0]["value"], question);
        assert_eq!(values["messages"][1]["content"], words(2));
        let id = &values["__interrupt__"][0]["id"];
        assert_eq!(api.run_status(&thread, &stream.run_id()).await, "success");
        let found = api.get(&format!("/threads/{thread}")).await;
        assert_eq!(found["status"], "interrupted");
        let state = api.state(&thread).await;
        assert_eq!(state["next"], json!(["ask"]));
        assert_eq!(
            state["tasks"][0]["interrupts"],
            json!([{"id": id, "value": question}])
        );
        let task = state["tasks"][0]["id"].as_str().unwrap();
        assert_eq!(found["interrupts"][task][0]["id"], *id);

        let frames = api
            .run_all(&thread, resume("approval", answer.clone()))
            .await;
        assert_eq!(
            names(&frames),
            [
                "metadata", "values", "updates", "values", "messages", "updates", "values"
            ]
        );
        assert_eq!(data(&frames[2]), json!({"ask": {"approved": answer}}));
        let state = api.state(&thread).await;
        assert_eq!(last_text(&state), format!("done approved={said}"));
        assert_eq!(state["values"]["approved"], answer);
        assert_eq!(state["tasks"], json!([]));
        assert_eq!(thread_status(&api, &thread).await, "idle");
    }
}

#[tokio::test]
async fn two_questions_are_answered_one_by_one_or_together() {
    let (_server, api) = start().await;
    let ask = with(request("multi", 0, 0.0), json!({"input": {"answers": []}}));
    let thread = api.thread().await;
    let frames = api.run_all(&thread, ask.clone()).await;
    let open = data(frames.last().unwrap())["__interrupt__"].clone();
    let (a, b) = (
        open[0]["id"].as_str().unwrap(),
        open[1]["id"].as_str().unwrap(),
    );
    assert_eq!(
        (&open[0]["value"], &open[1]["value"]),
        (&json!({"which": "a"}), &json!({"which": "b"}))
    );

    let frames = api.run_all(&thread, resume("multi", json!("x"))).await;
    assert_eq!(data(frames.last().unwrap())["error"], "RuntimeError");

    let frames = api
        .run_all(&thread, resume("multi", json!({a: "A!"})))
        .await;
    assert_eq!(
        data(frames.last().unwrap())["__interrupt__"],
        json!([open[1]])
    );
    assert_eq!(thread_status(&api, &thread).await, "interrupted");
    let frames = api
        .run_all(&thread, resume("multi", json!({b: "B!"})))
        .await;
    let answers = json!([{"a": "A!"}, {"b": "B!"}]);
    assert_eq!(data(frames.last().unwrap()), json!({"answers": answers}));
    let cached = data(&frames[2]);
    assert_eq!(cached["__metadata__"], json!({"cached": true}));

    let thread = api.thread().await;
    let frames = api.run_all(&thread, ask).await;
    let open = data(frames.last().unwrap())["__interrupt__"].clone();
    let both =
        json!({(open[0]["id"].as_str().unwrap()): "A!", (open[1]["id"].as_str().unwrap()): "B!"});
    api.run_all(&thread, resume("multi", both)).await;
    assert_eq!(api.state(&thread).await["values"]["answers"], answers);
}

#[tokio::test]
async fn new_input_instead_of_an_answer_starts_again() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("approval", 2, 0.0)).await;
    let first = api.state(&thread).await["tasks"][0]["interrupts"][0]["id"].clone();
    api.run_all(&thread, request("approval", 2, 0.0)).await;
    let state = api.state(&thread).await;
    assert_ne!(state["tasks"][0]["interrupts"][0]["id"], first);
    assert_eq!(state["values"]["messages"].as_array().unwrap().len(), 4);
    // An answer with nothing to answer does no work.
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let frames = api.run_all(&thread, resume("chat", json!("x"))).await;
    assert_eq!(names(&frames), ["metadata", "values"]);
}

#[tokio::test]
async fn a_breakpoint_stops_before_a_node_and_null_input_goes_on() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let stop = with(
        request("chat", 2, 0.0),
        json!({"interrupt_before": ["model"]}),
    );
    let frames = api.run_all(&thread, stop).await;
    assert_eq!(names(&frames), ["metadata", "values", "updates"]);
    assert_eq!(data(&frames[2]), json!({"__interrupt__": []}));
    assert_eq!(thread_status(&api, &thread).await, "interrupted");
    let frames = api
        .run_all(
            &thread,
            with(request("chat", 2, 0.0), json!({"input": null})),
        )
        .await;
    assert_eq!(
        data(frames.last().unwrap())["messages"][1]["content"],
        words(2)
    );
    assert_eq!(thread_status(&api, &thread).await, "idle");
}

#[tokio::test]
async fn a_fork_leaves_the_other_branch_as_it_was() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let kept = api.state(&thread).await;
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    let other = api.state(&thread).await;
    // New input at an older checkpoint.
    let fork = with(
        request("chat", 3, 0.0),
        json!({"checkpoint": kept["checkpoint"]}),
    );
    api.run_all(&thread, fork).await;
    let head = api.state(&thread).await;
    assert_eq!(head["values"]["messages"].as_array().unwrap().len(), 4);
    assert_eq!(last_text(&head), words(3));
    let left = api
        .get(&format!(
            "/threads/{thread}/state/{}",
            other["checkpoint_id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(left["values"], other["values"]);
    let history = api
        .post(&format!("/threads/{thread}/history"), json!({"limit": 100}))
        .await;
    let children = history
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["parent_checkpoint_id"] == kept["checkpoint_id"]);
    assert_eq!(children.count(), 2);
    // Regenerate: no input, at the checkpoint before the model.
    let before_model = other["parent_checkpoint_id"].clone();
    let again = with(
        request("chat", 4, 0.0),
        json!({"input": null, "checkpoint_id": before_model}),
    );
    api.run_all(&thread, again).await;
    let head = api.state(&thread).await;
    assert_eq!(last_text(&head), words(4));
    assert_eq!(head["values"]["messages"].as_array().unwrap().len(), 4);
    // The third place for its name.
    let named = |id: &Value| json!({"config": {"configurable": {"n_tokens": 5, "delay_ms": 0, "checkpoint_id": id}}});
    api.run_all(
        &thread,
        with(request("chat", 1, 0.0), named(&kept["checkpoint_id"])),
    )
    .await;
    let head = api.state(&thread).await;
    assert_eq!(last_text(&head), words(5));
    assert_eq!(head["values"]["messages"].as_array().unwrap().len(), 4);
    for (unknown, code) in [
        (
            json!({"checkpoint_id": UNKNOWN}),
            (404, "checkpoint_not_found"),
        ),
        (named(&json!(UNKNOWN)), (404, "checkpoint_not_found")),
        (named(&json!(5)), (422, "invalid_id")),
    ] {
        let answer = api
            .call(
                Method::POST,
                &format!("/threads/{thread}/runs/stream"),
                Some(with(request("chat", 1, 0.0), unknown)),
            )
            .await;
        assert_eq!(answer.code(), (code.0, code.1.to_owned()));
    }
}

#[tokio::test]
async fn a_cancel_keeps_what_was_said_and_a_rollback_undoes_it() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let before = api.state(&thread).await;
    let mut stream = api.run(&thread, request("chat", 500, 10.0)).await;
    let run = stream.run_id();
    stream.until("messages").await;
    stream.until("messages").await;
    let path = format!("/threads/{thread}/runs/{run}/cancel");
    assert_eq!(
        api.call(Method::POST, &format!("{path}?wait=1"), None)
            .await
            .status,
        200
    );
    stream.rest().await;
    assert!(!stream.broken);
    assert_eq!(api.run_status(&thread, &run).await, "interrupted");
    assert_eq!(thread_status(&api, &thread).await, "idle");
    let state = api.state(&thread).await;
    assert!(last_text(&state).starts_with("alpha0 bravo1 "));
    let last = state["values"]["messages"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(last["response_metadata"]["finish_reason"], "cancelled");
    assert_eq!(
        api.call(Method::POST, &path, None).await.code(),
        (404, "run_not_found".to_owned())
    );

    let before_rollback = api.state(&thread).await;
    let mut stream = api.run(&thread, request("chat", 500, 10.0)).await;
    let run = stream.run_id();
    stream.until("messages").await;
    let path = format!("/threads/{thread}/runs/{run}/cancel?action=rollback&wait=true");
    assert_eq!(api.call(Method::POST, &path, None).await.status, 200);
    stream.rest().await;
    assert_eq!(api.state(&thread).await, before_rollback);
    assert_ne!(before_rollback["checkpoint_id"], before["checkpoint_id"]);
    let gone = api
        .call(Method::GET, &format!("/threads/{thread}/runs/{run}"), None)
        .await;
    assert_eq!(gone.code(), (404, "run_not_found".to_owned()));
}

#[tokio::test]
async fn a_busy_thread_follows_the_strategy() {
    let (_server, api) = start().await;
    let second = |strategy: &str| {
        with(
            request("chat", 2, 0.0),
            json!({"multitask_strategy": strategy, "input": {"messages": [{"type": "human", "content": "second"}]}}),
        )
    };
    let start_first = async || {
        let thread = api.thread().await;
        let mut first = api.run(&thread, request("chat", 40, 10.0)).await;
        first.until("messages").await;
        (thread, first)
    };
    let texts = |state: &Value| -> Vec<String> {
        let messages = state["values"]["messages"].as_array().unwrap();
        messages
            .iter()
            .map(|message| message["content"].as_str().unwrap().to_owned())
            .collect()
    };

    let (thread, mut first) = start_first().await;
    let path = format!("/threads/{thread}/runs/stream");
    let refused = api.call(Method::POST, &path, Some(second("reject"))).await;
    assert_eq!(refused.code(), (409, "thread_busy".to_owned()));
    let frames = api.run_all(&thread, second("enqueue")).await;
    assert_eq!(first.rest().await.last().unwrap().event_name(), "values");
    assert_eq!(
        data(frames.last().unwrap())["messages"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        texts(&api.state(&thread).await),
        ["hi", &words40(), "second", &words(2)]
    );

    let (thread, mut first) = start_first().await;
    api.run_all(&thread, second("interrupt")).await;
    first.rest().await;
    assert_eq!(
        api.run_status(&thread, &first.run_id()).await,
        "interrupted"
    );
    let said = texts(&api.state(&thread).await);
    assert_eq!(
        (said.len(), &said[2], &said[3]),
        (4, &"second".to_owned(), &words(2))
    );
    assert!(said[1].starts_with("alpha0 ") && said[1] != words40());

    let (thread, mut first) = start_first().await;
    api.run_all(&thread, second("rollback")).await;
    first.rest().await;
    assert_eq!(texts(&api.state(&thread).await), ["second", &words(2)]);
    let runs = api.get(&format!("/threads/{thread}/runs")).await;
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

fn words40() -> String {
    const LETTERS: [&str; 26] = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india",
        "juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo",
        "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
    ];
    (0..40)
        .map(|index| format!("{}{index} ", LETTERS[index % 26]))
        .collect()
}

#[tokio::test]
async fn rolling_back_a_run_that_waits_leaves_the_running_one_alone() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut first = api.run(&thread, request("chat", 20, 10.0)).await;
    first.until("messages").await;
    let path = format!("/threads/{thread}/runs");
    let waiting = api.post(&path, request("chat", 1, 0.0)).await;
    let cancel = format!(
        "{path}/{}/cancel?action=rollback&wait=1",
        waiting["run_id"].as_str().unwrap()
    );
    assert_eq!(api.call(Method::POST, &cancel, None).await.status, 200);
    assert_eq!(thread_status(&api, &thread).await, "busy");
    first.rest().await;
    let state = api.state(&thread).await;
    assert_eq!(state["values"]["messages"].as_array().unwrap().len(), 2);
    assert_eq!(api.get(&path).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn runs_wait_in_order_and_a_waiting_one_can_be_cancelled() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let path = format!("/threads/{thread}/runs");
    let mut ids = Vec::new();
    for number in 0..4 {
        let delay = if number == 0 { 20.0 } else { 0.0 };
        let made = api
            .call(
                Method::POST,
                &path,
                Some(request("chat", 10 + number, delay)),
            )
            .await;
        let run = made.json();
        assert_eq!(run["status"], "pending");
        let id = run["run_id"].as_str().unwrap().to_owned();
        assert_eq!(made.header("content-location"), format!("{path}/{id}"));
        ids.push(id);
    }
    assert_eq!(
        api.call(Method::POST, &format!("{path}/{}/cancel", ids[2]), None)
            .await
            .status,
        202
    );
    api.until_status(&thread, &ids[2], "interrupted").await;
    let joined = api.get(&format!("{path}/{}/join", ids[3])).await;
    let lengths: Vec<usize> = joined["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["content"].as_str().unwrap().split(' ').count() - 1)
        .collect();
    assert_eq!(lengths, [0, 10, 0, 11, 0, 13]);
    let listed = api.get(&path).await;
    let order: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["run_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        order,
        [&ids[3], &ids[2], &ids[1], &ids[0]].map(String::as_str)
    );
    assert_eq!(
        api.get(&format!("{path}?limit=1&offset=1")).await[0]["run_id"],
        ids[2]
    );
    assert_eq!(
        api.get(&format!("{path}?status=interrupted"))
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(thread_status(&api, &thread).await, "idle");
}

#[tokio::test]
async fn a_thread_is_made_by_its_first_run_and_the_run_is_found_by_its_metadata() {
    let (_server, api) = start().await;
    let id = "6f1ed0a3-4f3e-4c52-9a8e-0c3d1f6f2a11";
    let path = format!("/threads/{id}/runs/stream");
    let refused = api
        .call(Method::POST, &path, Some(request("chat", 1, 0.0)))
        .await;
    assert_eq!(refused.code(), (404, "thread_not_found".to_owned()));
    let asked = with(
        request("chat", 1, 0.0),
        json!({"if_not_exists": "create", "metadata": {"rejoin_submission": "s1"}}),
    );
    let mut stream = api.run(id, asked).await;
    stream.rest().await;
    let runs = api.get(&format!("/threads/{id}/runs?limit=100")).await;
    assert_eq!(runs[0]["metadata"]["rejoin_submission"], "s1");
    assert_eq!(runs[0]["run_id"], stream.run_id());
    assert_eq!(
        api.get(&format!("/threads/{id}")).await["metadata"]["graph_id"],
        "chat"
    );
    let check = async |body: Value, code: &str| {
        let answer = api.call(Method::POST, &path, Some(body)).await;
        assert_eq!(answer.code(), (422, code.to_owned()));
    };
    check(request("nobody", 1, 0.0), "assistant_not_found").await;
    check(
        with(request("chat", 1, 0.0), json!({"input": "text"})),
        "invalid_request",
    )
    .await;
    check(
        with(
            request("chat", 1, 0.0),
            json!({"input": {"messages": [{"type": "martian"}]}}),
        ),
        "invalid_request",
    )
    .await;
    check(
        with(request("chat", 1, 0.0), json!({"metadata": 5})),
        "invalid_request",
    )
    .await;
    check(json!({"input": {}}), "invalid_request").await;
}

#[tokio::test]
async fn waiting_answers_with_values_or_the_error() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let path = format!("/threads/{thread}/runs/wait");
    let values = api.post(&path, request("chat", 2, 0.0)).await;
    assert_eq!(values["messages"][1]["content"], words(2));
    let failed = api.post(&path, request("boom", 2, 0.0)).await;
    assert_eq!(
        failed,
        json!({"__error__": {"error": "ValueError", "message": "model blew up after 5 tokens"}})
    );
    let asked = api.post(&path, request("approval", 2, 0.0)).await;
    assert_eq!(
        asked["__interrupt__"][0]["value"]["question"],
        "Send this draft?"
    );
    let unknown = api
        .call(
            Method::GET,
            &format!("/threads/{thread}/runs/{UNKNOWN}/join"),
            None,
        )
        .await;
    assert_eq!(unknown.code(), (404, "run_not_found".to_owned()));
}

#[tokio::test]
async fn tools_are_called_and_answered() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let frames = api.run_all(&thread, request("tools", 3, 0.0)).await;
    let pieces: String = frames
        .iter()
        .filter(|frame| frame.event_name() == "messages")
        .filter_map(|frame| {
            data(frame)[0]["tool_call_chunks"][0]["args"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(pieces, r#"{"city": "Paris"}"#);
    let whole: Vec<Value> = frames
        .iter()
        .filter(|frame| frame.event_name() == "messages")
        .map(data)
        .filter(|d| d[0]["type"] == "tool")
        .collect();
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0][0]["content"], "22C in Paris");
    let state = api.state(&thread).await;
    let messages = state["values"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[1]["content"], "Let me look that up. ");
    let call = json!({"name": "get_weather", "args": {"city": "Paris"}, "id": "call_1", "type": "tool_call"});
    assert_eq!(messages[1]["tool_calls"], json!([call]));
    assert_eq!(messages[2]["tool_call_id"], "call_1");
    assert_eq!(messages[3]["content"], words(3));
}

#[tokio::test]
async fn research_says_how_far_it_is_and_then_reports() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let asked = with(
        request("research", 0, 0.0),
        json!({
            "config": {"configurable": {"steps": 4, "step_ms": 1, "delay_ms": 0}},
            "stream_mode": ["values", "messages-tuple", "custom"],
        }),
    );
    let frames = api.run_all(&thread, asked).await;
    let progress: Vec<Value> = frames
        .iter()
        .filter(|frame| frame.event_name() == "custom")
        .map(data)
        .collect();
    let percents: Vec<&Value> = progress.iter().map(|event| &event["progress"]).collect();
    assert_eq!(percents, [25, 50, 75, 100]);
    assert_eq!(progress[2]["step"], 3);
    assert!(progress.iter().all(|event| event["note"].is_string()));
    assert!(last_text(&api.state(&thread).await).starts_with("# Report"));
}

#[tokio::test]
async fn the_markdown_answer_arrives_whole() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let asked = with(
        request("chat", 0, 0.0),
        json!({"config": {"configurable": {"style": "markdown", "delay_ms": 0}}}),
    );
    let frames = api.run_all(&thread, asked).await;
    let streamed: String = frames
        .iter()
        .filter(|frame| frame.event_name() == "messages")
        .map(|frame| data(frame)[0]["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(last_text(&api.state(&thread).await), streamed);
    for part in [
        "# ",
        "```rust",
        "|---|",
        "](https://",
        "- ",
        "1. ",
        "> ",
        "東京",
    ] {
        assert!(streamed.contains(part), "{part}");
    }
}

#[tokio::test]
async fn deleting_a_thread_ends_its_run() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 500, 10.0)).await;
    stream.until("messages").await;
    assert_eq!(
        api.call(Method::DELETE, &format!("/threads/{thread}"), None)
            .await
            .status,
        204
    );
    stream.rest().await;
    assert!(!stream.broken);
    let gone = api.join(&thread, &stream.run_id(), Some("-1")).await;
    assert_eq!(gone.status, 404);
}
