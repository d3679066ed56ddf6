//! `…/Users`: members of the organization, as an identity provider sees and sets them.
//!
//! A user here is a membership. Making one makes an account of the organization's, whatever accounts there are elsewhere with
//! the address; deleting ends the membership, and the account if it is the organization's. What SCIM says of a person is the
//! organization's own profile of them. Whom SCIM changes it takes over: a password that an administrator gave an account of the
//! organization's is worth nothing from then on. The account follows a new address only while it is the organization's and has
//! no password.

use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_core::{text, time};
use actarium_store::OrganizationId;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{
    Resource, base, changed_meanwhile, look_answer, must_match, read_json, resource_answer, selection, worked_out,
};
use crate::access::Rights;
use crate::answers::no_content;
use crate::directory::document::{Membership, Origin, ScimProfile, User};
use crate::directory::{Edit, Kept, OrganizationAccess, State, change};
use crate::dispatch::Call;
use crate::handlers::groups::must_cover;
use crate::handlers::users::{end_membership, rank, user_target};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::scim::error::{Refused, ScimType};
use crate::scim::listing::Query;
use crate::scim::person::Person;
use crate::scim::schema::{ResourceType, USER_SCHEMA};
use crate::scim::{Attributes, content, patch};
use crate::spelling::address_key;

/// A member with all that is kept of them.
#[derive(Clone, Debug)]
pub struct Entry {
    account: Arc<Kept<User>>,
    membership: Arc<Kept<Membership>>,
    profile: Option<Arc<Kept<ScimProfile>>>,
    /// Ids and names of the groups that they are in, if these were asked for.
    groups: Vec<(String, String)>,
}

impl Entry {
    /// A member; `None` for who is none.
    pub fn of(state: &State, organization: OrganizationId, id: &str, with_groups: bool) -> Option<Self> {
        let access = state.access(organization);
        let (account, membership) = (state.user(id)?.clone(), access.member(id)?.clone());
        let groups = access.groups_of(id).filter(|_| with_groups).filter_map(|group| access.group(group));
        Some(Self {
            account,
            membership,
            profile: access.scim_profile(id).cloned(),
            groups: groups.map(|group| (group.id, group.name)).collect(),
        })
    }

    /// The user's id.
    pub fn id(&self) -> &str {
        &self.account.id
    }

    fn user_name(&self) -> &str {
        self.profile.as_ref().map_or(&self.account.email, |profile| &profile.user_name)
    }

    /// As clients may set it. Of somebody who joined in another way the organization knows name and address.
    fn person(&self) -> Person {
        let profile = match &self.profile {
            Some(profile) => profile.attributes.clone(),
            None => {
                let name = self.membership.name.as_ref().unwrap_or(&self.account.email);
                Attributes::from_iter([("displayName".to_owned(), json!(name))])
            }
        };
        Person {
            user_name: self.user_name().to_owned(),
            external_id: self.membership.external_id.clone(),
            active: self.membership.active,
            profile,
        }
    }

    /// As clients see it.
    pub fn resource(&self, base: &str) -> Resource {
        let mut attributes = self.person().to_attributes();
        attributes.insert("schemas".into(), json!([USER_SCHEMA]));
        attributes.insert("id".into(), json!(self.id()));
        let groups: Vec<_> = self.groups.iter().map(|(id, name)| {
            json!({"value": id, "$ref": format!("{base}/Groups/{id}"), "display": name, "type": "direct"})
        })
        .collect();
        if !groups.is_empty() {
            attributes.insert("groups".into(), Value::Array(groups));
        }
        let changed = self.profile.as_ref().map_or(self.membership.joined_at, |profile| profile.updated_at);
        let meta = Attributes::from_iter([
            ("created".to_owned(), json!(time::to_text(self.membership.joined_at))),
            ("lastModified".to_owned(), json!(time::to_text(changed))),
        ]);
        Resource::new(ResourceType::User, attributes, meta, format!("{base}/Users/{}", self.id()))
    }
}

/// Members among whom the query may find some, in the order in which they joined.
pub fn candidates(state: &State, organization: OrganizationId, query: &Query) -> impl Iterator<Item = Entry> {
    let access = state.access(organization);
    let with_groups = query.evaluates("groups");
    let (id, user_name, external_id) = (query.equals("id"), query.equals("userName"), query.equals("externalId"));
    let mut entries: Vec<Entry> = match id {
        Some(id) => Entry::of(state, organization, id, with_groups).into_iter().collect(),
        None => {
            let members = access.members().filter(|(user, member)| {
                external_id.is_none_or(|wanted| member.external_id.as_deref() == Some(wanted))
                    && user_name.is_none_or(|wanted| is_named(state, access, user, wanted))
            });
            members.filter_map(|(user, _)| Entry::of(state, organization, user, with_groups)).collect()
        }
    };
    entries
        .sort_by(|left, right| (left.membership.joined_at, left.id()).cmp(&(right.membership.joined_at, right.id())));
    entries.into_iter()
}

