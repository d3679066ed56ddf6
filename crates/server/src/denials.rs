//! Denied requests and refused ingestion on record: in whose logs, and what they were about.
//!
//! The record names what the path names, under the name that it has in the organization, and what the handler had read of the
//! body by then; bodies of who was not let through are not read for it. Nothing here decides whether something is denied, and
//! no log is told what its organization does not know: of what somebody meant in another organization it has neither names nor
//! ids, the operator's has ids.

use std::sync::Arc;

use actarium_store::{Organization, OrganizationId};
use serde_json::{Value, json};

use crate::access::{Caller, Denied, Reason};
use crate::app::App;
use crate::context::Context;
use crate::directory::State;
use crate::directory::saved_search::Visibility;
use crate::dispatch::Call;
use crate::limits;
use crate::problem::Problem;
use crate::recorder::{OwnRecord, audit_log, service_target};
use crate::refusals::RefusalKind;
use crate::routes::{Permission, Route};
use crate::signin::attempt::{logs_within, target_of};
use crate::token::{self, Shape};

/// A request as far as the record of its denial tells of it.
#[derive(Clone, Copy)]
pub struct Requested<'r> {
    /// Its route.
    pub route: &'static Route,
    /// Where it comes from.
    pub context: &'r Context,
    /// `{org}` of the path.
    pub slug: Option<&'r str>,
    /// `{id}` of the path; empty where it has none.
    pub id: &'r str,
    /// `{member}` of the path; empty where it has none.
    pub member: &'r str,
}

impl Requested<'_> {
    /// Whether it is about the caller's own affairs, whatever organizations they are in.
    fn is_personal(&self) -> bool {
        matches!(self.route.permission, Permission::Person | Permission::Session)
    }

    fn action(&self) -> Option<&'static str> {
        self.route.denied_action.or(self.route.ingests().then_some("ingestion.refuse"))
    }

    /// Types and ids of what the path names, in its order.
    fn objects(&self) -> Vec<(&'static str, String)> {
        let mut objects = Vec::new();
        let mut collection = "";
        for segment in self.route.path.split('/') {
            let id = match segment {
                "{id}" => self.id,
                "{member}" => self.member,
                _ => "",
            };
            if let (Some(kind), false) = (type_in(collection), id.is_empty()) {
                objects.push((kind, shown_id(id)));
            }
            collection = segment;
        }
        objects
    }
}

/// The type of what a collection of the API holds; none of what is no object of an organization.
fn type_in(collection: &str) -> Option<&'static str> {
    Some(match collection {
        "users" | "Users" | "members" => "user",
        "groups" | "Groups" => "group",
        "roles" => "role",
        "on-prem-keys" => "on_prem_key",
        "tokens" | "scim-tokens" => "token",
        "sessions" => "session",
        "invitations" => "invitation",
        "identity-providers" => "identity_provider",
        "legal-holds" => "legal_hold",
        "erasures" | "redactions" => "removal",
        "saved-searches" => "saved_search",
        "exports" => "export",
        "events" => "record",
        _ => return None,
    })
}

/// An id as it stands in the record. Who takes a credential for its id must not have it recorded.
fn shown_id(id: &str) -> String {
    match token::shape(id) {
        Some(Shape::Operator) => "operator".into(),
        Some(
            Shape::Key { id }
            | Shape::Scim { id }
            | Shape::Personal { id }
            | Shape::Session { id }
            | Shape::Invitation { id },
        ) => id.to_owned(),
        None => id.chars().take(limits::DENIED_ID_CHARS_MAX).collect(),
    }
}

/// What something is called in an organization, if it is there and its name is everybody's to know who sees the log.
fn name_of(state: &State, organization: OrganizationId, kind: &str, id: &str) -> Option<String> {
    let access = state.access(organization);
    match kind {
        "user" => state.called_in(organization, id).map(str::to_owned),
        "group" => access.group(id).map(|group| group.name),
        "role" => access.role(id).map(|role| role.name),
        "on_prem_key" => state.keys().get_of(organization, id).map(|key| key.name.clone()),
        "token" => access.scim_token(id).map(|token| token.name.clone()).or_else(|| {
            let own = state.personal().token(id).filter(|token| token.reaches(organization))?;
            access.member(&own.user).map(|_| own.name.clone())
        }),
        "invitation" => access.invitation(id).map(|invitation| invitation.email.clone()),
        "identity_provider" => state.sign_in(organization).provider(id).map(|provider| provider.name.clone()),
        "saved_search" => {
            let search = state.saved_searches(organization).get(id)?;
            (search.visibility == Visibility::Organization).then(|| search.name.clone())
        }
        _ => None,
    }
}

