//! A scope compiled for one source, as [`crate::plan`] compiles a filter. Which codes of a dictionary name which projects
//! is worked out once per dictionary: a scope goes with every query of its caller, and projects are few and repeat.

use std::collections::HashMap;

use actarium_core::filter::{PROJECT, ProjectIds, Scope};
use actarium_core::row::Column;
use actarium_core::{stored, text};
use actarium_store::segment::{Part, Places, Segment, TermTable};
use arrow_array::StringArray;

use crate::QueryError;
use crate::plan::{CodeSet, Plan};
use crate::source::{Dictionary, Source, SourceColumn};

/// Under which key a dictionary keeps its [`ProjectCodes`]; facets use those below.
const PROJECT_CODES_KEY: u8 = 64;

impl<'s> Plan<'s> {
    /// Compiles a scope for a source.
    pub fn of_scope(scope: &Scope, source: &Source<'s>) -> Result<Self, QueryError> {
        let ids = match scope {
            Scope::Everything => return Ok(Self::Everything),
            Scope::Projects(ids) if ids.is_empty() => return Ok(Self::Nothing),
            Scope::Projects(ids) => ids,
        };
        Ok(match source.column(Column::Targets)? {
            SourceColumn::Absent => Self::Nothing,
            SourceColumn::Dictionary(dictionary) => codes(ids, dictionary),
            SourceColumn::Parts { whole } => {
                let Source::Segment(segment) = source else { unreachable!("only segments have parts") };
                let mut plans = Vec::new();
                for part in [Part::TargetsFirst, Part::TargetsRest] {
                    if let Some(dictionary) = segment.part(part)? {
                        plans.push(codes(ids, Dictionary::Segment(dictionary)));
                    }
                }
                if whole {
                    plans.push(texts(ids, segment)?);
                }
                Self::any(plans)
            }
            SourceColumn::Plain => match source {
                Source::Tail(_) => Self::Unknown,
                Source::Segment(segment) => texts(ids, segment)?,
            },
        })
    }
}

/// The codes of a dictionary of targets that name one of the projects.
fn codes<'s>(ids: &ProjectIds, dictionary: Dictionary<'s>) -> Plan<'s> {
    let known = dictionary.derived(PROJECT_CODES_KEY, ProjectCodes::of);
    let mut codes: Vec<u32> = Vec::new();
    if ids.len() <= known.0.len() {
        ids.iter().filter_map(|id| known.0.get(id)).for_each(|of_id| codes.extend_from_slice(of_id));
    } else {
        known.0.iter().filter(|(id, _)| ids.contains(id)).for_each(|(_, of_id)| codes.extend_from_slice(of_id));
    }
    if codes.is_empty() {
        return Plan::Nothing;
    }
    codes.sort_unstable();
    codes.dedup();
    let codes = CodeSet::of(codes, dictionary.codes_count());
    Plan::Codes { dictionary, codes }
}

/// What the word index says of rows whose targets lie in a text of their own.
fn texts<'s>(ids: &ProjectIds, segment: &Segment) -> Result<Plan<'s>, QueryError> {
    let Some(terms) = segment.text_terms()? else { return Ok(Plan::Unknown) };
    let mut blocks = Vec::new();
    for id in ids.iter() {
        match places_of(id, &terms) {
            Places::Nowhere => {}
            Places::These(places) => blocks.extend(places),
            Places::Anywhere => return Ok(Plan::Unknown),
        }
    }
    blocks.sort_unstable();
    blocks.dedup();
    Ok(if blocks.is_empty() { Plan::Nothing } else { Plan::Blocks(blocks) })
}

fn places_of(id: &str, terms: &TermTable) -> Places {
    terms.places_of_all(text::words(id).iter().map(String::as_str))
}

/// From the id of a project to the codes whose targets name it, ascending.
struct ProjectCodes(HashMap<Box<str>, Vec<u32>, foldhash::fast::FixedState>);

impl ProjectCodes {
    fn of(targets: &StringArray) -> Self {
        let mut codes: HashMap<Box<str>, Vec<u32>, foldhash::fast::FixedState> = HashMap::default();
        for (code, targets) in targets.iter().enumerate() {
            for target in stored::targets(targets.unwrap_or_default()).filter(|target| target.kind == PROJECT) {
                let of_id = match codes.get_mut(&*target.id) {
                    Some(of_id) => of_id,
                    None => codes.entry(target.id.into()).or_default(),
                };
                of_id.push(code as u32);
            }
        }
        Self(codes)
    }
}
