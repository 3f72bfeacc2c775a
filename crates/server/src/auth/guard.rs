//! The layer before every endpoint.

use std::{sync::Arc, time::Duration};

use axum::{
    RequestExt,
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use super::{Access, AuthSecret, Capability, Claims, Needs, TokenError, policy};
use crate::{error::ServerError, http::streamed, metrics::Metrics};

/// What the layer has to know.
#[derive(Clone)]
pub(crate) struct Guard {
    /// `None`: everybody may do everything.
    pub(crate) secret: Option<AuthSecret>,
    /// What paths begin with.
    pub(crate) prefix: Arc<str>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Lets a request pass with its [`Access`], or denies it.
pub(crate) async fn check(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, ServerError> {
    let access = match guard.admit(&mut request).await {
        Ok(access) => access,
        Err(denial) => {
            tracing::debug!(code = denial.code(), method = %request.method(), "denied");
            guard.metrics.denied(denial.code());
            return Err(denial);
        }
    };
    let time_left = match &access {
        Access::Token(claims) => Some(claims.time_left()),
        Access::Open => None,
    };
    request.extensions_mut().insert(access);
    let response = next.run(request).await;
    Ok(streamed::watch(response, time_left, &guard.metrics))
}

impl Guard {
    async fn admit(&self, request: &mut Request) -> Result<Access, ServerError> {
        let Some(secret) = &self.secret else {
            return Ok(Access::Open);
        };
        let needs = self.needs(request);
        if needs == Some(Needs::Nothing) {
            // Nothing there shows or changes anything.
            return Ok(Access::Open);
        }
        let access = Access::Token(read(request.headers(), secret)?);
        // After the token, so that nobody without one learns which paths there are.
        let needs = needs.ok_or(ServerError::MethodNotAllowed)?;
        match needs {
            Needs::Session(_) | Needs::SessionStream => {
                let params = request
                    .extract_parts::<RawPathParams>()
                    .await
                    .map_err(|_| ServerError::NotFound)?;
                let session = params.iter().next().map(|(_, value)| value);
                if !session.is_some_and(|session| access.reaches(session)) {
                    return Err(ServerError::SessionNotAllowed);
                }
            }
            Needs::Every(_) if !access.reaches_all() => return Err(ServerError::SessionNotAllowed),
            Needs::Nothing | Needs::Token | Needs::Every(_) | Needs::Some(_) => {}
        }
        for capability in needs.capabilities(request.uri(), request.headers()) {
            access.require(*capability)?;
        }
        Ok(access)
    }

    fn needs(&self, request: &Request) -> Option<Needs> {
        let matched = request.extensions().get::<MatchedPath>()?;
        let path = matched.as_str();
        policy::needs(
            request.method(),
            path.strip_prefix(&*self.prefix).unwrap_or(path),
        )
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
    pub(crate) fn require_session(&self, session: &str) -> Result<(), ServerError> {
        if self.reaches(session) {
            Ok(())
        } else {
            Err(ServerError::SessionNotAllowed)
        }
    }
}

impl Claims {
    fn time_left(&self) -> Duration {
        Duration::from_secs(self.exp).saturating_sub(crate::clock::since_epoch())
    }
}

/// The token of exactly one `Authorization: Bearer ..`.
fn read(headers: &HeaderMap, secret: &AuthSecret) -> Result<Claims, ServerError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (None, _) => return Err(ServerError::TokenMissing),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(ServerError::TokenInvalid),
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(ServerError::TokenInvalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ServerError::TokenMissing);
    }
    Claims::verify(token.trim(), secret).map_err(|error| match error {
        TokenError::Invalid => ServerError::TokenInvalid,
        TokenError::Expired => ServerError::TokenExpired,
    })
}
