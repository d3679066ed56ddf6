//! `/v1/orgs/{org}/saved-searches`: searches kept under a name, for oneself or for everybody who reads the log.
//!
//! A personal one is its owner's alone: to everybody else, administrators included, it is not there, and the record of its
//! making says neither its name nor its phrase. A shared one is the organization's: it takes the permission to share to
//! make, change or delete one. A change and its record are one commit.

use actarium_core::filter::SearchParameters;
use actarium_core::row::Micros;
use actarium_core::{text, time};
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Caller, Right};
use crate::answers::{created, json_answer, no_content};
use crate::directory::saved_search::{SavedSearch, Visibility};
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::form::{Form, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;

const FIELDS: [&str; 5] = ["name", "q", "from", "to", "visibility"];
/// The owner of what the operator makes.
pub(super) const OPERATOR: &str = "operator";

/// Whose a caller's own searches and exports are.
pub(super) fn owner_of(caller: &Caller) -> &str {
    match caller {
        Caller::Person(person) => &person.user.id,
        // Routes that ask for a permission let nobody else through.
        Caller::Operator | Caller::Key(_) | Caller::Scim(_) | Caller::Anonymous => OPERATOR,
    }
}

fn shown(state: &State, organization: OrganizationId, search: &Kept<SavedSearch>) -> Value {
    // Who is no member any more is not named.
    let name = match search.owner.as_str() {
        OPERATOR => Some("Operator".to_owned()),
        user => state.called_in(organization, user).map(str::to_owned),
    };
    json!({
        "id": search.id,
        "name": search.name,
        "q": search.q,
        "from": search.from,
        "to": search.to,
        "visibility": search.visibility.name(),
        "owner": name.map(|name| json!({"id": search.owner, "name": name})),
        "created_at": time::to_text(search.created_at),
        "updated_at": time::to_text(search.updated_at),
    })
}

/// Lists what the caller sees: the organization's and their own, by name.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let (id, owner) = (call.organization()?.id, owner_of(&call.caller));
    let searches: Vec<Value> = call.app.directory.read(|state| {
        let mut seen: Vec<_> = state.saved_searches(id).iter().filter(|search| search.is_seen_by(owner)).collect();
        seen.sort_by_cached_key(|search| (text::fold(&search.name), search.id.clone()));
        seen.into_iter().map(|search| shown(state, id, search)).collect()
    });
    json_answer(&json!({ "saved_searches": searches }))
}

/// Saves a search.
///
/// # Errors
/// 422 for what a search could not be asked, 403 for sharing without the permission, 409 for a name that is taken and for
/// one more than there may be.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &FIELDS)?;
    let name = form.needed("name", |name| readable(name, limits::NAME_CHARS_MAX));
    let now = call.app.clock.now();
    let changed = Changed::read(&mut form, now);
    let owner = owner_of(&call.caller).to_owned();
    let visibility = changed.visibility.unwrap_or(Visibility::Personal);
    let blank =
        SavedSearch { name, q: None, from: None, to: None, visibility, owner, created_at: now, updated_at: now };
    let search = changed.made_of(&blank, now);
    check_times(&mut form, &search, now);
    form.finish()?;
    may_share(&call, &search)?;
    let (id, app) = (call.new_id("search"), call.app.clone());
    let shown = change(&app, call.standing(), move |state| {
        is_there_room(state, organization, None, &search)?;
        let mut edit = Edit::default();
        edit.put(Some(organization), &id, None, &search)?;
        let record = call.record("audit_log.search.save", target(&id, &search));
        edit.record(organization, described(record, &search));
        let kept = Kept { id, version: 1, document: search };
        Ok((edit, shown(state, organization, &kept)))
    })
    .await?;
    created(&shown)
}