/// Puts a denied request on record: of a person's own affairs in the organizations that their credential reaches, else in the
/// caller's own organization; of callers that have none, in the operator's.
pub fn record_denial(app: &App, request: Requested<'_>, denied: &Denied) {
    let Some(action) = request.action() else { return };
    // The operator may know of everything: what is not there is a mistake, not a denial.
    if matches!(denied.caller, Caller::Operator) && denied.reason == Reason::UnknownOrganization {
        return;
    }
    app.directory.read(|state| {
        for log in logs(app, state, request, &denied.caller) {
            let mut record = OwnRecord::of_request(action, &denied.caller, request.context, service_target());
            let place = Place::of(app, &log, request);
            record.targets = targets(state, (&log, place), request, (action, denied));
            let record = record
                .unsuccessful("denied", denied.problem.detail.clone())
                .with("status", denied.problem.kind.status().as_u16())
                .with("method", request.route.method.name())
                .with("route", request.route.path);
            let kind = RefusalKind {
                organization: log.id,
                action,
                reason: denied.reason.name(),
                who: who(&denied.caller, request.context),
                what: what(request, &record),
            };
            app.refusals.refused(kind, record.as_called_in(state, log.id));
        }
    });
}

/// What tells denials of one sender apart: the route and every object.
fn what(request: Requested<'_>, record: &OwnRecord) -> String {
    let mut what = format!("{} {}", request.route.method.name(), request.route.path);
    for target in &record.targets {
        for part in [&target["type"], &target["id"]] {
            what.push('\0');
            what.push_str(part.as_str().unwrap_or_default());
        }
    }
    what
}

/// The organizations whose logs tell of it.
fn logs(app: &App, state: &State, request: Requested<'_>, caller: &Caller) -> Vec<Arc<Organization>> {
    let asked = request.slug.and_then(|slug| app.engine.organization(slug));
    let known = match caller {
        Caller::Key(key) => app.engine.organization_by_id(key.organization),
        Caller::Scim(provisioner) => app.engine.organization_by_id(provisioner.organization),
        Caller::Operator => asked,
        Caller::Anonymous => None,
        Caller::Person(person) if request.is_personal() => {
            let logs = logs_within(app, state, &person.user.id, |organization| person.reaches(organization));
            return logs.into_iter().filter_map(|id| app.engine.organization_by_id(id)).collect();
        }
        // The organization that was asked for, if it is theirs.
        Caller::Person(person) => asked
            .filter(|asked| person.reaches(asked.id))
            .filter(|asked| state.effective(asked.id, &person.user.id).is_some()),
    };
    vec![known.unwrap_or_else(|| app.operator_organization.clone())]
}

/// What a log may be told of the objects that were meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// They are its organization's, or its people's own.
    Own,
    /// They are another organization's, and the log is the operator's.
    Operators,
    /// They are another organization's.
    Foreign,
}

impl Place {
    fn of(app: &App, log: &Organization, request: Requested<'_>) -> Self {
        match request.slug {
            Some(slug) if slug != log.slug && log.id == app.operator_organization.id => Place::Operators,
            Some(slug) if slug != log.slug => Place::Foreign,
            _ => Place::Own,
        }
    }
}

/// What it was about: the objects of the path, what the handler had read, and what contains them.
fn targets(
    state: &State,
    (log, place): (&Organization, Place),
    request: Requested<'_>,
    (action, denied): (&str, &Denied),
) -> Vec<Value> {
    let is_own = place == Place::Own;
    let objects = if place == Place::Foreign { Vec::new() } else { request.objects() };
    let mut targets: Vec<Value> = Vec::new();
    for (kind, id) in objects {
        let owner = if is_own { owner_of(state, log, request, (kind, &id)) } else { None };
        let name = if is_own { name_of(state, log.id, kind, &id) } else { None };
        targets.push(match name {
            Some(name) => json!({"type": kind, "id": id, "name": name}),
            None => json!({"type": kind, "id": id}),
        });
        targets.extend(owner);
    }
    for target in &denied.problem.about {
        if !targets.contains(target) && targets.len() + 1 < actarium_core::limits::TARGETS_MAX {
            targets.push(target.clone());
        }
    }
    targets.extend(containers(log, request, (action, denied)));
    targets
}

