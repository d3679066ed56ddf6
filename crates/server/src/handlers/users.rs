//! `/v1/orgs/{org}/users`: the members of an organization.
//!
//! An account belongs to its person and may be a member of many organizations; an organization's administrators decide
//! about the membership alone: they neither change the account nor learn where else it is a member. Nobody touches
//! somebody who holds more than they do.

use std::collections::BTreeSet;

use actarium_core::text;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Caller, Right};
use crate::answers::{created, json_answer, no_content};
use crate::directory::document::{GroupMember, Membership, Origin, ScimProfile, User, pair_id};
use crate::directory::personal::{PersonalToken, Session};
use crate::directory::{Edit, Effective, Identity, Kept, State, by_project, change, session_ended, token_ended};
use crate::dispatch::Call;
use crate::form::{Form, Holds, email, name_of_one_who_acts};
use crate::handlers::groups::{group_target, must_be_ours_to_fill, must_cover};
use crate::handlers::listing::{is_wanted, page};
use crate::handlers::losses::memberships_lost;
use crate::handlers::{exports, saved_searches};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::signin::attempt::hash_for;
use crate::spelling;

/// A member as the target of a record.
pub fn user_target(state: &State, organization: OrganizationId, user: &str) -> Value {
    match state.called_in(organization, user) {
        Some(name) => json!({"type": "user", "id": user, "name": name}),
        None => json!({"type": "user", "id": user}),
    }
}

/// A member as the API shows them; `None` for who is none.
pub fn shown(state: &State, organization: OrganizationId, user: &str) -> Option<Value> {
    let access = state.access(organization);
    let (member, account, called) = (access.member(user)?, state.user(user)?, state.called_in(organization, user)?);
    let groups = access.groups_of(user).filter_map(|group| access.group(group));
    let password_by = account.opened_by(organization).map(|by| {
        let name = state.called_in(organization, by);
        json!({"id": by, "name": name})
    });
    Some(json!({
        "id": user,
        "email": account.email,
        "name": called,
        "password_by": password_by,
        "active": member.active,
        "joined_at": actarium_core::time::to_text(member.joined_at),
        "origin": member.origin.name(),
        "groups": groups.map(|group| json!({"id": group.id, "name": group.name})).collect::<Vec<_>>(),
    }))
}

/// A page of some of an organization's users, by name. Who may not see users (`users_view`) and sees who is in a group is told
/// neither their addresses nor who knows their passwords.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn list_users<'a>(
    call: &Call,
    state: &State,
    organization: OrganizationId,
    users: impl Iterator<Item = &'a String>,
) -> Result<Response, Problem> {
    let sees_users = call.holds.organization.holds(Right::UsersView);
    let entries = users.filter_map(|user| {
        let account = state.user(user)?;
        // Whom nobody has given a name is called by their address.
        let called = state.called_in(organization, user)?;
        let name = if sees_users || called != account.email { called } else { user };
        let email = if sees_users { &*account.email } else { "" };
        is_wanted(call, &[name, email]).then(|| (format!("{}\0{user}", text::fold(name)), (user, name)))
    });
    page(call, "users", entries.collect(), |(user, name)| {
        let mut shown = shown(state, organization, user).unwrap_or(Value::Null);
        if !sees_users && shown.is_object() {
            (shown["name"], shown["email"], shown["password_by"]) = (json!(name), Value::Null, Value::Null);
        }
        shown
    })
}

/// Lists the organization's users.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app
        .directory
        .read(|state| list_users(call, state, organization, state.access(organization).members().map(|(user, _)| user)))
}

fn no_such_user() -> Problem {
    Problem::new(Kind::NotFound, "the organization has no such user")
}

/// Shows a user.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let shown = call.app.directory.read(|state| shown(state, organization, &call.id));
    json_answer(&shown.ok_or_else(no_such_user)?)
}

