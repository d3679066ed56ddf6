//! The most frequent values of fields, with counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use actarium_core::filter::{Filter, PROJECT, Scope};
use actarium_core::row::Column;
use actarium_core::stored;
use actarium_store::Snapshot;
use actarium_store::segment::{NO_CODE, Part};
use arrow_array::StringArray;
use serde::Serialize;

use crate::sought::Sought;
use crate::source::{Dictionary, Source, SourceColumn, SourceReader};
use crate::walk::{Walk, WalkOrder};
use crate::{AsOf, Order, QueryError, Stop, TimeRange, as_of};

/// Most values of one field in an answer.
pub const FACET_VALUES_MAX: usize = 1_000;

/// Most distinct values counted for one field; a query with more is refused, as it would need too much memory.
const DISTINCT_VALUES_MAX: usize = 1_000_000;

/// Most bytes of the distinct values that one query counts, their names and what the count of each takes included; a query
/// with more is refused.
const DISTINCT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes that counting a value takes besides its text and its name's.
const VALUE_BYTES: usize = 96;

/// A field whose values can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FacetField {
    /// The actor's id, with the name.
    Actor,
    /// The actor's type.
    ActorType,
    /// The action.
    Action,
    /// The outcome.
    Outcome,
    /// The type of the first target.
    Resource,
    /// The types of all targets.
    TargetType,
    /// The id of the first target, with the name.
    Target,
    /// The ids of targets of type `project`, with the names.
    Project,
    /// The ids of targets of type `component`, with the names.
    Component,
    /// The ids of targets of type `environment`, with the names.
    Environment,
    /// Which way the event came.
    Source,
    /// The address.
    Ip,
    /// The surface.
    Surface,
}

impl FacetField {
    /// All fields.
    pub const ALL: [FacetField; 13] = [
        Self::Actor,
        Self::ActorType,
        Self::Action,
        Self::Outcome,
        Self::Resource,
        Self::TargetType,
        Self::Target,
        Self::Project,
        Self::Component,
        Self::Environment,
        Self::Source,
        Self::Ip,
        Self::Surface,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::ActorType => "actor_type",
            Self::Action => "action",
            Self::Outcome => "outcome",
            Self::Resource => "resource",
            Self::TargetType => "target_type",
            Self::Target => "target",
            Self::Project => "project",
            Self::Component => "component",
            Self::Environment => "environment",
            Self::Source => "source",
            Self::Ip => "ip",
            Self::Surface => "surface",
        }
    }

    /// The field with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    fn column(self) -> Column {
        match self {
            Self::Actor | Self::ActorType => Column::Actor,
            Self::Action => Column::Action,
            Self::Outcome => Column::Outcome,
            Self::Resource | Self::TargetType | Self::Target => Column::Targets,
            Self::Project | Self::Component | Self::Environment => Column::Targets,
            Self::Source => Column::Source,
            Self::Ip => Column::Ip,
            Self::Surface => Column::Surface,
        }
    }

    fn is_of_first_target(self) -> bool {
        matches!(self, Self::Resource | Self::Target)
    }

    /// Calls `f` with each distinct value (and its name) that a stored text has for this field. An id that was erased is none.
    fn values<'t>(self, text: &'t str, f: &mut dyn FnMut(Cow<'t, str>, Option<Cow<'t, str>>)) {
        let of_kind = |kind: &str, f: &mut dyn FnMut(Cow<'t, str>, Option<Cow<'t, str>>)| {
            let mut seen: Vec<Cow<'t, str>> = Vec::new();
            for target in stored::targets(text).filter(|target| target.kind == kind && !target.id.is_empty()) {
                if !seen.contains(&target.id) {
                    seen.push(target.id.clone());
                    f(target.id, target.name);
                }
            }
        };
        match self {
            Self::Actor => {
                let actor = stored::actors(text).next().filter(|actor| !actor.id.is_empty());
                actor.into_iter().for_each(|actor| f(actor.id, actor.name));
            }
            Self::ActorType => stored::actors(text).take(1).for_each(|actor| f(actor.kind, None)),
            Self::Resource => stored::targets(text).take(1).for_each(|target| f(target.kind, None)),
            Self::Target => {
                let target = stored::targets(text).next().filter(|target| !target.id.is_empty());
                target.into_iter().for_each(|target| f(target.id, target.name));
            }
            Self::TargetType => {
                let mut seen: Vec<Cow<'t, str>> = Vec::new();
                for target in stored::targets(text) {
                    if !seen.contains(&target.kind) {
                        seen.push(target.kind.clone());
                        f(target.kind, None);
                    }
                }
            }
            Self::Project => of_kind(PROJECT, f),
            Self::Component => of_kind("component", f),
            Self::Environment => of_kind("environment", f),
            Self::Action | Self::Outcome | Self::Source | Self::Ip | Self::Surface => f(Cow::Borrowed(text), None),
        }
    }
}

/// What to count.
#[derive(Clone, Debug)]
pub struct FacetRequest {
    /// When the events happened.
    pub range: TimeRange,
    /// Which events.
    pub filter: Filter,
    /// Whose values.
    pub fields: Vec<FacetField>,
    /// Values per field, 1 to [`FACET_VALUES_MAX`].
    pub limit: usize,
}