fn is_named(state: &State, access: &OrganizationAccess, user: &str, wanted: &str) -> bool {
    let own = access.scim_profile(user).map(|profile| profile.user_name.as_str());
    own.or_else(|| state.user(user).map(|account| account.email.as_str()))
        .is_some_and(|name| text::equal_folded(name, wanted))
}

fn no_such_user() -> Problem {
    Problem::new(Kind::NotFound, "the organization has no such user")
}

fn taken(what: &str) -> Problem {
    Refused::new(ScimType::Uniqueness, format!("the organization has a user with this {what} already")).into()
}

/// Shows a user.
///
/// # Errors
/// 404 if the organization has none with the id.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let entry = call.app.directory.read(|state| Entry::of(state, organization, &call.id, true));
    look_answer(call, entry.ok_or_else(no_such_user)?.resource(&base(call)?))
}

/// Makes a member.
///
/// # Errors
/// 400 for what is no user, 409 for a name or an address that a member has.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (base, selection) = (base(&call)?, selection(&call, &[ResourceType::User])?);
    let body = read_json(&mut call).await?;
    let person = Person::from_attributes(content::resource(ResourceType::User, &body)?, true)?;
    person.must_not_pass_for_the_service()?;
    let (fresh_id, now) = (call.new_id("usr"), call.app.clock.now());
    let call = Arc::new(call);
    let by = call.clone();
    let id = change(&call.app, call.standing(), move |state| {
        let access = state.access(organization);
        let address = address_key(person.address()?);
        if state.member_by_email(organization, &address).is_some() {
            return Err(taken("e-mail address"));
        }
        let id = fresh_id;
        must_be_free(state, access, &person.user_name, None)?;
        if access.members().len() >= limits::MEMBERS_PER_ORGANIZATION_MAX {
            let most = limits::MEMBERS_PER_ORGANIZATION_MAX;
            return Err(Problem::new(
                Kind::Conflict,
                format!("the organization has {most} users, the most it may have"),
            ));
        }
        let mut edit = Edit::default();
        edit.touches_access(organization);
        let account = User {
            email: address.clone(),
            name: person.called(),
            created_at: now,
            password: None,
            managed_by: Some(organization.to_hex()),
            password_by: None,
            proof_changes: 0,
        };
        edit.account(&id, &account)?;
        let membership = Membership {
            joined_at: now,
            origin: Origin::Scim,
            active: person.active,
            name: Some(person.called()),
            external_id: person.external_id.clone(),
        };
        edit.put(Some(organization), &id, None, &membership)?;
        edit.put(Some(organization), &id, None, &profile_of(&person, now))?;
        let record = by.record("user.create", json!({"type": "user", "id": id, "name": person.called()}));
        edit.record(organization, record.with("email", address).with("origin", Origin::Scim.name()));
        Ok((edit, id))
    })
    .await?;
    let entry = call.app.directory.read(|state| Entry::of(state, organization, &id, true));
    resource_answer(&call, StatusCode::CREATED, entry.ok_or_else(no_such_user)?.resource(&base), &selection)
}

fn profile_of(person: &Person, now: Micros) -> ScimProfile {
    ScimProfile { user_name: person.user_name.clone(), attributes: person.profile.clone(), updated_at: now }
}

fn must_be_free(
    state: &State,
    access: &OrganizationAccess,
    user_name: &str,
    except: Option<&str>,
) -> Result<(), Problem> {
    let others = access.members().map(|(user, _)| user).filter(|user| Some(user.as_str()) != except);
    if others.into_iter().any(|user| is_named(state, access, user, user_name)) {
        return Err(taken("userName"));
    }
    Ok(())
}

/// Gives a user anew.
///
/// # Errors
/// As [`modify`], and 400 for what is no user.
pub async fn replace(mut call: Call) -> Result<Response, Problem> {
    let body = read_json(&mut call).await?;
    let attributes = content::resource(ResourceType::User, &body)?;
    let call = Arc::new(call);
    // Whether somebody may do anything is not changed by leaving it out.
    modify(&call, move |before| Ok(Some(Person::from_attributes(attributes, before.active)?))).await?;
    view_again(&call)
}

/// Changes a user.
///
/// # Errors
/// As [`modify`], 400 for what cannot be done, and 503 if it is changed all the time.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let body = Arc::new(read_json(&mut call).await?);
    let organization = call.organization()?.id;
    let call = Arc::new(call);
    for _ in 0..limits::SCIM_PATCH_TRIES_MAX {
        let entry = call.app.directory.read(|state| Entry::of(state, organization, &call.id, false));
        let before = entry.ok_or_else(no_such_user)?.person();
        let body = body.clone();
        let (before, after) = worked_out(move || {
            let mut attributes = before.to_attributes();
            patch::apply(ResourceType::User, &mut attributes, &body)?;
            let after = Person::from_attributes(attributes, before.active)?;
            Ok((before, after))
        })
        .await?;
        if modify(&call, move |present| Ok((*present == before).then_some(after))).await? {
            return view_again(&call);
        }
    }
    Err(changed_meanwhile())
}

