//! What an erasure or redaction would remove, found in the log as it stands: who has which part, who is named where else,
//! what is held. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::{ControlFlow, Range};

use actarium_core::erasure::{ErasableParts, is_evidence, ranges_of};
use actarium_core::event::OWN_SOURCE;
use actarium_core::filter::{Filter, Place, Scope, Term};
use actarium_core::id::EventId;
use actarium_core::render::Placed;
use actarium_core::row::{Column, RowView};
use actarium_core::{stored, text};
use actarium_query::{ExportRow, Stop, TimeRange, export};
use actarium_store::segment::Tier;
use actarium_store::{Hold, Snapshot};

use super::Subject;
use super::naming::{Naming, Tells};
use crate::directory::removal::RemovalCounts;
use crate::limits;
use crate::problem::Problem;
use crate::queries::query_problem;

/// Who did what was found: by the ids and addresses of their accounts, the first act of each.
#[derive(Debug, Default)]
struct Acts {
    by_id: BTreeMap<String, EventId>,
    by_email: BTreeMap<String, EventId>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The parts that each event loses.
    by_seq: BTreeMap<u64, ErasableParts>,
    /// Names, addresses and ids that go.
    pub names: BTreeSet<String>,
    /// IP addresses that they came from.
    ips: BTreeSet<IpAddr>,
    user_agents: BTreeSet<String>,
    /// Ids of recorded searches that may name the person, the first of them.
    pub to_review: Vec<String>,
    searches_to_review: u64,
    acts: Acts,
    held: BTreeSet<u64>,
    already: u64,
    naming_records: u64,
    kept_own: u64,
    more: bool,
    journal_from: u64,
    archive: Vec<Range<u64>>,
}

/// What every look at an event needs.
struct Look<'l> {
    snapshot: &'l Snapshot,
    holds: &'l [Hold],
}

impl Found {
    /// One of them that is an act of an account's: nobody approves the removal of records of their own acts.
    pub fn act_of(&self, id: &str, email: &str) -> Option<EventId> {
        self.acts.by_id.get(id).or_else(|| self.acts.by_email.get(&text::fold(email))).copied()
    }

    fn new(snapshot: &Snapshot) -> Self {
        let of_archive =
            |segment: &&std::sync::Arc<actarium_store::segment::Segment>| segment.summary().tier == Tier::Archive;
        let archive = snapshot.segments.iter().filter(of_archive);
        Self {
            archive: archive.map(|segment| segment.summary().first_seq..segment.end_seq()).collect(),
            journal_from: snapshot.tail.first().map_or(snapshot.size, |batch| batch.rows.first_seq),
            ..Self::default()
        }
    }

    /// Takes parts of an event, as far as they are there and nothing holds it. Whether it takes some.
    fn take(&mut self, look: &Look<'_>, found: &ExportRow<'_>, parts: ErasableParts) -> bool {
        let parts = if is_evidence(&found.row) { parts.without(ErasableParts::DETAIL) } else { parts };
        let parts = parts.without(ErasableParts::erased_of(&found.row));
        if parts.is_empty() {
            self.already += 1;
            return false;
        }
        let organization = &look.snapshot.organization.id.0;
        let place = Place { organization, seq: found.seq, recorded_at: found.recorded_at };
        if look.holds.iter().any(|hold| hold.holds(&found.row, &place)) {
            self.held.insert(found.seq);
            return false;
        }
        self.acts.note(&found.row, EventId::new(organization, found.seq, found.recorded_at));
        let known = self.by_seq.entry(found.seq).or_default();
        *known = known.union(parts);
        true
    }

    fn list_for_review(&mut self, snapshot: &Snapshot, event: &ExportRow<'_>) {
        self.searches_to_review += 1;
        if self.to_review.len() < limits::REMOVAL_REVIEW_MAX {
            let organization = &snapshot.organization;
            let (slug, opaque_id) = (&*organization.slug, &organization.id.0);
            let placed = Placed { slug, opaque_id, seq: event.seq, recorded_at: event.recorded_at };
            self.to_review.push(placed.id().to_string());
        }
    }

    /// Leaves out what goes beyond the bound of one removal.
    fn bound(mut self) -> Self {
        let mut ranges = 0;
        let mut last: Option<(u64, ErasableParts)> = None;
        let mut end = None;
        for (seq, parts) in &self.by_seq {
            if last.is_none_or(|(before, same)| before + 1 != *seq || same != *parts) {
                ranges += 1;
            }
            if ranges > limits::REMOVAL_RANGES_MAX {
                end = Some(*seq);
                break;
            }
            last = Some((*seq, *parts));
        }
        if let Some(end) = end {
            drop(self.by_seq.split_off(&end));
            self.more = true;
        }
        self
    }

    /// All that a search may name the person by and that goes.
    pub fn searched_names(&self) -> BTreeSet<String> {
        self.names.iter().cloned().chain(self.ips.iter().map(ToString::to_string)).collect()
    }

    /// Whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }

