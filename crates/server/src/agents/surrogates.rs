//! JSON that comes in pieces, of which one may end with half of a surrogate pair and the next begin with the other: some
//! endpoints count UTF-16 units. serde refuses a half.

/// The piece with pairs whole: a half at a text's end waits in `held` for the next piece; one that stays alone is U+FFFD.
pub(super) fn mend(json: &str, held: &mut Option<u16>) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(first) = half(rest) else {
            // Any other escape is two characters, of which the second is no `\` that begins one.
            let second = rest.chars().nth(1).map_or(0, char::len_utf8);
            out.push_str(&rest[..1 + second]);
            rest = &rest[1 + second..];
            continue;
        };
        let behind = &rest[6..];
        match (is_high(first), half(behind).filter(|low| !is_high(*low))) {
            (true, Some(low)) => {
                push_pair(&mut out, first, low);
                rest = &rest[12..];
                continue;
            }
            (true, None) if behind.starts_with('"') => *held = Some(first),
            (false, _) if out.ends_with('"') && held.is_some() => {
                push_pair(&mut out, held.take().unwrap_or(first), first);
            }
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The half that an escape at the beginning says.
fn half(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

fn is_high(half: u16) -> bool {
    half < 0xdc00
}

fn push_pair(out: &mut String, high: u16, low: u16) {
    out.extend(
        char::decode_utf16([high, low]).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expect: &[&str], left: bool) {
        let mut held = None;
        let mended: Vec<String> = pieces.iter().map(|piece| mend(piece, &mut held)).collect();
        assert_eq!(mended, expect, "{pieces:?}");
        assert_eq!(held.is_some(), left, "{pieces:?}");
    }

    #[test]
    fn pairs_become_whole_within_and_across_pieces() {
        check(&[r#""a\n\\ud83d""#], &[r#""a\n\\ud83d""#], false);
        check(&[r#""a\ud83d\ude00b""#], &[r#""a😀b""#], false);
        check(
            &[r#""a\ud83d""#, r#""\uDE00b""#],
            &[r#""a""#, r#""😀b""#],
            false,
        );
        check(
            &[r#""\ud83d""#, r#""""#, r#""\ude00\ud83d""#, r#""\ude01""#],
            &[r#""""#, r#""""#, r#""😀""#, r#""😁""#],
            false,
        );
        check(&[r#""\ude00""#], &["\"\u{fffd}\""], false);
        check(&[r#""\ud83dx""#], &["\"\u{fffd}x\""], false);
        check(&[r#""\ud83d\ud83d\ude00""#], &["\"\u{fffd}😀\""], false);
        check(&[r#""\ud83d""#], &[r#""""#], true);
        check(&["\\", r"\u12", "ü\\ü"], &["\\", r"\u12", "ü\\ü"], false);
    }
}
