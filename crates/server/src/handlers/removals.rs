//! `/v1/orgs/{org}/erasures` and `…/redactions`: asking for one, looking at what it would remove, and the second person's
//! yes or no. The yes, the records that list what goes, and what is left of redacted events are one commit; the work
//! (`removals::work`) follows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_core::erasure::ErasableParts;
use actarium_core::id::EventId;
use actarium_core::masking::Masking;
use actarium_core::render::{Placed, push_event};
use actarium_core::row::{EncodedRows, Micros};
use actarium_core::time;
use actarium_query::Stop;
use actarium_store::{Hold, Organization};
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::answers::{created, json_answer};
use crate::app::App;
use crate::directory::removal::{Redacting, Removal, RemovalCounts, RemovalKind, RemovalState};
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::queries::{run, snapshot};
use crate::recorder::OwnRecord;
use crate::removals::{self, Found, Subject, Tied, nameless, names_one_of, saved_searches_naming, type_and_id};
use crate::retention::as_hold;

impl RemovalKind {
    const fn name(self) -> &'static str {
        match self {
            RemovalKind::Erasure => "erasure",
            RemovalKind::Redaction => "redaction",
        }
    }
}

/// What is to be removed.
#[derive(Clone, Debug)]
enum Wanted {
    Person(Subject, ErasableParts),
    Events(Redacting),
}

/// What a look at the log has found.
struct Looked {
    found: Found,
    /// What is left of redacted events.
    remainders: Vec<EncodedRows>,
    /// The accounts that are tied to who asked.
    tied: Tied,
}

fn shown(app: &App, organization: &Organization, removal: &Kept<Removal>) -> Value {
    let progress = app.removals.progress(organization.id, &removal.id).filter(|_| removal.state.is_due());
    let done = progress.map_or(removal.removed, |progress| progress.done);
    // What was held when it was approved is not among what goes; the work finds what came to be held since.
    let held_since = progress.map_or(removal.kept_by_holds, |progress| progress.held);
    let kept_by_holds = match removal.state {
        RemovalState::Pending | RemovalState::Rejected => 0,
        _ => removal.found.held + held_since,
    };
    let redacting = removal.redacting.as_ref();
    let approvers = app.directory.read(|state| {
        let listed =
            (removal.state == RemovalState::Pending).then(|| removals::listed(state, organization.id, removal));
        json!(listed)
    });
    json!({
        "id": removal.id,
        "state": removal.state.name(),
        "reason": removal.reason,
        "parts": removal.parts.split(',').collect::<Vec<_>>(),
        "subject": removal.subject,
        "pseudonym": removal.pseudonym,
        "events": redacting.map(|redacting| &redacting.events),
        "mask_keys": redacting.map(|redacting| &redacting.mask_keys),
        "pointers": redacting.map(|redacting| &redacting.pointers),
        "remainder": redacting.map(|redacting| redacting.remainder),
        "asked_by": removal.asked_by,
        "asked_at": time::to_text(removal.asked_at),
        "approvers": approvers,
        "decided_by": removal.decided_by,
        "decided_at": removal.decided_at.map(time::to_text),
        "decision_reason": removal.decision_reason,
        "found": removal.found,
        "to_review": removal.to_review,
        "progress": {"done": done, "total": removal.found.events},
        "kept_by_holds": kept_by_holds,
        "finished_at": removal.finished_at.map(time::to_text),
    })
}

/// Lists the erasures or redactions, newest first.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call, kind: RemovalKind) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let mut removals: Vec<Arc<Kept<Removal>>> = call
        .app
        .directory
        .read(|state| state.removals(organization.id).iter().filter(|removal| removal.kind == kind).cloned().collect());
    removals.sort_by(|a, b| (b.asked_at, &b.id).cmp(&(a.asked_at, &a.id)));
    let removals: Vec<Value> = removals.iter().map(|removal| shown(&call.app, &organization, removal)).collect();
    json_answer(&json!({ format!("{}s", kind.name()): removals }))
}

