//! What a filter finds, decided from the stored texts of one event.
//!
//! This is the reference: live tails use it, and every quicker way to the same answer is tested against it. So it is
//! written to be read, and must not know of any index.

use std::net::IpAddr;

use super::field::is_target_type;
use super::{Filter, Term};
use crate::id::EventId;
use crate::row::{Column, Micros, RowView};
use crate::stored;
use crate::text;

/// Columns of ids, which a search for words finds as a whole only.
const IDS: [Column; 4] = [Column::SessionId, Column::RequestId, Column::TraceId, Column::ExternalId];

/// What the log gave to an event: its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The opaque id of the organization.
    pub organization: &'a [u8; 16],
    /// Position in the organization's log.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
}

impl Filter {
    /// Whether the filter finds the event.
    pub fn matches(&self, row: &RowView<'_>, place: &Place<'_>) -> bool {
        match self {
            Filter::All => true,
            Filter::And(parts) => parts.iter().all(|part| part.matches(row, place)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches(row, place)),
            Filter::Not(inner) => !inner.matches(row, place),
            Filter::Term(term) => term.matches(row, place),
        }
    }
}

impl Term {
    /// Whether the event has the property: [`Term::matches_place`], or [`Term::matches_column`] with any of
    /// [`Term::columns`] that the event has.
    pub fn matches(&self, row: &RowView<'_>, place: &Place<'_>) -> bool {
        let in_column = |column: &Column| row.get(*column).is_some_and(|value| self.matches_column(*column, value));
        self.matches_place(place) || self.columns().iter().any(in_column)
    }

    /// The columns that decide the term, each by itself: an event has the property if any of them has it. Empty for
    /// the terms that [`Term::matches_place`] decides.
    pub fn columns(&self) -> &'static [Column] {
        match self {
            Term::Actor(_) | Term::ActorType(_) => &[Column::Actor],
            Term::Action(_) => &[Column::Action],
            Term::Outcome(_) => &[Column::Outcome],
            Term::Target { .. } | Term::Resource(_) => &[Column::Targets],
            Term::Ip(_) => &[Column::Ip],
            Term::RequestId(_) => &[Column::RequestId],
            Term::TraceId(_) => &[Column::TraceId],
            Term::SessionId(_) => &[Column::SessionId, Column::Actor],
            Term::ExternalId(_) => &[Column::ExternalId],
            Term::Source(_) => &[Column::Source],
            Term::Surface(_) => &[Column::Surface],
            Term::Metadata { .. } => &[Column::Metadata],
            Term::Id(_) | Term::Seq(_) => &[],
            Term::Words(_) => text::SEARCHED,
        }
    }

    /// Whether an event with this stored value in this column has the property; false for a column that is not one of
    /// [`Term::columns`].
    pub fn matches_column(&self, column: Column, value: &str) -> bool {
        if !self.columns().contains(&column) {
            return false;
        }
        match self {
            Term::Actor(wanted) => stored::actors(value).any(|actor| {
                let folded = |text: &Option<_>| text.as_deref().is_some_and(|text| text::equal_folded(text, wanted));
                actor.id == *wanted || folded(&actor.email) || folded(&actor.name)
            }),
            Term::ActorType(wanted) => stored::actors(value).next().is_some_and(|actor| actor.kind == wanted.as_str()),
            Term::Action(pattern) => pattern.matches(value),
            Term::Outcome(wanted) => value == wanted.as_str(),
            Term::Target { kind: Some(kind), value: wanted } => {
                stored::targets(value).any(|target| target.kind == *kind && is_called(&target, wanted))
            }
            Term::Target { kind: None, value: wanted } => stored::targets(value).any(|target| {
                target_readings(wanted)
                    .any(|(kind, wanted)| kind.is_none_or(|kind| kind == target.kind) && is_called(&target, wanted))
            }),
            Term::Resource(wanted) => stored::targets(value).next().is_some_and(|target| target.kind == *wanted),
            Term::Ip(network) => value.parse::<IpAddr>().is_ok_and(|address| network.contains(&address.to_canonical())),
            Term::SessionId(wanted) => match column {
                Column::SessionId => value == wanted,
                _ => stored::actors(value).any(|actor| actor.session_id.as_deref() == Some(wanted)),
            },
            Term::RequestId(wanted)
            | Term::TraceId(wanted)
            | Term::ExternalId(wanted)
            | Term::Source(wanted)
            | Term::Surface(wanted) => value == wanted,
            Term::Metadata { key: wanted_key, value: wanted } => {
                let mut found = false;
                stored::metadata(value, &mut |key, value| found |= key == wanted_key && value == *wanted);
                found
            }
            Term::Id(_) | Term::Seq(_) => false,
            // An id is one word to whoever looks for it, and is found as a whole: case and separators do not matter.
            Term::Words(words) if IDS.contains(&column) => text::words(value) == *words,
            Term::Words(words) => {
                let mut found = false;
                text::column_texts(column, value, &mut |text| found = found || text::contains_phrase(text, words));
                found
            }
        }
    }

    /// Whether the event at this place has the property, for `Id` and `Seq`; false for other terms.
    pub fn matches_place(&self, place: &Place<'_>) -> bool {
        match self {
            Term::Seq(seq) => *seq == place.seq,
            Term::Id(id) => {
                id.seq() == place.seq && *id == EventId::new(place.organization, place.seq, place.recorded_at)
            }
            _ => false,
        }
    }
}

/// Whether the text is the id of the target, or its name without regard to case.
fn is_called(target: &stored::StoredTarget<'_>, wanted: &str) -> bool {
    target.id == *wanted || target.name.as_deref().is_some_and(|name| text::equal_folded(name, wanted))
}

/// The ways to read the value of a [`Term::Target`] without a type: as an id or name as it stands, and at every colon
/// as type and id or name. (Types and ids may hold colons themselves: `AWS::S3::Bucket:arn:aws:s3:::logs`.)
pub fn target_readings(value: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    let typed = value.match_indices(':').map(|(colon, _)| (&value[..colon], &value[colon + 1..]));
    let typed = typed.filter(|(kind, rest)| is_target_type(kind) && !rest.is_empty());
    std::iter::once((None, value)).chain(typed.map(|(kind, rest)| (Some(kind), rest)))
}
