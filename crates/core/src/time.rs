//! Times as texts: RFC 3339 with microseconds in UTC, and the relative times of a search.
//!
//! Everything is calculated on the proleptic Gregorian calendar without leap seconds; nothing here reads a clock.

use crate::row::Micros;

/// Microseconds of a second.
pub const SECOND: Micros = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: Micros = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: Micros = 60 * MINUTE;
/// Microseconds of a day.
pub const DAY: Micros = 24 * HOUR;
/// The first time that can be written down: 1970-01-01T00:00:00Z.
pub const TIME_MIN: Micros = 0;
/// The last time that can be written down: 9999-12-31T23:59:59.999999Z.
pub const TIME_MAX: Micros = 253_402_300_800 * SECOND - 1;
/// Length in bytes of a time as [`format`] writes it.
pub const FORMATTED_BYTES: usize = 27;
/// Longest text that [`parse`] looks at, in bytes.
const PARSED_BYTES_MAX: usize = 64;

/// Why a text is not a time. The sentence completes "is not a time: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeError(&'static str);

const FORM: TimeError =
    TimeError("expected RFC 3339 with an offset, for example 2026-01-31T23:59:59.123456Z or 2026-01-31T18:59:59-05:00");
const RANGE: TimeError = TimeError("the years 1970 to 9999 (in UTC) can be recorded");