/// Explains what a user holds, and why.
///
/// # Errors
/// 404 if there is no such user.
pub fn permissions(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let shown = call.app.directory.read(|state| {
        let access = state.access(organization);
        access.member(&call.id)?;
        let held = access.effective(&call.id).unwrap_or_default();
        let reasons = access.reasons(&call.id).into_iter().map(|reason| {
            json!({
                "group": {"id": reason.group.0, "name": reason.group.1},
                "role": {"id": reason.role.0, "name": reason.role.1},
                "assignment": reason.level,
                "permissions": reason.given().names(),
            })
        });
        Some(json!({
            "organization": held.organization.names(),
            "projects": held.projects.iter().map(|(project, rights)| (project.to_string(), json!(by_project(*rights).names()))).collect::<serde_json::Map<_, _>>(),
            "because": reasons.collect::<Vec<_>>(),
        }))
    });
    json_answer(&shown.ok_or_else(no_such_user)?)
}

/// What a member holds, whether they are active or not: what one has to hold to touch them.
pub fn rank(state: &State, organization: OrganizationId, user: &str) -> Effective {
    let access = state.access(organization);
    let mut rank = Effective::default();
    for group in access.groups_of(user) {
        rank.add_all(&access.given_by(group));
    }
    rank
}

/// That no member of the organization has an address.
fn must_be_new(state: &State, organization: OrganizationId, email: &str) -> Result<(), Problem> {
    match state.member_by_email(organization, email) {
        None => Ok(()),
        Some(_) => {
            let detail = "somebody with this address is a user of the organization already";
            Err(Problem::new(Kind::Conflict, detail))
        }
    }
}

/// Makes a person a member. An administrator makes an account of the organization's, whatever accounts there are elsewhere with
/// the address; the operator, who decides for everybody, makes members of people's own accounts.
///
/// # Errors
/// 422 for what is against the rules, 409 for who is a member already, 403 for groups that hold more than the caller.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read_fields(
        &read.bytes,
        &[("email", Holds::Text), ("name", Holds::Text), ("password", Holds::Text), ("groups", Holds::Texts)],
    )?;
    let address = form.needed("email", email);
    let name = form.needed("name", name_of_one_who_acts);
    let groups: BTreeSet<String> = form.list("groups").unwrap_or_default().into_iter().collect();
    let password = form.optional("password", |password| {
        crate::signin::password::check(password, &address).map_err(|unsuitable| unsuitable.to_string())
    });
    form.finish()?;
    let (id, now) = (call.new_id("usr"), call.app.clock.now());
    let origin = if matches!(call.caller, Caller::Operator) { Origin::Operator } else { Origin::Administrator };
    let managed_by = (origin == Origin::Administrator).then(|| organization.to_hex());
    call.app.directory.read(|state| must_be_new(state, organization, &address))?;
    // Made whether there is an account elsewhere or not, so that the time taken does not tell.
    let password = match &password {
        Some(password) => Some(hash_for(&call.app, &organization.to_hex(), &address, password).await?),
        None => None,
    };
    let password_by = managed_by.as_ref().and_then(|_| call.caller.account()).map(str::to_owned);
    let email = spelling::address_key(&address);
    let account = User { email, name, created_at: now, password, managed_by, password_by, proof_changes: 0 };
    let app = call.app.clone();
    let user = change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        must_be_new(state, organization, &account.email)?;
        if access.members().len() >= limits::MEMBERS_PER_ORGANIZATION_MAX {
            let detail =
                format!("the organization has {} users, the most it may have", limits::MEMBERS_PER_ORGANIZATION_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        // An account of the organization's ends with its membership: there is none to come back to.
        let existing = state.own_account(&account.email).filter(|_| origin == Origin::Operator);
        let id = existing.map_or(id, |user| user.id.clone());
        let mut edit = Edit::default();
        edit.touches_access(organization);
        // What the organization calls them is its own; another's account is not changed by it.
        let called = Some(account.name.clone());
        if existing.is_none() {
            edit.account(&id, &account)?;
        }
        let membership = Membership { joined_at: now, origin, active: true, name: called, external_id: None };
        edit.put(Some(organization), &id, None, &membership)?;
        let target = json!({"type": "user", "id": id, "name": account.name});
        let record = call.record("user.create", target.clone());
        let record = record.with("email", &*account.email).with("origin", origin.name());
        edit.record(organization, record.with("password_set", existing.is_none() && account.password.is_some()));
        for group in &groups {
            let Some(group) = access.group(group) else {
                let problem = Problem::new(Kind::InvalidContent, "the content is against the rules");
                return Err(problem.with_error("/groups", "must be ids of groups of the organization"));
            };
            must_cover(&call.holds, &access.given_by(&group.id), "the group")
                .map_err(|problem| problem.about(group_target(&group)))?;
            must_be_ours_to_fill(state, organization, &group, &call.holds)?;
            edit.put(
                Some(organization),
                &pair_id(&group.id, &id),
                None,
                &GroupMember { added_at: now, mapped_by: None },
            )?;
            edit.record(organization, call.record("group.member.add", group_target(&group)).on(target.clone()));
        }
        Ok((edit, id))
    })
    .await?;
    let shown = app.directory.read(|state| shown(state, organization, &user));
    created(&shown.ok_or_else(no_such_user)?)
}

