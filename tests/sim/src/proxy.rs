//! What stands between the odd server and the page: proxies that drop, rewrite, cut and hold back.

use crate::rng::Rng;

/// What becomes of the header that names the last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// It arrives.
    Kept,
    /// It does not.
    Dropped,
    /// Something else arrives.
    Rewritten,
}

/// What becomes of a stream's `content-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    Kept,
    Dropped,
    /// It is one of several.
    Listed,
}

/// How a stream comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// As it is sent.
    Free,
    /// For so many milliseconds, then it ends; cleanly or not.
    CappedInTime(u64, bool),
    /// For so many bytes, then it ends; cleanly or not.
    CappedInBytes(usize, bool),
    /// Not before it is over; its headers at once, or not.
    HeldBack(bool),
}

/// A proxy's ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proxy {
    pub cursor: Cursor,
    pub content_type: ContentType,
    /// Whether `content-location`, which names the run, arrives.
    pub keeps_location: bool,
    pub flow: Flow,
}

impl Proxy {
    /// There is none.
    pub(crate) const NONE: Self = Self {
        cursor: Cursor::Kept,
        content_type: ContentType::Kept,
        keeps_location: true,
        flow: Flow::Free,
    };

    /// The proxy of a seed. `can_end`: whether a stream that ends says nothing about its run, as the run can be asked for.
    pub(crate) fn draw(rng: &mut Rng, can_end: bool) -> Self {
        let clean = rng.chance(50) && can_end;
        Self {
            cursor: rng.pick(&[
                Cursor::Kept,
                Cursor::Kept,
                Cursor::Dropped,
                Cursor::Dropped,
                Cursor::Rewritten,
            ]),
            content_type: rng.pick(&[
                ContentType::Kept,
                ContentType::Kept,
                ContentType::Dropped,
                ContentType::Listed,
            ]),
            keeps_location: rng.chance(60),
            flow: match rng.between(0, 9) {
                0 | 1 => Flow::CappedInTime(rng.pick(&[500, 2_000, 8_000, 30_000]), clean),
                2 | 3 => Flow::CappedInBytes(rng.pick(&[300, 1_500, 6_000, 40_000]), clean),
                4 => Flow::HeldBack(rng.chance(50)),
                _ => Flow::Free,
            },
        }
    }

    /// The header that names the last event, as it arrives, and what is odd about that.
    pub(crate) fn last_event_id(
        &self,
        sent: Option<String>,
    ) -> (Option<String>, Option<&'static str>) {
        match (self.cursor, sent) {
            (Cursor::Dropped, Some(_)) => (None, Some("odd: cursor dropped")),
            (Cursor::Rewritten, Some(id)) => {
                (Some(format!("\"{id}\"")), Some("odd: cursor rewritten"))
            }
            (Cursor::Kept | Cursor::Dropped | Cursor::Rewritten, sent) => (sent, None),
        }
    }

    /// A stream's headers as they arrive, and what is odd about them.
    pub(crate) fn headers(
        &self,
        mut headers: Vec<(String, String)>,
    ) -> (Vec<(String, String)>, Vec<&'static str>) {
        let mut odd = Vec::new();
        match self.content_type {
            ContentType::Kept => {}
            ContentType::Dropped => {
                headers.retain(|(name, _)| name != "content-type");
                odd.push("odd: no content type");
            }
            ContentType::Listed => {
                for (_, value) in headers
                    .iter_mut()
                    .filter(|(name, _)| name == "content-type")
                {
                    value.push_str(", text/plain");
                }
                odd.push("odd: list of content types");
            }
        }
        if !self.keeps_location {
            headers.retain(|(name, _)| name != "content-location");
            odd.push("odd: no content-location");
        }
        (headers, odd)
    }
}
