//! The most frequent values of fields, with counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use actarium_core::filter::Filter;
use actarium_core::row::Column;
use actarium_core::stored;
use actarium_store::Snapshot;
use actarium_store::segment::{NO_CODE, Part};
use arrow_array::StringArray;
use serde::Serialize;

use crate::source::{Dictionary, Source, SourceColumn, SourceReader};
use crate::walk::{Walk, WalkOrder};
use crate::{AsOf, Order, QueryError, Stop, TimeRange, as_of};

/// Most values of one field in an answer.
pub const FACET_VALUES_MAX: usize = 1_000;

/// Most distinct values counted for one field; a query with more is refused, as it would need too much memory.
const DISTINCT_VALUES_MAX: usize = 1_000_000;

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

    /// Calls `f` with each distinct value (and its name) that a stored text has for this field.
    fn values<'t>(self, text: &'t str, f: &mut dyn FnMut(Cow<'t, str>, Option<Cow<'t, str>>)) {
        let of_kind = |kind: &str, f: &mut dyn FnMut(Cow<'t, str>, Option<Cow<'t, str>>)| {
            let mut seen: Vec<Cow<'t, str>> = Vec::new();
            for target in stored::targets(text).filter(|target| target.kind == kind) {
                if !seen.contains(&target.id) {
                    seen.push(target.id.clone());
                    f(target.id, target.name);
                }
            }
        };
        match self {
            Self::Actor => stored::actors(text).take(1).for_each(|actor| f(actor.id, actor.name)),
            Self::ActorType => stored::actors(text).take(1).for_each(|actor| f(actor.kind, None)),
            Self::Resource => stored::targets(text).take(1).for_each(|target| f(target.kind, None)),
            Self::Target => stored::targets(text).take(1).for_each(|target| f(target.id, target.name)),
            Self::TargetType => {
                let mut seen: Vec<Cow<'t, str>> = Vec::new();
                for target in stored::targets(text) {
                    if !seen.contains(&target.kind) {
                        seen.push(target.kind.clone());
                        f(target.kind, None);
                    }
                }
            }
            Self::Project => of_kind("project", f),
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
    /// What it is called, where the events say so: the name in the newest segment that has one.
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

/// Counts the values of fields.
///
/// # Errors
/// If the query is stopped, a field has more than a million values, or a segment cannot be read.
pub fn facets(snapshot: &Snapshot, request: &FacetRequest, stop: &Stop) -> Result<Facets, QueryError> {
    let mut totals: Vec<Totals> = request.fields.iter().map(|field| Totals::new(*field)).collect();
    for source in Source::all(snapshot) {
        stop.check()?;
        count_source(snapshot, &source, request, stop, &mut totals)?;
    }
    let limit = request.limit.clamp(1, FACET_VALUES_MAX);
    let facets = totals.into_iter().map(|totals| (totals.field.name(), totals.top(limit))).collect();
    Ok(Facets { facets, as_of: as_of(snapshot.size, &snapshot.root) })
}

/// The counts of one field over all sources.
struct Totals {
    field: FacetField,
    values: HashMap<String, (u64, Option<String>), foldhash::fast::FixedState>,
}

impl Totals {
    fn new(field: FacetField) -> Self {
        Self { field, values: HashMap::default() }
    }

    fn add(&mut self, value: &str, name: Option<&str>, count: u64) -> Result<(), QueryError> {
        if let Some((total, known_name)) = self.values.get_mut(value) {
            *total += count;
            if name.is_some() && known_name.as_deref() != name {
                *known_name = name.map(str::to_owned);
            }
            return Ok(());
        }
        if self.values.len() >= DISTINCT_VALUES_MAX {
            let field = self.field.name();
            return Err(QueryError::TooLarge(format!("`{field}` has more than {DISTINCT_VALUES_MAX} values")));
        }
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
    request: &'s FacetRequest,
    stop: &Stop,
    totals: &mut [Totals],
) -> Result<(), QueryError> {
    let organization = snapshot.organization.id.0;
    let Some(mut walk) = Walk::open(source, source.rows(), &request.filter, request.range, organization)? else {
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

/// The values of a field in a dictionary: each distinct one, and which of them every code has.
struct FieldValues {
    values: Vec<(String, Option<String>)>,
    /// For each code, where its values end in `of_codes`.
    ends: Vec<u32>,
    of_codes: Vec<u32>,
}

impl FieldValues {
    fn of(field: FacetField, texts: &StringArray) -> Self {
        let mut known: HashMap<String, u32, foldhash::fast::FixedState> = HashMap::default();
        let mut made = Self { values: Vec::new(), ends: Vec::new(), of_codes: Vec::new() };
        for text in texts.iter() {
            field.values(text.unwrap_or_default(), &mut |value, name| {
                let next = made.values.len() as u32;
                let index = *known.entry(value.clone().into_owned()).or_insert(next);
                if index == next {
                    made.values.push((value.into_owned(), name.map(Cow::into_owned)));
                } else if name.is_some() {
                    made.values[index as usize].1 = name.map(Cow::into_owned);
                }
                made.of_codes.push(index);
            });
            made.ends.push(made.of_codes.len() as u32);
        }
        made
    }
}

fn add_codes(dictionary: &Dictionary<'_>, counts: &[u64], totals: &mut Totals) -> Result<(), QueryError> {
    let field = totals.field;
    let values: Arc<FieldValues> = dictionary.derived(field as u8, |texts| FieldValues::of(field, texts));
    let mut sums = vec![0u64; values.values.len()];
    let mut start = 0;
    for (count, end) in counts.iter().zip(&values.ends) {
        for value in &values.of_codes[start..*end as usize] {
            sums[*value as usize] += count;
        }
        start = *end as usize;
    }
    for (sum, (value, name)) in sums.into_iter().zip(&values.values).filter(|(sum, _)| *sum > 0) {
        totals.add(value, name.as_deref(), sum)?;
    }
    Ok(())
}