/// A value and how many events have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// What it is called, where the counted events say so: the name in the newest segment in which one of them has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Events that have it.
    pub count: u64,
}

/// The most frequent values by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Most frequent first, then by value.
    pub facets: std::collections::BTreeMap<&'static str, Vec<FacetValue>>,
    /// The state of the log.
    pub as_of: AsOf,
}

/// Counts the values of fields of the events that the scope sees.
///
/// # Errors
/// If the query is stopped, a field has more than a million values, all of them take more than 256 MiB, or a segment cannot
/// be read.
pub fn facets(snapshot: &Snapshot, scope: &Scope, request: &FacetRequest, stop: &Stop) -> Result<Facets, QueryError> {
    let bytes_max = DISTINCT_BYTES_MAX / request.fields.len().max(1);
    let mut totals: Vec<Totals> = request.fields.iter().map(|field| Totals::new(*field, bytes_max)).collect();
    for source in Source::all(snapshot) {
        stop.check()?;
        count_source(snapshot, &source, scope, request, stop, &mut totals)?;
    }
    let limit = request.limit.clamp(1, FACET_VALUES_MAX);
    let facets = totals.into_iter().map(|totals| (totals.field.name(), totals.top(limit))).collect();
    Ok(Facets { facets, as_of: as_of(snapshot.size, &snapshot.root) })
}

/// The counts of one field over all sources.
struct Totals {
    field: FacetField,
    /// Senders choose the values, so they must not be able to choose where they land.
    values: HashMap<String, (u64, Option<String>), foldhash::fast::RandomState>,
    /// How many more bytes there may be.
    bytes_left: usize,
}

impl Totals {
    fn new(field: FacetField, bytes_max: usize) -> Self {
        Self { field, values: HashMap::default(), bytes_left: bytes_max }
    }

    fn add(&mut self, value: &str, name: Option<&str>, count: u64) -> Result<(), QueryError> {
        if let Some((total, known_name)) = self.values.get_mut(value) {
            *total += count;
            if name.is_some() && known_name.as_deref() != name {
                let freed_bytes = self.bytes_left + known_name.as_ref().map_or(0, String::len);
                self.bytes_left = left_of(freed_bytes, name.map_or(0, str::len), self.field)?;
                *known_name = name.map(str::to_owned);
            }
            return Ok(());
        }
        if self.values.len() >= DISTINCT_VALUES_MAX {
            let field = self.field.name();
            return Err(QueryError::TooLarge(format!("`{field}` has more than {DISTINCT_VALUES_MAX} values")));
        }
        let bytes = value.len() + name.map_or(0, str::len) + VALUE_BYTES;
        self.bytes_left = left_of(self.bytes_left, bytes, self.field)?;
        self.values.insert(value.to_owned(), (count, name.map(str::to_owned)));
        Ok(())
    }

    fn top(self, limit: usize) -> Vec<FacetValue> {
        let mut values: Vec<FacetValue> =
            self.values.into_iter().map(|(value, (count, name))| FacetValue { value, name, count }).collect();
        let by_rank = |a: &FacetValue, b: &FacetValue| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value));
        if values.len() > limit {
            values.select_nth_unstable_by(limit - 1, by_rank);
            values.truncate(limit);
        }
        values.sort_unstable_by(by_rank);
        values
    }
}

/// What is left of the room when a value takes its bytes.
fn left_of(bytes_left: usize, bytes: usize, field: FacetField) -> Result<usize, QueryError> {
    bytes_left.checked_sub(bytes).ok_or_else(|| {
        let field = field.name();
        QueryError::TooLarge(format!("the values of `{field}` take too much memory; narrow the search"))
    })
}

/// A column whose codes are counted for one or more fields.
struct CodeCounts<'s> {
    column: Column,
    part: Option<Part>,
    dictionary: Dictionary<'s>,
    counts: Vec<u64>,
}

