//! The page's address: which server, assistant and thread, and the knobs that tests turn.

use rejoin_leptos::ShareConnections;
use serde_json::{Map, Value};

/// The parameters of the address. Unknown ones are left alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// The storage of a run's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageChoice {
    /// Survives the browser's end.
    Local,
    /// Survives a reload.
    Session,
    /// Nothing is kept.
    Nowhere,
}

/// Knobs of the scripted agents, handed to them in `config.configurable`.
const AGENT_KNOBS: [&str; 5] = ["n_tokens", "delay_ms", "steps", "step_ms", "style"];

impl Query {
    /// Reads `?a=b&c=d`, with or without the question mark. The first of several equal names counts.
    pub(crate) fn parse(search: &str) -> Self {
        let pairs = pairs(search)
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        Self { pairs }
    }

    /// A parameter that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(have, _)| have == name)?;
        Some(pair.1.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter as a whole number; anything else counts as absent.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether messages are shown as plain text, byte for byte (`plain=1`).
    pub(crate) fn is_plain(&self) -> bool {
        self.text("plain") == Some("1")
    }

    /// Whether messages can be edited and answers made anew: everywhere but with `checkpoints=off`.
    pub(crate) fn can_edit(&self) -> bool {
        self.text("checkpoints") != Some("off")
    }

    /// The tabs that share connections (`share`). `headers` (the default) means tabs with the same headers, `off` none. Any
    /// other text names the user.
    pub(crate) fn share_connections(&self) -> Option<ShareConnections> {
        match self.text("share") {
            Some("off") => None,
            Some("headers") | None => Some(ShareConnections::SameHeaders),
            Some(user) => Some(ShareConnections::As(user.to_owned())),
        }
    }

    /// The person's token (`token`), for the conversation's requests.
    pub(crate) fn token(&self) -> Option<&str> {
        self.text("token")
    }

    /// Whether answers name their question: everywhere but with `answer=unnamed`, to see what comes of it.
    pub(crate) fn names_questions(&self) -> bool {
        self.text("answer") != Some("unnamed")
    }

    /// How many states are read for the versions to choose from (`history`). Default 100.
    pub(crate) fn history_limit(&self) -> u32 {
        let limit = self.number("history").and_then(|n| u32::try_from(n).ok());
        limit.unwrap_or(100)
    }

    /// Whether the thread's session is shown instead of its state (`view=session`), and how many messages a page of it has
    /// (`page_size`, default 50).
    pub(crate) fn session_limit(&self) -> Option<usize> {
        let limit = self
            .number("page_size")
            .and_then(|n| usize::try_from(n).ok());
        (self.text("view") == Some("session")).then(|| limit.unwrap_or(50))
    }

    /// The storage of records. Default: local.
    pub(crate) fn storage(&self) -> StorageChoice {
        match self.text("storage") {
            Some("session") => StorageChoice::Session,
            Some("none") => StorageChoice::Nowhere,
            Some(_) | None => StorageChoice::Local,
        }
    }

    /// The agent's knobs, numbers as numbers.
    pub(crate) fn agent_knobs(&self) -> Map<String, Value> {
        let knob = |name: &&str| {
            let text = self.text(name)?;
            let number = text.parse::<u64>().map(Value::from);
            Some((
                (*name).to_owned(),
                number.unwrap_or_else(|_| Value::from(text)),
            ))
        };
        AGENT_KNOBS.iter().filter_map(knob).collect()
    }
}

/// `search` with one parameter set or, with `None`, taken out. Every other parameter stays as it was written.
pub(crate) fn with_param(search: &str, name: &str, value: Option<&str>) -> String {
    let mut parts: Vec<String> = search
        .trim_start_matches('?')
        .split('&')
        .filter(|part| {
            !part.is_empty() && decode(part.split('=').next().unwrap_or_default()) != name
        })
        .map(str::to_owned)
        .collect();
    if let Some(value) = value {
        parts.push(format!("{name}={}", encode(value)));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("?{}", parts.join("&"))
    }
}

fn pairs(search: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = search
        .trim_start_matches('?')
        .split('&')
        .filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Undoes form encoding. A percent sign that starts no byte stands for itself.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |n: usize| bytes.get(at + n).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', _, _) => {
                out.push(b' ');
                at += 1;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Leaves what is unreserved, and `/` and `:`, which a query may hold and a person may want to read.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Query, ShareConnections, StorageChoice, decode, encode, with_param};
    use serde_json::json;

