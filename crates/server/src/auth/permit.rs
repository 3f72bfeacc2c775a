//! The rights of an admitted request.

use std::time::Duration;

use super::{Access, Also, Ask, Capability, Claims, Endpoint};
use crate::{client::Client, error::ServerError, sessions::log::SessionId};

/// The rights of an admitted request.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(crate) access: Access,
    pub(crate) client: Client,
    also: &'static [Also],
}

impl Permit {
    /// The rights of a token at an endpoint.
    pub(crate) fn new(access: Access, client: Client, endpoint: &Endpoint) -> Self {
        Self {
            access,
            client,
            also: endpoint.also,
        }
    }

    /// Everything.
    pub(crate) fn open(client: Client) -> Self {
        Self {
            access: Access::Open,
            client,
            also: &[],
        }
    }

    /// Denies what needs a capability, by the endpoint's row, that is not there.
    pub(crate) fn ask(&self, ask: Ask) -> Result<(), ServerError> {
        if self.access == Access::Open {
            return Ok(());
        }
        // What the row does not have no token may.
        let also = self.also.iter().find(|also| also.ask == ask);
        self.access
            .require(also.ok_or(ServerError::MethodNotAllowed)?.needs)
    }

    /// Whether that would be denied: what it concerns is left out.
    pub(crate) fn may(&self, ask: Ask) -> bool {
        self.ask(ask).is_ok()
    }
}

impl Access {
    /// Denies where the capability is missing.
    pub(crate) fn require(&self, capability: Capability) -> Result<(), ServerError> {
        if self.has(capability) {
            Ok(())
        } else {
            Err(ServerError::CapabilityMissing(capability))
        }
    }

    /// Denies where it does not reach the session.
    pub(crate) fn require_session(&self, session: &SessionId) -> Result<(), ServerError> {
        if self.reaches(session) {
            Ok(())
        } else {
            Err(ServerError::SessionNotAllowed)
        }
    }
}

impl Claims {
    pub(crate) fn time_left(&self) -> Duration {
        Duration::from_secs(self.exp).saturating_sub(crate::clock::since_epoch())
    }
}