    /// The ranges of events by the parts that they lose.
    pub fn groups(&self) -> BTreeMap<ErasableParts, Vec<Range<u64>>> {
        let mut groups: BTreeMap<ErasableParts, Vec<u64>> = BTreeMap::new();
        for (seq, parts) in &self.by_seq {
            groups.entry(*parts).or_default().push(*seq);
        }
        groups.into_iter().map(|(parts, seqs)| (parts, ranges_of(seqs))).collect()
    }

    /// The numbers.
    pub fn counts(&self, saved_searches: u64) -> RemovalCounts {
        let mut counts = RemovalCounts {
            events: self.by_seq.len() as u64,
            held: self.held.len() as u64,
            already: self.already,
            naming_records: self.naming_records,
            kept_own: self.kept_own,
            searches_to_review: self.searches_to_review,
            saved_searches,
            more: self.more,
            ..RemovalCounts::default()
        };
        for (seq, parts) in &self.by_seq {
            counts.identity += u64::from(parts.identity);
            counts.personal += u64::from(parts.personal);
            counts.detail += u64::from(parts.detail);
            let at = self.archive.partition_point(|range| range.end <= *seq);
            match self.archive.get(at) {
                Some(range) if range.start <= *seq => counts.archive += 1,
                _ if *seq >= self.journal_from => counts.journal += 1,
                _ => counts.hot += 1,
            }
        }
        counts
    }
}

impl Acts {
    /// Who did it, or on whose behalf it was done. Whoever sent it says so: a platform's ids of its users need not be the ones here,
    /// so the address counts as well (docs/SECURITY.md).
    fn note(&mut self, row: &RowView<'_>, event: EventId) {
        let actors = row.get(Column::Actor).map(stored::actors);
        for actor in actors.into_iter().flatten().filter(|actor| actor.kind == "user") {
            if let Some(email) = &actor.email {
                self.by_email.entry(text::fold(email)).or_insert(event);
            }
            if !self.by_id.contains_key(&*actor.id) {
                self.by_id.insert(actor.id.to_string(), event);
            }
        }
    }
}

/// What the erasure of a person from a log would remove: the parts of all events whose actor, at any depth, or target they
/// are, and the detail of Actarium's own records that name them by what goes. Blocks.
///
/// # Errors
/// If it takes too long or the log cannot be read.
pub fn of_person(
    snapshot: &Snapshot,
    subject: &Subject,
    parts: ErasableParts,
    holds: &[Hold],
    stop: &Stop,
) -> Result<Found, Problem> {
    let look = Look { snapshot, holds };
    let mut found = Found::new(snapshot);
    let target = Term::Target { kind: Some(subject.kind.clone()), value: subject.id.clone() };
    let filter = Filter::or([Filter::Term(Term::Actor(subject.id.clone())), Filter::Term(target)]);
    each(snapshot, (TimeRange::ALL, &filter), stop, &mut |event| {
        if !gather_names(&event.row, subject, parts, &mut found.names) {
            return;
        }
        if parts.personal {
            gather_origin(&event.row, subject, &mut found);
        }
        let reached = reached(&event.row, subject, parts);
        found.kept_own += u64::from(reached != parts);
        if !reached.is_empty() {
            found.take(&look, event, reached);
        }
    })?;
    if !found.names.is_empty() || !found.ips.is_empty() {
        find_naming_records(&look, stop, &mut found)?;
    }
    Ok(found.bound())
}

/// Actarium's own records whose detail names somebody: a change of a name, and the phrase of a search also by parts of a name
/// or address. A search that may mean somebody else is listed and stays, so that a person decides.
fn find_naming_records(look: &Look<'_>, stop: &Stop, found: &mut Found) -> Result<(), Problem> {
    let phrases: Vec<Vec<String>> = found.names.iter().map(|name| text::words(name)).collect();
    let naming = Naming::of(&found.searched_names()).with_user_agents(&found.user_agents);
    let own = Filter::Term(Term::Source(OWN_SOURCE.to_owned()));
    each(look.snapshot, (TimeRange::ALL, &own), stop, &mut |event| {
        if is_evidence(&event.row) {
            return;
        }
        let by_search = search_phrases(&event.row).iter().map(|phrase| naming.told_by(phrase)).max();
        let tells = match by_search.unwrap_or(Tells::Nothing) {
            Tells::Names => Tells::Names,
            _ if detail_texts(&event.row).iter().any(|text| says(text, &phrases)) => Tells::Names,
            other => other,
        };
        match tells {
            Tells::Names if found.take(look, event, ErasableParts::DETAIL) => found.naming_records += 1,
            Tells::Perhaps => found.list_for_review(look.snapshot, event),
            Tells::Names | Tells::Nothing => {}
        }
    })
}

/// The phrases in the record of a search, an export or a saved search.
fn search_phrases(row: &RowView<'_>) -> Vec<String> {
    if !row.get(Column::Action).is_some_and(|action| action.starts_with("audit_log.")) {
        return Vec::new();
    }
    let mut phrases: Vec<String> = Vec::new();
    if let Some(metadata) = row.get(Column::Metadata) {
        phrases.extend(stored::whole_texts(metadata).remove("q"));
    }
    for change in
        row.get(Column::Changes).map(stored::changes).into_iter().flatten().filter(|change| change.path == "/q")
    {
        for value in [change.before, change.after].into_iter().flatten() {
            stored::leaves(value, &mut |phrase| phrases.push(phrase.to_owned()));
        }
    }
    phrases
}

