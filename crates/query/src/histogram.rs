//! Counts over time, split by outcome. Whole days of whole segments come from the counts kept with the segment.

use std::ops::ControlFlow;

use actarium_core::filter::{Filter, Scope};
use actarium_core::row::{Column, Micros};
use actarium_core::time;
use actarium_store::Snapshot;
use actarium_store::segment::{MICROS_PER_DAY, NO_CODE, OUTCOMES, outcome_index};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::sought::Sought;
use crate::source::{Source, SourceColumn};
use crate::walk::{Walk, WalkOrder};
use crate::{AsOf, Order, QueryError, Stop, TimeRange, as_of};

/// Most buckets of one histogram.
pub const BUCKETS_MAX: i64 = 10_000;

/// Most buckets where the interval is chosen.
const CHOSEN_BUCKETS_MAX: i64 = 120;

const SECOND: i64 = 1_000_000;

/// The width of a bucket: a whole number of seconds, minutes, hours, days or weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    micros: i64,
}

impl Interval {
    const CHOICES: [i64; 14] = [
        SECOND,
        10 * SECOND,
        60 * SECOND,
        300 * SECOND,
        900 * SECOND,
        1_800 * SECOND,
        3_600 * SECOND,
        10_800 * SECOND,
        21_600 * SECOND,
        43_200 * SECOND,
        MICROS_PER_DAY,
        7 * MICROS_PER_DAY,
        28 * MICROS_PER_DAY,
        364 * MICROS_PER_DAY,
    ];

    /// Reads `15m`, `1h`, `1d`, `1w`, `30s`: a number from 1 and a unit.
    ///
    /// # Errors
    /// With what is allowed, if it is something else.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let wrong = || {
            QueryError::Request(format!(
                "interval `{text}` is not a number and one of s, m, h, d, w, such as 15m or 1d"
            ))
        };
        let unit = text.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - 1];
        let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = if plain { digits.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        if number == 0 { Err(wrong()) } else { Ok(Self { micros: number * seconds * SECOND }) }
    }

    /// A width that gives a readable number of buckets over a range.
    fn chosen_for(range: TimeRange) -> Self {
        let length = range.to.saturating_sub(range.from);
        let fits = |micros: &&i64| length / **micros < CHOSEN_BUCKETS_MAX;
        let micros = Self::CHOICES.iter().find(fits).copied().unwrap_or(364 * MICROS_PER_DAY);
        Self { micros }
    }

    /// The width in microseconds.
    pub fn micros(self) -> i64 {
        self.micros
    }

    /// Where some bucket begins: weeks on a Monday, all else with 1970-01-01, which was a Thursday.
    fn origin(self) -> Micros {
        const FIRST_MONDAY: Micros = 4 * MICROS_PER_DAY;
        if self.micros % (7 * MICROS_PER_DAY) == 0 { FIRST_MONDAY } else { 0 }
    }

    /// The number of the bucket that a moment lies in.
    pub fn index(self, at: Micros) -> i64 {
        at.saturating_sub(self.origin()).div_euclid(self.micros)
    }

    /// When a bucket begins.
    pub fn start(self, index: i64) -> Micros {
        index.saturating_mul(self.micros).saturating_add(self.origin())
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.micros / SECOND;
        for (unit, length) in [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)] {
            if seconds % length == 0 {
                return write!(formatter, "{}{unit}", seconds / length);
            }
        }
        write!(formatter, "{seconds}s")
    }
}

/// What to count.
#[derive(Clone, Debug)]
pub struct HistogramRequest {
    /// When the events happened; must be bounded on both sides.
    pub range: TimeRange,
    /// Which events.
    pub filter: Filter,
    /// Width of a bucket; chosen if not given.
    pub interval: Option<Interval>,
}

/// The counts of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins, RFC 3339 in UTC. It ends where the next begins.
    pub start: String,
    /// Events in it.
    pub total: u64,
    /// Events in it by outcome; outcomes without any are left out.
    #[serde(serialize_with = "by_outcome")]
    pub counts: [u64; 4],
}

fn by_outcome<S: Serializer>(counts: &[u64; 4], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (outcome, count) in OUTCOMES.iter().zip(counts).filter(|(_, count)| **count > 0) {
        map.serialize_entry(outcome, count)?;
    }
    map.end()
}

/// Counts over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// Width of a bucket.
    pub interval: String,
    /// All buckets that touch the range, empty ones too. The first and last count only what is in the range.
    pub buckets: Vec<Bucket>,
    /// The state of the log.
    pub as_of: AsOf,
}

