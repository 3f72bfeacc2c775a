//! Stored submissions under hostile conditions: odd stored texts, locks in any order, clocks that are set back, full lists.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{CommandId, Input, WaitingInput, wire::ThreadId};
use serde_json::Value;
use support::{Bench, give_locks, says, waiting};

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;
const EMPTY: &str = r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#;
const RUNS: &str = "/runs?limit=100";

fn is(text: &str, state: &'static str) -> (String, &'static str) {
    (text.to_owned(), state)
}

fn enter(bench: &mut Bench, thread: &str) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(ThreadId::from(thread)),
    });
}

fn loaded(bench: &mut Bench, thread: &str) {
    bench.answer(&format!("/threads/{thread}/state"), 200, EMPTY);
    bench.answer(&format!("/threads/{thread}"), 200, IDLE);
}

fn enter_idle(bench: &mut Bench, thread: &str) {
    enter(bench, thread);
    loaded(bench, thread);
}

fn posts(bench: &Bench) -> Vec<String> {
    let posts = bench
        .open
        .iter()
        .filter(|(_, r)| r.url.ends_with("/runs/stream"));
    let texts = posts.map(|(_, r)| {
        let body: Value = serde_json::from_str(r.body.as_ref().unwrap().text()).unwrap();
        body["input"]["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    texts.collect()
}

fn cut_post(bench: &mut Bench) {
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
}

fn submit(bench: &mut Bench, command: u64, text: &str) {
    bench.feed(Input::SubmitRequested {
        command: CommandId(command),
        submission: says(text),
    });
}

fn id_of(bench: &Bench, text: &str) -> String {
    let view = bench.client.view();
    let waiting = view.waiting();
    let found = waiting
        .iter()
        .find(|w| w.messages.iter().any(|m| m.content.text() == text));
    found.unwrap().id.to_owned()
}

fn outbox(bench: &Bench) -> Option<(String, String)> {
    let found = bench.stored.iter().find(|(key, _)| key.contains("outbox"));
    found.map(|(key, text)| (key.clone(), text.clone()))
}

/// Storage holds `text` now, and the client is told.
fn hears(bench: &mut Bench, key: &str, text: &str) {
    bench.stored.insert(key.to_owned(), text.to_owned());
    let key = key.to_owned();
    bench.feed(Input::RecordChanged { key });
}

/// A thread with an active run: submissions wait there.
fn busy() -> Bench {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    submit(&mut bench, 1, "first");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench
}

fn part(name: &str, text: &str, at: u64, more: &str) -> String {
    format!(
        r#""{name}":[true,{{"id":"id-{text}","submitted_at":{at},"posts":0{more},"body":{{"assistant_id":"chat","input":{{"messages":[{{"type":"human","id":"m-{text}","content":"{text}"}}]}}}}}}]"#
    )
}

#[test]
fn one_that_was_taken_back_is_not_posted_because_another_is_sent_now() {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    submit(&mut bench, 1, "one");
    cut_post(&mut bench);
    let id = id_of(&bench, "one");
    bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
    bench.feed(Input::StopRequested);
    submit(&mut bench, 2, "two");
    bench.pass(100);
    if bench
        .open
        .iter()
        .any(|(_, r)| r.url.ends_with("/runs/stream"))
    {
        cut_post(&mut bench);
    }
    bench.feed(Input::StopRequested);
    let id = id_of(&bench, "two");
    bench.feed(Input::Waiting(WaitingInput::SendNow { id }));
    for _ in 0..20 {
        bench.pass(5_000);
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, "[]");
        }
        assert!(
            !posts(&bench).contains(&"one".to_owned()),
            "it was taken back"
        );
    }
    assert_eq!(posts(&bench), ["two"]);
}

/// Puts the tests in a thread of their own, as a loop would hang all of them.
fn ends(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    let ended = is_done.recv_timeout(std::time::Duration::from_secs(5));
    assert!(ended.is_ok(), "it does not come to an end");
}

#[test]
fn one_that_was_taken_back_and_cannot_be_sent_makes_no_endless_loop() {
    ends(|| {
        let mut bench = Bench::new();
        let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
        // An answer that may have arrived, and was taken back; and one that waits for a person.
        let answer = r#""a":[true,{"id":"answer","submitted_at":1000000,"posts":1,"withdrawn":true,"body":{"command":{"resume":"yes"}}}]"#;
        let other = part("b", "two", 1_000_000, r#","held":true"#);
        bench.stored.insert(key, format!("{{{answer},{other}}}"));
        bench.reload();
        enter(&mut bench, "t");
        give_locks(&mut bench);
        // The thread asks two questions by now.
        let asks = r#"{"values":{"messages":[]},"next":["a","b"],"tasks":[{"id":"1","name":"a","interrupts":[{"id":"i1","value":1}]},{"id":"2","name":"b","interrupts":[{"id":"i2","value":2}]}]}"#;
        bench.answer("/threads/t/state", 200, asks);
        bench.answer(
            "/threads/t",
            200,
            r#"{"thread_id":"t","status":"interrupted"}"#,
        );
        assert_eq!(bench.client.view().interrupts().len(), 2);
        bench.feed(Input::StopRequested);
        let id = id_of(&bench, "two");
        bench.feed(Input::Waiting(WaitingInput::SendNow { id }));
    });
}

#[test]
fn no_submission_of_a_large_part_is_lost_when_it_is_taken_over() {
    let mut bench = busy();
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    for n in 0..20 {
        submit(&mut bench, 100 + n, &format!("own {n}"));
    }
    // A tab that was frozen meanwhile has stored twenty as well, and is gone.
    let item = |n: u64| {
        let part = part("p", &format!("theirs {n}"), 5 + n, "");
        let from = part.find("{\"id\"").unwrap();
        part[from..part.len() - 1].to_owned()
    };
    let items: Vec<String> = (0..20).map(item).collect();
    let (_, own) = outbox(&bench).unwrap();
    let text = format!(
        r#"{},"p":[true,{}]}}"#,
        own.strip_suffix('}').unwrap(),
        items.join(",")
    );
    serde_json::from_str::<Value>(&text).unwrap();
    hears(&mut bench, &key, &text);
    assert!(waiting(&bench).contains(&is("theirs 0", "other_tab")));
    give_locks(&mut bench);
    let (_, after) = outbox(&bench).unwrap();
    let left: Vec<_> = (0..20)
        .filter(|n| !after.contains(&format!("\"theirs {n}\"")))
        .collect();
    assert!(left.is_empty(), "neither stored nor shown: {left:?}");
}

#[test]
fn a_part_behind_sixteen_others_is_taken_over_when_its_client_is_gone() {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    let others: Vec<String> = (0..16)
        .map(|n| part(&format!("other{n}"), &format!("o{n}"), 10 + n, ""))
        .collect();
    let its = part("its", "hello", 1, "");
    hears(&mut bench, &key, &format!("{{{its},{}}}", others.join(",")));
    assert!(bench.locks.contains(&"its".to_owned()));
    // Its client stores something anew, so that its part comes last; then it crashes.
    bench
        .stored
        .insert(key, format!("{{{},{its}}}", others.join(",")));
    bench.feed(Input::LockHeld {
        name: "its".to_owned(),
    });
    bench.pass(10_000);
    // The others finish.
    let (key, text) = outbox(&bench).unwrap();
    let all: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    let left = all
        .into_iter()
        .filter(|(name, _)| !name.starts_with("other"));
    let left = Value::Object(left.collect()).to_string();
    hears(&mut bench, &key, &left);
    bench.pass(10_000);
    give_locks(&mut bench);
    bench.pass(10_000);
    if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(RUNS, 200, "[]");
    }
    assert!(
        posts(&bench) == ["hello"] || waiting(&bench).contains(&is("hello", "other_tab")),
        "lost: {:?}",
        outbox(&bench)
    );
}

#[test]
fn the_order_outlives_a_clock_that_is_set_back() {
    let mut bench = busy();
    submit(&mut bench, 2, "two");
    // The person's clock is set back by five minutes.
    let wall_clock = rejoin_core::Millis(bench.now + 700_000);
    bench.feed(Input::PageHiding { wall_clock });
    bench.feed(Input::BecameVisible);
    submit(&mut bench, 3, "three");
    bench.reload();
    enter(&mut bench, "t");
    let order: Vec<String> = waiting(&bench).into_iter().map(|(text, _)| text).collect();
    assert_eq!(order, ["two", "three"]);
}

/// The stored texts of both clients.
fn together(one: &Bench, two: &Bench) -> std::collections::BTreeMap<String, String> {
    let texts = one.stored.iter().map(|(key, text)| {
        let ours = text.strip_suffix('}').unwrap();
        let both = match two.stored.get(key) {
            Some(theirs) if theirs != text => format!("{ours},{}", &theirs[1..]),
            _ => text.clone(),
        };
        (key.clone(), both)
    });
    texts.filter(|(key, _)| key.contains("outbox")).collect()
}

/// Two tabs have taken the same submission, which a crashed tab was posting. Each sees the other's part.
#[test]
fn of_two_tabs_that_have_taken_what_a_crashed_tab_was_posting_one_sends_it() {
    let mut crashed = Bench::new();
    enter_idle(&mut crashed, "t");
    submit(&mut crashed, 1, "hello");
    assert!(outbox(&crashed).unwrap().1.contains("posted_at"));
    let mut one = crashed.another_tab(1);
    let mut two = crashed.another_tab(2);
    drop(crashed);
    for tab in [&mut one, &mut two] {
        enter_idle(tab, "t");
        give_locks(tab);
    }
    let both = together(&one, &two);
    for _ in 0..5 {
        for tab in [&mut one, &mut two] {
            for (key, text) in &both {
                hears(tab, key, text);
            }
            tab.pass(1_000);
        }
    }
    for tab in [&mut one, &mut two] {
        for _ in 0..40 {
            tab.pass(1_000);
            if tab.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
                tab.answer(RUNS, 200, "[]");
            }
        }
    }
    assert!(
        posts(&one).is_empty() || posts(&two).is_empty(),
        "both send it, and neither is shown as another tab's: {:?} {:?}",
        waiting(&one),
        waiting(&two)
    );
}