/// Changes a user to what `make` says of them as they are now, and records what is different. Whether `make` said something: it
/// says nothing if it was made for another state of the user.
///
/// # Errors
/// 404 for who is no member, 412 if it is not as the client has it, 409 for a name that is taken or if no administrator
/// would stay, 403 for making somebody active who holds more than the token.
async fn modify(
    call: &Arc<Call>,
    make: impl FnOnce(&Person) -> Result<Option<Person>, Refused> + Send + 'static,
) -> Result<bool, Problem> {
    let organization = call.organization()?.id;
    let now = call.app.clock.now();
    let (by, at) = (call.clone(), base(call)?);
    selection(call, &[ResourceType::User])?;
    change(&call.app, call.standing(), move |state| {
        let entry = Entry::of(state, organization, &by.id, true).ok_or_else(no_such_user)?;
        must_match(&by.headers, &entry.resource(&at).version)?;
        let before = entry.person();
        let Some(mut after) = make(&before)? else { return Ok((Edit::default(), false)) };
        after.forget_emails_of(&before);
        if after.called() != before.called() {
            after.must_not_pass_for_the_service()?;
        }
        let mut edit = Edit::default();
        if after == before {
            return Ok((edit, true));
        }
        let access = state.access(organization);
        if !text::equal_folded(&after.user_name, &before.user_name) {
            must_be_free(state, access, &after.user_name, Some(&by.id))?;
        }
        let rank = rank(state, organization, &by.id);
        if after.active && !before.active {
            must_cover(&by.holds, &rank, "the user")?;
        }
        edit.touches_access(organization);
        let membership = Membership {
            active: after.active,
            external_id: after.external_id.clone(),
            name: Some(after.called()),
            ..entry.membership.document.clone()
        };
        if membership != entry.membership.document {
            edit.put(Some(organization), &by.id, Some(&*entry.membership), &membership)?;
        }
        edit.put(Some(organization), &by.id, entry.profile.as_deref(), &profile_of(&after, now))?;
        let within_reach = by.holds.covers(&rank);
        let mut record = by.record("user.update", user_target(state, organization, &by.id));
        let password_removed = taken_over(&mut edit, state, organization, &by.id, &record)?;
        follow_address(&mut edit, state, (organization, &entry.account), &after, within_reach && !password_removed)?;
        record = record.with("password_removed", password_removed);
        let (before, after) = (before.to_attributes(), after.to_attributes());
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let value = |attributes: &Attributes| attributes.get(name).cloned().unwrap_or_default();
            record = record.changing(&format!("/{name}"), value(&before), value(&after));
        }
        edit.record(organization, record);
        Ok((edit, true))
    })
    .await
}

fn view_again(call: &Call) -> Result<Response, Problem> {
    let (organization, selection) = (call.organization()?.id, selection(call, &[ResourceType::User])?);
    let entry = call.app.directory.read(|state| Entry::of(state, organization, &call.id, true));
    resource_answer(call, StatusCode::OK, entry.ok_or_else(no_such_user)?.resource(&base(call)?), &selection)
}

/// Takes over the account of somebody whom SCIM changes, by what `cause` records, and says whether there was something to take. Who holds everything keeps
/// their password: there is nothing more that they could be given, and the last administrator has to be able to sign in.
pub fn taken_over(
    edit: &mut Edit,
    state: &State,
    organization: OrganizationId,
    id: &str,
    cause: &OwnRecord,
) -> Result<bool, Problem> {
    match state.user(id).filter(|_| rank(state, organization, id).organization != Rights::ALL) {
        Some(account) => edit.take_over(state, organization, account, cause),
        None => Ok(false),
    }
}

/// Lets the account's address follow the user's, if the organization made the account, nobody signs in to it with a password, it
/// holds no more than the token, and no user of the organization has the address. What accounts others have
/// decides nothing: nobody learns of them here.
fn follow_address(
    edit: &mut Edit,
    state: &State,
    (organization, account): (OrganizationId, &Kept<User>),
    person: &Person,
    within_reach: bool,
) -> Result<(), Problem> {
    let address = address_key(person.address()?);
    let own = account.maker() == Some(organization) && account.password.is_none();
    let taken = || {
        state.account_of(organization, &address).is_some() || state.member_by_email(organization, &address).is_some()
    };
    if !(own && within_reach) || address == account.email || taken() {
        return Ok(());
    }
    edit.move_account(state, account, &address)
}

/// Ends a membership.
///
/// # Errors
/// 404 for who is no member, 412 if it is not as the client has it, 409 if no administrator would stay.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (app, base) = (call.app.clone(), base(&call)?);
    change(&app, call.standing(), move |state| {
        let entry = Entry::of(state, organization, &call.id, true).ok_or_else(no_such_user)?;
        must_match(&call.headers, &entry.resource(&base).version)?;
        let mut edit = Edit::default();
        let record = call.record("user.remove", user_target(state, organization, &call.id));
        let address = entry.person().address().map(str::to_owned).unwrap_or_default();
        end_membership(&mut edit, state, organization, &call.id, record.with("email", address));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
