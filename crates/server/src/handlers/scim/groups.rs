//! `…/Groups`: groups of the organization and the members in them, as an identity provider sees and sets them.
//!
//! A group is within a token's reach if all that its roles give is among what the token was given. Groups beyond it are seen
//! and not changed, neither by putting somebody in nor by taking somebody out. Roles are not SCIM's.

use std::collections::BTreeSet;
use std::sync::Arc;

use actarium_core::{text, time};
use actarium_store::OrganizationId;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::users::taken_over;
use super::{
    Resource, base, changed_meanwhile, look_answer, must_match, read_json, resource_answer, selection, worked_out,
};
use crate::answers::no_content;
use crate::directory::document::{Group, GroupMember, pair_id};
use crate::directory::{Edit, GroupView, OrganizationAccess, State, change};
use crate::dispatch::Call;
use crate::form::readable;
use crate::handlers::groups::{ended, group_of, group_target, must_cover};
use crate::handlers::users::user_target;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::scim::error::{Refused, ScimType};
use crate::scim::listing::Query;
use crate::scim::schema::{GROUP_SCHEMA, ResourceType};
use crate::scim::{Attributes, content, patch};
use crate::spelling;

/// A group with who is in it.
#[derive(Clone, Debug)]
pub struct Entry {
    group: GroupView,
    /// Ids of the users in it, if they were asked for.
    members: Vec<String>,
}

impl Entry {
    /// A group; `None` if there is none.
    pub fn of(state: &State, organization: OrganizationId, id: &str, with_members: bool) -> Option<Self> {
        let access = state.access(organization);
        Some(Self::new(access, access.group(id)?, with_members))
    }

    fn new(access: &OrganizationAccess, group: GroupView, with_members: bool) -> Self {
        let members = access.members_of(&group.id).filter(|_| with_members).cloned().collect();
        Self { group, members }
    }

    /// The group's id.
    pub fn id(&self) -> &str {
        &self.group.id
    }

    fn external_id(&self) -> Option<&str> {
        self.group.kept.as_ref().and_then(|kept| kept.external_id.as_deref())
    }

    /// Whether it was made by hand, and the directory changes it for the first time: from then on it says who is in it. Who was put
    /// there by others goes, unless it names them: what the group will be given is meant for whom the directory means.
    fn is_to_be_taken_over(&self) -> bool {
        self.group.kept.as_ref().is_some_and(|kept| !kept.is_provisioned())
    }

    /// As clients may set it.
    fn settable(&self, base: &str) -> Attributes {
        let mut attributes = Attributes::from_iter([("displayName".to_owned(), json!(self.group.name))]);
        if let Some(id) = self.external_id() {
            attributes.insert("externalId".into(), json!(id));
        }
        if !self.members.is_empty() {
            let member = |id: &String| json!({"value": id, "$ref": format!("{base}/Users/{id}"), "type": "User"});
            attributes.insert("members".into(), self.members.iter().map(member).collect());
        }
        attributes
    }

    /// As clients see it.
    pub fn resource(&self, base: &str) -> Resource {
        let mut attributes = self.settable(base);
        attributes.insert("schemas".into(), json!([GROUP_SCHEMA]));
        attributes.insert("id".into(), json!(self.id()));
        let mut meta = Attributes::new();
        // A default group is part of the program and was never made.
        if let Some(kept) = &self.group.kept {
            meta.insert("created".into(), json!(time::to_text(kept.created_at)));
        }
        Resource::new(ResourceType::Group, attributes, meta, format!("{base}/Groups/{}", self.id()))
    }
}