fn count_source<'s>(
    snapshot: &'s Snapshot,
    source: &Source<'s>,
    scope: &'s Scope,
    request: &'s FacetRequest,
    stop: &Stop,
    totals: &mut [Totals],
) -> Result<(), QueryError> {
    let organization = snapshot.organization.id.0;
    let sought = Sought { filter: &request.filter, scope };
    let Some(mut walk) = Walk::open(source, source.rows(), sought, request.range, organization)? else {
        return Ok(());
    };
    let mut coded: Vec<CodeCounts<'s>> = Vec::new();
    let mut plain: Vec<Column> = Vec::new();
    // Columns in parts some of whose texts are kept whole: those rows have no code in the first part.
    let mut whole_texts: Vec<Column> = Vec::new();
    for field in &request.fields {
        let column = field.column();
        if coded.iter().any(|known| known.column == column) || plain.contains(&column) {
            continue;
        }
        match source.column(column)? {
            SourceColumn::Absent => {}
            SourceColumn::Dictionary(dictionary) => {
                let counts = vec![0; dictionary.codes_count()];
                coded.push(CodeCounts { column, part: None, dictionary, counts });
            }
            SourceColumn::Plain => plain.push(column),
            SourceColumn::Parts { whole } => {
                let Source::Segment(segment) = source else { unreachable!("only segments have parts") };
                for part in [Part::TargetsFirst, Part::TargetsRest] {
                    if let Some(dictionary) = segment.part(part)? {
                        let dictionary = Dictionary::Segment(dictionary);
                        let counts = vec![0; dictionary.codes_count()];
                        coded.push(CodeCounts { column, part: Some(part), dictionary, counts });
                    }
                }
                if whole {
                    whole_texts.push(column);
                }
            }
        }
    }
    let order = WalkOrder::Time(Order::Ascending);
    walk.each(request.range, order, usize::MAX, stop, &mut |reader, _, found| {
        for CodeCounts { dictionary, counts, .. } in &mut coded {
            for &row in found {
                let code = dictionary.codes[row as usize];
                if code != NO_CODE {
                    counts[code as usize] += 1;
                }
            }
        }
        if !whole_texts.is_empty() {
            let first = coded.iter().find(|counts| counts.part == Some(Part::TargetsFirst));
            let unfit = |row: &&u32| first.is_none_or(|first| first.dictionary.codes[**row as usize] == NO_CODE);
            let unfit: Vec<u32> = found.iter().filter(unfit).copied().collect();
            count_texts(reader, &unfit, &whole_texts, totals)?;
        }
        count_texts(reader, found, &plain, totals)?;
        Ok(ControlFlow::Continue(()))
    })?;
    for CodeCounts { column, part, dictionary, counts } in &coded {
        for totals in totals.iter_mut().filter(|totals| totals.field.column() == *column) {
            if *part == Some(Part::TargetsRest) && totals.field.is_of_first_target() {
                continue;
            }
            add_codes(dictionary, counts, totals)?;
        }
    }
    Ok(())
}

/// Counts the values of rows whose texts have to be read.
fn count_texts(
    reader: &mut SourceReader<'_>,
    rows: &[u32],
    columns: &[Column],
    totals: &mut [Totals],
) -> Result<(), QueryError> {
    if columns.is_empty() || rows.is_empty() {
        return Ok(());
    }
    reader.prepare(rows, columns)?;
    for &row in rows {
        let (_, _, view) = reader.row(row);
        for totals in totals.iter_mut().filter(|totals| columns.contains(&totals.field.column())) {
            let mut added = Ok(());
            if let Some(text) = view.get(totals.field.column()) {
                totals.field.values(text, &mut |value, name| {
                    if added.is_ok() {
                        added = totals.add(&value, name.as_deref(), 1);
                    }
                });
            }
            added?;
        }
    }
    Ok(())
}

/// A code's value without a name.
const NO_NAME: u32 = u32::MAX;

/// The values of a field in a dictionary: each distinct one, and which of them every code has under which name.
struct FieldValues {
    values: Vec<String>,
    names: Vec<String>,
    /// For each code, where its values end in `of_codes`.
    ends: Vec<u32>,
    /// Indexes into `values` and, unless it is [`NO_NAME`], `names`.
    of_codes: Vec<(u32, u32)>,
}

impl FieldValues {
    fn of(field: FacetField, texts: &StringArray) -> Self {
        let (mut values, mut names) = (Numbered::default(), Numbered::default());
        let (mut ends, mut of_codes) = (Vec::new(), Vec::new());
        for text in texts.iter() {
            field.values(text.unwrap_or_default(), &mut |value, name| {
                of_codes.push((values.number(&value), name.map_or(NO_NAME, |name| names.number(&name))));
            });
            ends.push(of_codes.len() as u32);
        }
        Self { values: values.texts, names: names.texts, ends, of_codes }
    }
}

/// Distinct texts, numbered as they come.
#[derive(Default)]
struct Numbered {
    texts: Vec<String>,
    numbers: HashMap<String, u32, foldhash::fast::FixedState>,
}

impl Numbered {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

/// Adds what was counted by code. A name counts only if a counted event has it: others may be out of sight.
fn add_codes(dictionary: &Dictionary<'_>, counts: &[u64], totals: &mut Totals) -> Result<(), QueryError> {
    let field = totals.field;
    let known: Arc<FieldValues> = dictionary.derived(field as u8, |texts| FieldValues::of(field, texts));
    let mut sums = vec![(0u64, NO_NAME); known.values.len()];
    let mut start = 0;
    for (count, end) in counts.iter().zip(&known.ends) {
        let of_code = &known.of_codes[start..*end as usize];
        start = *end as usize;
        if *count == 0 {
            continue;
        }
        for (value, name) in of_code {
            let (sum, last_name) = &mut sums[*value as usize];
            *sum += count;
            if *name != NO_NAME {
                *last_name = *name;
            }
        }
    }
    for ((sum, name), value) in sums.into_iter().zip(&known.values).filter(|((sum, _), _)| *sum > 0) {
        totals.add(value, known.names.get(name as usize).map(String::as_str), sum)?;
    }
    Ok(())
}
