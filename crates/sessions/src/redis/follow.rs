//! Hears what other servers append: one subscription for all sessions, and a look now and then should a message be lost.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use rejoin_wire::session::{Cursor, Epoch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{LogError, SessionId, Shared};

/// After a subscription was lost or refused.
const WAIT_MIN: Duration = Duration::from_millis(50);
/// After it was refused again and again.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Runs until it is dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    tokio::join!(subscribe(&shared), poll(&shared));
}

async fn subscribe(shared: &Shared) {
    let mut wait = WAIT_MIN;
    loop {
        match listen(shared).await {
            Ok(()) => wait = WAIT_MIN,
            Err(error) => {
                // Once per outage.
                if wait == WAIT_MIN {
                    tracing::warn!(%error, "the subscription to Redis failed; sessions are looked at now and then");
                }
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
        sleep(wait).await;
    }
}

/// Until the connection is lost.
async fn listen(shared: &Shared) -> Result<(), LogError> {
    let mut subscription = shared.in_time(shared.client.get_async_pubsub()).await?;
    let channel = shared.global_key("grown");
    shared.in_time(subscription.subscribe(channel)).await?;
    // What was said while nobody listened.
    look(shared).await?;
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        let text = message.get_payload::<String>();
        if let Some((session, head)) = text.ok().as_deref().and_then(read) {
            match head {
                Some(head) => shared.watchers.grown(&session, head),
                None => shared.watchers.deleted(&session),
            }
        }
    }
    Ok(())
}

async fn poll(shared: &Shared) {
    let mut ticks = interval(shared.config.poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let looked = async {
            // Somebody may have changed how Redis writes.
            shared.look_at_run().await?;
            look(shared).await
        };
        if let Err(error) = looked.await {
            tracing::debug!(%error, "Redis could not be asked");
        }
    }
}

/// Tells who watches a session that has become another than they were told.
async fn look(shared: &Shared) -> Result<(), LogError> {
    let sessions = shared.watchers.watched();
    let ends = shared.ends(&sessions).await?;
    for (session, end) in sessions.iter().zip(ends) {
        let head = end.map(|end| Cursor {
            epoch: end.epoch,
            seq: end.head,
        });
        shared.watchers.found(session, head);
    }
    Ok(())
}

/// `EPOCH SEQ SESSION`; no head where the session was deleted (epoch 0).
fn read(message: &str) -> Option<(SessionId, Option<Cursor>)> {
    let (epoch, rest) = message.split_once(' ')?;
    let (seq, session) = rest.split_once(' ')?;
    let head = Cursor {
        epoch: Epoch(epoch.parse().ok()?),
        seq: seq.parse().ok()?,
    };
    let is_there = head.epoch != Epoch(0);
    Some((SessionId::parse(session).ok()?, is_there.then_some(head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_channel_are_read_and_others_are_ignored() {
        let session = SessionId::parse("a:b").unwrap();
        let head = Cursor {
            epoch: Epoch(7),
            seq: 12,
        };
        assert_eq!(read("7 12 a:b"), Some((session.clone(), Some(head))));
        assert_eq!(read("0 0 a:b"), Some((session, None)));
        for other in ["", "7", "7 12", "7 x a", "7 12 a b", "hello you there"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