/// The account of a member to whom the caller may give another password: one of the organization's, of somebody else who holds no
/// more than they do.
fn account_to_open<'s>(state: &'s State, call: &Call, organization: OrganizationId) -> Result<&'s Kept<User>, Problem> {
    state.access(organization).member(&call.id).ok_or_else(no_such_user)?;
    must_cover(&call.holds, &rank(state, organization, &call.id), "the user")?;
    if call.caller.account() == Some(&*call.id) {
        return Err(Problem::new(
            Kind::Forbidden,
            "your own password is changed with the one before: POST /v1/password",
        ));
    }
    let account = state.user(&call.id).filter(|account| account.maker() == Some(organization));
    account.map(AsRef::as_ref).ok_or_else(|| {
        let detail = "the account is the person's own, or signs in for other organizations too: they change its password themselves";
        Problem::new(Kind::Conflict, detail)
    })
}

/// Changes what a member is called, whether they are active, or the password of an account of the organization's, which ends its
/// sessions, tokens and second factor.
///
/// # Errors
/// 404 for who is no member, 422 for what is against the rules, 403 for who holds more than the caller, 409 for a password of an account
/// that is the person's own, and if no administrator would stay.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let fields = [("name", Holds::Text), ("active", Holds::Flag), ("password", Holds::Text)];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let name = form.optional("name", name_of_one_who_acts);
    let active = form.flag("active");
    let email = call.app.directory.read(|state| state.user(&call.id).map(|account| account.email.clone()));
    let password = form.optional("password", |password| {
        let checked = crate::signin::password::check(password, email.as_deref().unwrap_or_default());
        checked.map_err(|unsuitable| unsuitable.to_string())
    });
    form.finish()?;
    let mut hash = None;
    if let Some(password) = &password {
        // Nobody who may not do it makes the service work for it.
        let email = call
            .app
            .directory
            .read(|state| account_to_open(state, &call, organization).map(|account| account.email.clone()))?;
        hash = Some(hash_for(&call.app, &organization.to_hex(), &email, password).await?);
    }
    let (app, id) = (call.app.clone(), call.id.clone());
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let before = access.member(&call.id).ok_or_else(no_such_user)?.clone();
        must_cover(&call.holds, &rank(state, organization, &call.id), "the user")?;
        let called = state.called_in(organization, &call.id).unwrap_or_default().to_owned();
        let mut after = before.document.clone();
        after.active = active.unwrap_or(after.active);
        after.name = name.clone().or(after.name);
        let mut edit = Edit::default();
        let is_changed = after != before.document;
        let mut record = call.record("user.update", user_target(state, organization, &call.id));
        if is_changed {
            edit.put(Some(organization), &call.id, Some(&*before), &after)?;
            edit.touches_access(organization);
            record = record.changing("/name", called.clone(), name.unwrap_or(called));
            record = record.changing("/active", before.active, after.active);
        }
        let is_opened = hash.is_some();
        if let Some(hash) = hash {
            let account = account_to_open(state, &call, organization)?;
            record = record
                .with("password_set", true)
                .with("sessions_ended", state.personal().sessions_of(&call.id).count());
            record = record.with("tokens_ended", state.personal().tokens_of(&call.id).count());
            edit.give_password(state, account, (hash, call.caller.account().map(str::to_owned)), &record)?;
        }
        if is_changed || is_opened {
            edit.record(organization, record);
        }
        Ok((edit, ()))
    })
    .await?;
    let shown = app.directory.read(|state| shown(state, organization, &id));
    json_answer(&shown.ok_or_else(no_such_user)?)
}

