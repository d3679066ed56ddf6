//! The word index: from the hash of a word to the places that hold it.
//!
//! A place is a code of a dictionary, or a block of [`BLOCK_ROWS`] rows for the columns that hold a text per row.
//! Words that are nearly everywhere have no list. Hashes collide, so whoever asks checks what the places hold: the
//! index may name a place too many, never one too few.

use actarium_core::row::{Column, push_varint, take_varint};
use actarium_core::text;
use arrow_array::{Array, StringArray};
use hashbrown::HashMap;

/// Rows in a block of the word index of text columns.
pub const BLOCK_ROWS: usize = 128;

/// A word that is in more than one place of this many has no list.
const LISTED_SHARE: usize = 4;

/// Below this number of places every list is kept.
const LISTED_PLACES_MIN: usize = 16;

/// Words in a group of the table; within it lists are skipped one by one.
const GROUP_WORDS: usize = 32;

/// A stable 64-bit hash (FNV-1a with a finisher): the hashes are stored, so it must never change.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    finish(bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| step(hash, byte)))
}

/// The hash of an id: of its words in order, so that case and separators do not matter; of the text itself if it has
/// none.
pub fn id_hash(id: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut words = 0;
    text::tokens(id, &mut |word| {
        hash = step(word.bytes().fold(hash, step), 0xff);
        words += 1;
    });
    if words == 0 { stable_hash(id.as_bytes()) } else { finish(hash) }
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// Where a word may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// Nowhere.
    Nowhere,
    /// In these places at most, ascending.
    These(Vec<u32>),
    /// Perhaps anywhere: it is too common to have a list.
    Anywhere,
}

impl Places {
    /// The places that both may be in.
    pub fn and(self, other: Places) -> Places {
        match (self, other) {
            (Places::Nowhere, _) | (_, Places::Nowhere) => Places::Nowhere,
            (Places::Anywhere, other) => other,
            (this, Places::Anywhere) => this,
            (Places::These(a), Places::These(b)) => {
                let mut both = Vec::with_capacity(a.len().min(b.len()));
                let mut rest = b.as_slice();
                for place in a {
                    rest = &rest[rest.partition_point(|&other| other < place)..];
                    if rest.first() == Some(&place) {
                        both.push(place);
                    }
                }
                if both.is_empty() { Places::Nowhere } else { Places::These(both) }
            }
        }
    }
}

/// Collects words and their places.
#[derive(Default)]
pub struct TermTableBuilder {
    lists: HashMap<u32, List, foldhash::fast::FixedState>,
}

#[derive(Default)]
struct List {
    places: u32,
    /// The last place plus one.
    after_last: u32,
    deltas: Vec<u8>,
}

impl TermTableBuilder {
    /// Notes that a place holds a word. Places come in ascending order.
    pub fn add(&mut self, word: &str, place: u32) {
        let list = self.lists.entry(stable_hash(word.as_bytes()) as u32).or_default();
        if list.after_last == place + 1 {
            return;
        }
        push_varint(&mut list.deltas, u64::from(place - list.after_last));
        list.after_last = place + 1;
        list.places += 1;
    }

    /// Notes that a place holds the words of a column's text.
    pub fn add_texts(&mut self, column: Column, value: &str, place: u32) {
        text::column_texts(column, value, &mut |text| text::tokens(text, &mut |word| self.add(word, place)));
    }

    /// The table over `places` places.
    pub fn finish(self, places: usize) -> TermTable {
        let mut words: Vec<(u32, List)> = self.lists.into_iter().collect();
        words.sort_unstable_by_key(|(hash, _)| *hash);
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(words.len() as u32).to_le_bytes());
        let groups = words.len().div_ceil(GROUP_WORDS);
        let directory = bytes.len();
        bytes.resize(directory + groups * 8, 0);
        for (group, words) in words.chunks(GROUP_WORDS).enumerate() {
            let at = directory + group * 8;
            bytes[at..at + 4].copy_from_slice(&words[0].0.to_le_bytes());
            let start = (bytes.len() as u32).to_le_bytes();
            bytes[at + 4..at + 8].copy_from_slice(&start);
            let mut before = words[0].0;
            for (hash, list) in words {
                push_varint(&mut bytes, u64::from(hash - before));
                before = *hash;
                let listed =
                    list.places as usize <= LISTED_PLACES_MIN || (list.places as usize) * LISTED_SHARE <= places;
                // The length of the list in bytes; 0 for a word without one.
                push_varint(&mut bytes, if listed { list.deltas.len() as u64 } else { 0 });
                if listed {
                    bytes.extend_from_slice(&list.deltas);
                }
            }
        }
        TermTable { bytes }
    }
}

/// From word to places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermTable {
    bytes: Vec<u8>,
}

impl TermTable {
    /// The table of a dictionary's words; a place is a code.
    pub fn of_dictionary(column: Column, values: &StringArray) -> Self {
        let mut builder = TermTableBuilder::default();
        for (code, value) in values.iter().enumerate() {
            builder.add_texts(column, value.unwrap_or_default(), code as u32);
        }
        builder.finish(values.len())
    }

    /// A table as it was stored; `None` if it is cut or its directory points outside.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let words = u32::from_le_bytes(*bytes.first_chunk::<4>()?) as usize;
        let directory_end = 4 + words.div_ceil(GROUP_WORDS) * 8;
        (bytes.len() >= directory_end).then_some(Self { bytes })
    }

    /// The table as it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a word (lower case, as `text::tokens` gives it) may be.
    pub fn places(&self, word: &str) -> Places {
        let hash = stable_hash(word.as_bytes()) as u32;
        // A damaged table answers as if it knew nothing: everything is then looked at.
        self.find(hash).unwrap_or(Places::Anywhere)
    }

    /// Where all of the words may be together.
    pub fn places_of_all<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Places {
        words.into_iter().fold(Places::Anywhere, |places, word| {
            if places == Places::Nowhere { places } else { places.and(self.places(word)) }
        })
    }

    fn find(&self, hash: u32) -> Option<Places> {
        let words = self.u32_at(0)? as usize;
        let groups = words.div_ceil(GROUP_WORDS);
        let (mut low, mut high) = (0, groups);
        while low < high {
            let middle = (low + high) / 2;
            if self.u32_at(4 + middle * 8)? <= hash { low = middle + 1 } else { high = middle }
        }
        let Some(group) = low.checked_sub(1) else { return Some(Places::Nowhere) };
        let mut current = u64::from(self.u32_at(4 + group * 8)?);
        let mut rest = self.bytes.get(self.u32_at(8 + group * 8)? as usize..)?;
        for _ in 0..GROUP_WORDS.min(words - group * GROUP_WORDS) {
            let (delta, after) = take_varint(rest)?;
            let (length, after) = take_varint(after)?;
            current += delta;
            let (list, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
            if current == u64::from(hash) {
                return Self::list(list);
            }
            if current > u64::from(hash) {
                break;
            }
            rest = after;
        }
        Some(Places::Nowhere)
    }

    fn list(mut bytes: &[u8]) -> Option<Places> {
        if bytes.is_empty() {
            return Some(Places::Anywhere);
        }
        let mut places = Vec::new();
        let mut next = 0u32;
        while !bytes.is_empty() {
            let (delta, after) = take_varint(bytes)?;
            let place = next.checked_add(u32::try_from(delta).ok()?)?;
            places.push(place);
            next = place.checked_add(1)?;
            bytes = after;
        }
        Some(Places::These(places))
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk::<4>()?))
    }
}