/// Shows one, with how far it has come.
///
/// # Errors
/// 404 for one that is not there.
pub fn view(call: &Call, kind: RemovalKind) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let removal = call.app.directory.read(|state| found(state, &organization, kind, &call.id).cloned())?;
    json_answer(&shown(&call.app, &organization, &removal))
}

fn found<'s>(
    state: &'s State,
    organization: &Organization,
    kind: RemovalKind,
    id: &str,
) -> Result<&'s Arc<Kept<Removal>>, Problem> {
    let removal = state.removals(organization.id).get(kind, id);
    removal.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no such {}", kind.name())))
}

fn is_pending(removal: &Removal) -> Result<(), Problem> {
    match removal.state {
        RemovalState::Pending => Ok(()),
        state => Err(Problem::new(Kind::Conflict, format!("it waits for nobody: it is {}", state.name()))),
    }
}

/// Asks for the erasure of a person, or counts what it would remove.
///
/// # Errors
/// 422 for what is no person, part or reason, 409 if there is nothing to remove or too much waits already.
pub async fn ask_erasure(mut call: Call) -> Result<Response, Problem> {
    let (_, read) = call.read_body().await?;
    let fields = [("subject", Holds::Text), ("parts", Holds::Texts), ("reason", Holds::Text), ("dry_run", Holds::Flag)];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let subject = form.needed("subject", |subject| Subject::parse(subject).map(drop));
    let parts = parts(&mut form);
    let dry_run = form.flag("dry_run").unwrap_or(false);
    let reason = reason(&mut form, dry_run);
    form.finish()?;
    let subject = Subject::parse(&subject).map_err(|allowed| Problem::new(Kind::InvalidContent, allowed))?;
    ask(call, Wanted::Person(subject, parts), reason, dry_run).await
}

fn parts(form: &mut Form) -> ErasableParts {
    let Some(names) = form.list("parts") else { return ErasableParts::PERSONAL };
    let mut parts = ErasableParts::NONE;
    for (index, name) in names.iter().enumerate() {
        if let Err(allowed) = parts.add(name) {
            form.refuse(&format!("/parts/{index}"), &allowed);
        }
    }
    if names.is_empty() {
        form.refuse("/parts", "must be some of identity, personal and detail");
    }
    parts
}

fn reason(form: &mut Form, dry_run: bool) -> String {
    let check = |reason: &str| readable(reason, limits::GOVERNANCE_REASON_CHARS_MAX);
    if dry_run { form.optional("reason", check).unwrap_or_default() } else { form.needed("reason", check) }
}

/// Asks for the redaction of events, or counts what it would remove.
///
/// # Errors
/// 422 for what are no events, keys or pointers, and where nothing would be masked; 409 if there is nothing to remove.
pub async fn ask_redaction(mut call: Call) -> Result<Response, Problem> {
    let (_, read) = call.read_body().await?;
    let fields = [
        ("events", Holds::Texts),
        ("reason", Holds::Text),
        ("mask_keys", Holds::Texts),
        ("pointers", Holds::Texts),
        ("remainder", Holds::Flag),
        ("dry_run", Holds::Flag),
    ];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let mut events = form.list("events").unwrap_or_default();
    if !(1..=limits::REDACTION_EVENTS_MAX).contains(&events.len()) {
        form.refuse("/events", &format!("must be 1 to {} ids of events", limits::REDACTION_EVENTS_MAX));
    }
    events.iter_mut().for_each(|id| id.make_ascii_lowercase());
    let mask_keys = form.list("mask_keys").unwrap_or_default();
    let is_key = |key: &str| Masking::is_key(key) && key.chars().count() <= limits::MASKING_KEY_CHARS_MAX;
    check_each(&mut form, "mask_keys", &mask_keys, limits::MASKING_KEYS_MAX, is_key);
    let pointers = form.list("pointers").unwrap_or_default();
    let is_pointer =
        |pointer: &str| pointer.starts_with('/') && pointer.chars().count() <= limits::REDACTION_POINTER_CHARS_MAX;
    check_each(&mut form, "pointers", &pointers, limits::REDACTION_POINTERS_MAX, is_pointer);
    let remainder = form.flag("remainder").unwrap_or(true);
    let dry_run = form.flag("dry_run").unwrap_or(false);
    let reason = reason(&mut form, dry_run);
    form.finish()?;
    ask(call, Wanted::Events(Redacting { events, mask_keys, pointers, remainder }), reason, dry_run).await
}

