//! The outcome of a command.

use rejoin_browser::Conclusion;
use rejoin_core::Outcome;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Tells how a command ended, once it has. Nobody has to wait for it: dropping it changes nothing, and what went wrong is
/// in [`crate::UseStream::error`] too.
pub struct OutcomeFuture(Result<Conclusion, Outcome>);

impl OutcomeFuture {
    /// It ends when the client says so.
    pub(crate) fn of(conclusion: Conclusion) -> Self {
        Self(Ok(conclusion))
    }

    /// It has ended already.
    pub(crate) fn ready(outcome: Outcome) -> Self {
        Self(Err(outcome))
    }
}

impl Future for OutcomeFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.0 {
            Ok(conclusion) => Pin::new(conclusion).poll(context),
            Err(outcome) => Poll::Ready(outcome.clone()),
        }
    }
}

impl fmt::Debug for OutcomeFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutcomeFuture")
    }
}