/// Counts events that the scope sees per interval and outcome. Buckets begin at multiples of the interval since 1970-01-01T00:00:00Z,
/// those of whole weeks on Mondays.
///
/// # Errors
/// If there would be more than [`BUCKETS_MAX`] buckets, the query is stopped, or a segment cannot be read.
pub fn histogram(
    snapshot: &Snapshot,
    scope: &Scope,
    request: &HistogramRequest,
    stop: &Stop,
) -> Result<Histogram, QueryError> {
    let range = request.range;
    if range.from >= range.to {
        return Err(QueryError::Request("`from` must be before `to`".to_owned()));
    }
    let interval = request.interval.unwrap_or_else(|| Interval::chosen_for(range));
    let (first, last) = (interval.index(range.from), interval.index(range.to - 1));
    if last - first >= BUCKETS_MAX {
        return Err(QueryError::Request(format!(
            "an interval of {interval} gives {} buckets over this range, the most is {BUCKETS_MAX}",
            last - first + 1
        )));
    }
    let mut counting = Counting { range, interval, first, counts: vec![[0; 4]; (last - first + 1) as usize] };
    for source in Source::all(snapshot) {
        counting.add(snapshot, &source, Sought { filter: &request.filter, scope }, stop)?;
    }
    let buckets = counting.counts.iter().enumerate().map(|(index, counts)| Bucket {
        start: time::to_text(interval.start(first + index as i64)),
        total: counts.iter().sum(),
        counts: *counts,
    });
    Ok(Histogram {
        interval: interval.to_string(),
        buckets: buckets.collect(),
        as_of: as_of(snapshot.size, &snapshot.root),
    })
}

/// Counts the events of a time, which may be unbounded, that a filter finds and the scope sees.
///
/// # Errors
/// If the query is stopped, or a segment cannot be read.
pub fn count(
    snapshot: &Snapshot,
    scope: &Scope,
    range: TimeRange,
    filter: &Filter,
    stop: &Stop,
) -> Result<u64, QueryError> {
    let (mut earliest, mut latest) = (Micros::MAX, Micros::MIN);
    for source in Source::all(snapshot) {
        let (first, last) = source.occurred_bounds();
        (earliest, latest) = (earliest.min(first), latest.max(last));
    }
    let range = TimeRange { from: range.from.max(earliest), to: range.to.min(latest.saturating_add(1)) };
    if range.from >= range.to {
        return Ok(0);
    }
    // Whole days, so that the counts that segments keep serve.
    let interval = Interval { micros: 364 * MICROS_PER_DAY };
    let first = interval.index(range.from);
    let buckets = interval.index(range.to - 1) - first + 1;
    let mut counting = Counting { range, interval, first, counts: vec![[0; 4]; buckets as usize] };
    for source in Source::all(snapshot) {
        counting.add(snapshot, &source, Sought { filter, scope }, stop)?;
    }
    Ok(counting.counts.iter().flatten().sum())
}

struct Counting {
    range: TimeRange,
    interval: Interval,
    first: i64,
    counts: Vec<[u64; 4]>,
}

impl Counting {
    fn bucket(&self, at: Micros) -> usize {
        (self.interval.index(at) - self.first) as usize
    }

