//! Columns that lie in the file as parts, because the parts repeat where the whole does not: targets as the first and
//! the others, messages with references in place of names. What does not fit the shape is kept whole in the column of
//! the usual name.

use actarium_core::row::Column;
use arrow_array::{Array, StringArray};

use super::columns::{ColumnBuilder, Columns, DictionaryColumn, TextColumn};
use super::refer;

/// The share of rows, in percent, that must fit a shape for it to be used.
const FITTING_PERCENT_MIN: usize = 90;

/// A part of a column, kept as a dictionary of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// The first target, as an array of one.
    TargetsFirst = 32,
    /// The targets behind the first, as an array.
    TargetsRest = 33,
    /// The message with references in place of names.
    MessageShort = 34,
}

impl Part {
    pub(super) const ALL: [Part; 3] = [Part::TargetsFirst, Part::TargetsRest, Part::MessageShort];

    /// The column that it is a part of.
    pub const fn column(self) -> Column {
        match self {
            Part::TargetsFirst | Part::TargetsRest => Column::Targets,
            Part::MessageShort => Column::Message,
        }
    }

    /// The name of the part's column in the file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Part::TargetsFirst => "targets_first",
            Part::TargetsRest => "targets_rest",
            Part::MessageShort => "message_short",
        }
    }
}

/// A column taken apart.
pub(super) struct Shaped {
    pub(super) parts: Vec<(Part, DictionaryColumn)>,
    /// The texts that do not fit, if there are any.
    pub(super) whole: Option<StringArray>,
}

/// The column in its shape, if it has one and its parts repeat.
pub(super) fn shape(columns: &Columns, column: Column) -> Option<Shaped> {
    match column {
        Column::Targets => split_targets(columns),
        Column::Message => short_messages(columns),
        _ => None,
    }
}

/// Calls `f` with each object of a canonical array of objects, as it stands, and where it ends; stops when `f` says no.
/// `None` if it did, or if the text is something else.
fn each_object<'a>(array: &'a str, mut f: impl FnMut(&'a str, usize) -> Option<()>) -> Option<()> {
    let (mut depth, mut start, mut in_text, mut escaped) = (0usize, 1usize, false, false);
    for (at, byte) in array.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                if depth == 2 {
                    start = at;
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 1 {
                    f(&array[start..=at], at + 1)?;
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// Where the first target ends, if no other target is of its type: only then is no event counted twice when either part
/// is counted by type.
fn first_end(targets: &str) -> Option<usize> {
    const TYPE: &str = "{\"type\":\"";
    let mut first: Option<(&str, usize)> = None;
    each_object(targets, |object, end| {
        let kind = object.strip_prefix(TYPE)?.split('"').next()?;
        match first {
            None => first = Some((kind, end)),
            Some((other, _)) if other == kind => return None,
            Some(_) => {}
        }
        Some(())
    })?;
    first.map(|(_, end)| end)
}

fn split_targets(columns: &Columns) -> Option<Shaped> {
    let TextColumn::Plain(texts) = &columns.texts[Column::Targets as usize] else { return None };
    let (mut first, mut rest) = (ColumnBuilder::default(), ColumnBuilder::default());
    let mut whole: Vec<Option<&str>> = vec![None; texts.len()];
    let mut unfit = 0;
    let mut room = String::new();
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        match first_end(text) {
            Some(end) => {
                room.clear();
                room.push_str(&text[..end]);
                room.push(']');
                first.push(row, &room);
                if let Some(others) = text[end..].strip_prefix(',') {
                    room.clear();
                    room.push('[');
                    room.push_str(others);
                    rest.push(row, &room);
                }
            }
            None => {
                whole[row] = Some(text);
                unfit += 1;
            }
        }
    }
    let mut parts = Vec::new();
    for (part, builder) in [(Part::TargetsFirst, first), (Part::TargetsRest, rest)] {
        match builder.finish(texts.len()) {
            TextColumn::Absent if part == Part::TargetsRest => {}
            TextColumn::Dictionary(dictionary) => parts.push((part, dictionary)),
            _ => return None,
        }
    }
    fitting(texts.len(), unfit).then(|| Shaped { parts, whole: (unfit > 0).then(|| whole.into_iter().collect()) })
}

fn short_messages(columns: &Columns) -> Option<Shaped> {
    let TextColumn::Plain(texts) = &columns.texts[Column::Message as usize] else { return None };
    let mut builder = ColumnBuilder::default();
    let mut whole: Vec<Option<&str>> = vec![None; texts.len()];
    let mut unfit = 0;
    let mut short = String::new();
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let names = refer::names(columns.text(Column::Actor, row), columns.text(Column::Targets, row));
        short.clear();
        if refer::shorten(text, &names, &mut short) {
            builder.push(row, &short);
        } else {
            whole[row] = Some(text);
            unfit += 1;
        }
    }
    match builder.finish(texts.len()) {
        TextColumn::Dictionary(dictionary) if fitting(texts.len(), unfit) => {
            let whole = (unfit > 0).then(|| whole.into_iter().collect());
            Some(Shaped { parts: vec![(Part::MessageShort, dictionary)], whole })
        }
        _ => None,
    }
}

fn fitting(rows: usize, unfit: usize) -> bool {
    (rows - unfit) * 100 >= rows * FITTING_PERCENT_MIN
}

/// Appends the array that a first target and the others make.
pub(super) fn join_targets(first: &str, rest: Option<&str>, joined: &mut String) {
    match rest {
        None => joined.push_str(first),
        Some(rest) => {
            joined.push_str(&first[..first.len() - 1]);
            joined.push(',');
            joined.push_str(&rest[1..]);
        }
    }
}
