//! A formatted answer for the demo: everything a renderer must get right while the text is still coming.

use serde_json::Value;

use super::{AgentError, NodeContext, delay, last, pause};

/// The answer. Plain facts about what the reader is looking at, in every form markdown has.
const ANSWER: &str = r#"# A stream that survives

You are reading an answer that arrives **one token at a time**. Try to lose it: reload the page, close the tab and
open it again, or switch your network off for a moment. The text goes on where it was.

## What happens underneath

1. Your browser sends the question and gets a *run id*.
2. Each token is an event with a number: `0`, `1`, `2` and so on.
3. When the connection breaks, the page asks for the events **after the last number it has**.
4. Tokens it already shows are recognised and dropped, so nothing is printed twice.

> Leaving never cancels anything. The run goes on until it ends or until you cancel it.

## In code

A run is joined with one request:

```http
GET /threads/{thread_id}/runs/{run_id}/stream HTTP/1.1
Last-Event-ID: 41
Accept: text/event-stream
```

and the answer begins with event 42:

```rust
for event in stream.after(41) {
    // The same event may come again after a reconnect: apply it once.
    if seen.insert(event.id) {
        state.apply(event);
    }
}
```

## What was measured

| What breaks | What you see | What is lost |
|---|---|---|
| Page reload | the text so far, at once | nothing |
| Wi-Fi for a minute | "offline", then the rest | nothing |
| Tab asleep | the finished answer | nothing |
| Server restarts | a clear error, and the text so far | the rest of the answer |

## Small print

- Characters outside ASCII arrive whole: naïve café, 東京, Ελλάδα, 🚲.
- Text that looks like markup stays text: `<script>alert("no")</script>` and 2 < 3.
- Links are links: [the event stream format](https://html.spec.whatwg.org/multipage/server-sent-events.html).
- ~~Polling~~ is not needed.

---

That is all. **Ask again** and reload in the middle of it.
"#;

/// Streams the answer in pieces of about a word.
pub(super) async fn answer(context: &NodeContext) -> Result<Value, AgentError> {
    let delay = delay(context);
    let mut out = context.message();
    let mut tokens = 0;
    for piece in ANSWER.split_inclusive(' ') {
        pause(delay).await;
        out.text(piece).await?;
        tokens += 1;
    }
    pause(delay).await;
    out.chunk(last("stop", tokens)).await?;
    Ok(out.finish())
}
