//! When something is to end, as people write it: a time, a day, or how long from now.

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::clock::{Clock, SystemClock};

/// Hours of the longest time from now: a hundred years.
const HOURS_MAX: Micros = 100 * 365 * 24;
const HOUR: Micros = 60 * 60 * 1_000_000;

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At a moment.
    At(Micros),
    /// So much time from now.
    In(Micros),
}

impl Ending {
    /// Reads it from an option.
    ///
    /// # Errors
    /// What is allowed.
    pub fn read(text: &str) -> Result<Self, String> {
        let allowed = || "must be a time from now (12h, 90d, 4w), a day (2027-01-31) or a time (RFC 3339)".to_owned();
        let hours_of = |unit| match unit {
            'h' => Some(1),
            'd' => Some(24),
            'w' => Some(7 * 24),
            _ => None,
        };
        let mut characters = text.chars();
        if let Some(hours) = characters.next_back().and_then(hours_of) {
            let count = Some(characters.as_str()).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
            let count = count.and_then(|count| count.parse::<Micros>().ok()).filter(|count| *count > 0);
            let hours = count.and_then(|count| count.checked_mul(hours)).filter(|hours| *hours <= HOURS_MAX);
            return hours.map(|hours| Self::In(hours * HOUR)).ok_or_else(allowed);
        }
        let day = text.len() == "2027-01-31".len();
        let at = if day { time::parse(&format!("{text}T00:00:00Z")) } else { time::parse(text) };
        at.map(Self::At).map_err(|_| allowed())
    }

    /// The moment, as the API takes it.
    pub fn moment(self) -> String {
        time::to_text(match self {
            Self::At(at) => at,
            Self::In(after) => SystemClock::new().now().saturating_add(after),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_people_write_them() {
        assert_eq!(Ending::read("12h"), Ok(Ending::In(12 * HOUR)));
        assert_eq!(Ending::read("90d"), Ok(Ending::In(90 * 24 * HOUR)));
        assert_eq!(Ending::read("4w"), Ok(Ending::In(28 * 24 * HOUR)));
        let day = Ending::read("2027-01-31").unwrap();
        assert_eq!(day.moment(), "2027-01-31T00:00:00.000000Z");
        assert_eq!(Ending::read("2027-01-31T00:00:00Z"), Ok(day));
        for none in
            ["", "d", "0d", "-1d", "+1d", "1.5d", "90", "soon", "2027-02-30", "2027-01-3", "99999999999999999999d", "é"]
        {
            assert!(Ending::read(none).is_err(), "{none}");
        }
    }
}