#[test]
fn what_cannot_be_replaced_stays() {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    submit(&mut bench, 1, "first");
    cut_post(&mut bench);
    for n in 0..31 {
        submit(&mut bench, 100 + n, &format!("own {n}"));
    }
    assert_eq!(waiting(&bench).len(), 32);
    let id = id_of(&bench, "first");
    bench.feed(Input::Waiting(WaitingInput::Replace {
        id,
        command: CommandId(9),
        submission: says("better"),
    }));
    let texts: Vec<String> = waiting(&bench).into_iter().map(|(text, _)| text).collect();
    assert!(
        texts.contains(&"first".to_owned()) || texts.contains(&"better".to_owned()),
        "neither is there"
    );
}

/// A person discards all that is shown. The server knows no run of any.
fn discard_all(bench: &mut Bench) {
    let ids: Vec<String> = bench
        .client
        .view()
        .waiting()
        .iter()
        .map(|w| w.id.to_owned())
        .collect();
    for id in ids {
        bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
    }
    while bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(RUNS, 200, "[]");
    }
}

/// Each crashed tab may leave one, and nobody may open the thread for a year.
#[test]
fn parts_that_are_old_are_a_persons_to_decide_on() {
    let mut bench = Bench::new();
    bench.now = 365 * 24 * 60 * 60 * 1_000;
    enter_idle(&mut bench, "t");
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    let old = |n: u64| part(&format!("gone{n}"), &format!("old {n}"), n, "");
    let parts: Vec<String> = (0..100).map(old).collect();
    hears(&mut bench, &key, &format!("{{{}}}", parts.join(",")));
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 100 {
        for _ in 0..4 {
            bench.pass(2_000);
            give_locks(&mut bench);
        }
        let shown = waiting(&bench);
        assert!(shown.len() <= 32 && !shown.is_empty(), "{}", shown.len());
        assert!(posts(&bench).is_empty(), "nobody has asked for any");
        for (text, state) in shown {
            assert_eq!(state, "held");
            assert!(seen.insert(text), "it was discarded");
        }
        discard_all(&mut bench);
    }
    assert_eq!(outbox(&bench), None);
}

