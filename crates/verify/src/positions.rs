//! Positions in a log, told as ranges: thousands of events of which the same is said are a few lines.

use std::ops::Range;

/// Ranges that one line tells.
const RANGES_PER_LINE: usize = 32;

/// Positions in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Positions(Vec<Range<u64>>);

impl Positions {
    /// Adds a position that is not before the last one.
    pub fn add(&mut self, seq: u64) {
        self.add_range(seq..seq + 1);
    }

    /// Adds a range that does not begin before the last one ends; nothing, if it is empty.
    pub fn add_range(&mut self, range: Range<u64>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => self.0.push(range),
        }
    }

    /// How they are told, in as many pieces as are lines: `event 3`, `events 3 to 9, 12, 20 to 31`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.chunks(RANGES_PER_LINE).map(|ranges| {
            let several = ranges.iter().any(|range| range.end - range.start > 1) || ranges.len() > 1;
            let named: Vec<String> = ranges.iter().map(named).collect();
            format!("{} {}", if several { "events" } else { "event" }, named.join(", "))
        })
    }
}

fn named(range: &Range<u64>) -> String {
    match range.end - range.start {
        1 => range.start.to_string(),
        _ => format!("{} to {}", range.start, range.end - 1),
    }
}

/// Events as a place.
pub(crate) fn events(seqs: &Range<u64>) -> String {
    format!("{} {}", if seqs.end - seqs.start == 1 { "event" } else { "events" }, named(seqs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_that_follow_each_other_are_one_range() {
        let mut positions = Positions::default();
        assert_eq!(positions.lines().count(), 0);
        positions.add(3);
        assert_eq!(positions.lines().collect::<Vec<_>>(), ["event 3"]);
        [4, 5, 5, 9].into_iter().for_each(|seq| positions.add(seq));
        positions.add_range(9..9);
        positions.add_range(20..22);
        assert_eq!(positions.lines().collect::<Vec<_>>(), ["events 3 to 5, 9, 20 to 21"]);
        let mut many = Positions::default();
        (0..10_000).for_each(|seq| many.add(seq));
        assert_eq!(many.lines().collect::<Vec<_>>(), ["events 0 to 9999"]);
        let mut apart = Positions::default();
        (0..100).for_each(|seq| apart.add(seq * 2));
        let lines: Vec<String> = apart.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[3].ends_with("196, 198"), "every one is named: {lines:?}");
    }
}