/// Groups among which the query may find some: the default ones, then in the order in which they were made.
pub fn candidates(state: &State, organization: OrganizationId, query: &Query) -> impl Iterator<Item = Entry> {
    let access = state.access(organization);
    let with_members = query.evaluates("members");
    let (id, name, external_id) = (query.equals("id"), query.equals("displayName"), query.equals("externalId"));
    let wanted = |group: &GroupView| {
        let own_id = group.kept.as_ref().and_then(|kept| kept.external_id.as_deref());
        name.is_none_or(|wanted| text::equal_folded(&group.name, wanted))
            && external_id.is_none_or(|wanted| own_id == Some(wanted))
    };
    let mut groups: Vec<GroupView> = match id {
        Some(id) => access.group(id).into_iter().filter(wanted).collect(),
        None => access.groups().filter(wanted).collect(),
    };
    groups.sort_by_key(|group| group.kept.as_ref().map(|kept| (kept.created_at, group.id.clone())));
    let entries: Vec<_> = groups.into_iter().map(|group| Entry::new(access, group, with_members)).collect();
    entries.into_iter()
}

/// A group as clients may set it, taken apart.
struct Wanted {
    name: String,
    external_id: Option<String>,
    members: BTreeSet<String>,
}

impl Wanted {
    fn from_attributes(attributes: Attributes) -> Result<Self, Refused> {
        let text = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("displayName").ok_or_else(|| invalid("`displayName` is needed"))?;
        readable(&name, limits::NAME_CHARS_MAX).map_err(|rule| invalid(format!("`displayName` {rule}")))?;
        let mut members = BTreeSet::new();
        for member in attributes.get("members").and_then(Value::as_array).into_iter().flatten() {
            let is_user = member.get("type").and_then(Value::as_str).is_none_or(|it| it.eq_ignore_ascii_case("User"));
            if !is_user {
                return Err(invalid("the members of a group are users; groups have no groups in them"));
            }
            members.extend(member.get("value").and_then(Value::as_str).map(str::to_owned));
        }
        Ok(Self { name, external_id: text("externalId"), members })
    }
}

impl Wanted {
    /// What a group is made by a change.
    fn patched(before: &Attributes, body: &Value) -> Result<Self, Refused> {
        let mut attributes = before.clone();
        patch::apply(ResourceType::Group, &mut attributes, body)?;
        Self::from_attributes(attributes)
    }

    /// Those whom a change itself puts into the group, whoever was in it before.
    fn members_named(&self, before: &Attributes, body: &Value) -> BTreeSet<String> {
        let mut emptied = before.clone();
        emptied.remove("members");
        match Self::patched(&emptied, body) {
            Ok(named) => named.members,
            // It takes out somebody who was in it: whom it puts there are the new ones.
            Err(_) => {
                let was_in = |id: &String| {
                    let members = before.get("members").and_then(Value::as_array).into_iter().flatten();
                    members.filter_map(|member| member["value"].as_str()).any(|member| member == id)
                };
                self.members.iter().filter(|id| !was_in(id)).cloned().collect()
            }
        }
    }
}

fn invalid(detail: impl Into<String>) -> Refused {
    Refused::new(ScimType::InvalidValue, detail)
}

fn must_be_free(access: &OrganizationAccess, name: &str, except: Option<&str>) -> Result<(), Refused> {
    if access.groups().any(|group| spelling::same_name(&group.name, name) && Some(&*group.id) != except) {
        return Err(Refused::new(ScimType::Uniqueness, "the organization has a group with this displayName already"));
    }
    Ok(())
}

/// Shows a group.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let entry = call.app.directory.read(|state| {
        let access = state.access(organization);
        group_of(access, &call.id).map(|group| Entry::new(access, group, true))
    })?;
    look_answer(call, entry.resource(&base(call)?))
}