/// Changes a saved search, or who sees it.
///
/// # Errors
/// 404 for one that the caller does not see, 403 for a shared one without the permission to share, 422 and 409 as when it
/// is made.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &FIELDS)?;
    let name = form.optional("name", |name| readable(name, limits::NAME_CHARS_MAX));
    let now = call.app.clock.now();
    let changed = Changed { name, ..Changed::read(&mut form, now) };
    let owner = owner_of(&call.caller).to_owned();
    let before = call.app.directory.read(|state| seen(state, organization, &call.id, &owner))?;
    check_times(&mut form, &changed.made_of(&before, now), now);
    form.finish()?;
    let app = call.app.clone();
    let shown = change(&app, call.standing(), move |state| {
        let before = seen(state, organization, &call.id, &owner)?;
        let search = changed.made_of(&before, now);
        // It may have been changed since it was looked at.
        if !times_fit(&search, now) {
            return Err(Problem::new(Kind::Conflict, "it was changed at the same moment; look again, then repeat it"));
        }
        may_share(&call, &before)?;
        may_share(&call, &search)?;
        if search.visibility == Visibility::Personal && search.owner != owner {
            let detail = "only who has made it may take it back for themselves; it can be deleted";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        let mut edit = Edit::default();
        if search == (SavedSearch { updated_at: now, ..before.document.clone() }) {
            return Ok((edit, shown(state, organization, &before)));
        }
        is_there_room(state, organization, Some(&before), &search)?;
        edit.put(Some(organization), &call.id, Some(&before), &search)?;
        let record = call.record("audit_log.search.update", target(&call.id, &search));
        edit.record(organization, described_change(record, &before, &search));
        let kept = Kept { id: before.id, version: before.version + 1, document: search };
        Ok((edit, shown(state, organization, &kept)))
    })
    .await?;
    json_answer(&shown)
}

/// Deletes a saved search.
///
/// # Errors
/// 404 for one that the caller does not see, 403 for a shared one without the permission to share.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let search = seen(state, organization, &call.id, owner_of(&call.caller))?;
        may_share(&call, &search)?;
        let mut edit = Edit::default();
        edit.delete::<SavedSearch>(Some(organization), &search.id, search.version);
        let record = call.record("audit_log.search.delete", target(&search.id, &search));
        edit.record(organization, described(record, &search));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}

/// Writes that the personal searches of somebody who is no member any more are gone with the membership. What they shared
/// stays: it is the organization's.
pub fn end_of_member(edit: &mut Edit, state: &State, organization: OrganizationId, user: &str) {
    let own = state.saved_searches(organization).iter();
    for search in own.filter(|search| search.owner == user && search.visibility == Visibility::Personal) {
        edit.delete::<SavedSearch>(Some(organization), &search.id, search.version);
    }
}

fn seen(state: &State, organization: OrganizationId, id: &str, owner: &str) -> Result<Kept<SavedSearch>, Problem> {
    let search = state.saved_searches(organization).get(id).filter(|search| search.is_seen_by(owner));
    search.map(|search| (**search).clone()).ok_or_else(|| Problem::new(Kind::NotFound, "there is no such saved search"))
}

/// What is shared takes the permission to share, for the whole organization.
fn may_share(call: &Call, search: &SavedSearch) -> Result<(), Problem> {
    let right = Right::SavedSearchesShare;
    if search.visibility == Visibility::Personal || call.holds.organization.holds(right) {
        return Ok(());
    }
    let detail = format!("a search of the organization's is made, changed and deleted with `{}`", right.name());
    Err(Problem::new(Kind::Forbidden, detail))
}

/// Whether the name is free and one more may be there.
fn is_there_room(
    state: &State,
    organization: OrganizationId,
    before: Option<&Kept<SavedSearch>>,
    search: &SavedSearch,
) -> Result<(), Problem> {
    let is_other = |other: &Kept<SavedSearch>| before.is_none_or(|before| before.id != other.id);
    let all = state.saved_searches(organization).iter();
    let beside: Vec<_> = all.filter(|other| is_other(other) && other.is_beside(search)).collect();
    let (whose, most) = match search.visibility {
        Visibility::Personal => ("you have", limits::SAVED_SEARCHES_PER_OWNER_MAX),
        Visibility::Organization => ("the organization has", limits::SAVED_SEARCHES_SHARED_MAX),
    };
    if beside.iter().any(|other| other.is_called_like(search)) {
        let detail = format!("{whose} a saved search of this name");
        return Err(Problem::new(Kind::Conflict, detail).with_error("/name", "is taken"));
    }
    if beside.len() >= most {
        return Err(Problem::new(Kind::Conflict, format!("{whose} {most} saved searches, the most there may be")));
    }
    Ok(())
}

