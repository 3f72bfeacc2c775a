//! The hash by which events are known again.
//!
//! The hash is a polynomial over the bytes, so the hashes of two texts give the hash of both in a row. If only the middle of an event
//! is new, hashing costs the middle's length. The result is the hash of the whole text. Hashes are stored with the cursor, so this must mean
//! the same in every build: [`crate::run_record`] counts its version.

/// The value that a hash begins with.
pub(crate) const HASH_OF_NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// The polynomial's point: odd and one of the longest periods, from Knuth's generator.
const POINT: u64 = 0x5851_f42d_4c95_7f2d;
/// Bytes that are added in one step.
const STEP: usize = 8;
/// The value that ends a text: more than any byte.
const END: u64 = 0x1ff;

/// A text's effect on a hash: `hash * factor + sum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextHash {
    factor: u64,
    sum: u64,
}

impl TextHash {
    pub(crate) fn of(text: &str) -> Self {
        let whole = POINT.wrapping_pow(STEP as u32);
        let mut steps = text.as_bytes().chunks_exact(STEP);
        let (mut factor, mut sum) = (1_u64, 0_u64);
        for step in steps.by_ref() {
            factor = factor.wrapping_mul(whole);
            sum = sum.wrapping_mul(whole).wrapping_add(evaluated(step));
        }
        for byte in steps.remainder() {
            factor = factor.wrapping_mul(POINT);
            sum = sum.wrapping_mul(POINT).wrapping_add(u64::from(*byte));
        }
        Self { factor, sum }
    }

    /// The hash of the text so far, followed by this text.
    pub(crate) fn behind(self, hash: u64) -> u64 {
        hash.wrapping_mul(self.factor).wrapping_add(self.sum)
    }
}

/// The polynomial of a few bytes. No term waits for another.
fn evaluated(bytes: &[u8]) -> u64 {
    let mut sum = 0_u64;
    let mut power = 1_u64;
    for byte in bytes.iter().rev() {
        sum = sum.wrapping_add(u64::from(*byte).wrapping_mul(power));
        power = power.wrapping_mul(POINT);
    }
    sum
}

/// The hash with one more whole text in it.
pub(crate) fn hashed(hash: u64, text: &str) -> u64 {
    ended(TextHash::of(text).behind(hash))
}

/// Ends a text, so that two texts are not one. Mixes the upper bits into the lower, by which sets find a hash.
pub(crate) fn ended(hash: u64) -> u64 {
    let hash = hash.wrapping_mul(POINT).wrapping_add(END);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_text_that_comes_in_parts_has_the_hash_of_the_whole() {
        let text = "[{\"content\":\"Grüße, Welt \u{1f600}\\n\"},{\"langgraph_step\":1}]";
        for (at, _) in text.char_indices() {
            for (to, _) in text.char_indices().filter(|(to, _)| *to >= at) {
                let parts = [&text[..at], &text[at..to], &text[to..]];
                let mut hash = 7;
                for part in parts {
                    hash = TextHash::of(part).behind(hash);
                }
                assert_eq!(ended(hash), hashed(7, text), "{parts:?}");
            }
        }
    }

    #[test]
    fn texts_that_differ_a_little_have_different_hashes() {
        let mut seen = HashSet::new();
        let mut texts = 0;
        for id in 0..200 {
            for text in 0..200 {
                let hash = hashed(hashed(HASH_OF_NOTHING, &id.to_string()), &text.to_string());
                texts += 1;
                assert!(seen.insert(hash), "{id} {text}");
            }
        }
        // By the lower bits too, as far as chance allows: sets go by them.
        let places: HashSet<u64> = seen.iter().map(|hash| hash & 0xffff).collect();
        assert!(places.len() > texts / 2 && texts < 0x10000);
        assert_ne!(hashed(hashed(1, "a"), "b"), hashed(1, "ab"));
        assert_ne!(hashed(hashed(1, ""), "ab"), hashed(hashed(1, "ab"), ""));
        assert_ne!(hashed(1, "\0"), hashed(1, ""));
    }
}
