//! Counts per day and outcome, kept with a segment so that a count over a long time reads no rows.

use actarium_core::row::{Column, push_varint, take_varint};

use super::columns::{Columns, NO_CODE, TextColumn};

/// Microseconds of a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The outcomes in the order in which they are counted.
pub const OUTCOMES: [&str; 4] = ["success", "failure", "denied", "unknown"];

/// The place of an outcome in [`OUTCOMES`]; what is none of them counts as unknown.
pub fn outcome_index(outcome: &str) -> usize {
    OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(3)
}

/// Events per day (UTC, by `occurred_at`) and outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// `(days since 1970-01-01, count per outcome)`, ascending, without empty days.
    pub days: Vec<(i64, [u32; 4])>,
}

impl DayCounts {
    /// The counts of rows.
    pub fn of(columns: &Columns) -> Self {
        let outcome_of: Box<dyn Fn(usize) -> usize> = match &columns.texts[Column::Outcome as usize] {
            TextColumn::Dictionary(dictionary) => {
                let outcomes: Vec<usize> = dictionary.values.iter().map(|v| outcome_index(v.unwrap_or(""))).collect();
                Box::new(move |row| match dictionary.codes[row] {
                    NO_CODE => 3,
                    code => outcomes[code as usize],
                })
            }
            _ => Box::new(|row| outcome_index(columns.text(Column::Outcome, row).unwrap_or(""))),
        };
        let mut days = std::collections::BTreeMap::<i64, [u32; 4]>::new();
        for (row, at) in columns.occurred.iter().enumerate() {
            days.entry(at.div_euclid(MICROS_PER_DAY)).or_default()[outcome_of(row)] += 1;
        }
        Self { days: days.into_iter().collect() }
    }

    /// Memory in bytes.
    pub fn byte_len(&self) -> usize {
        self.days.len() * 24
    }

    /// The counts as they are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = 0;
        for (day, counts) in &self.days {
            // Days before 1970 are refused at ingest, so a difference is never negative.
            push_varint(&mut bytes, (day - before) as u64);
            before = *day;
            for count in counts {
                push_varint(&mut bytes, u64::from(*count));
            }
        }
        bytes
    }

    /// Counts as they were stored; `None` if they are cut.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut days = Vec::new();
        let mut day = 0i64;
        while !bytes.is_empty() {
            let (delta, rest) = take_varint(bytes)?;
            bytes = rest;
            day = day.checked_add(i64::try_from(delta).ok()?)?;
            let mut counts = [0u32; 4];
            for count in &mut counts {
                let (value, rest) = take_varint(bytes)?;
                *count = u32::try_from(value).ok()?;
                bytes = rest;
            }
            days.push((day, counts));
        }
        Some(Self { days })
    }
}