fn check_each(form: &mut Form, field: &str, texts: &[String], most: usize, is_good: impl Fn(&str) -> bool) {
    if texts.len() > most {
        form.refuse(&format!("/{field}"), &format!("must be at most {most}"));
    }
    for (index, _) in texts.iter().enumerate().filter(|(_, text)| !is_good(text)) {
        let allowed = match field {
            "pointers" => "must be a JSON Pointer into an event, such as /metadata/note",
            _ => "must name a key: at least one letter or digit, no control characters, and not too long",
        };
        form.refuse(&format!("/{field}/{index}"), allowed);
    }
}

async fn ask(call: Call, wanted: Wanted, reason: String, dry_run: bool) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let asked_by = call.caller.actor();
    let asking_now = (&asked_by, call.app.clock.now());
    let looked = look(&call.app, &organization, &wanted, asking_now).await?;
    let counts = counts(&call.app, &organization, &looked.found);
    if let Wanted::Person(subject, _) = &wanted
        && (reason.contains(&subject.id) || names_one_of(&reason, looked.found.names.iter()))
    {
        let problem = Problem::new(Kind::InvalidContent, "the reason is recorded and stays");
        return Err(problem.with_error("/reason", "must not name the person who is erased"));
    }
    let mut removal = asked(&call, &organization, &wanted, counts, &reason);
    removal.to_review.clone_from(&looked.found.to_review);
    if dry_run {
        let record = asking(&call, "dry-run", &removal).with("dry_run", true);
        call.app.recorder.note(organization.id, &record)?;
        let parts: Vec<&str> = removal.parts.split(',').collect();
        let to_review = &removal.to_review;
        return json_answer(&json!({"dry_run": true, "parts": parts, "found": counts, "to_review": to_review}));
    }
    if looked.found.is_empty() {
        return Err(nothing_left(&counts));
    }
    let (app, id) = (call.app.clone(), call.new_id(removal.kind.name()));
    let kept = change(&app, call.standing(), {
        let organization = organization.clone();
        move |state| {
            let mut edit = Edit::default();
            make_room(state, &organization, &mut edit)?;
            removals::settle(state, organization.id, &mut removal, (&looked.tied, &looked.found));
            edit.put(Some(organization.id), &id, None, &removal)?;
            edit.record(organization.id, asking(&call, &id, &removal));
            Ok((edit, Kept { id, version: 1, document: removal }))
        }
    })
    .await?;
    created(&shown(&app, &organization, &kept))
}

fn asked(call: &Call, organization: &Organization, wanted: &Wanted, found: RemovalCounts, reason: &str) -> Removal {
    let (kind, parts) = match wanted {
        Wanted::Person(_, parts) => (RemovalKind::Erasure, *parts),
        Wanted::Events(_) => (RemovalKind::Redaction, ErasableParts::DETAIL),
    };
    let subject = match wanted {
        Wanted::Person(subject, _) => Some(subject),
        Wanted::Events(_) => None,
    };
    Removal {
        kind,
        state: RemovalState::Pending,
        reason: reason.to_owned(),
        asked_by: call.caller.actor(),
        asked_with: call.caller.sender(),
        asked_at: call.app.clock.now(),
        approvers: Vec::new(),
        acting: Vec::new(),
        parts: parts.to_text(),
        subject: subject.map(|subject| format!("{}:{}", subject.kind, subject.id)),
        pseudonym: subject.map(|subject| subject.pseudonym(&call.app.engine, organization.id)),
        redacting: match wanted {
            Wanted::Person(..) => None,
            Wanted::Events(redacting) => Some(redacting.clone()),
        },
        found,
        to_review: Vec::new(),
        decided_by: None,
        decided_at: None,
        decision_reason: None,
        names: Vec::new(),
        removed: 0,
        kept_by_holds: 0,
        finished_at: None,
    }
}