/// Makes a group.
///
/// # Errors
/// 400 for what is no group or names members that the organization does not have, 409 for a name that is taken.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (base, selection) = (base(&call)?, selection(&call, &[ResourceType::Group])?);
    let body = read_json(&mut call).await?;
    let wanted = Wanted::from_attributes(content::resource(ResourceType::Group, &body)?)?;
    let (id, created_at) = (call.new_id("grp"), call.app.clock.now());
    let call = Arc::new(call);
    let (by, made) = (call.clone(), id.clone());
    change(&call.app, call.standing(), move |state| {
        let access = state.access(organization);
        must_be_free(access, &wanted.name, None)?;
        if access.groups().count() >= limits::GROUPS_PER_ORGANIZATION_MAX {
            let most = limits::GROUPS_PER_ORGANIZATION_MAX;
            return Err(Problem::new(
                Kind::Conflict,
                format!("the organization has {most} groups, the most it may have"),
            ));
        }
        let mut edit = Edit::default();
        edit.touches_access(organization);
        let group = Group {
            name: wanted.name.clone(),
            description: String::new(),
            created_at,
            external_id: wanted.external_id.clone(),
            provisioned: true,
        };
        edit.put(Some(organization), &made, None, &group)?;
        let view = GroupView { id: made, name: group.name, description: String::new(), kept: None };
        let record = by.record("group.create", group_target(&view));
        edit.record(organization, record.changing("/external_id", Value::Null, json!(wanted.external_id)));
        change_members(&mut edit, state, organization, (&by, &view), &wanted.members)?;
        Ok((edit, ()))
    })
    .await?;
    let entry = call.app.directory.read(|state| Entry::of(state, organization, &id, true));
    let entry = entry.ok_or_else(|| Problem::new(Kind::NotFound, "the group was deleted in the meantime"))?;
    resource_answer(&call, StatusCode::CREATED, entry.resource(&base), &selection)
}

/// Makes the users in a group those that are wanted.
fn change_members(
    edit: &mut Edit,
    state: &State,
    organization: OrganizationId,
    (call, group): (&Call, &GroupView),
    wanted: &BTreeSet<String>,
) -> Result<(), Problem> {
    let access = state.access(organization);
    let now = call.app.clock.now();
    let mut changed = 0;
    let mut count = || {
        changed += 1;
        let most = limits::SCIM_MEMBERS_CHANGED_MAX;
        let detail = format!("more than {most} members would come or go at once; send them in several requests");
        if changed > most { Err(Refused::new(ScimType::TooMany, detail)) } else { Ok(()) }
    };
    for user in wanted {
        if access.group_member_version(&group.id, user).is_some() {
            continue;
        }
        count()?;
        if access.member(user).is_none() {
            return Err(invalid(format!("the organization has no user `{}`", content::shown(user))).into());
        }
        edit.put(Some(organization), &pair_id(&group.id, user), None, &GroupMember { added_at: now, mapped_by: None })?;
        // What the directory gives is for whom it means, not for whoever has a password that an administrator gave.
        let record = call.record("group.member.add", group_target(group)).on(user_target(state, organization, user));
        let password_removed = taken_over(edit, state, organization, user, &record)?;
        edit.record(organization, record.with("password_removed", password_removed));
    }
    for user in access.members_of(&group.id).filter(|user| !wanted.contains(*user)) {
        count()?;
        let version = access.group_member_version(&group.id, user).unwrap_or_default();
        edit.delete::<GroupMember>(Some(organization), &pair_id(&group.id, user), version);
        let record = call.record("group.member.remove", group_target(group));
        edit.record(organization, record.on(user_target(state, organization, user)));
    }
    Ok(())
}

/// Gives a group anew.
///
/// # Errors
/// As [`modify`], and 400 for what is no group.
pub async fn replace(mut call: Call) -> Result<Response, Problem> {
    let body = read_json(&mut call).await?;
    let wanted = Wanted::from_attributes(content::resource(ResourceType::Group, &body)?)?;
    let call = Arc::new(call);
    modify(&call, move |_| Some(wanted)).await?;
    view_again(&call)
}

