//! A token: what it claims, how it is made, and why one is refused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};

use super::{AuthSecret, Capability};
use crate::sessions::log::SessionId;

/// The name that stands for every session.
const EVERY_SESSION: &str = "*";

/// A token's claims. `aud` and `nbf` count too: a token for another audience is refused. Other claims are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Until when, in seconds since 1970. From that second on it is refused; there is no leeway.
    pub exp: u64,
    /// The session's name, in the spelling that [`SessionId::parse`] takes, or `*` for all.
    pub session: String,
    /// The capabilities. A word that this version does not know gives none.
    pub caps: Vec<String>,
}

/// Why a token is refused. Nothing of the token is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token, or is not signed with this server's secret by HS256. It has a `crit`, lacks `exp`, `session` or
    /// `caps`, or misspells its session.
    #[error("The token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("The token has expired")]
    Expired,
}

impl Claims {
    /// Claims that hold from now on for `ttl`, in whole seconds.
    pub fn new(session: &str, caps: &[Capability], ttl: Duration) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            exp: now.as_secs().saturating_add(ttl.as_secs()),
            session: session.to_owned(),
            caps: caps.iter().map(|cap| cap.as_str().to_owned()).collect(),
        }
    }

    /// The token that says this.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], where the application has installed a JWT provider that cannot sign.
    pub fn sign(&self, secret: &AuthSecret) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), self, &secret.encoding)
            .map_err(|_| TokenError::Invalid)
    }

    /// Reads a token, whoever sent it.
    ///
    /// # Errors
    /// It is not this server's token, or it has expired.
    pub fn verify(token: &str, secret: &AuthSecret) -> Result<Self, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        // RFC 7519: on or after `exp` it must not be accepted.
        validation.reject_tokens_expiring_in_less_than = 1;
        validation.validate_nbf = true;
        let token = jsonwebtoken::decode::<Self>(token, &secret.decoding, &validation).map_err(
            |error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            },
        )?;
        let claims = token.claims;
        let is_named = claims.session == EVERY_SESSION || SessionId::parse(&claims.session).is_ok();
        // RFC 7515: what must be understood, and is not, makes it invalid. Nothing is.
        if token.header.crit.is_some() || !is_named {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }
}

/// The rights of a request's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything: tokens are switched off.
    Open,
    /// The claims of a token.
    Token(Claims),
}

impl Access {
    /// Whether it reaches this session.
    pub fn reaches(&self, session: &SessionId) -> bool {
        match self {
            Self::Open => true,
            Self::Token(claims) => {
                claims.session == EVERY_SESSION || claims.session == session.as_str()
            }
        }
    }

    /// Whether it reaches every session.
    pub fn reaches_all(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Token(claims) => claims.session == EVERY_SESSION,
        }
    }

    /// Whether it has the capability.
    pub fn has(&self, capability: Capability) -> bool {
        match self {
            Self::Open => true,
            Self::Token(claims) => claims.caps.iter().any(|cap| cap == capability.as_str()),
        }
    }
}