/// Whose session or token it is; of one's own affairs, the caller is told anyway.
fn owner_of(state: &State, log: &Organization, request: Requested<'_>, (kind, id): (&str, &str)) -> Option<Value> {
    let owner = match kind {
        "session" => &state.personal().session(id).filter(|session| session.reaches(log.id))?.user,
        "token" => &state.personal().token(id).filter(|token| token.reaches(log.id))?.user,
        _ => return None,
    };
    let is_told = !request.is_personal() && state.access(log.id).member(owner).is_some();
    is_told.then(|| json!({"type": "user", "id": owner}))
}

fn containers(log: &Organization, request: Requested<'_>, (action, denied): (&str, &Denied)) -> Vec<Value> {
    match (&denied.caller, action.split('.').next()) {
        (Caller::Person(person), _) if request.is_personal() => vec![target_of(&person.user)],
        (_, resource) => in_organization(resource, request.slug.unwrap_or(&log.slug)),
    }
}

fn in_organization(resource: Option<&str>, slug: &str) -> Vec<Value> {
    let slug: String = if slug.is_empty() { "unknown" } else { slug }.chars().take(limits::SLUG_CHARS_MAX).collect();
    let organization = json!({"type": "organization", "id": slug});
    match resource {
        Some("ingestion" | "service") => vec![service_target(), organization],
        Some("audit_log") => vec![audit_log(&slug)],
        _ => vec![organization],
    }
}

/// Who a refusal was given to, for telling kinds of refusals apart.
fn who(caller: &Caller, context: &Context) -> String {
    match caller {
        Caller::Anonymous => context.ip.map_or_else(|| "unknown".into(), |ip| ip.to_string()),
        known => known.sender(),
    }
}

/// Refused ingestion goes to the operator's log: the sender's organization could not read a log that takes nothing.
pub fn record_refusal(
    app: &App,
    (route, context): (&Route, &Context),
    caller: &Caller,
    organization: Option<&Organization>,
    problem: &Problem,
) {
    if !route.ingests() {
        return;
    }
    let slug = organization.map_or("", |organization| organization.slug.as_str());
    let mut record = OwnRecord::of_request("ingestion.refuse", caller, context, service_target());
    record.targets = in_organization(Some("ingestion"), slug);
    let record = record
        .unsuccessful("failure", problem.detail.clone())
        .with("status", problem.kind.status().as_u16())
        .with("problem", problem.kind.name())
        .with("credential", caller.sender())
        .with("route", route.path);
    let kind = RefusalKind {
        organization: app.operator_organization.id,
        action: "ingestion.refuse",
        reason: problem.kind.name(),
        who: who(caller, context),
        what: slug.to_owned(),
    };
    app.refusals.refused(kind, record);
}

/// Records of a request that an adapter could not make events of go there too, as one record with their number, though the
/// request itself was answered well.
pub fn record_refused_records(call: &Call, records: usize, first: &str) {
    let slug = call.organization().map_or_else(|_| String::new(), |organization| organization.slug.clone());
    let mut record = OwnRecord::of_request("ingestion.refuse", &call.caller, &call.context, service_target());
    record.targets = in_organization(Some("ingestion"), &slug);
    let first: String = first.chars().take(limits::REFUSED_RECORD_CHARS_MAX).collect();
    let record = record
        .unsuccessful("failure", format!("{records} records could not be recorded, the first: {first}"))
        .with("records", records)
        .with("credential", call.caller.sender())
        .with("route", call.route.path);
    let kind = RefusalKind {
        organization: call.app.operator_organization.id,
        action: "ingestion.refuse",
        reason: "refused-records",
        who: who(&call.caller, &call.context),
        what: slug,
    };
    call.app.refusals.refused(kind, record);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_object_in_a_path_has_a_type() {
        // Pages of the log, what SCIM says of itself, and a provider's way back are no objects.
        let nothing = ["tile", "ResourceTypes", "Schemas", "callback"];
        for route in ROUTES.iter() {
            let mut collection = "";
            for segment in route.path.split('/') {
                let named = segment.starts_with('{') && segment != "{org}";
                assert!(!named || type_in(collection).is_some() || nothing.contains(&collection), "{}", route.path);
                collection = segment;
            }
        }
    }

    #[test]
    fn a_credential_in_the_place_of_an_id_is_not_shown() {
        let (id, secret) = token::personal(&[7; token::SESSION_RANDOM_BYTES]);
        assert_eq!(shown_id(&secret), id);
        assert_eq!(shown_id("usr_1"), "usr_1");
        assert_eq!(shown_id(&"é".repeat(1000)).chars().count(), limits::DENIED_ID_CHARS_MAX);
    }
}
