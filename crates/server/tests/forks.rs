//! Going on from an earlier state: edits, answers given again, questions that are answered one by one, failed runs that are
//! tried again. What is expected is what `langgraph dev` and `langgraphjs dev` were seen to do.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::*;

fn ask(agent: &str, id: &str, tokens: u32) -> Value {
    with(
        request(agent, tokens, 0.0),
        json!({"input": {"messages": [{"type": "human", "id": id, "content": id}]}}),
    )
}

/// The same agent with no input, from a checkpoint.
fn again(agent: &str, tokens: u32, at: &Value) -> Value {
    with(
        request(agent, tokens, 0.0),
        json!({"input": null, "checkpoint": at["checkpoint"]}),
    )
}

fn resume(agent: &str, answer: Value) -> Value {
    with(
        request(agent, 2, 0.0),
        json!({"input": null, "command": {"resume": answer}}),
    )
}

/// A thread's states, oldest first.
async fn states(api: &Api, thread: &str) -> Vec<Value> {
    let history = api
        .get(&format!("/threads/{thread}/history?limit=1000"))
        .await;
    history.as_array().unwrap().iter().rev().cloned().collect()
}

/// A state as `parent next [messages]`: people's messages by id, the agent's by their number of words.
fn shape(all: &[Value], state: &Value) -> String {
    let parent = all
        .iter()
        .position(|other| other["checkpoint_id"] == state["parent_checkpoint_id"]);
    let messages: Vec<String> = said(state);
    format!(
        "{} {} {}",
        parent.map_or("-".to_owned(), |at| at.to_string()),
        state["next"],
        messages.join(" ")
    )
}

fn said(state: &Value) -> Vec<String> {
    let Some(messages) = state["values"]["messages"].as_array() else {
        return Vec::new();
    };
    let short = |message: &Value| match message["type"].as_str().unwrap() {
        "human" => message["id"].as_str().unwrap().to_owned(),
        _ => (message["content"]
            .as_str()
            .unwrap()
            .split_whitespace()
            .count())
        .to_string(),
    };
    messages.iter().map(short).collect()
}

async fn shapes(api: &Api, thread: &str) -> Vec<String> {
    let all = states(api, thread).await;
    all.iter().map(|state| shape(&all, state)).collect()
}

#[tokio::test]
async fn the_first_message_is_edited_at_the_empty_state() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, ask("chat", "h1", 1)).await;
    api.run_all(&thread, ask("chat", "h2", 2)).await;
    let empty = states(&api, &thread).await[0].clone();
    let edit = with(
        ask("chat", "edited", 3),
        json!({"checkpoint": empty["checkpoint"]}),
    );
    api.run_all(&thread, edit).await;
    let expected = [
        r#"- ["__start__"] "#,
        r#"0 ["model"] h1"#,
        "1 [] h1 1",
        r#"2 ["__start__"] h1 1"#,
        r#"3 ["model"] h1 1 h2"#,
        "4 [] h1 1 h2 2",
        r#"0 ["__start__"] "#,
        r#"6 ["model"] edited"#,
        "7 [] edited 3",
    ];
    assert_eq!(shapes(&api, &thread).await, expected);
    // What comes next goes on from the newest state, not from the checkpoint that was named last.
    api.run_all(&thread, ask("chat", "h3", 4)).await;
    assert_eq!(said(&api.state(&thread).await), ["edited", "3", "h3", "4"]);
}

#[tokio::test]
async fn no_input_runs_what_is_next_at_every_state_also_the_input_itself() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, ask("chat", "h1", 1)).await;
    api.run_all(&thread, ask("chat", "h2", 2)).await;
    let turns = states(&api, &thread).await;
    let expected: [(usize, &[&str]); 6] = [
        (3, &["h1", "5"]),
        (2, &["h1", "5"]),
        (1, &["h1", "1"]),
        (3, &["h1", "1", "h2", "5"]),
        (2, &["h1", "1", "h2", "5"]),
        (1, &["h1", "1", "h2", "2"]),
    ];
    for (at, (added, messages)) in turns.iter().zip(expected) {
        let before = states(&api, &thread).await.len();
        api.run_all(&thread, again("chat", 5, at)).await;
        let all = states(&api, &thread).await;
        let head = all.last().unwrap();
        assert_eq!(
            (all.len() - before, said(head)),
            (
                added,
                messages.iter().map(|word| (*word).to_owned()).collect()
            ),
            "at {}",
            shape(&turns, at)
        );
        assert_eq!(all[before]["parent_checkpoint_id"], at["checkpoint_id"]);
        assert_eq!(all[before]["metadata"]["source"], "fork");
    }
}

#[tokio::test]
async fn an_edit_while_a_run_streams_has_nothing_of_that_run() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, ask("chat", "h1", 1)).await;
    let first = states(&api, &thread).await;
    let slow = with(
        ask("chat", "h2", 400),
        json!({"config": {"configurable": {"n_tokens": 400, "delay_ms": 10}}}),
    );
    let mut running = api.run(&thread, slow).await;
    running.until("messages").await;
    let edit = with(
        ask("chat", "edited", 3),
        json!({"multitask_strategy": "interrupt", "checkpoint": first[0]["checkpoint"]}),
    );
    api.run_all(&thread, edit).await;
    running.rest().await;
    assert_eq!(
        api.run_status(&thread, &running.run_id()).await,
        "interrupted"
    );
    assert_eq!(said(&api.state(&thread).await), ["edited", "3"]);
    // What the replaced run had said is on its own branch.
    let all = states(&api, &thread).await;
    let replaced = all
        .iter()
        .find(|state| said(state).len() == 4)
        .expect("the replaced run's state");
    assert_eq!(said(replaced)[..3], ["h1", "1", "h2"]);
}

