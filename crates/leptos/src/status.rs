//! The connection in words, as a component.

use crate::{StatusWords, StreamStatus, UseStream, words::retry_at};
use leptos::prelude::*;
use std::time::Duration;

/// Says in words what a stream is doing: `Connection lost; the agent goes on. Reconnecting (attempt 3) in 4 s. No contact for
/// 40 s`. It has no style of its own.
///
/// A `<div class="rejoin-status">` with `data-testid="connection"` and the connection's word in `data-state`. It contains a
/// `role="status"` with the words, `.rejoin-status-words`. After it, if they apply, come `.rejoin-status-countdown` to the
/// next attempt and `.rejoin-status-lost` with the time without contact. Both are a `role="timer"`, which can be read and is
/// not read out second by second. The children come last.
///
/// On a server: the words for a stream that has not begun.
#[component]
pub fn ConnectionStatus(
    /// The stream.
    stream: UseStream,
    /// Classes beside `rejoin-status`.
    #[prop(optional, into)]
    class: TextProp,
    /// The words. Default those of the context, else English.
    #[prop(optional)]
    words: Option<StatusWords>,
    /// Content behind the words, such as a button that rejoins.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let words = words.or_else(use_context).unwrap_or_default();
    let status = status(stream);
    let state = Memo::new(move |_| status.with(words.state));
    let retry = Memo::new(move |_| status.with(|status| status.retry_in_s.map(words.retry)));
    let lost = Memo::new(move |_| {
        let seconds = status.with(|status| status.lost_for_s);
        seconds.filter(|seconds| *seconds > 0).map(words.lost)
    });
    // The words end with a point where something follows the countdown.
    let countdown = move || retry.get().map(|words| format!(" {words}"));
    let without_contact = move || lost.get().map(|words| format!(". {words}"));
    let classes = move || {
        ["rejoin-status ", class.get().as_str()]
            .concat()
            .trim_end()
            .to_owned()
    };
    let connection = stream.connection;
    view! {
        <div class=classes data-testid="connection" data-state=move || connection.get().as_str()>
            <span class="rejoin-status-words" role="status">{move || state.get()}</span>
            <span class="rejoin-status-countdown" role="timer">{countdown}</span>
            <span class="rejoin-status-lost" role="timer">{without_contact}</span>
            {children.map(|children| children())}
        </div>
    }
}

/// How often the clock is looked at while something counts.
const TICK: Duration = Duration::from_millis(250);

/// The status text, kept up to date while it counts.
fn status(stream: UseStream) -> Memo<StreamStatus> {
    let ticks = RwSignal::new(0_u32);
    let is_counting = Memo::new(move |_| {
        retry_at(stream.connection.get()).is_some() || stream.lost_since.get().is_some()
    });
    // Effects do not run on a server.
    Effect::new(move |_| {
        if !is_counting.get() {
            return;
        }
        let tick = move || {
            ticks.try_update(|ticks| *ticks = ticks.wrapping_add(1));
        };
        if let Ok(interval) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || interval.clear());
        }
    });
    Memo::new(move |_| {
        ticks.track();
        let now = match is_counting.get() {
            true => crate::now(),
            false => rejoin_core::Millis(0),
        };
        StreamStatus::of(stream, now)
    })
}
