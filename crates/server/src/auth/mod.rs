//! Authorisation: signed tokens that name a session and its capabilities.
//!
//! ```text
//! Authorization: Bearer <JWT, HS256>    {"exp": 1795280000, "session": "..." | "*", "caps": ["stream", "history"]}
//!        │
//!        ▼
//!  http/guard.rs ── policy.rs: what does this endpoint need? ── token.rs: does the token say so? ──► the endpoint, with a Permit
//!        └──► 401 token_missing | token_invalid | token_expired      403 session_not_allowed | capability_missing
//! ```
//!
//! Off unless a secret is configured. An endpoint that the policy does not know is refused while it is on.

mod hs256;
mod permit;
mod policy;
mod secret;
mod token;

pub use crate::capability::Capability;
pub use policy::{Also, Ask, ENDPOINTS, Endpoint, Needs, Otherwise, UNBUILT};
pub use secret::{AuthSecret, SecretError};
pub use token::{Access, Claims, TokenError};

pub(crate) use permit::Permit;
