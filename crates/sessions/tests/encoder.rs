//! A producer whose store fails, hangs and comes back: what is stored and what a reader is shown in the end, and meanwhile.

#![allow(clippy::unwrap_used)]

mod faulty;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use faulty::{Fault, Faulty, Shown, ended, in_the_name_of};
use rejoin_sessions::{
    MessageWriter, Producer, ProducerOptions, SessionLimits, Sessions, Stopped, leases,
    log::{SessionId, SessionLog},
    memory::MemoryLog,
};
use rejoin_wire::{
    message::{Message, MessageKind},
    session::{Change, EndStatus},
};
use serde_json::json;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn session() -> SessionId {
    SessionId::parse("s").unwrap()
}

fn message(id: &str) -> Message {
    Message {
        id: Some(id.into()),
        kind: MessageKind::Ai,
        ..Message::default()
    }
}

fn quick() -> ProducerOptions {
    ProducerOptions {
        attempt: Duration::from_millis(20),
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(4),
        repair_after: 3,
        ..ProducerOptions::default()
    }
}

fn producer(log: Arc<dyn SessionLog>) -> Producer {
    Producer::new(Sessions::new(log, SessionLimits::default()), quick())
}

fn begin(producer: &Producer, id: &str) -> MessageWriter {
    producer.begin(&session(), message(id), None).unwrap()
}

fn token(of: usize, index: usize) -> String {
    format!("m{of}-{index} ")
}

/// Everything in time, or the test fails.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, what).await;
    done.expect("it takes no minute")
}

/// Lets the producer's task run, without waiting for what it does.
async fn breathe() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

const TOKENS: usize = 8;
const ENDS: [&str; 3] = ["complete", "cancelled", "aborted"];

/// Streams `messages` messages side by side while the appends from `position` on fail, `burst` of them.
async fn stream_with(messages: usize, fault: Fault, position: usize, burst: usize) {
    let case = format!("{messages} messages, {fault:?} at {position} for {burst}");
    let fails = position..position + burst;
    let log = Faulty::new(move |append| {
        if fails.contains(&append) {
            fault
        } else {
            Fault::None
        }
    });
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let text = |of: usize| {
        (0..TOKENS)
            .map(|index| token(of, index))
            .collect::<String>()
    };
    let truth: HashMap<String, String> = (0..messages)
        .map(|of| (format!("m{of}"), text(of)))
        .collect();
    let reader = Arc::clone(&log) as Arc<dyn SessionLog>;
    let reader = Shown::follow(reader, session(), truth.clone(), ended(messages));
    let reader = tokio::spawn(reader);

    let writers: Vec<MessageWriter> = (0..messages)
        .map(|of| begin(&producer, &format!("m{of}")))
        .collect();
    breathe().await;
    for index in 0..TOKENS {
        for (of, writer) in writers.iter().enumerate() {
            writer.text(&token(of, index)).unwrap();
        }
        breathe().await;
    }
    let mut endings = Vec::new();
    for (of, writer) in writers.into_iter().enumerate() {
        endings.push(match of {
            0 => writer.complete(),
            1 => writer.cancelled(),
            _ => writer.aborted("tired"),
        });
        breathe().await;
    }
    for ending in endings {
        assert_eq!(ending.stored().await, Ok(()), "{case}");
    }
    let shown = reader.await.unwrap();
    for (id, text) in &truth {
        assert_eq!(shown.text(id), *text, "{case}");
    }
    for (of, status) in ENDS.iter().enumerate().take(messages) {
        let id = format!("m{of}");
        assert_eq!(shown.status(&id), *status, "{case}");
        let kinds = shown.kinds(&id);
        assert_eq!(kinds.last(), Some(&"ended"), "{case}: {kinds:?}");
    }
    let heads = log.messages(&session(), u64::MAX, 10).await.unwrap();
    assert_eq!(heads.len(), messages, "{case}");
    assert!(heads.iter().all(|head| head.ended.is_some()), "{case}");
    assert_eq!(producer.held_bytes(), 0, "{case}");
}

