//! Recorded transcripts of the real Agent Servers, and what every test on them needs.
//!
//! [`transcripts`] reads `tests/fixtures/wire`; [`decode`] gives the items of a body that arrives in
//! chunks; [`recordings`] are the runs among them, and [`play`] shows one to a client through a
//! scripted server that cuts and resumes; [`Seed`] chooses cuts that a failure message can name. The
//! tests in `tests/` then say what must hold wherever the bytes are cut.
//!
//! It never talks to a server.

mod player;
mod recording;
mod seed;
mod transcript;

pub use player::{Ending, How, Script, Shown, play};
pub use recording::{Recording, recordings};
pub use seed::Seed;
pub use transcript::{Exchange, Request, Response, Transcript, parse, transcripts};

use rejoin_wire::sse::{DecodeError, Decoder, Frame, Item, Limits};

/// The items of a stream whose bytes arrive in these chunks.
pub fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Item, DecodeError>> {
    let mut decoder = Decoder::new(Limits::default());
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        items.extend(std::iter::from_fn(|| decoder.next_item()));
    }
    items
}

/// The frames of a body.
///
/// # Panics
/// Where a byte of it does not decode: recordings hold none.
#[must_use]
pub fn frames(body: &[u8]) -> Vec<Frame> {
    decode([body])
        .into_iter()
        .filter_map(|item| match item.expect("a recorded body decodes") {
            Item::Frame(frame) => Some(frame),
            Item::Control { .. } | Item::Comment => None,
        })
        .collect()
}

/// Ends of the blocks in a body, as offsets: after each, and nowhere else, something was dispatched.
/// Where a block ends in CRLF, the offset is that of the LF, which the next range begins with.
#[must_use]
pub fn block_ends(body: &[u8]) -> Vec<usize> {
    let mut decoder = Decoder::new(Limits::default());
    let mut ends = Vec::new();
    for (at, byte) in body.chunks(1).enumerate() {
        decoder.push(byte);
        if decoder.next_item().is_some() && !decoder.is_mid_frame() {
            ends.push(at + 1);
        }
    }
    ends
}
