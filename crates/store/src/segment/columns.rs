//! Rows as columns: what a query scans in the tail, and what a segment is written from.
//!
//! A column whose texts repeat is a dictionary with a code per row; one whose texts do not is a plain array.
//! Which of the two is decided by what is in it, never by its name.

use std::any::Any;
use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use actarium_core::row::{COLUMNS, Column, Micros, RowView};
use arrow_array::StringArray;
use arrow_array::builder::StringBuilder;
use hashbrown::HashTable;

use super::erased::ErasedRows;
use super::terms::TermTable;
use crate::committed::CommittedRows;

/// The code of a row that has no text in a dictionary column.
pub const NO_CODE: u32 = u32::MAX;

/// Texts after which a column is judged while it grows: one that hardly repeats stops being a dictionary.
const JUDGED_TEXTS: usize = 32_768;

/// Texts after which a column is judged for the first time: one of which next to none has repeated by then holds ids, and is
/// spared the looking up of all others.
const JUDGED_FIRST_TEXTS: usize = 8_192;

/// Below this number of rows a column is a dictionary whatever it holds.
const SMALL_ROWS: usize = 64;

/// A dictionary holds at most one distinct text for this many rows.
const ROWS_PER_TEXT_MIN: usize = 2;

/// A run of rows in columns.
#[derive(Debug)]
pub struct Columns {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// When each row was recorded.
    pub recorded: Vec<Micros>,
    /// When each row's event happened.
    pub occurred: Vec<Micros>,
    /// The texts, by column.
    pub texts: [TextColumn; COLUMNS],
    /// The rows that have lost a part.
    pub erased: ErasedRows,
    order: OnceLock<TimeOrder>,
}

/// The texts of one column.
#[derive(Debug)]
pub enum TextColumn {
    /// No row has a text here.
    Absent,
    /// Few distinct texts, a code per row.
    Dictionary(DictionaryColumn),
    /// A text per row.
    Plain(StringArray),
}

/// A column with few distinct texts.
#[derive(Debug)]
pub struct DictionaryColumn {
    /// Index into `values` per row, or [`NO_CODE`].
    pub codes: Vec<u32>,
    /// The distinct texts, in the order in which they first occur.
    pub values: StringArray,
    postings: OnceLock<Postings>,
    terms: OnceLock<TermTable>,
    derived: parking_lot::Mutex<Vec<(u8, Arc<dyn Any + Send + Sync>)>>,
}

/// The rows of each code, ascending.
#[derive(Debug)]
pub struct Postings {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Postings {
    /// The rows that hold a code, ascending.
    pub fn rows(&self, code: u32) -> &[u32] {
        let code = code as usize;
        &self.rows[self.starts[code] as usize..self.starts[code + 1] as usize]
    }

    /// Memory in bytes.
    pub fn byte_len(&self) -> usize {
        (self.starts.len() + self.rows.len()) * 4
    }
}

impl DictionaryColumn {
    /// A dictionary column from its parts; every code is an index into `values` or [`NO_CODE`].
    pub fn new(codes: Vec<u32>, values: StringArray) -> Self {
        Self { codes, values, postings: OnceLock::new(), terms: OnceLock::new(), derived: Default::default() }
    }

    /// What a query makes of the distinct texts, made once per `key` and kept as long as the column is.
    pub fn derived<T: Any + Send + Sync>(&self, key: u8, make: impl FnOnce(&StringArray) -> T) -> Arc<T> {
        let known = || {
            let derived = self.derived.lock();
            let found = derived.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
            found.and_then(|value| value.downcast::<T>().ok())
        };
        if let Some(value) = known() {
            return value;
        }
        // Made outside the lock: two queries may both make it, and the first one's is kept.
        let made = Arc::new(make(&self.values));
        self.derived.lock().push((key, made.clone()));
        known().unwrap_or(made)
    }

    /// The text of a row.
    #[inline]
    pub fn text(&self, row: usize) -> Option<&str> {
        let code = self.codes[row];
        (code != NO_CODE).then(|| self.values.value(code as usize))
    }

    /// The rows of each code, made on first use.
    pub fn postings(&self) -> &Postings {
        use arrow_array::Array;
        self.postings.get_or_init(|| {
            let mut starts = vec![0u32; self.values.len() + 1];
            for &code in self.codes.iter().filter(|&&code| code != NO_CODE) {
                starts[code as usize + 1] += 1;
            }
            for code in 0..self.values.len() {
                starts[code + 1] += starts[code];
            }
            let mut next = starts.clone();
            let mut rows = vec![0u32; starts.last().copied().unwrap_or(0) as usize];
            for (row, &code) in self.codes.iter().enumerate().filter(|(_, code)| **code != NO_CODE) {
                rows[next[code as usize] as usize] = row as u32;
                next[code as usize] += 1;
            }
            Postings { starts, rows }
        })
    }

