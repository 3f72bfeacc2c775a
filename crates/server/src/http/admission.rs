//! Checks `Host` and `Origin`: the names that the server may be reached under, and the origins whose pages may use it.
//!
//! Without this any page in a browser on this machine, or one whose name was made to lead here, could read and run
//! everything of a server without tokens.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{self, HOST, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{Config, error::ServerError};

const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// The response headers that a page may read. Without `content-location` it could not learn its run's id before the first
/// event.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "content-location, retry-after, x-pagination-total, x-pagination-next",
);
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
/// The word that allows every one.
const EVERY: &str = "*";

/// The allowed hosts and origins beyond loopback.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Allowed>);

struct Allowed {
    origins: Vec<String>,
    hosts: Vec<String>,
    listen: IpAddr,
    prefix: String,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        let lower = |list: &[String]| list.iter().map(|item| item.to_ascii_lowercase()).collect();
        Self(Arc::new(Allowed {
            origins: lower(&config.allow_origins),
            hosts: lower(&config.allow_hosts),
            listen: config.listen.ip(),
            prefix: config.api_prefix.trim_end_matches('/').to_owned(),
        }))
    }

    fn check(&self, request: &Request) -> Result<(), ServerError> {
        let host = self.host(request)?;
        let is_fault = {
            let path = request.uri().path();
            let inner = path.strip_prefix(&self.0.prefix).unwrap_or(path);
            [path, inner].iter().any(|path| path.starts_with("/faults"))
        };
        for origin in request.headers().get_all(ORIGIN) {
            let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
            let is_near = is_near(&origin, host.as_ref());
            // What breaks things is not for a page of elsewhere, whoever allows it.
            if !is_near && (is_fault || !names(&self.0.origins, &origin)) {
                return Err(ServerError::OriginNotAllowed);
            }
        }
        Ok(())
    }

    /// The name that the request is for. Browsers always send one.
    fn host(&self, request: &Request) -> Result<Option<Authority>, ServerError> {
        let mut found = request.uri().authority().cloned();
        if let Some(authority) = &found {
            self.check_host(authority)?;
        }
        for value in request.headers().get_all(HOST) {
            let authority = value.to_str().ok().and_then(|text| text.parse().ok());
            let authority: Authority = authority.ok_or(ServerError::HostNotAllowed)?;
            self.check_host(&authority)?;
            found.get_or_insert(authority);
        }
        Ok(found)
    }

    fn check_host(&self, authority: &Authority) -> Result<(), ServerError> {
        let text = authority.as_str().to_ascii_lowercase();
        let host = authority.host().to_ascii_lowercase();
        let is_own = address(&host) == Some(self.0.listen);
        let is_named = names(&self.0.hosts, &host) || names(&self.0.hosts, &text);
        if !text.contains('@') && (is_loopback(&host) || is_own || is_named) {
            Ok(())
        } else {
            Err(ServerError::HostNotAllowed)
        }
    }
}

fn names(list: &[String], item: &str) -> bool {
    list.iter().any(|known| known == EVERY || known == item)
}

/// Whether an origin is on this machine, or the one that it talks to.
fn is_near(origin: &str, host: Option<&Authority>) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return false;
    };
    let Ok(authority) = rest.parse::<Authority>() else {
        return false;
    };
    let is_own = host.is_some_and(|host| host.as_str().eq_ignore_ascii_case(rest));
    matches!(scheme, "http" | "https")
        && !rest.contains('@')
        && (is_own || is_loopback(authority.host()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || address(host).is_some_and(|address| address.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::from),
    }
}