    fn add(
        &mut self,
        snapshot: &Snapshot,
        source: &Source<'_>,
        sought: Sought<'_>,
        stop: &Stop,
    ) -> Result<(), QueryError> {
        stop.check()?;
        let (earliest, latest) = source.occurred_bounds();
        if latest < self.range.from || earliest >= self.range.to {
            return Ok(());
        }
        if let Source::Segment(segment) = source
            && sought.is_everything()
            && self.interval.micros % MICROS_PER_DAY == 0
        {
            return self.add_days(source, &segment.days()?.days);
        }
        if sought.is_everything() {
            return self.add_range(source, self.range);
        }
        let organization = snapshot.organization.id.0;
        let Some(mut walk) = Walk::open(source, source.rows(), sought, self.range, organization)? else {
            return Ok(());
        };
        let outcomes = Outcomes::of(source)?;
        let order = WalkOrder::Time(Order::Ascending);
        walk.each(self.range, order, usize::MAX, stop, &mut |reader, times, found| {
            outcomes.prepare(reader, found)?;
            for &row in found {
                let bucket = self.bucket(times.occurred()[row as usize]);
                self.counts[bucket][outcomes.index(reader, row)] += 1;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Adds whole days from the counts, and what is left at both ends from the rows.
    fn add_days(&mut self, source: &Source<'_>, days: &[(i64, [u32; 4])]) -> Result<(), QueryError> {
        let first_day =
            self.range.from.div_euclid(MICROS_PER_DAY) + i64::from(self.range.from.rem_euclid(MICROS_PER_DAY) != 0);
        let end_day = self.range.to.div_euclid(MICROS_PER_DAY);
        if first_day >= end_day {
            return self.add_range(source, self.range);
        }
        let start = days.partition_point(|(day, _)| *day < first_day);
        let end = days.partition_point(|(day, _)| *day < end_day);
        for (day, counts) in &days[start..end] {
            let bucket = self.bucket(day * MICROS_PER_DAY);
            for (sum, count) in self.counts[bucket].iter_mut().zip(counts) {
                *sum += u64::from(*count);
            }
        }
        // The days at the ends are touched only if the segment has events there.
        let has_day = |day: i64| days.binary_search_by_key(&day, |(day, _)| *day).is_ok();
        if has_day(first_day - 1) && self.range.from < first_day * MICROS_PER_DAY {
            self.add_range(source, TimeRange { from: self.range.from, to: first_day * MICROS_PER_DAY })?;
        }
        if has_day(end_day) && end_day * MICROS_PER_DAY < self.range.to {
            self.add_range(source, TimeRange { from: end_day * MICROS_PER_DAY, to: self.range.to })?;
        }
        Ok(())
    }

    /// Counts every row of a range, bucket by bucket.
    fn add_range(&mut self, source: &Source<'_>, range: TimeRange) -> Result<(), QueryError> {
        let times = source.times()?;
        let (order, occurred) = (times.order(), times.occurred());
        let positions = times.positions(range);
        let outcomes = Outcomes::of(source)?;
        let mut reader = source.reader()?;
        let mut position = positions.start;
        while position < positions.end {
            let bucket = self.bucket(occurred[order.row(position) as usize]);
            let end = self.interval.start(self.first + bucket as i64 + 1);
            let end = order.positions(occurred, Micros::MIN, end.min(range.to)).end;
            for position in position..end {
                let row = order.row(position);
                outcomes.prepare(&mut reader, &[row])?;
                self.counts[bucket][outcomes.index(&mut reader, row)] += 1;
            }
            position = end;
        }
        Ok(())
    }
}

/// The outcome of each row, as an index into [`OUTCOMES`].
enum Outcomes<'s> {
    Codes(crate::source::Dictionary<'s>, Vec<usize>),
    Texts,
}

impl<'s> Outcomes<'s> {
    fn of(source: &Source<'s>) -> Result<Self, QueryError> {
        Ok(match source.column(Column::Outcome)? {
            SourceColumn::Dictionary(dictionary) => {
                let indexes = dictionary.values.iter().map(|value| outcome_index(value.unwrap_or(""))).collect();
                Self::Codes(dictionary, indexes)
            }
            _ => Self::Texts,
        })
    }

    fn prepare(&self, reader: &mut crate::source::SourceReader<'_>, rows: &[u32]) -> Result<(), QueryError> {
        match self {
            Self::Codes(..) => Ok(()),
            Self::Texts => reader.prepare(rows, &[Column::Outcome]),
        }
    }

    #[inline]
    fn index(&self, reader: &mut crate::source::SourceReader<'_>, row: u32) -> usize {
        match self {
            Self::Codes(dictionary, indexes) => match dictionary.codes[row as usize] {
                NO_CODE => 3,
                code => indexes[code as usize],
            },
            Self::Texts => outcome_index(reader.row(row).2.get(Column::Outcome).unwrap_or("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_mondays_and_days_at_midnight() {
        let at = time::parse("2026-11-29T15:00:00Z").unwrap();
        let start = |interval: &str, at| {
            let interval = Interval::parse(interval).unwrap();
            time::to_text(interval.start(interval.index(at)))
        };
        assert_eq!(start("1w", at), "2026-11-23T00:00:00.000000Z", "the Monday before that Sunday");
        assert_eq!(start("7d", at), start("1w", at));
        assert_eq!(start("1d", at), "2026-11-29T00:00:00.000000Z");
        let week = Interval::parse("1w").unwrap();
        assert_eq!(week.start(week.index(0)), -3 * MICROS_PER_DAY, "1970 began on a Thursday");
        let interval = Interval::parse("2w").unwrap();
        assert_eq!(interval.start(interval.index(at) + 1) - interval.start(interval.index(at)), 14 * MICROS_PER_DAY);
    }
}