/// Changes a group.
///
/// # Errors
/// As [`modify`], 400 for what cannot be done, and 503 if it is changed all the time.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let body = Arc::new(read_json(&mut call).await?);
    let (organization, base) = (call.organization()?.id, base(&call)?);
    let call = Arc::new(call);
    for _ in 0..limits::SCIM_PATCH_TRIES_MAX {
        let entry = call.app.directory.read(|state| {
            let access = state.access(organization);
            group_of(access, &call.id).map(|group| Entry::new(access, group, true))
        })?;
        let (body, base) = (body.clone(), base.clone());
        let (before, wanted) = worked_out(move || {
            let before = entry.settable(&base);
            let mut wanted = Wanted::patched(&before, &body)?;
            if entry.is_to_be_taken_over() {
                wanted.members = wanted.members_named(&before, &body);
            }
            Ok((before, wanted))
        })
        .await?;
        if modify(&call, move |present| (*present == before).then_some(wanted)).await? {
            return view_again(&call);
        }
    }
    Err(changed_meanwhile())
}

/// Changes a group to what `make` says of it as it is now, and records what is different. Whether `make` said something: it says
/// nothing if it was made for another state of the group.
///
/// # Errors
/// 404 if there is none, 412 if it is not as the client has it, 403 if it holds more than the token, 409 for a name that is
/// taken or if no administrator would stay, 400 for changes of a default group's name.
async fn modify(
    call: &Arc<Call>,
    make: impl FnOnce(&Attributes) -> Option<Wanted> + Send + 'static,
) -> Result<bool, Problem> {
    let organization = call.organization()?.id;
    let (by, at) = (call.clone(), base(call)?);
    selection(call, &[ResourceType::Group])?;
    change(&call.app, call.standing(), move |state| {
        let access = state.access(organization);
        let entry = Entry::new(access, group_of(access, &by.id)?, true);
        must_match(&by.headers, &entry.resource(&at).version)?;
        must_cover(&by.holds, &access.given_by(&by.id), "the group")?;
        let mut edit = Edit::default();
        let Some(wanted) = make(&entry.settable(&at)) else { return Ok((edit, false)) };
        let renamed = wanted.name != entry.group.name || wanted.external_id.as_deref() != entry.external_id();
        if renamed || entry.is_to_be_taken_over() {
            let Some(kept) = &entry.group.kept else {
                let detail = "a default group keeps its name and has no externalId";
                return Err(Refused::new(ScimType::Mutability, detail).into());
            };
            must_be_free(access, &wanted.name, Some(&by.id))?;
            let (name, external_id) = (wanted.name.clone(), wanted.external_id.clone());
            let after = Group { name, external_id, provisioned: true, ..kept.document.clone() };
            edit.put(Some(organization), &by.id, Some(&**kept), &after)?;
            let record = by.record("group.update", group_target(&entry.group));
            let record = record.changing("/name", &*entry.group.name, &*after.name);
            let ids = (entry.external_id().map(str::to_owned), after.external_id);
            let record = record.changing("/external_id", json!(ids.0), json!(ids.1));
            edit.record(organization, record.changing("/provisioned", kept.is_provisioned(), true));
        }
        change_members(&mut edit, state, organization, (&by, &entry.group), &wanted.members)?;
        if !edit.is_empty() {
            edit.touches_access(organization);
        }
        Ok((edit, true))
    })
    .await
}

fn view_again(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let entry = call.app.directory.read(|state| {
        let access = state.access(organization);
        group_of(access, &call.id).map(|group| Entry::new(access, group, true))
    })?;
    resource_answer(call, StatusCode::OK, entry.resource(&base(call)?), &selection(call, &[ResourceType::Group])?)
}

/// Deletes a group.
///
/// # Errors
/// 404 if there is none, 412 if it is not as the client has it, 403 if it holds more than the token, 409 for a default group
/// or if no administrator would stay.
pub async fn delete(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (app, base) = (call.app.clone(), base(&call)?);
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let entry = Entry::new(access, group_of(access, &call.id)?, true);
        must_match(&call.headers, &entry.resource(&base).version)?;
        Ok((ended(&call, organization, access, &entry.group)?, ()))
    })
    .await?;
    Ok(no_content())
}
