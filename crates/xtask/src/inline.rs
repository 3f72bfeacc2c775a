//! The wasm as text in a JavaScript module, for pages that cannot fetch a file of its own.
//!
//! Base64 would hide repeated instructions from brotli and gzip, because their position within three bytes differs. A
//! compressed module would need a decompressor in the reader. Here each byte is one printable character or two, independent
//! of its neighbours, so the download is hardly larger than the file itself. `www/package/src/wasm/decode.ts` reads it.

use std::fmt::Write;

/// The first and the last of the characters; the quote and the backslash between them are left out, as a literal would escape them.
const CHARACTERS: std::ops::RangeInclusive<u8> = b' '..=b'~';

/// The last characters begin a pair: enough for the bytes that have no character of their own.
const LEADERS: usize = 2;

/// The JavaScript module. Bytes are ranked by how often they come, and the most frequent have one character.
pub(crate) fn module(wasm: &[u8]) -> String {
    let ranked = ranked(wasm);
    let mut rank_of = [0; 256];
    for (rank, byte) in ranked.iter().enumerate() {
        rank_of[usize::from(*byte)] = rank;
    }
    let digits: Vec<char> = CHARACTERS
        .filter(|byte| !b"\"\\".contains(byte))
        .map(char::from)
        .collect();
    let singles = digits.len() - LEADERS;
    let mut out = format!("export const wasm = {{ bytesByRank: {ranked:?}, text: \"");
    for byte in wasm {
        let rank = rank_of[usize::from(*byte)];
        if rank < singles {
            out.push(digits[rank]);
        } else {
            let pair = rank - singles;
            out.push(digits[singles + pair / digits.len()]);
            out.push(digits[pair % digits.len()]);
        }
    }
    let _ = writeln!(out, "\" }};");
    out
}

/// All bytes, the most frequent first.
fn ranked(wasm: &[u8]) -> Vec<u8> {
    let mut counts = [0_usize; 256];
    for byte in wasm {
        counts[usize::from(*byte)] += 1;
    }
    let mut ranked: Vec<u8> = (0..=255).collect();
    ranked.sort_by_key(|byte| std::cmp::Reverse(counts[usize::from(*byte)]));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_pair_or_a_character_and_no_two_share_one() {
        let all: Vec<u8> = (0..=255).collect();
        let module = module(&all);
        let text = module.split('"').nth(1).expect("a literal");
        assert_eq!(text.len(), 91 + 2 * (256 - 91));
        assert!(text.bytes().all(|byte| CHARACTERS.contains(&byte)) && !text.contains('\\'));
        let (singles, pairs) = text.split_at(91);
        let mut seen: Vec<&[u8]> = singles.as_bytes().chunks(1).collect();
        seen.extend(pairs.as_bytes().chunks(2));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 256);
    }
}