/// Ends a membership.
///
/// # Errors
/// 404 for who is no member, 403 for who holds more than the caller, 409 if no administrator would stay.
pub async fn remove(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        state.access(organization).member(&call.id).ok_or_else(no_such_user)?;
        must_cover(&call.holds, &rank(state, organization, &call.id), "the user")?;
        let mut edit = Edit::default();
        let record = call.record("user.remove", user_target(state, organization, &call.id));
        let record =
            state.user(&call.id).map_or_else(|| record.clone(), |user| record.clone().with("email", &*user.email));
        end_membership(&mut edit, state, organization, &call.id, record);
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}

/// Ends what opens the organization and nothing else, and keeps every token of the person from it: a membership that is
/// made anew brings none of them back to life. Each goes on record with what brought it about.
fn end_credentials(edit: &mut Edit, state: &State, organization: OrganizationId, user: &str, cause: &OwnRecord) {
    let id = organization.to_hex();
    for session in state.personal().sessions_of(user).filter(|session| session.only_in.as_ref() == Some(&id)) {
        edit.delete::<Session>(None, &session.id, session.version);
        edit.record(organization, session_ended(cause, session));
    }
    for token in state.personal().tokens_of(user).filter(|token| token.reaches(organization)) {
        edit.record(organization, token_ended(cause, token));
        match token.without(organization) {
            Some(elsewhere) => {
                if let Err(problem) = edit.put(None, &token.id, Some(&**token), &elsewhere) {
                    tracing::error!(token = token.id, detail = %problem.detail, "a token could not be ended");
                }
            }
            None => edit.delete::<PersonalToken>(None, &token.id, token.version),
        }
    }
}

/// Writes that a member is none any more, with all that the organization keeps of them; an account that it made for itself ends
/// too. What they lose by it goes on record with it: groups, sessions and tokens.
pub fn end_membership(edit: &mut Edit, state: &State, organization: OrganizationId, user: &str, record: OwnRecord) {
    let access = state.access(organization);
    edit.touches_access(organization);
    let record = record.with("groups", access.groups_of(user).count());
    edit.record(organization, record.clone());
    for group in access.groups_of(user) {
        let version = access.group_member_version(group, user).unwrap_or_default();
        edit.delete::<GroupMember>(Some(organization), &pair_id(group, user), version);
    }
    memberships_lost(edit, access, organization, &record, user);
    if let Some(profile) = access.scim_profile(user) {
        edit.delete::<ScimProfile>(Some(organization), user, profile.version);
    }
    // Who comes back is somebody whom the organization's identity provider has to prove anew.
    for identity in state.sign_in(organization).identities_of(user) {
        edit.delete::<Identity>(Some(organization), &identity.id, identity.version);
    }
    if let Some(member) = access.member(user) {
        edit.delete::<Membership>(Some(organization), user, member.version);
    }
    match state.user(user).filter(|account| state.ends_with(organization, account)) {
        Some(account) => edit.end_account(state, account, Some(&record)),
        None => end_credentials(edit, state, organization, user, &record),
    }
    saved_searches::end_of_member(edit, state, organization, user);
    exports::end_of_member(edit, state, organization, user);
}