/// Refuses who may not knock, answers preflights, and lets pages read every other answer.
pub(crate) async fn guard(
    State(admission): State<Admission>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(refused) = admission.check(&request) {
        tracing::debug!(code = refused.code(), "refused at the door");
        return refused.into_response();
    }
    let asked = preflight(&request);
    let mut response = match asked {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    match asked {
        Some(asked) => allow(headers, asked),
        None => {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
    response
}

/// The headers that a preflight asks for; `None` if the request is not a preflight.
fn preflight(request: &Request) -> Option<Option<HeaderValue>> {
    let headers = request.headers();
    let is_one = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    is_one.then(|| headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned())
}

fn allow(headers: &mut HeaderMap, asked: Option<HeaderValue>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    headers.insert(PRIVATE_NETWORK, HeaderValue::from_static("true"));
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn admission(config: Config) -> Admission {
        Admission::new(&config)
    }

    fn code(admission: &Admission, path: &str, headers: &[(&str, &str)]) -> Option<&'static str> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        admission.check(&request).err().map(|error| error.code())
    }

    #[test]
    fn a_host_is_loopback_the_address_listened_on_or_named() {
        let plain = admission(Config::default());
        for host in [
            "localhost",
            "LOCALHOST:8787",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8787",
            "app.localhost",
        ] {
            assert_eq!(code(&plain, "/", &[("host", host)]), None, "{host}");
        }
        assert_eq!(code(&plain, "/", &[]), None);
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:8787",
            "localhost@evil.example",
            "evil@localhost",
            "192.0.2.1",
            "0.0.0.0",
            "[::2]",
            "2130706433",
            "",
            "a b",
        ] {
            let refused = code(&plain, "/", &[("host", host)]);
            assert_eq!(refused, Some("host_not_allowed"), "{host}");
        }
        // One of two is enough to refuse, wherever it stands.
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(code(&plain, "/", &two), Some("host_not_allowed"));
        let absolute = code(&plain, "http://evil.example/", &[("host", "localhost")]);
        assert_eq!(absolute, Some("host_not_allowed"));
        let named = admission(Config {
            listen: ([192, 0, 2, 1], 80).into(),
            allow_hosts: vec!["Agents.example".to_owned()],
            ..Config::default()
        });
        for host in [
            "agents.example",
            "AGENTS.example:443",
            "192.0.2.1:80",
            "localhost",
        ] {
            assert_eq!(code(&named, "/", &[("host", host)]), None, "{host}");
        }
        assert_eq!(
            code(&named, "/", &[("host", "192.0.2.2")]),
            Some("host_not_allowed")
        );
    }

    #[test]
    fn an_origin_is_loopback_the_servers_own_or_named() {
        let plain = admission(Config::default());
        let ask = |admission: &Admission, path: &str, origin: &str| {
            code(
                admission,
                path,
                &[("host", "localhost:8787"), ("origin", origin)],
            )
        };
        for origin in [
            "http://localhost:5173",
            "https://127.0.0.1",
            "http://[::1]:3000",
            "HTTP://LocalHost:1",
        ] {
            assert_eq!(ask(&plain, "/threads", origin), None, "{origin}");
            assert_eq!(ask(&plain, "/faults", origin), None, "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil.example#localhost",
            "http://evil.example/localhost",
            "http://localhost@evil.example",
            "http://evil.example@localhost",
            "file://localhost",
            "localhost",
            "http://",
        ] {
            let refused = ask(&plain, "/threads", origin);
            assert_eq!(refused, Some("origin_not_allowed"), "{origin}");
        }
        let named = admission(Config {
            allow_origins: vec!["https://App.example".to_owned()],
            api_prefix: "/api".to_owned(),
            ..Config::default()
        });
        assert_eq!(ask(&named, "/threads", "https://app.example"), None);
        assert!(ask(&named, "/threads", "http://app.example").is_some());
        assert!(ask(&named, "/threads", "https://app.example:444").is_some());
        for path in ["/faults", "/faults/restart", "/api/faults"] {
            assert!(ask(&named, path, "https://app.example").is_some(), "{path}");
        }
        let every = admission(Config {
            allow_origins: vec!["*".to_owned()],
            ..Config::default()
        });
        assert_eq!(ask(&every, "/threads", "null"), None);
        assert!(ask(&every, "/faults", "https://app.example").is_some());
        let own = admission(Config {
            allow_hosts: vec!["agents.example".to_owned()],
            ..Config::default()
        });
        let same = [
            ("host", "agents.example:80"),
            ("origin", "http://agents.example:80"),
        ];
        assert_eq!(code(&own, "/threads", &same), None);
        let other = [
            ("host", "agents.example:80"),
            ("origin", "http://agents.example:81"),
        ];
        assert_eq!(code(&own, "/threads", &other), Some("origin_not_allowed"));
    }
}
