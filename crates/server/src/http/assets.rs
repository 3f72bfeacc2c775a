//! Static files, with a strict content security policy.

use std::path::{Component, Path, PathBuf};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::error::ServerError;

/// No inline script, no foreign script, no framing; wasm may compile, and any Agent Server may be talked to.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src *; \
     img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A directory of built files.
#[derive(Clone)]
pub(crate) struct Assets {
    directory: PathBuf,
    /// Paths under it are the API's, never a page's.
    api_prefix: String,
}

impl Assets {
    pub(crate) fn new(directory: PathBuf, api_prefix: &str) -> Self {
        Self {
            directory,
            api_prefix: api_prefix.to_owned(),
        }
    }

    /// Serves a file; `index.html` for a path without an extension that names none.
    pub(crate) async fn serve(self, request: Request) -> Response {
        let path = request.uri().path();
        let is_api = !self.api_prefix.is_empty()
            && path
                .strip_prefix(&self.api_prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_api || !matches!(*request.method(), Method::GET | Method::HEAD) {
            return ServerError::NotFound.into_response();
        }
        let Some(relative) = decode(path).as_deref().and_then(relative) else {
            return ServerError::NotFound.into_response();
        };
        let is_page = relative.extension().is_none();
        let file = if relative.as_os_str().is_empty() {
            PathBuf::from("index.html")
        } else {
            relative
        };
        let index = PathBuf::from("index.html");
        let found = match self.read(&file).await {
            Some(bytes) => Some((file, bytes)),
            None if is_page => self.read(&index).await.map(|bytes| (index, bytes)),
            None => None,
        };
        match found {
            Some((file, bytes)) => with_headers(&file, Body::from(bytes)),
            None => ServerError::NotFound.into_response(),
        }
    }

    /// A file's bytes. A link that leads out of the directory leads to nothing.
    async fn read(&self, file: &Path) -> Option<Vec<u8>> {
        let root = tokio::fs::canonicalize(&self.directory).await.ok()?;
        let file = tokio::fs::canonicalize(root.join(file)).await.ok()?;
        let inside = relative(file.strip_prefix(&root).ok()?.to_str()?);
        inside?;
        tokio::fs::read(file).await.ok()
    }
}

fn with_headers(file: &Path, body: Body) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime(file)));
    // A rebuilt demo must not meet its old wasm in a cache.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// The path below the directory; none where it would leave it, or names what is hidden (`.env`, `.git`).
fn relative(path: &str) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in Path::new(path.trim_start_matches('/')).components() {
        match component {
            Component::Normal(part) if part.as_encoded_bytes().starts_with(b".") => return None,
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

/// Undoes percent-encoding; none where the result is not UTF-8 or holds NUL or a backslash.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(['\0', '\\']))
}

fn mime(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_directory() {
        let check = |path: &str, expect: Option<&str>| {
            assert_eq!(
                decode(path).as_deref().and_then(relative),
                expect.map(PathBuf::from),
                "{path}"
            );
        };
        check("/", Some(""));
        check("/a/b.js", Some("a/b.js"));
        check("/a%20b.js", Some("a b.js"));
        check("/../secret", None);
        check("/%2e%2e/secret", None);
        check("/a/..%2f..%2fsecret", None);
        check("//etc/passwd", Some("etc/passwd"));
        check("/%5c..%5csecret", None);
        check("/%00", None);
        check("/.env", None);
        check("/a/.git/config", None);
        check("/%2eenv", None);
        check("/a.b/c", Some("a.b/c"));
        check("/%zz", None);
    }
}
