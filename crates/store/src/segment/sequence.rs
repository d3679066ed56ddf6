//! Rows of a segment in sequence, many at once: each column as it lies in the file, and the texts that lie in parts put
//! together again. Single rows far apart are read by `rows`.

use actarium_core::row::{COLUMNS, Column, Micros, RowView};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, StringArray};

use super::columns::{DictionaryColumn, NO_CODE};
use super::footer::{ColumnLayout, Footer};
use super::pack::Packing;
use super::read::codes_and_values;
use super::refer;
use super::shape::{Part, join_targets};

/// A decoded run of rows with every column as it lies in the file.
pub(super) struct SequenceBatch {
    pub(super) seqs: Vec<i64>,
    pub(super) recorded: Vec<Micros>,
    occurred: Vec<Micros>,
    texts: [SequenceTexts; COLUMNS],
}

enum SequenceTexts {
    Absent,
    Dictionary(Vec<u32>, StringArray),
    Plain(StringArray),
}

impl SequenceTexts {
    fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Dictionary(codes, values) => {
                let code = codes[row];
                (code != NO_CODE).then(|| values.value(code as usize))
            }
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }
}

/// The whole texts of targets that lie in parts.
fn joined_targets(
    first: &DictionaryColumn,
    rest: Option<&DictionaryColumn>,
    whole: Option<&StringArray>,
) -> StringArray {
    let rows = first.codes.len();
    let mut builder = arrow_array::builder::StringBuilder::with_capacity(rows, rows * 128);
    let mut room = String::new();
    for row in 0..rows {
        match first.text(row) {
            Some(text) => {
                room.clear();
                join_targets(text, rest.and_then(|rest| rest.text(row)), &mut room);
                builder.append_value(&room);
            }
            None => builder.append_option(whole.filter(|whole| whole.is_valid(row)).map(|whole| whole.value(row))),
        }
    }
    builder.finish()
}

/// The whole texts of messages that lie with references in place of names.
fn expanded_messages(
    short: &DictionaryColumn,
    whole: Option<&StringArray>,
    texts: &[SequenceTexts; COLUMNS],
) -> StringArray {
    let rows = short.codes.len();
    let mut builder = arrow_array::builder::StringBuilder::with_capacity(rows, rows * 64);
    let mut room = String::new();
    for row in 0..rows {
        match short.text(row) {
            Some(text) => {
                let text_of = |column: Column| texts[column as usize].text(row);
                room.clear();
                refer::expand(text, &refer::names(text_of(Column::Actor), text_of(Column::Targets)), &mut room);
                builder.append_value(&room);
            }
            None => builder.append_option(whole.filter(|whole| whole.is_valid(row)).map(|whole| whole.value(row))),
        }
    }
    builder.finish()
}

impl SequenceBatch {
    pub(super) fn new(batch: &RecordBatch, footer: &Footer) -> Option<Self> {
        let times = |leaf: usize| batch.column(leaf).as_primitive_opt::<TimestampMicrosecondType>();
        let mut texts: [SequenceTexts; COLUMNS] = std::array::from_fn(|_| SequenceTexts::Absent);
        for column in Column::ALL {
            texts[column as usize] = match &footer.layout[column as usize] {
                ColumnLayout::Absent => SequenceTexts::Absent,
                ColumnLayout::Dictionary { leaf } => {
                    let (codes, values) = codes_and_values(batch.column(*leaf))?;
                    SequenceTexts::Dictionary(codes, values)
                }
                // Made below, when the columns that they refer to are there.
                ColumnLayout::Parts { .. } => SequenceTexts::Absent,
                ColumnLayout::Plain { text, packed: None } => {
                    SequenceTexts::Plain(batch.column((*text)?).as_string_opt::<i32>()?.clone())
                }
                ColumnLayout::Plain { text, packed: Some((leaf, packing)) } => {
                    let ids = batch.column(*leaf).as_fixed_size_binary_opt()?;
                    let others = text.and_then(|leaf| batch.column(leaf).as_string_opt::<i32>().cloned());
                    SequenceTexts::Plain(unpacked(ids, others.as_ref(), packing))
                }
            };
        }
        for column in [Column::Targets, Column::Message] {
            if let ColumnLayout::Parts { parts, whole } = &footer.layout[column as usize] {
                let whole = whole.and_then(|whole| batch.column(whole.leaf).as_string_opt::<i32>());
                let dictionary = |wanted: Part| {
                    let leaf = parts.iter().find(|(part, _)| *part == wanted)?.1;
                    codes_and_values(batch.column(leaf)).map(|(codes, values)| DictionaryColumn::new(codes, values))
                };
                let joined = match column {
                    Column::Targets => {
                        joined_targets(&dictionary(Part::TargetsFirst)?, dictionary(Part::TargetsRest).as_ref(), whole)
                    }
                    _ => expanded_messages(&dictionary(Part::MessageShort)?, whole, &texts),
                };
                texts[column as usize] = SequenceTexts::Plain(joined);
            }
        }
        Some(Self {
            seqs: batch.column(0).as_primitive_opt::<Int64Type>()?.values().to_vec(),
            recorded: times(1)?.values().to_vec(),
            occurred: times(2)?.values().to_vec(),
            texts,
        })
    }

    pub(super) fn row(&self, row: usize) -> RowView<'_> {
        let mut view = RowView::EMPTY;
        view.occurred_at = (self.occurred[row] != self.recorded[row]).then_some(self.occurred[row]);
        for (text, column) in view.texts.iter_mut().zip(&self.texts) {
            *text = column.text(row);
        }
        view
    }
}

fn unpacked(ids: &arrow_array::FixedSizeBinaryArray, others: Option<&StringArray>, packing: &Packing) -> StringArray {
    let mut builder = arrow_array::builder::StringBuilder::with_capacity(ids.len(), ids.len() * 36);
    let mut room = String::new();
    for row in 0..ids.len() {
        if ids.is_valid(row) {
            room.clear();
            packing.unpack(ids.value(row), &mut room);
            builder.append_value(&room);
        } else {
            builder.append_option(others.filter(|others| others.is_valid(row)).map(|others| others.value(row)));
        }
    }
    builder.finish()
}