/// As at the thread's load, an answer is not sent if no question is open.
#[test]
fn an_answer_whose_question_is_gone_is_not_sent_because_another_is_sent_now() {
    let mut bench = Bench::new();
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    let answer = r#""a":[true,{"id":"answer","submitted_at":1000000,"posts":0,"body":{"command":{"resume":"yes"}}}]"#;
    let other = part("b", "two", 1_000_001, r#","held":true"#);
    bench.stored.insert(key, format!("{{{answer},{other}}}"));
    bench.reload();
    enter(&mut bench, "t");
    give_locks(&mut bench);
    // The thread cannot be loaded: waiting submissions stay.
    bench.answer("/threads/t/state", 422, "");
    bench.pass(1_000);
    let asked = |bench: &Bench| {
        let bodies = bench.open.iter().filter_map(|(_, r)| r.body.clone());
        bodies
            .map(|body| body.text().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(asked(&bench).is_empty(), "{:?}", bench.open);
    let id = id_of(&bench, "two");
    bench.feed(Input::Waiting(WaitingInput::SendNow { id }));
    for _ in 0..10 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, "[]");
        }
        bench.pass(1_000);
    }
    assert!(
        !asked(&bench).iter().any(|body| body.contains("\"yes\"")),
        "no question is open"
    );
}