    /// The words of the distinct texts, as a table from word to codes, made on first use.
    pub fn terms(&self, column: Column) -> &TermTable {
        self.terms.get_or_init(|| TermTable::of_dictionary(column, &self.values))
    }

    /// Number of distinct texts.
    pub fn codes_count(&self) -> usize {
        use arrow_array::Array;
        self.values.len()
    }

    /// Memory in bytes of what a full use holds, derived tables included.
    pub fn byte_len(&self) -> usize {
        use arrow_array::Array;
        self.codes.len() * 8 + self.values.get_array_memory_size() * 2
    }
}

/// Rows by `(occurred_at, seq)` ascending.
#[derive(Debug)]
pub enum TimeOrder {
    /// The rows are in that order as they lie.
    AsRecorded,
    /// The row numbers in that order.
    Rows(Vec<u32>),
}

impl TimeOrder {
    /// The order of times that are mostly ascending: the rows that fall behind are sorted apart and merged in.
    pub fn of(occurred: &[Micros]) -> Self {
        let mut on_time = Vec::with_capacity(occurred.len());
        let mut late = Vec::new();
        let mut newest = Micros::MIN;
        for (row, &at) in occurred.iter().enumerate() {
            if at >= newest {
                newest = at;
                on_time.push(row as u32);
            } else {
                late.push(row as u32);
            }
        }
        if late.is_empty() {
            return Self::AsRecorded;
        }
        let key = |row: u32| (occurred[row as usize], row);
        late.sort_unstable_by_key(|&row| key(row));
        let mut rows = Vec::with_capacity(occurred.len());
        let (mut on_time, mut late) = (on_time.into_iter().peekable(), late.into_iter().peekable());
        loop {
            let next = match (on_time.peek(), late.peek()) {
                (Some(&a), Some(&b)) if key(a) < key(b) => on_time.next(),
                (_, Some(_)) => late.next(),
                (Some(_), None) => on_time.next(),
                (None, None) => return Self::Rows(rows),
            };
            rows.extend(next);
        }
    }

    /// The row at a position of the order.
    #[inline]
    pub fn row(&self, position: usize) -> u32 {
        match self {
            Self::AsRecorded => position as u32,
            Self::Rows(rows) => rows[position],
        }
    }

