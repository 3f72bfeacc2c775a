//! Notifications, and callbacks that call back.

use crate::{
    answer_text,
    fake_server::{FakeServer, next_frame, sleep, until},
    live, notices, options,
    page::Visibility,
    say, token,
};
use rejoin_browser::{Stream, Subscription, now};
use rejoin_core::{Millis, Notice, Outcome};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen_test::wasm_bindgen_test;

fn counting(stream: &Stream) -> (Rc<Cell<u32>>, Subscription) {
    let count = Rc::new(Cell::new(0));
    let subscription = stream.subscribe({
        let count = Rc::clone(&count);
        move || count.set(count.get() + 1)
    });
    (count, subscription)
}

#[wasm_bindgen_test]
async fn many_chunks_are_one_notification_per_frame() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    next_frame().await;
    next_frame().await;
    let (count, subscription) = counting(&stream);
    for id in 1..=100 {
        call.send(&token(id, "x"));
    }
    let frames = Cell::new(0);
    while answer_text(&stream).len() < 100 {
        next_frame().await;
        frames.set(frames.get() + 1);
    }
    next_frame().await;
    // One more: a frame that was due when counting began.
    assert!(
        (1..=frames.get() + 2).contains(&count.get()),
        "{} notifications in {} frames",
        count.get(),
        frames.get()
    );
    assert!(
        frames.get() < 50,
        "{} frames for chunks that all came at once",
        frames.get()
    );

    let before = count.get();
    next_frame().await;
    next_frame().await;
    assert_eq!(count.get(), before, "nothing has changed");
    drop(subscription);
    call.send(&token(101, "x"));
    until("the token", || answer_text(&stream).len() == 101).await;
    next_frame().await;
    assert_eq!(count.get(), before, "nobody listens");
}

#[wasm_bindgen_test]
async fn a_hidden_page_is_notified_too() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    next_frame().await;
    let (count, _subscription) = counting(&stream);
    // A frame is under way when the page is hidden, and would not come.
    call.send(&token(1, "x"));
    let hold_frames = crate::fake_server::eval(
        "(() => { const real = window.requestAnimationFrame; window.requestAnimationFrame = () => 0;
           return () => { window.requestAnimationFrame = real } })()",
    );
    until("the token", || answer_text(&stream).len() == 1).await;
    let _hidden = Visibility::set(true);
    until("a notification by timer", || count.get() > 0).await;
    let before = count.get();
    call.send(&token(2, "x"));
    until("another", || count.get() > before).await;
    use wasm_bindgen::JsCast;
    let restore: js_sys::Function = hold_frames.unchecked_into();
    restore.call0(&wasm_bindgen::JsValue::NULL).unwrap();
}

#[wasm_bindgen_test]
async fn a_least_time_lies_between_notifications_and_none_is_lost() {
    let server = FakeServer::install();
    let mut options = options();
    options.notify_interval = Millis(200);
    let stream = Stream::new(options);
    let call = live(&stream, &server).await;
    let times: Rc<RefCell<Vec<(Millis, usize)>>> = Rc::default();
    let _subscription = stream.subscribe({
        let (stream, times) = (stream.downgrade(), Rc::clone(&times));
        move || {
            let stream = stream.upgrade().unwrap();
            times.borrow_mut().push((now(), answer_text(&stream).len()));
        }
    });
    for id in 1..=30 {
        call.send(&token(id, "x"));
        sleep(20).await;
    }
    until("the last token is told", || {
        times
            .borrow()
            .last()
            .is_some_and(|(_, length)| *length == 30)
    })
    .await;
    let times = times.borrow();
    for pair in times.windows(2) {
        // Clocks in a browser are coarse.
        assert!(pair[1].0 - pair[0].0 >= Millis(195), "{times:?}");
    }
    assert!(times.len() >= 3, "{times:?}");
}

#[wasm_bindgen_test]
async fn callbacks_may_call_anything() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let submitted = Rc::new(Cell::new(0));
    let resubmit = {
        let (weak, submitted) = (stream.downgrade(), Rc::clone(&submitted));
        move || {
            let stream = weak.upgrade().unwrap();
            if submitted.replace(submitted.get() + 1) < 3 {
                drop(stream.submit(say("again")));
            }
            stream.with_view(|view| view.revision());
        }
    };
    let in_frame = stream.subscribe(resubmit.clone());
    let at_once = stream.on_notice(move |_| resubmit());
    let call = live(&stream, &server).await;
    stream.with_view(|outer| {
        let revision = outer.revision();
        // Queued: the view that is lent stays as it is.
        stream.stop();
        stream.switch_thread(None);
        assert_eq!(stream.with_view(|inner| inner.revision()), revision);
        assert!(!call.is_aborted());
    });
    assert!(call.is_aborted());
    assert!(stream.with_view(|view| view.messages().is_empty()));
    sleep(50).await;
    assert!(submitted.get() > 3);
    drop((in_frame, at_once));
}

#[wasm_bindgen_test]
async fn disposing_in_a_callback_is_the_end() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let heard = Rc::new(Cell::new(0));
    let subscription: Rc<RefCell<Option<Subscription>>> = Rc::default();
    *subscription.borrow_mut() = Some(stream.on_notice({
        let (weak, heard) = (stream.downgrade(), Rc::clone(&heard));
        move |_| {
            heard.set(heard.get() + 1);
            weak.upgrade().unwrap().dispose();
        }
    }));
    assert_eq!(stream.submit(say("hi")).await, Outcome::Disconnected);
    assert_eq!(heard.get(), 1);
    sleep(20).await;
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[wasm_bindgen_test]
async fn notices_come_at_once_and_in_order() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let (heard, _subscription) = notices(&stream);
    drop(stream.submit(say("hi")));
    let at = |heard: &[Notice], is: fn(&Notice) -> bool| heard.iter().position(is);
    assert_eq!(
        at(&heard.borrow(), |notice| matches!(
            notice,
            Notice::ThreadCreated { .. }
        )),
        Some(0),
        "{heard:?}"
    );
    let call = server.request("POST /api/threads/").await;
    call.open();
    call.send(crate::METADATA);
    until("the run's id", || {
        at(&heard.borrow(), |notice| {
            matches!(notice, Notice::Created { .. })
        })
        .is_some()
    })
    .await;
    stream.stop();
    let heard = heard.borrow();
    let created = at(&heard, |notice| matches!(notice, Notice::Created { .. }));
    let concluded = at(&heard, |notice| matches!(notice, Notice::Concluded { .. }));
    assert!(created < concluded && concluded.is_some(), "{heard:?}");
}