#[tokio::test]
async fn a_draft_is_written_again_while_its_question_is_open() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, ask("approval", "h1", 2)).await;
    let asked = states(&api, &thread).await;
    let first = &asked[2]["tasks"][0]["interrupts"][0]["id"];
    api.run_all(&thread, again("approval", 3, &asked[1])).await;
    let state = api.state(&thread).await;
    assert_eq!(said(&state), ["h1", "3"]);
    assert_ne!(&state["tasks"][0]["interrupts"][0]["id"], first);
    // The older question can still be answered, on its branch.
    let older = with(
        resume("approval", json!(true)),
        json!({"checkpoint": asked[2]["checkpoint"]}),
    );
    api.run_all(&thread, older).await;
    let state = api.state(&thread).await;
    assert_eq!(said(&state), ["h1", "2", "2"]);
    assert_eq!(state["next"], json!([]));
}

#[tokio::test]
async fn of_two_questions_the_one_that_is_left_is_asked_again() {
    let (_server, api) = start().await;
    let begin = with(request("multi", 0, 0.0), json!({"input": {"answers": []}}));
    let thread = api.thread().await;
    api.run_all(&thread, begin.clone()).await;
    let open = api.state(&thread).await["interrupts"].clone();
    let (a, b) = (open[0]["id"].as_str().unwrap(), open[1]["id"].clone());
    // The second time its answer is no news: the question has been answered.
    for answer in ["A!", "too late"] {
        let frames = api
            .run_all(&thread, resume("multi", json!({a: answer})))
            .await;
        let asked = data(frames.last().unwrap())["__interrupt__"].clone();
        assert_eq!(asked, json!([open[1]]), "{answer}");
        let state = api.state(&thread).await;
        assert_eq!(state["next"], json!(["ask_b"]));
        assert_eq!(state["interrupts"], json!([open[1]]));
    }
    // One is left, so it needs no id.
    api.run_all(&thread, resume("multi", json!("B!"))).await;
    let answers = json!([{"a": "A!"}, {"b": "B!"}]);
    assert_eq!(api.state(&thread).await["values"]["answers"], answers);

    // A map of ids that nobody asked with answers nothing, and is no answer itself.
    let thread = api.thread().await;
    api.run_all(&thread, begin).await;
    let unknown = json!({(b.as_str().unwrap().replace(|_| true, "f")): "?"});
    let frames = api.run_all(&thread, resume("multi", unknown)).await;
    assert_eq!(
        data(frames.last().unwrap())["__interrupt__"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_failed_run_is_tried_again_without_what_it_had_said() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, ask("chat", "h1", 1)).await;
    api.run_all(&thread, ask("boom", "h2", 9)).await;
    let failed = api.state(&thread).await;
    assert_eq!(said(&failed), ["h1", "1", "h2", "5"]);
    assert_eq!(failed["next"], json!(["model"]));
    let error = failed["tasks"][0]["error"].as_str().unwrap();
    assert!(error.contains("model blew up after 5 tokens"), "{error}");
    // The graph that is asked now does not fail.
    let retry = with(request("chat", 3, 0.0), json!({"input": null}));
    let frames = api.run_all(&thread, retry).await;
    let values = frames
        .iter()
        .find(|frame| frame.event_name() == "values")
        .unwrap();
    assert_eq!(
        data(values)["messages"].as_array().unwrap().len(),
        3,
        "the failed attempt's words are gone before the new ones come"
    );
    let state = api.state(&thread).await;
    assert_eq!(said(&state), ["h1", "1", "h2", "3"]);
    assert_eq!(state["next"], json!([]));
    // From the failed state itself as well.
    api.run_all(&thread, again("chat", 4, &failed)).await;
    assert_eq!(said(&api.state(&thread).await), ["h1", "1", "h2", "4"]);
}

#[tokio::test]
async fn a_long_history_is_read_page_by_page_to_its_first_state() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    for turn in 0..40 {
        api.run_all(&thread, ask("chat", &format!("h{turn}"), 1))
            .await;
    }
    let path = format!("/threads/{thread}/history");
    let mut found: Vec<Value> = Vec::new();
    loop {
        let before = found
            .last()
            .map(|state| format!("&before={}", state["checkpoint_id"].as_str().unwrap()));
        let page = api
            .get(&format!("{path}?limit=50{}", before.unwrap_or_default()))
            .await;
        let page = page.as_array().unwrap();
        found.extend(page.iter().cloned());
        if page.len() < 50 {
            break;
        }
    }
    assert_eq!(found.len(), 120);
    let first = found.last().unwrap();
    assert_eq!(
        (&first["parent_checkpoint"], said(first).len()),
        (&Value::Null, 0)
    );
    for pair in found.windows(2) {
        assert_eq!(pair[0]["parent_checkpoint_id"], pair[1]["checkpoint_id"]);
    }
}