/// What of a search a request gives; a text that is given and empty takes away what was there.
struct Changed {
    name: Option<String>,
    q: Option<String>,
    from: Option<String>,
    to: Option<String>,
    visibility: Option<Visibility>,
}

impl Changed {
    fn read(form: &mut Form, now: Micros) -> Self {
        let at = |text: &str| match text {
            "" => Ok(()),
            text => time::parse_search_time(text, now).map(drop).map_err(|error| format!("must be a time: {error}")),
        };
        let (q, from, to) = (form.optional("q", phrase), form.optional("from", at), form.optional("to", at));
        let visibility = form.optional("visibility", |name| match Visibility::from_name(name) {
            Some(_) => Ok(()),
            None => Err(format!("must be one of {}", Visibility::ALL.map(Visibility::name).join(", "))),
        });
        Self { name: None, q, from, to, visibility: visibility.as_deref().and_then(Visibility::from_name) }
    }

    fn made_of(&self, before: &SavedSearch, now: Micros) -> SavedSearch {
        let text = |given: &Option<String>, before: &Option<String>| match given {
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            None => before.clone(),
        };
        SavedSearch {
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            q: text(&self.q, &before.q),
            from: text(&self.from, &before.from),
            to: text(&self.to, &before.to),
            visibility: self.visibility.unwrap_or(before.visibility),
            updated_at: now,
            ..before.clone()
        }
    }
}

/// A phrase that a search can be asked with.
///
/// # Errors
/// Why it is none.
pub(super) fn phrase(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > limits::PARAMETER_BYTES_MAX {
        return Err(format!("must be at most {} bytes", limits::PARAMETER_BYTES_MAX));
    }
    let mut search = SearchParameters::new();
    let read = search.add("q", text).and_then(|()| search.filter().map(drop));
    read.map_err(|error| format!("is no search phrase: {}", error.error))
}

/// A time that begins before it ends, as far as both are given.
fn check_times(form: &mut Form, search: &SavedSearch, now: Micros) {
    if !times_fit(search, now) {
        form.refuse("/to", "must not lie before `from`");
    }
}

fn times_fit(search: &SavedSearch, now: Micros) -> bool {
    let at = |text: &Option<String>| text.as_ref().and_then(|text| time::parse_search_time(text, now).ok());
    at(&search.from).zip(at(&search.to)).is_none_or(|(from, to)| from <= to)
}

fn target(id: &str, search: &SavedSearch) -> Value {
    match search.visibility {
        Visibility::Personal => json!({"type": "saved_search", "id": id}),
        Visibility::Organization => json!({"type": "saved_search", "id": id, "name": search.name}),
    }
}

/// Says in a record what a shared search asks for; of a personal one, that it is one.
fn described(record: OwnRecord, search: &SavedSearch) -> OwnRecord {
    let mut record = record.with("visibility", search.visibility.name());
    if search.visibility == Visibility::Organization {
        if let Some(q) = &search.q {
            record = record.with_whole("q", q);
        }
        for (key, text) in [("from", &search.from), ("to", &search.to)] {
            if let Some(text) = text {
                record = record.with(key, text.clone());
            }
        }
    }
    record
}

/// Says in a record what was changed: what is or was shared with what it asks for, of a personal one that it was.
fn described_change(record: OwnRecord, before: &SavedSearch, after: &SavedSearch) -> OwnRecord {
    let record = record.changing("/visibility", before.visibility.name(), after.visibility.name());
    let was_shared = before.visibility == Visibility::Organization;
    if was_shared && after.visibility == Visibility::Organization {
        let record = record.changing("/name", before.name.clone(), after.name.clone());
        let record = record.changing("/q", before.q.clone(), after.q.clone());
        let record = record.changing("/from", before.from.clone(), after.from.clone());
        return described(record.changing("/to", before.to.clone(), after.to.clone()), after);
    }
    described(record, after)
}
