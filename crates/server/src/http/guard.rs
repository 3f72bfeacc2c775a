//! The layer before every endpoint: it checks the token, and gives the endpoint a [`Permit`].

use std::sync::Arc;

use axum::{
    RequestExt,
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use super::{serve::Peer, streamed};
use crate::{
    auth::{Access, Ask, AuthSecret, Claims, Endpoint, Needs, Permit, TokenError},
    client::Client,
    error::ServerError,
    metrics::Metrics,
    sessions::log::SessionId,
};

/// The data of the layer.
#[derive(Clone)]
pub(crate) struct Guard {
    /// `None`: everybody may do everything.
    pub(crate) secret: Option<AuthSecret>,
    /// The prefix of all paths.
    pub(crate) prefix: Arc<str>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Lets a request pass with its [`Permit`], or denies it.
pub(crate) async fn check(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, ServerError> {
    let permit = match guard.admit(&mut request).await {
        Ok(permit) => permit,
        Err(denial) => {
            tracing::debug!(code = denial.code(), method = %request.method(), "denied");
            guard.metrics.denied(denial.code());
            return Err(denial);
        }
    };
    let time_left = match &permit.access {
        Access::Token(claims) => Some(claims.time_left()),
        Access::Open => None,
    };
    request.extensions_mut().insert(permit);
    let response = next.run(request).await;
    Ok(streamed::watch(response, time_left, &guard.metrics))
}

impl Guard {
    async fn admit(&self, request: &mut Request) -> Result<Permit, ServerError> {
        let Some(secret) = &self.secret else {
            return Ok(Permit::open(client_at(request)));
        };
        let endpoint = self.endpoint(request);
        if endpoint.is_some_and(|endpoint| endpoint.needs == Needs::Nothing) {
            // Nothing there shows or changes anything.
            return Ok(Permit::open(client_at(request)));
        }
        let claims = read(request.headers(), secret)?;
        let client = Client::of(&format!("session {}", claims.session));
        let access = Access::Token(claims);
        // After the token, so that nobody without one learns which paths there are.
        let endpoint = endpoint.ok_or(ServerError::MethodNotAllowed)?;
        match endpoint.needs {
            Needs::Session(_) => {
                let params = request
                    .extract_parts::<RawPathParams>()
                    .await
                    .map_err(|_| ServerError::NotFound)?;
                let session = params.iter().next().map(|(_, value)| value);
                let session = session.and_then(|session| SessionId::parse(session).ok());
                // Who reaches all is told by the endpoint what is wrong with the name.
                let is_reached = session.map_or(access.reaches_all(), |name| access.reaches(&name));
                if !is_reached {
                    return Err(ServerError::SessionNotAllowed);
                }
            }
            Needs::Every(_) if !access.reaches_all() => return Err(ServerError::SessionNotAllowed),
            Needs::Nothing | Needs::Token | Needs::Every(_) | Needs::Some(_) => {}
        }
        for capability in endpoint.needs.capabilities() {
            access.require(*capability)?;
        }
        let permit = Permit::new(access, client, endpoint);
        if endpoint.replays(request.uri(), request.headers()) {
            permit.ask(Ask::Replay)?;
        }
        Ok(permit)
    }

    fn endpoint(&self, request: &Request) -> Option<&'static Endpoint> {
        let matched = request.extensions().get::<MatchedPath>()?;
        let path = matched.as_str();
        Endpoint::find(
            request.method(),
            path.strip_prefix(&*self.prefix).unwrap_or(path),
        )
    }
}

/// Without tokens a client is an address.
fn client_at(request: &Request) -> Client {
    let peer = request.extensions().get::<Peer>();
    peer.map_or_else(Client::own, |peer| {
        Client::of(&format!("address {}", peer.0))
    })
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