/// What the redaction of events would remove: the detail of those with these sequence numbers. `each_event` is shown each
/// of them, and whether it loses its detail. Blocks.
///
/// # Errors
/// If it takes too long or the log cannot be read.
pub fn of_events(
    snapshot: &Snapshot,
    seqs: &[u64],
    holds: &[Hold],
    stop: &Stop,
    each_event: &mut dyn FnMut(&ExportRow<'_>, bool),
) -> Result<Found, Problem> {
    let look = Look { snapshot, holds };
    let mut found = Found::new(snapshot);
    let filter = Filter::or(seqs.iter().map(|seq| Filter::Term(Term::Seq(*seq))));
    each(snapshot, (TimeRange::ALL, &filter), stop, &mut |event| {
        let is_taken = found.take(&look, event, ErasableParts::DETAIL);
        each_event(event, is_taken);
    })?;
    Ok(found)
}

/// Shows each event of a time that a filter finds.
pub(super) fn each(
    snapshot: &Snapshot,
    (time, filter): (TimeRange, &Filter),
    stop: &Stop,
    f: &mut dyn FnMut(&ExportRow<'_>),
) -> Result<(), Problem> {
    let mut sink = |event: &ExportRow<'_>| {
        f(event);
        ControlFlow::Continue(())
    };
    export(snapshot, &Scope::Everything, time, filter, stop, &mut sink).map(drop).map_err(query_problem)
}

/// Which of the parts an erasure reaches in an event that is about somebody. In Actarium's own records of what others did to
/// them it is names and addresses alone: the identity part there says who did it, and the detail what.
fn reached(row: &RowView<'_>, subject: &Subject, parts: ErasableParts) -> ErasableParts {
    let mut actors = row.get(Column::Actor).map(stored::actors).into_iter().flatten();
    let by_others = actors.any(|actor| !subject.is(&actor.kind, &actor.id));
    if row.get(Column::Source) == Some(OWN_SOURCE) && by_others {
        return parts.without(ErasableParts { identity: true, personal: false, detail: true });
    }
    parts
}

/// Whether an event is about somebody; gathers what of them goes with the parts.
fn gather_names(row: &RowView<'_>, subject: &Subject, parts: ErasableParts, names: &mut BTreeSet<String>) -> bool {
    let mut is_about = false;
    let mut keep = |name: Option<&str>| {
        if let Some(name) = name.filter(|name| !text::words(name).is_empty() && names.len() < limits::REMOVAL_NAMES_MAX)
        {
            names.insert(name.to_owned());
        }
    };
    for actor in row.get(Column::Actor).map(stored::actors).into_iter().flatten() {
        if subject.is(&actor.kind, &actor.id) {
            is_about = true;
            if parts.personal {
                keep(actor.name.as_deref());
                keep(actor.email.as_deref());
            }
        }
    }
    for target in row.get(Column::Targets).map(stored::targets).into_iter().flatten() {
        if subject.is(&target.kind, &target.id) {
            is_about = true;
            if parts.personal {
                keep(target.name.as_deref());
            }
        }
    }
    if is_about && parts.identity {
        keep(Some(&subject.id));
    }
    is_about
}

/// Gathers where somebody came from, of an event that they are an actor of.
fn gather_origin(row: &RowView<'_>, subject: &Subject, found: &mut Found) {
    let mut actors = row.get(Column::Actor).map(stored::actors).into_iter().flatten();
    if !actors.any(|actor| subject.is(&actor.kind, &actor.id)) {
        return;
    }
    let ip = row.get(Column::Ip).and_then(|ip| ip.parse::<IpAddr>().ok());
    if let Some(ip) = ip.filter(|_| found.ips.len() < limits::REMOVAL_IPS_MAX) {
        found.ips.insert(ip.to_canonical());
    }
    let user_agent = row.get(Column::UserAgent).filter(|_| found.user_agents.len() < limits::REMOVAL_NAMES_MAX);
    if let Some(user_agent) = user_agent.filter(|user_agent| !found.user_agents.contains(*user_agent)) {
        found.user_agents.insert(user_agent.to_owned());
    }
}

/// The texts of an event's detail; those that were cut to fit into metadata are put together again.
fn detail_texts(row: &RowView<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    for column in [Column::Reason, Column::Message, Column::Changes] {
        if let Some(value) = row.get(column) {
            text::column_texts(column, value, &mut |text| texts.push(text.to_owned()));
        }
    }
    if let Some(metadata) = row.get(Column::Metadata) {
        texts.extend(stored::whole_texts(metadata).into_values());
    }
    texts
}

fn says(text: &str, phrases: &[Vec<String>]) -> bool {
    phrases.iter().any(|words| text::contains_phrase(text, words))
}

/// Whether a text has one of the names in it, whatever the case.
pub fn names_one_of<'n>(text: &str, mut names: impl Iterator<Item = &'n String>) -> bool {
    names.any(|name| text::contains_phrase(text, &text::words(name)))
}
