//! The content security policy.

use axum::http::{HeaderValue, header::CONTENT_SECURITY_POLICY};
use leptos::{nonce::use_nonce, prelude::expect_context};
use leptos_axum::ResponseOptions;

/// Sends the policy with the page that is rendered. Leptos' inline scripts carry the response's nonce. Everything else that
/// runs comes from this server. The page may ask the agent's server.
pub(crate) fn send_with_page(agent: &str) {
    let Some(nonce) = use_nonce() else {
        // The list of routes is made without a response.
        return;
    };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         connect-src 'self' {agent}; object-src 'none'; base-uri 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("the agent's server is an address");
    expect_context::<ResponseOptions>().insert_header(CONTENT_SECURITY_POLICY, policy);
}