/// The positions: the beginning, each token, each end, and a few beyond, which are reached by what is sent again.
async fn at_every_position(messages: usize, fault: Fault, bursts: &[usize]) {
    for burst in bursts {
        for position in 0..TOKENS + 5 {
            in_time(stream_with(messages, fault, position, *burst)).await;
        }
    }
}

#[tokio::test]
async fn appends_that_fail_before_they_are_stored() {
    at_every_position(1, Fault::Before, &[1, 2, 4, 9]).await;
    at_every_position(3, Fault::Before, &[1, 2, 4, 9]).await;
}

#[tokio::test]
async fn appends_that_are_stored_and_whose_answer_is_lost() {
    at_every_position(1, Fault::After, &[1, 2, 4, 9]).await;
    at_every_position(3, Fault::After, &[1, 2, 4, 9]).await;
}

#[tokio::test]
async fn appends_that_never_answer() {
    at_every_position(1, Fault::Hang, &[1, 4]).await;
    at_every_position(3, Fault::Hang, &[1, 4]).await;
}

#[tokio::test]
async fn appends_that_arrive_after_later_ones() {
    at_every_position(1, Fault::Late, &[1, 2, 4, 9]).await;
    at_every_position(3, Fault::Late, &[1, 2, 4, 9]).await;
}

/// A chance that is the same each time.
fn drawn(seed: usize, index: usize) -> usize {
    let mixed = (seed * 0x9E37_79B9 + index * 0x85EB_CA6B) ^ (seed >> 3);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D) >> 12
}