/// Reads an RFC 3339 time (section 5.6) with any offset. Digits finer than a microsecond are cut.
///
/// # Errors
/// If the text has another form, names a day or time that does not exist, is a leap second, or lies outside of
/// [`TIME_MIN`]`..=`[`TIME_MAX`].
pub fn parse(text: &str) -> Result<Micros, TimeError> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes.len() > PARSED_BYTES_MAX {
        return Err(FORM);
    }
    let separators_fit = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't')
        && bytes[13] == b':'
        && bytes[16] == b':';
    if !separators_fit {
        return Err(FORM);
    }
    let two = |at: usize| digits(bytes, at, 2);
    let (year, month, day) = (digits(bytes, 0, 4)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if !(1..=12).contains(&month) {
        return Err(TimeError("months are 01 to 12"));
    }
    if day < 1 || day > days_in_month(year, month) {
        return Err(TimeError("that month has no such day"));
    }
    if hour > 23 || minute > 59 {
        return Err(TimeError("hours are 00 to 23 and minutes 00 to 59"));
    }
    if second == 60 {
        return Err(TimeError("leap seconds (:60) can't be recorded; send the second before or after it"));
    }
    if second > 59 {
        return Err(TimeError("seconds are 00 to 59"));
    }
    let (fraction, at) = fraction_micros(bytes, 19)?;
    let offset_seconds = offset_seconds(&bytes[at..])?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_seconds;
    let micros = seconds * SECOND + fraction;
    if (TIME_MIN..=TIME_MAX).contains(&micros) { Ok(micros) } else { Err(RANGE) }
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Result<i64, TimeError> {
    let mut value = 0;
    for byte in bytes.get(at..at + count).ok_or(FORM)? {
        if !byte.is_ascii_digit() {
            return Err(FORM);
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Ok(value)
}

/// The microseconds of `.digits` at `at`, if there is one, and where it ends.
fn fraction_micros(bytes: &[u8], at: usize) -> Result<(i64, usize), TimeError> {
    if bytes.get(at) != Some(&b'.') {
        return Ok((0, at));
    }
    let mut end = at + 1;
    let mut micros = 0;
    let mut unit = 100_000;
    while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
        micros += i64::from(digit - b'0') * unit;
        unit /= 10;
        end += 1;
    }
    if end == at + 1 { Err(FORM) } else { Ok((micros, end)) }
}

fn offset_seconds(bytes: &[u8]) -> Result<i64, TimeError> {
    match bytes {
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(bytes, 1, 2)?, digits(bytes, 4, 2)?);
            if hours > 23 || minutes > 59 {
                return Err(TimeError("an offset is at most 23:59"));
            }
            let seconds = hours * 3_600 + minutes * 60;
            Ok(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(FORM),
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar; the year counts from March inside, so that the
/// leap day is its last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01; the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Writes a time as `2026-01-02T03:04:05.000006Z`. Times outside of [`TIME_MIN`]`..=`[`TIME_MAX`] are written as the
/// nearest one inside.
pub fn format(at: Micros) -> [u8; FORMATTED_BYTES] {
    let at = at.clamp(TIME_MIN, TIME_MAX);
    let (days, in_day) = (at / DAY, at % DAY);
    let (year, month, day) = civil_from_days(days);
    let (seconds, micros) = (in_day / SECOND, in_day % SECOND);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], seconds / 3_600);
    put(&mut text[14..16], seconds / 60 % 60);
    put(&mut text[17..19], seconds % 60);
    put(&mut text[20..26], micros);
    text
}

fn put(digits: &mut [u8], value: i64) {
    let mut value = value as u32;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// [`format`] as a `String`.
pub fn to_text(at: Micros) -> String {
    String::from_utf8_lossy(&format(at)).into_owned()
}

/// Appends [`format`] to a buffer.
#[inline]
pub fn push(out: &mut Vec<u8>, at: Micros) {
    out.extend_from_slice(&format(at));
}

/// Reads the time of a search parameter: RFC 3339, `now`, or back from now as `-30s`, `-15m`, `-24h`, `-7d`, `-2w`,
/// `-1y` (365 days).
/// A time before 1970 becomes 1970.
///
/// # Errors
/// If the text is neither.
pub fn parse_search_time(text: &str, now: Micros) -> Result<Micros, TimeError> {
    const RELATIVE: TimeError =
        TimeError("expected RFC 3339 (2026-01-31T23:59:59Z), now, or back from now: -30s, -15m, -24h, -7d, -2w, -1y");
    if text == "now" {
        return Ok(now);
    }
    let Some(relative) = text.strip_prefix('-') else {
        return parse(text).map_err(|error| if error == FORM { RELATIVE } else { error });
    };
    let unit = match relative.as_bytes().last() {
        Some(b's') => SECOND,
        Some(b'm') => MINUTE,
        Some(b'h') => HOUR,
        Some(b'd') => DAY,
        Some(b'w') => 7 * DAY,
        Some(b'y') => 365 * DAY,
        _ => return Err(RELATIVE),
    };
    let count = &relative[..relative.len() - 1];
    if count.is_empty() || count.len() > 9 || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RELATIVE);
    }
    let count: Micros = count.parse().map_err(|_| RELATIVE)?;
    Ok(now.saturating_sub(count.saturating_mul(unit)).max(TIME_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        let known = [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000),
            ("2026-01-02T03:04:05.000006Z", 1_767_323_045_000_006),
            ("2026-01-02T05:04:05.000006+02:00", 1_767_323_045_000_006),
            ("2026-01-01t22:04:05.000006-05:00", 1_767_323_045_000_006),
            ("2026-01-02T03:04:05.0000069999z", 1_767_323_045_000_006),
            ("2026-01-02T03:04:05.1-00:00", 1_767_323_045_100_000),
            ("9999-12-31T23:59:59.999999Z", TIME_MAX),
        ];
        for (text, micros) in known {
            assert_eq!(parse(text), Ok(micros), "{text}");
        }
        assert_eq!(to_text(1_767_323_045_000_006), "2026-01-02T03:04:05.000006Z");
        assert_eq!(to_text(TIME_MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(to_text(-5), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let refused = [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05Z",
            "2026-1-2T03:04:05Z0",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03:04:61Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+2:00",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05+02:60",
            "2026-01-02T03:04:05ZZ",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-00:01",
            "٢٠٢٦-01-02T03:04:05Z",
            "2026-01-02T03:04:05.00000000000000000000000000000000000000000000000000Z",
        ];
        for text in refused {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("2016-12-31T23:59:60Z").unwrap_err().to_string().contains("leap second"));
    }

    #[test]
    fn every_day_until_2400_counts_up_by_one() {
        let mut expected = 0;
        for year in 1970..2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_from_civil(year, month, day), expected);
                    assert_eq!(civil_from_days(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn times_of_a_search() {
        let now = 1_767_323_045_000_006;
        let known = [
            ("now", 0),
            ("-30s", 30 * SECOND),
            ("-15m", 15 * MINUTE),
            ("-24h", DAY),
            ("-7d", 7 * DAY),
            ("-2w", 14 * DAY),
            ("-2y", 730 * DAY),
        ];
        for (text, back) in known {
            assert_eq!(parse_search_time(text, now), Ok(now - back), "{text}");
        }
        assert_eq!(parse_search_time("-999999999w", now), Ok(0));
        assert_eq!(parse_search_time("1970-01-01T00:00:01Z", now), Ok(SECOND));
        for text in ["", "-", "-h", "24h", "-1x", "-1.5h", "--1h", "-9999999999s", "yesterday", "-١h", "-1é"] {
            assert!(parse_search_time(text, now).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(at in TIME_MIN..=TIME_MAX) {
            prop_assert_eq!(parse(&to_text(at)), Ok(at));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,70}", digits in "[0-9T:.Z+-]{18,40}") {
            let _ = parse(&text);
            let _ = parse(&digits);
            let _ = parse_search_time(&text, 0);
            let _ = parse_search_time(&digits, 0);
        }
    }
}