/// The record of asking, approving and rejecting.
fn about(call: &Call, action: &'static str, id: &str, removal: &Removal) -> OwnRecord {
    let mut record = call
        .record(action, json!({"type": "removal", "id": id}))
        .with("kind", removal.kind.name())
        .with("parts", removal.parts.as_str())
        .with("records", removal.found.events);
    if let Some(pseudonym) = &removal.pseudonym {
        record = record.with("pseudonym", pseudonym.as_str());
    }
    record
}

fn asking(call: &Call, id: &str, removal: &Removal) -> OwnRecord {
    let mut record = about(call, "record.removal.request", id, removal);
    record.reason = Some(removal.reason.clone()).filter(|reason| !reason.is_empty());
    record
}

fn nothing_left(counts: &RemovalCounts) -> Problem {
    let RemovalCounts { held, already, .. } = counts;
    let detail = format!("there is nothing to remove: {held} events are held, {already} have lost it before");
    Problem::new(Kind::Conflict, detail)
}

/// Takes the oldest of those that have ended away, and refuses more than may wait.
fn make_room(state: &State, organization: &Organization, edit: &mut Edit) -> Result<(), Problem> {
    let (mut ended, waiting): (Vec<_>, Vec<_>) =
        state.removals(organization.id).iter().partition(|removal| removal.state.has_ended());
    if waiting.len() >= limits::REMOVALS_WAITING_MAX {
        let most = limits::REMOVALS_WAITING_MAX;
        return Err(Problem::new(
            Kind::Conflict,
            format!("{most} erasures and redactions wait already, the most there may be"),
        ));
    }
    ended.sort_by_key(|removal| removal.asked_at);
    let surplus = (ended.len() + 1).saturating_sub(limits::REMOVALS_ENDED_MAX);
    for removal in ended.into_iter().take(surplus) {
        edit.delete::<Removal>(Some(organization.id), &removal.id, removal.version);
    }
    Ok(())
}

fn counts(app: &App, organization: &Organization, found: &Found) -> RemovalCounts {
    let names = found.searched_names();
    let searches = app.directory.read(|state| saved_searches_naming(state, organization.id, names.iter()).count());
    found.counts(searches as u64)
}

/// Approves one, as the second person: records exactly what goes, and lets it go.
///
/// # Errors
/// 403 for who asked for it and for whom it is about, 409 if it waits for nobody or nothing is left to remove.
pub async fn approve(call: Call, kind: RemovalKind) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let pending = call.app.directory.read(|state| found(state, &organization, kind, &call.id).cloned())?;
    is_pending(&pending)?;
    let approver = may_approve(&call, &organization, &pending)?;
    let wanted = wanted_of(&pending)?;
    let looked = look(&call.app, &organization, &wanted, (&pending.asked_by, pending.asked_at)).await?;
    if let Some((id, email)) = approver {
        let access = |state: &State| looked.tied.may_approve(state.access(organization.id), &id);
        if !call.app.directory.read(access) {
            return Err(no_second_person());
        }
        let own_act = looked.found.act_of(&id, &email);
        // Their address may have changed since: who acted under the one before is known from when it was asked for.
        if own_act.is_some() || pending.acting.contains(&id) {
            let such_as = own_act.map(|event| format!(", such as {event}")).unwrap_or_default();
            let detail = format!(
                "some of it are records of your own acts{such_as}: somebody else must approve their removal, or the operator"
            );
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    }
    let counts = counts(&call.app, &organization, &looked.found);
    if looked.found.is_empty() {
        return Err(nothing_left(&counts));
    }
    let app = call.app.clone();
    let of = organization.clone();
    let answer =
        decide(call, organization, kind, move |call, before| approved(call, &of, before, looked, counts)).await?;
    app.removals.begin();
    Ok(answer)
}