#[tokio::test]
async fn a_store_that_fails_in_every_way_by_chance() {
    for seed in 0..60 {
        let log = Faulty::new(move |append| match drawn(seed, append) % 10 {
            0 => Fault::Before,
            1 => Fault::After,
            2 => Fault::Late,
            3 if append % 5 == 0 => Fault::Hang,
            _ => Fault::None,
        });
        let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
        let text = |of: usize| {
            (0..TOKENS)
                .map(|index| token(of, index))
                .collect::<String>()
        };
        let truth: HashMap<String, String> =
            (0..3).map(|of| (format!("m{of}"), text(of))).collect();
        let reader = Arc::clone(&log) as Arc<dyn SessionLog>;
        let reader = tokio::spawn(Shown::follow(reader, session(), truth.clone(), ended(3)));
        for of in 0..3 {
            let writer = begin(&producer, &format!("m{of}"));
            for index in 0..TOKENS {
                writer.text(&token(of, index)).unwrap();
                breathe().await;
            }
            writer.complete();
        }
        let shown = in_time(reader).await.unwrap();
        for (id, text) in &truth {
            assert_eq!(shown.text(id), *text, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn after_some_failures_the_message_is_said_whole_and_appends_go_on() {
    let log = Faulty::new(|append| match append {
        1..=3 => Fault::Before,
        _ => Fault::None,
    });
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let writer = begin(&producer, "m0");
    writer.flush().await.unwrap();
    writer.text("one ").unwrap();
    writer.text("two ").unwrap();
    in_time(writer.flush()).await.unwrap();
    writer.text("three ").unwrap();
    in_time(writer.flush()).await.unwrap();
    in_time(writer.complete().stored()).await.unwrap();
    let truth = HashMap::from([("m0".to_owned(), "one two three ".to_owned())]);
    let shown = Shown::follow(log, session(), truth, ended(1)).await;
    assert_eq!(
        shown.kinds("m0"),
        ["started", "updated", "appended", "ended"]
    );
    assert_eq!(shown.text("m0"), "one two three ");
}

#[tokio::test]
async fn what_is_appended_while_a_write_is_under_way_is_merged() {
    let log = Faulty::new(|append| {
        if append == 1 {
            Fault::Hang
        } else {
            Fault::None
        }
    });
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let writer = begin(&producer, "m0");
    writer.flush().await.unwrap();
    for index in 0..500 {
        writer.text(&token(0, index)).unwrap();
        if index == 0 {
            breathe().await;
        }
    }
    in_time(writer.complete().stored()).await.unwrap();
    let truth: String = (0..500).map(|index| token(0, index)).collect();
    let truth = HashMap::from([("m0".to_owned(), truth)]);
    let shown = Shown::follow(log, session(), truth.clone(), ended(1)).await;
    assert_eq!(
        shown.kinds("m0"),
        ["started", "appended", "appended", "ended"]
    );
    assert_eq!(shown.text("m0"), truth["m0"]);
}

#[tokio::test]
async fn pieces_of_every_kind_add_up_to_what_the_agent_said() {
    let piece = |fields: serde_json::Value| {
        let mut piece = fields;
        piece["type"] = "AIMessageChunk".into();
        piece["id"] = "m0".into();
        serde_json::from_value::<Message>(piece).unwrap()
    };
    let call = |id: Option<&str>, args: &str| {
        piece(json!({"content": "", "tool_call_chunks": [
            {"index": 0, "id": id, "name": id.map(|_| "f"), "args": args}]}))
    };
    let pieces = [
        piece(json!({"content": "a"})),
        piece(json!({"content": "b"})),
        call(Some("c1"), "{\"x\":"),
        call(None, "1}"),
        call(Some("c2"), "{}"),
        piece(json!({"content": [{"type": "text", "text": "c", "index": 0}]})),
        piece(json!({"content": [{"type": "text", "text": "d", "index": 0}]})),
        piece(json!({"content": "e"})),
        piece(json!({"content": "f", "usage_metadata": {"input_tokens": 2}})),
        piece(json!({"content": "g", "response_metadata": {"finish_reason": "st"}})),
        piece(json!({"content": "", "response_metadata": {"finish_reason": "op"}})),
    ];
    let mut whole = message("m0");
    for piece in &pieces {
        whole.merge_chunk(piece.clone());
    }
    whole.refresh_tool_calls();
    for failing in 0..8 {
        let log = Faulty::new(move |append| match append {
            _ if append == failing => Fault::After,
            _ if append == failing + 1 => Fault::Hang,
            _ => Fault::None,
        });
        let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
        let writer = begin(&producer, "m0");
        for piece in pieces.clone() {
            writer.append(piece).unwrap();
            breathe().await;
        }
        in_time(writer.complete().stored()).await.unwrap();
        let truth = HashMap::from([("m0".to_owned(), whole.content.text().into_owned())]);
        let shown = Shown::follow(log, session(), truth, ended(1)).await;
        assert_eq!(
            shown.transcript.nodes()[0].message,
            whole,
            "failing at {failing}"
        );
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_no_more_than_the_message() {
    let hangs = Arc::new(AtomicBool::new(true));
    let rule = Arc::clone(&hangs);
    let log = Faulty::new(move |_| {
        if rule.load(Ordering::SeqCst) {
            Fault::Hang
        } else {
            Fault::None
        }
    });
    let limits = SessionLimits {
        message_bytes_max: 10_000,
        ..SessionLimits::default()
    };
    let sessions = Sessions::new(Arc::clone(&log) as Arc<dyn SessionLog>, limits);
    let producer = Producer::new(sessions, quick());
    let writer = begin(&producer, "m0");
    let mut said = String::new();
    let refused = loop {
        let piece = token(0, said.len());
        if let Err(why) = writer.text(&piece) {
            break why;
        }
        said.push_str(&piece);
        breathe().await;
        assert!(producer.held_bytes() < 31_000, "{}", producer.held_bytes());
    };
    assert_eq!(refused, Stopped::TooLarge);
    assert_eq!(writer.text("more"), Err(Stopped::TooLarge));
    assert!(said.len() > 9_000 && said.len() < 10_000, "{}", said.len());
    hangs.store(false, Ordering::SeqCst);
    let truth = HashMap::from([("m0".to_owned(), said.clone())]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(1))).await;
    assert_eq!(shown.text("m0"), said);
    let reason = |status: &EndStatus| status.reason().map(str::to_owned);
    let heads = shown.transcript.nodes();
    assert!(
        matches!(&heads[0].status, rejoin_wire::session::NodeStatus::Ended(status)
        if reason(status).as_deref() == Some("message_too_large"))
    );
    // What is ready waits for room, and there is none to wait for any more.
    assert_eq!(in_time(writer.ready()).await, Err(Stopped::TooLarge));
}

#[tokio::test]
async fn an_agent_that_can_slow_down_is_told_when() {
    let hangs = Arc::new(AtomicBool::new(true));
    let rule = Arc::clone(&hangs);
    let log = Faulty::new(move |_| {
        if rule.load(Ordering::SeqCst) {
            Fault::Before
        } else {
            Fault::None
        }
    });
    let producer = producer(log);
    let writer = begin(&producer, "m0");
    assert_eq!(in_time(writer.ready()).await, Ok(()));
    writer.text(&"x".repeat(100_000)).unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(30), writer.ready()).await;
    assert!(waits.is_err(), "there is too much on its way");
    hangs.store(false, Ordering::SeqCst);
    assert_eq!(in_time(writer.ready()).await, Ok(()));
}

#[tokio::test]
async fn a_message_that_is_silent_is_kept() {
    let log = Faulty::new(|_| Fault::None);
    let options = ProducerOptions {
        lease: Duration::from_millis(60),
        ..quick()
    };
    let sessions = Sessions::new(
        Arc::clone(&log) as Arc<dyn SessionLog>,
        SessionLimits::default(),
    );
    let producer = Producer::new(sessions, options);
    let writer = begin(&producer, "m0");
    in_time(async {
        while log.renewals.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    in_time(writer.complete().stored()).await.unwrap();
}

#[tokio::test]
async fn a_producer_that_was_away_for_too_long_is_out() {
    let store = Arc::new(MemoryLog::new());
    let hangs = Arc::new(AtomicBool::new(false));
    let rule = Arc::clone(&hangs);
    let log = Faulty::over(Arc::clone(&store), move |_| {
        if rule.load(Ordering::SeqCst) {
            Fault::Hang
        } else {
            Fault::None
        }
    });
    let options = ProducerOptions {
        // The test's own pace of renewals: it has none.
        lease: Duration::from_millis(50),
        attempt: Duration::from_secs(3600),
        ..quick()
    };
    let sessions = Sessions::new(log as Arc<dyn SessionLog>, SessionLimits::default());
    let away = Producer::new(sessions, options);
    let writer = begin(&away, "m0");
    writer.text("one ").unwrap();
    in_time(writer.flush()).await.unwrap();
    // From here on it is not heard of: a batch is under way and never answered.
    hangs.store(true, Ordering::SeqCst);
    writer.text("two ").unwrap();

    let other = Sessions::new(
        Arc::clone(&store) as Arc<dyn SessionLog>,
        SessionLimits::default(),
    );
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let sweeper = tokio::spawn(leases::sweep(other, Duration::from_millis(50), stopping));
    let truth = HashMap::from([("m0".to_owned(), "one two ".to_owned())]);
    let log = Arc::clone(&store) as Arc<dyn SessionLog>;
    let shown = in_time(Shown::follow(log, session(), truth, ended(1))).await;
    assert_eq!(shown.status("m0"), "aborted");
    stop.send_replace(true);
    in_time(sweeper).await.unwrap();

    // The batch arrives after all.
    let late = Change::Appended {
        id: "m0".into(),
        at: 1,
        chunk: message("m0"),
    };
    let late = store
        .append(&session(), in_the_name_of(away.id(), late))
        .await;
    assert_eq!(late.unwrap_err().code(), "message_ended");
    let head = store.streaming(&session()).await.unwrap();
    assert_eq!(head, []);
}

#[tokio::test]
async fn a_message_that_is_ended_elsewhere_stops_and_the_others_go_on() {
    let log = Faulty::new(|_| Fault::None);
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let (one, two) = (begin(&producer, "m0"), begin(&producer, "m1"));
    one.text("one ").unwrap();
    in_time(producer.flush(&session())).await;
    let cancelled = Change::Ended {
        id: "m0".into(),
        status: EndStatus::Cancelled,
    };
    let batch = in_the_name_of(producer.id(), cancelled);
    log.log.append(&session(), batch).await.unwrap();
    // Both in one batch: the one that is refused must not take the other along.
    one.text("lost").unwrap();
    two.text("two ").unwrap();
    assert_eq!(in_time(one.until_stopped()).await, Stopped::Ended);
    assert_eq!(one.text("lost"), Err(Stopped::Ended));
    assert_eq!(in_time(two.complete().stored()).await, Ok(()));
    assert_eq!(in_time(one.complete().stored()).await, Err(Stopped::Ended));
    let truth = HashMap::from([
        ("m0".to_owned(), "one ".to_owned()),
        ("m1".to_owned(), "two ".to_owned()),
    ]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(2))).await;
    assert_eq!(
        (shown.status("m0"), shown.status("m1")),
        ("cancelled".into(), "complete".into())
    );
    assert_eq!(shown.text("m1"), "two ");
}

#[tokio::test]
async fn a_message_of_another_producer_is_left_alone() {
    let log = Faulty::new(|_| Fault::None);
    let (one, two) = (
        producer(Arc::clone(&log) as Arc<dyn SessionLog>),
        producer(Arc::clone(&log) as Arc<dyn SessionLog>),
    );
    let first = begin(&one, "m0");
    first.text("mine ").unwrap();
    in_time(first.flush()).await.unwrap();
    let second = begin(&two, "m0");
    assert_eq!(in_time(second.until_stopped()).await, Stopped::Fenced);
    in_time(first.complete().stored()).await.unwrap();
    let truth = HashMap::from([("m0".to_owned(), "mine ".to_owned())]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(1))).await;
    assert_eq!(shown.text("m0"), "mine ");
}

#[tokio::test]
async fn a_session_that_is_deleted_stops_its_messages() {
    let log = Faulty::new(|_| Fault::None);
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let writer = begin(&producer, "m0");
    in_time(writer.flush()).await.unwrap();
    log.log.delete(&session()).await.unwrap();
    writer.text("for nobody").unwrap();
    assert_eq!(in_time(writer.until_stopped()).await, Stopped::Removed);
    // A new message begins the session anew.
    in_time(begin(&producer, "m1").complete().stored())
        .await
        .unwrap();
    let heads = log.messages(&session(), u64::MAX, 10).await.unwrap();
    assert_eq!(heads.len(), 1);
}

#[tokio::test]
async fn a_server_that_stops_says_so_of_what_it_was_saying() {
    let log = Faulty::new(|append| {
        if append == 1 {
            Fault::Before
        } else {
            Fault::None
        }
    });
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let writer = begin(&producer, "m0");
    in_time(writer.flush()).await.unwrap();
    writer.text("so far ").unwrap();
    assert!(producer.shutdown(PATIENCE).await);
    assert_eq!(writer.text("more"), Err(Stopped::Stopping));
    assert_eq!(writer.stopped(), Some(Stopped::Stopping));
    let late = begin(&producer, "m1");
    assert_eq!(in_time(late.until_stopped()).await, Stopped::Stopping);
    in_time(producer.flush(&session())).await;
    let truth = HashMap::from([
        ("m0".to_owned(), "so far ".to_owned()),
        ("m1".to_owned(), String::new()),
    ]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(2))).await;
    assert_eq!(shown.text("m0"), "so far ");
    assert_eq!(shown.status("m0"), "aborted");
}

#[tokio::test]
async fn a_writer_that_is_dropped_ends_its_message() {
    let log = Faulty::new(|_| Fault::None);
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    drop(begin(&producer, "m0"));
    let truth = HashMap::from([("m0".to_owned(), String::new())]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(1))).await;
    assert_eq!(shown.status("m0"), "aborted");
}

#[tokio::test]
async fn a_message_that_begins_too_large_is_named_and_ended() {
    let log = Faulty::new(|_| Fault::None);
    let producer = producer(Arc::clone(&log) as Arc<dyn SessionLog>);
    let large = Message {
        content: rejoin_wire::message::Content::Text("x".repeat(2 << 20)),
        ..message("m0")
    };
    let writer = producer.begin(&session(), large, None).unwrap();
    assert_eq!(in_time(writer.until_stopped()).await, Stopped::TooLarge);
    let truth = HashMap::from([("m0".to_owned(), String::new())]);
    let shown = in_time(Shown::follow(log, session(), truth, ended(1))).await;
    assert_eq!(shown.kinds("m0"), ["started", "ended"]);
    assert_eq!(shown.status("m0"), "aborted");
}