    #[test]
    fn reads_names_values_and_absence() {
        let query = Query::parse(
            "?thread=a%2Fb&plain=1&server=http%3A%2F%2F127.0.0.1%3A9&empty=&n_tokens=12&flag",
        );
        assert_eq!(query.text("thread"), Some("a/b"));
        assert_eq!(query.text("server"), Some("http://127.0.0.1:9"));
        assert_eq!(query.number("n_tokens"), Some(12));
        assert!(query.is_plain());
        assert_eq!(
            (
                query.text("empty"),
                query.text("flag"),
                query.text("absent")
            ),
            (None, None, None)
        );
        assert_eq!(query.number("thread"), None);
        assert_eq!(query.storage(), StorageChoice::Local);
    }

    #[test]
    fn connections_are_shared_unless_that_is_off() {
        let share = |search| Query::parse(search).share_connections();
        assert_eq!(share(""), Some(ShareConnections::SameHeaders));
        assert_eq!(share("share=headers"), Some(ShareConnections::SameHeaders));
        let ann = ShareConnections::As("ann".to_owned());
        assert_eq!(share("share=ann"), Some(ann));
        assert_eq!(share("share=off"), None);
    }

    #[test]
    fn plain_is_off_unless_one() {
        assert!(!Query::parse("plain=0").is_plain());
        assert!(!Query::parse("").is_plain());
    }

    #[test]
    fn what_can_be_turned_off_is_on() {
        let all = |query: &Query| (query.can_edit(), query.names_questions());
        assert_eq!(all(&Query::parse("checkpoints=on&answer=")), (true, true));
        let off = Query::parse("checkpoints=off&answer=unnamed");
        assert_eq!(all(&off), (false, false));
        assert_eq!(Query::parse("history=7").history_limit(), 7);
        assert_eq!(Query::parse("history=-1").history_limit(), 100);
    }

    #[test]
    fn a_session_is_shown_where_it_is_asked_for() {
        assert_eq!(Query::parse("page_size=7").session_limit(), None);
        assert_eq!(Query::parse("view=session").session_limit(), Some(50));
        assert_eq!(
            Query::parse("view=session&page_size=7").session_limit(),
            Some(7)
        );
    }

    #[test]
    fn storage_names() {
        assert_eq!(
            Query::parse("storage=session").storage(),
            StorageChoice::Session
        );
        assert_eq!(
            Query::parse("storage=none").storage(),
            StorageChoice::Nowhere
        );
        assert_eq!(
            Query::parse("storage=elsewhere").storage(),
            StorageChoice::Local
        );
    }

    #[test]
    fn knobs_are_numbers_or_strings_and_nothing_else() {
        let query =
            Query::parse("n_tokens=40&delay_ms=5&style=plain%20words&steps=three&stall_ms=9");
        let knobs = serde_json::Value::from(query.agent_knobs());
        assert_eq!(
            knobs,
            json!({"n_tokens": 40, "delay_ms": 5, "style": "plain words", "steps": "three"})
        );
        assert!(Query::parse("plain=1").agent_knobs().is_empty());
    }

    #[test]
    fn setting_one_parameter_keeps_the_others_as_written() {
        let before = "?server=http://x/%41&odd=%zz&thread=old";
        assert_eq!(
            with_param(before, "thread", Some("new id")),
            "?server=http://x/%41&odd=%zz&thread=new%20id"
        );
        assert_eq!(
            with_param(before, "thread", None),
            "?server=http://x/%41&odd=%zz"
        );
        assert_eq!(with_param("?thread=old", "thread", None), "");
        assert_eq!(with_param("", "thread", Some("t")), "?thread=t");
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        for text in ["", "a b+c", "100%", "ä/ö:ü?&=#", "%41"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("a+b%zz%4"), "a b%zz%4");
    }
}