/// Makes a decision about one that waits, as it is when the decision has its turn.
async fn decide(
    call: Call,
    organization: Arc<Organization>,
    kind: RemovalKind,
    made: impl FnOnce(&Call, &Kept<Removal>) -> Result<(Edit, Kept<Removal>), Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let (app, of) = (call.app.clone(), organization.clone());
    let kept = change(&app, call.standing(), move |state| {
        let before = found(state, &of, kind, &call.id)?;
        is_pending(before)?;
        made(&call, before)
    })
    .await?;
    json_answer(&shown(&app, &organization, &kept))
}

fn approved(
    call: &Call,
    organization: &Organization,
    before: &Kept<Removal>,
    looked: Looked,
    found: RemovalCounts,
) -> Result<(Edit, Kept<Removal>), Problem> {
    let mut edit = Edit::default();
    let decided_by = type_and_id(&call.caller.actor());
    let removal = Removal {
        state: RemovalState::Approved,
        found,
        names: looked.found.searched_names().into_iter().collect(),
        to_review: looked.found.to_review.clone(),
        approvers: Vec::new(),
        acting: Vec::new(),
        decided_by: Some(decided_by.clone()),
        decided_at: Some(call.app.clock.now()),
        ..before.document.clone()
    };
    edit.put(Some(organization.id), &before.id, Some(before), &removal)?;
    edit.record(organization.id, about(call, "record.removal.approve", &before.id, &removal));
    let kept = Kept { id: before.id.clone(), version: before.version + 1, document: removal };
    removals::put_on_record(&mut edit, organization.id, &kept, &looked.found, &decided_by)?;
    looked.remainders.into_iter().for_each(|rows| edit.record_rows(organization.id, rows));
    Ok((edit, kept))
}

/// Whether the caller may be the second person; with the id and address of their account, so that records of their own acts are seen.
fn may_approve(
    call: &Call,
    organization: &Organization,
    removal: &Removal,
) -> Result<Option<(String, String)>, Problem> {
    if call.caller.sender() == removal.asked_with {
        let detail = "a second person must approve it: who asked for it cannot";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let Caller::Person(person) = &call.caller else { return Ok(None) };
    if removal.subject.as_deref() == Some(&format!("user:{}", person.user.id)) {
        let detail = "it is about you: somebody else must approve it";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let could = |state: &State| removals::could_approve(state, organization.id, removal, &person.user.id);
    if !call.app.directory.read(could) {
        return Err(no_second_person());
    }
    Ok(Some((person.user.id.clone(), person.user.email.clone())))
}

fn no_second_person() -> Problem {
    let days = limits::REMOVAL_TIES_AGE / time::DAY;
    let detail = format!(
        "only who could approve it when it was asked for may: not whose account or rights came later, nor whose account, \
         within {days} days before or since, was made, invited or changed by who asked or the other way round; else the \
         operator approves it"
    );
    Problem::new(Kind::Forbidden, detail)
}

fn wanted_of(removal: &Removal) -> Result<Wanted, Problem> {
    let unreadable = |_| Problem::new(Kind::Internal, "what was asked for cannot be read");
    match (&removal.redacting, &removal.subject) {
        (Some(redacting), _) => Ok(Wanted::Events(redacting.clone())),
        (None, subject) => {
            let subject = Subject::parse(subject.as_deref().unwrap_or_default()).map_err(unreadable)?;
            Ok(Wanted::Person(subject, ErasableParts::from_text(&removal.parts).map_err(unreadable)?))
        }
    }
}

/// Rejects one that waits, or takes it back.
///
/// # Errors
/// 409 if it waits for nobody.
pub async fn reject(mut call: Call, kind: RemovalKind) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["reason"])?;
    let reason = form.needed("reason", |reason| readable(reason, limits::GOVERNANCE_REASON_CHARS_MAX));
    form.finish()?;
    let of = organization.id;
    decide(call, organization, kind, move |call, before| {
        let mut edit = Edit::default();
        let removal = Removal {
            state: RemovalState::Rejected,
            decided_by: Some(type_and_id(&call.caller.actor())),
            decided_at: Some(call.app.clock.now()),
            decision_reason: Some(reason.clone()),
            ..nameless(before)
        };
        edit.put(Some(of), &before.id, Some(before), &removal)?;
        let mut record = about(call, "record.removal.reject", &before.id, &removal);
        record.reason = Some(reason);
        edit.record(of, record);
        Ok((edit, Kept { id: before.id.clone(), version: before.version + 1, document: removal }))
    })
    .await
}

