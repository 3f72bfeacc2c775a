//! Messages whose producer is gone.
//!
//! A producer renews its lease with every batch, and when it has nothing to say three times per lease (`producer/`). Every
//! server looks for messages whose lease is over and ends them, whoever began them; the log lets one of them do it.

use std::{sync::Arc, time::Duration};

use rejoin_wire::session::EndStatus;
use tokio::sync::watch;

use crate::{Sessions, producer::chance};

/// Messages that are ended before the next look.
const ORPHANS_PER_LOOK: usize = 100;
/// Between two looks, at least and at most.
const PACE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Ends messages whose lease is over, as `aborted`, reason `lease_expired`, until the server stops. It looks three times
/// per `lease`.
pub async fn sweep(sessions: Arc<Sessions>, lease: Duration, mut stopping: watch::Receiver<bool>) {
    let pace = (lease / 3).clamp(PACE.0, PACE.1);
    loop {
        let found = end_orphans(&sessions).await;
        if found == ORPHANS_PER_LOOK {
            continue;
        }
        // Servers that started together look one after the other.
        let pause = pace.mul_f64(0.75 + chance() / 4.0);
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Ends what is found at one look. Returns how many were ended.
async fn end_orphans(sessions: &Sessions) -> usize {
    let orphans = match sessions.log().orphans(ORPHANS_PER_LOOK).await {
        Ok(orphans) => orphans,
        Err(error) => {
            tracing::debug!(%error, "could not look for messages without a producer");
            return 0;
        }
    };
    let mut ended = 0;
    for orphan in orphans {
        let reason = "lease_expired".to_owned();
        match sessions
            .measured
            .abort(&orphan, EndStatus::Aborted { reason })
            .await
        {
            Ok(_) => ended += 1,
            // It was heard of after all, or has gone.
            Err(error) => {
                tracing::debug!(session = orphan.session.as_str(), %error, "left a message alone")
            }
        }
    }
    ended
}