/// One that is on its way is taken back, and the clock is set back by an hour.
#[test]
fn a_clock_that_is_set_back_stops_nothing_for_an_hour() {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    let wall_clock = rejoin_core::Millis(bench.now + 4_600_000);
    bench.feed(Input::PageHiding { wall_clock });
    bench.feed(Input::BecameVisible);
    submit(&mut bench, 1, "one");
    // Nothing waits but what is sent, so its name is found where it is stored.
    let text = outbox(&bench).unwrap().1;
    let all: Value = serde_json::from_str(&text).unwrap();
    let list = all.as_object().unwrap().values().next().unwrap().clone();
    let sent = list
        .as_array()
        .unwrap()
        .iter()
        .find_map(|e| e["id"].as_str());
    let id = sent.unwrap().to_owned();
    submit(&mut bench, 2, "two");
    bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
    for second in 0..300 {
        if second == 1 {
            let wall_clock = rejoin_core::Millis(bench.now + 1_000_000);
            bench.feed(Input::PageHiding { wall_clock });
            bench.feed(Input::BecameVisible);
        }
        bench.pass(1_000);
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, "[]");
        }
        if posts(&bench) == ["two"] {
            return;
        }
    }
    panic!("it waits for five minutes: {:?}", waiting(&bench));
}

/// They cost no other part.
#[test]
fn many_odd_parts_cost_nothing() {
    let mut bench = busy();
    submit(&mut bench, 2, "two");
    give_locks(&mut bench);
    let (key, ours) = outbox(&bench).unwrap();
    let own = bench.locks[0].clone();
    let own_id = id_of(&bench, "two");
    let odd = [
        r#""o":true"#.to_owned(),
        r#""o":[true]"#.to_owned(),
        format!(r#""o":[{}]"#, vec!["true"; 10_000].join(",")),
        r#""o":[[true],"true",{"true":true}]"#.to_owned(),
        format!(r#""{own}":[true]"#),
        part(&own, "not mine", 1, ""),
        part("", "nameless", 1, ""),
        part("z", "twin", 1, "").replace("id-twin", &own_id),
        (0..10_000)
            .map(|n| format!(r#""p{n}":[true,7]"#))
            .collect::<Vec<_>>()
            .join(","),
        format!(
            "{},{}",
            part("twice", "a", 1, ""),
            part("twice", "b", 1, "")
        ),
    ];
    for odd in odd {
        let text = format!("{},{odd}}}", ours.strip_suffix('}').unwrap());
        hears(&mut bench, &key, &text);
        bench.pass(5_000);
        assert!(
            waiting(&bench).contains(&is("two", "queued")),
            "{:.60} {:?}",
            odd,
            waiting(&bench)
        );
        assert!(!waiting(&bench).iter().any(|(text, _)| text == "not mine"));
        assert!(bench.locks.contains(&own), "{:.60}", odd);
    }
}

#[test]
fn odd_events_of_locks_give_nothing_and_take_nothing() {
    let mut bench = busy();
    let held = |bench: &mut Bench, name: &str| {
        let name = name.to_owned();
        bench.feed(Input::LockHeld { name });
    };
    held(&mut bench, "unknown");
    bench.feed(Input::LockLost {
        name: "unknown".to_owned(),
    });
    bench.has_late_locks = true;
    submit(&mut bench, 2, "two");
    let own = bench.locks[0].clone();
    assert!(!outbox(&bench).unwrap().1.contains("[true,{"));
    for _ in 0..3 {
        held(&mut bench, &own);
    }
    assert_eq!(outbox(&bench).unwrap().1.matches("[true,{").count(), 1);
    assert_eq!(bench.locks, std::slice::from_ref(&own));
    // Lost, then held again: the old name is given back.
    bench.feed(Input::LockLost { name: own.clone() });
    let next = bench
        .locks
        .iter()
        .find(|name| **name != own)
        .unwrap()
        .clone();
    held(&mut bench, &own);
    assert!(
        !outbox(&bench).unwrap().1.contains(&own),
        "{:?}",
        outbox(&bench)
    );
    bench.pass(5_000);
    assert_eq!(bench.locks, std::slice::from_ref(&next));
    assert!(!outbox(&bench).unwrap().1.contains("[true,{"));
    bench.feed(Input::LocksMissing);
    held(&mut bench, &next);
    assert!(outbox(&bench).unwrap().1.contains("[true,{"));
    // Left before it is held.
    enter(&mut bench, "u");
    held(&mut bench, &next);
    held(&mut bench, &own);
    assert!(bench.locks.is_empty());
}

/// By hand, by a script of the same origin, or by a tab that could not read the text.
#[test]
fn what_is_removed_from_storage_while_it_waits_is_stored_again() {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    submit(&mut bench, 1, "one");
    submit(&mut bench, 2, "two");
    let (key, _) = outbox(&bench).unwrap();
    for removed in ["{}", "", "[]"] {
        hears(&mut bench, &key, removed);
        let stored = outbox(&bench).map(|(_, text)| text).unwrap_or_default();
        assert!(
            stored.contains("one") && stored.contains("two"),
            "{removed:?}: {stored}"
        );
    }
}
