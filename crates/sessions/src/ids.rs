//! The spelling of ids that somebody else chose.

use uuid::Uuid;

/// The longest id that somebody else chose, in bytes.
const FOREIGN_ID_BYTES_MAX: usize = 200;

/// The UUID, where this is its one spelling: lower case, with hyphens.
pub fn canonical(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut buffer) == text).then_some(uuid)
}

/// Whether a text is a UUID in another spelling than the one that counts.
pub fn is_misspelt(text: &str) -> bool {
    Uuid::try_parse(&text.to_ascii_lowercase()).is_ok() && canonical(text).is_none()
}

/// Whether an id that somebody else chose (a message's, a producer's) is 1 to 200 visible characters of ASCII.
pub fn is_plain(id: &str) -> bool {
    (1..=FOREIGN_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
