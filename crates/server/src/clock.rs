//! Wall-clock time, as the protocol writes it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, never negative.
pub(crate) fn now_ms() -> u64 {
    since_epoch().as_millis().try_into().unwrap_or(u64::MAX)
}

/// Now, as `2026-11-21T01:41:18.049803+00:00`.
pub(crate) fn now_iso() -> String {
    let now = since_epoch();
    iso(now.as_secs(), now.subsec_micros())
}

/// Time since 1970, never negative.
pub(crate) fn since_epoch() -> std::time::Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn iso(seconds: u64, micros: u32) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let rest = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}+00:00",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The Gregorian date of a day number: years are counted from March, so that the leap day is a year's last.
fn civil(day_number: u64) -> (u64, u64, u64) {
    let shifted = day_number + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(iso(0, 0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso(951_782_400, 7), "2000-02-29T00:00:00.000007+00:00");
        assert_eq!(
            iso(1_795_225_278, 49_803),
            "2026-11-21T01:41:18.049803+00:00"
        );
        assert_eq!(iso(4_107_542_399, 0), "2100-02-28T23:59:59.000000+00:00");
    }
}