    /// The positions whose time lies in `from..to`.
    pub fn positions(&self, occurred: &[Micros], from: Micros, to: Micros) -> std::ops::Range<usize> {
        let partition = |limit: Micros| match self {
            Self::AsRecorded => occurred.partition_point(|&at| at < limit),
            Self::Rows(rows) => rows.partition_point(|&row| occurred[row as usize] < limit),
        };
        let start = partition(from);
        start..partition(to).max(start)
    }
}

impl Columns {
    /// Consecutive runs of rows in columns. Each run is dropped, if it is given away, before the next one is asked for: but for
    /// one run, rows and columns are never in memory together.
    ///
    /// # Panics
    /// If the runs do not follow each other without a gap.
    pub fn from_rows<R: Borrow<CommittedRows>>(runs: impl IntoIterator<Item = R>) -> Self {
        let mut first_seq = None;
        let (mut recorded, mut occurred) = (Vec::new(), Vec::new());
        let mut erased = ErasedRows::default();
        let mut builders: [ColumnBuilder; COLUMNS] = std::array::from_fn(|_| ColumnBuilder::default());
        for run in runs {
            let run = run.borrow();
            let first_seq = *first_seq.get_or_insert(run.first_seq);
            assert_eq!(run.first_seq, first_seq + recorded.len() as u64, "runs follow each other without a gap");
            recorded.reserve(run.rows.len());
            occurred.reserve(run.rows.len());
            for (_, recorded_at, row) in run.iter() {
                let at = recorded.len();
                recorded.push(recorded_at);
                occurred.push(row.occurred_at.unwrap_or(recorded_at));
                erased.push(at as u32, &row);
                for (builder, text) in builders.iter_mut().zip(row.texts) {
                    if let Some(text) = text {
                        builder.push(at, text);
                    }
                }
            }
        }
        let texts = builders.map(|builder| builder.finish(recorded.len()));
        Self { first_seq: first_seq.unwrap_or(0), recorded, occurred, texts, erased, order: OnceLock::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.recorded.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// The rows by time of occurrence, made on first use.
    pub fn order(&self) -> &TimeOrder {
        self.order.get_or_init(|| TimeOrder::of(&self.occurred))
    }

    /// The text of a row in a column.
    pub fn text(&self, column: Column, row: usize) -> Option<&str> {
        use arrow_array::Array;
        match &self.texts[column as usize] {
            TextColumn::Absent => None,
            TextColumn::Dictionary(dictionary) => dictionary.text(row),
            TextColumn::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }

    /// A row as it was put in.
    pub fn row(&self, row: usize) -> RowView<'_> {
        let (occurred, recorded) = (self.occurred[row], self.recorded[row]);
        let texts = Column::ALL.map(|column| self.text(column, row));
        let erased = self.erased.of(row as u32);
        RowView { occurred_at: (occurred != recorded).then_some(occurred), texts, erased }
    }
}

/// Collects one column, as a dictionary for as long as its texts repeat.
#[derive(Default)]
pub(super) struct ColumnBuilder {
    codes: Vec<u32>,
    /// The hash and the code of each distinct text; with the hash, for a table that grows to look at no text.
    seen: HashTable<(u32, u32)>,
    bytes: String,
    ends: Vec<u32>,
    plain: Option<StringBuilder>,
    plain_rows: usize,
}

impl ColumnBuilder {
    pub(super) fn push(&mut self, row: usize, text: &str) {
        if let Some(plain) = &mut self.plain {
            while self.plain_rows < row {
                plain.append_null();
                self.plain_rows += 1;
            }
            plain.append_value(text);
            self.plain_rows += 1;
            return;
        }
        // Many texts are those of the row before.
        let code = match self.codes.last() {
            Some(&last) if last != NO_CODE && self.value(last) == text => last,
            _ => self.code_of(text),
        };
        self.codes.resize(row, NO_CODE);
        self.codes.push(code);
        let (present, distinct) = (self.codes.len(), self.ends.len());
        // Texts repeat more the more there are, so that a growing column is given some grace.
        if (present.is_multiple_of(JUDGED_TEXTS) && distinct * 3 > present * 2)
            || (present == JUDGED_FIRST_TEXTS && distinct * 100 > present * 98)
        {
            self.become_plain();
        }
    }

    fn code_of(&mut self, text: &str) -> u32 {
        let hash = hash_of(text);
        let found = self.seen.find(spread(hash), |&(known, code)| known == hash && self.value(code) == text);
        if let Some(&(_, code)) = found {
            return code;
        }
        let code = self.ends.len() as u32;
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
        self.seen.insert_unique(spread(hash), (hash, code), |&(hash, _)| spread(hash));
        code
    }

    fn value(&self, code: u32) -> &str {
        let start = if code == 0 { 0 } else { self.ends[code as usize - 1] as usize };
        &self.bytes[start..self.ends[code as usize] as usize]
    }

    fn become_plain(&mut self) {
        let mut plain = StringBuilder::with_capacity(self.codes.len() * 2, self.bytes.len() * 2);
        for &code in &self.codes {
            if code == NO_CODE { plain.append_null() } else { plain.append_value(self.value(code)) }
        }
        self.plain_rows = self.codes.len();
        *self = Self { plain: Some(plain), plain_rows: self.plain_rows, ..Self::default() };
    }

    pub(super) fn finish(mut self, rows: usize) -> TextColumn {
        if self.plain.is_none() {
            if self.ends.is_empty() {
                return TextColumn::Absent;
            }
            self.codes.resize(rows, NO_CODE);
            if rows < SMALL_ROWS || repeats(self.ends.len(), rows) {
                let values = StringArray::from_iter_values((0..self.ends.len() as u32).map(|code| self.value(code)));
                return TextColumn::Dictionary(DictionaryColumn::new(self.codes, values));
            }
            self.become_plain();
        }
        let mut plain = self.plain.expect("made above");
        for _ in self.plain_rows..rows {
            plain.append_null();
        }
        TextColumn::Plain(plain.finish())
    }
}

fn hash_of(text: &str) -> u32 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::with_seed(0).hash_one(text) as u32
}

/// A hash over 64 bits, as a table takes its place from the lowest and a tag from the highest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn repeats(distinct: usize, rows: usize) -> bool {
    distinct * ROWS_PER_TEXT_MIN <= rows
}