/// Looks through the log for what is wanted.
async fn look(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    wanted: &Wanted,
    (asked_by, asked_at): (&Value, Micros),
) -> Result<Looked, Problem> {
    let holds: Vec<Hold> =
        app.directory.read(|state| state.governance(organization.id).holds().map(|hold| as_hold(hold)).collect());
    let (of, work) = (organization.clone(), app.clone());
    let (wanted, asked_by) = (wanted.clone(), type_and_id(asked_by));
    run(&app.turns.exports, organization.id, limits::REMOVAL_SCAN_TIME_MAX, move |stop| {
        let snapshot = snapshot(&work.engine, &of)?;
        let tied = match asked_by["id"].as_str().filter(|_| asked_by["type"] == "user") {
            Some(user) => removals::tied_to(&snapshot, user, asked_at, stop)?,
            None => Tied::default(),
        };
        let looked = match &wanted {
            Wanted::Person(subject, parts) => {
                let found = removals::of_person(&snapshot, subject, *parts, &holds, stop)?;
                Looked { found, remainders: Vec::new(), tied: Tied::default() }
            }
            Wanted::Events(redacting) => {
                let now = work.clock.now();
                let mut look = Events { redacting, asked_by: &asked_by, now, seen: BTreeMap::new() };
                look.find(&snapshot, &holds, stop)?
            }
        };
        Ok(Looked { tied, ..looked })
    })
    .await
}

/// The events of a redaction as they are looked at.
struct Events<'r> {
    redacting: &'r Redacting,
    asked_by: &'r Value,
    now: i64,
    /// What is left of each that was found, or why it cannot be redacted.
    seen: BTreeMap<String, Result<Option<EncodedRows>, String>>,
}

impl Events<'_> {
    fn find(&mut self, snapshot: &actarium_store::Snapshot, holds: &[Hold], stop: &Stop) -> Result<Looked, Problem> {
        let (slug, opaque_id) = (&*snapshot.organization.slug, &snapshot.organization.id.0);
        let ids = self.redacting.events.iter().filter_map(|id| EventId::parse(id).ok());
        let seqs: Vec<u64> = ids.filter(|id| id.check(opaque_id)).map(EventId::seq).collect();
        let found = removals::of_events(snapshot, &seqs, holds, stop, &mut |event, is_taken| {
            let placed = Placed { slug, opaque_id, seq: event.seq, recorded_at: event.recorded_at };
            let left = if actarium_core::erasure::is_evidence(&event.row) {
                Err("it says what was removed from the log, and stays".to_owned())
            } else if is_taken && self.redacting.remainder {
                let mut json = Vec::new();
                push_event(&mut json, &placed, &event.row);
                let event = serde_json::from_slice(&json).map_err(|error| error.to_string());
                event.and_then(|event| removals::remainders(&event, self.redacting, self.asked_by, self.now))
            } else {
                Ok(None)
            };
            self.seen.insert(placed.id().to_string(), left);
        })?;
        let mut problem = Problem::new(Kind::InvalidContent, "some of the events cannot be redacted so");
        for (index, id) in self.redacting.events.iter().enumerate() {
            let wrong = match self.seen.get(id) {
                None => "there is no such event",
                Some(Err(why)) => why,
                Some(Ok(_)) => continue,
            };
            if problem.errors.len() < limits::ERRORS_LISTED_MAX {
                problem = problem.clone().with_error(format!("/events/{index}"), wrong.to_owned());
            }
        }
        if !problem.errors.is_empty() {
            return Err(problem);
        }
        let seen = std::mem::take(&mut self.seen);
        let remainders = seen.into_values().filter_map(|left| left.ok().flatten()).collect();
        Ok(Looked { found, remainders, tied: Tied::default() })
    }
}
