//! The `.http` files of `tests/fixtures/wire`; their format is in the README beside them.

use std::path::{Path, PathBuf};

/// One file: what was asked and answered, in order.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The file's name, such as `boom.py.http`.
    pub file: String,
    /// At least one.
    pub exchanges: Vec<Exchange>,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What it shows, in words.
    pub title: String,
    /// Absent where only the answer was recorded.
    pub request: Option<Request>,
    /// The answer, as far as it was read.
    pub response: Response,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty where there was none.
    pub body: Vec<u8>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Byte for byte, as far as it came before the recorder hung up.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that (lower case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether it is an event stream.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.header("content-type")
            .is_some_and(|value| value.starts_with("text/event-stream"))
    }
}

impl Request {
    /// The first header of that (lower case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl Transcript {
    /// The exchange with this title.
    ///
    /// # Panics
    /// Where there is none: a test names a fixture that has changed.
    #[must_use]
    pub fn exchange(&self, title: &str) -> &Exchange {
        self.exchanges
            .iter()
            .find(|exchange| exchange.title == title)
            .unwrap_or_else(|| panic!("{} has no exchange {title:?}", self.file))
    }

    /// Whether the Python server answered; otherwise the JS server did.
    #[must_use]
    pub fn is_python(&self) -> bool {
        self.file.ends_with(".py.http")
    }
}

/// Every transcript, by file name.
///
/// # Panics
/// Where a file cannot be read or is not in the format.
#[must_use]
pub fn transcripts() -> Vec<Transcript> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("tests/fixtures/wire is there")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "http")
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| load(path)).collect()
}

/// Reads one transcript's text.
///
/// # Errors
/// What is wrong, in words.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Transcript, String> {
    const MARK: &[u8] = b"##### ";
    let mut starts: Vec<usize> = find_all(bytes, b"\n##### ").map(|at| at + 1).collect();
    if !bytes.starts_with(MARK) {
        return Err(format!("{file} does not begin with #####"));
    }
    starts.insert(0, 0);
    starts.push(bytes.len());
    let exchanges = starts
        .windows(2)
        .map(|pair| {
            let part = &bytes[pair[0] + MARK.len()..pair[1]];
            parse_exchange(part).map_err(|error| format!("{file} at byte {}: {error}", pair[0]))
        })
        .collect::<Result<_, _>>()?;
    Ok(Transcript {
        file: file.to_owned(),
        exchanges,
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire")
}

fn load(path: &Path) -> Transcript {
    let name = path
        .file_name()
        .expect("a file has a name")
        .to_string_lossy();
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    parse(&name, &bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn parse_exchange(part: &[u8]) -> Result<Exchange, String> {
    let (title, rest) = split_at_mark(part, b"\n").ok_or("no title line")?;
    let title = text(title)?;
    let title = title
        .rsplit_once(" (took ")
        .map_or(title, |(words, _)| words)
        .trim();
    let title = title.to_owned();
    if rest.starts_with(b"HTTP/1.1 ") {
        return Ok(Exchange {
            title,
            request: None,
            response: parse_socket_response(rest)?,
        });
    }
    let (request, _) = split_at_mark(rest, b"\n\nHTTP/1.1 ").ok_or("no response")?;
    let response = parse_response(&rest[request.len() + 2..])?;
    Ok(Exchange {
        title,
        request: Some(parse_request(request)?),
        response,
    })
}

fn parse_request(bytes: &[u8]) -> Result<Request, String> {
    let (head, body) = split_at_mark(bytes, b"\n\n").unwrap_or((bytes, b""));
    let (line, headers) = parse_head(head)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(format!("not a request line: {line:?}"));
    };
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: body.to_vec(),
    };
    match request.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if length != request.body.len() => Err(format!(
            "the request body is {} bytes, not {length}",
            request.body.len()
        )),
        _ => Ok(request),
    }
}

fn parse_response(bytes: &[u8]) -> Result<Response, String> {
    let (head, body) = split_at_mark(bytes, b"\n\n").ok_or("no end of the response's head")?;
    let (line, headers) = parse_head(head)?;
    let status = parse_status(&line)?;
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let body = body
        .strip_suffix(b"\n\n")
        .ok_or("the body does not end in the recorder's two LF")?;
    let response = Response {
        status,
        headers,
        body: body.to_vec(),
    };
    match response.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if length != response.body.len() => Err(format!(
            "the response body is {} bytes, not {length}",
            response.body.len()
        )),
        _ => Ok(response),
    }
}

/// An answer as it came from the socket: CRLF in the head, chunked, one LF of the recorder's at the end.
fn parse_socket_response(bytes: &[u8]) -> Result<Response, String> {
    let (head, mut rest) =
        split_at_mark(bytes, b"\r\n\r\n").ok_or("no end of the response's head")?;
    let (line, headers) = parse_head(head)?;
    let mut body = Vec::new();
    while let Some((size, chunk)) = split_at_mark(rest, b"\r\n") {
        let size = usize::from_str_radix(text(size)?, 16)
            .map_err(|error| format!("chunk size: {error}"))?;
        body.extend(chunk.get(..size).ok_or("a chunk is cut")?);
        rest = chunk[size..]
            .strip_prefix(b"\r\n")
            .ok_or("a chunk without its end")?;
    }
    if rest != b"\n" {
        return Err("bytes after the last chunk".to_owned());
    }
    Ok(Response {
        status: parse_status(&line)?,
        headers,
        body,
    })
}

fn parse_status(line: &str) -> Result<u16, String> {
    let word = line.split(' ').nth(1);
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("not a status line: {line:?}"))
}

fn parse_head(head: &[u8]) -> Result<(String, Vec<(String, String)>), String> {
    let mut lines = text(head)?.lines();
    let first = lines.next().ok_or("an empty head")?.to_owned();
    let headers = lines
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("not a header: {line:?}"))?;
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Result<_, String>>()?;
    Ok((first, headers))
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value.as_str())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// What is before and after the first `mark`.
fn split_at_mark<'a>(bytes: &'a [u8], mark: &'static [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find_all(bytes, mark).next()?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

fn find_all<'a>(bytes: &'a [u8], mark: &'static [u8]) -> impl Iterator<Item = usize> + 'a {
    let starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == mark[0])
        .map(|(at, _)| at);
    starts.filter(move |at| bytes[*at..].starts_with(mark))
}
