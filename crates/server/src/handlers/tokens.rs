//! `/v1/tokens`: personal access tokens are made, listed and revoked by their owner.
//!
//! Administrators list and revoke those of members within their organization.
//!
//! A token holds names of permissions, not permissions: what it may do is, at each request, what its owner holds then,
//! within these names. It is made in a session alone, so that a leaked token cannot outlive itself, and works in no
//! organization that the session does not reach; nor is one listed or revoked that does.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Rights, Via};
use crate::answers::{created, json_answer, no_content};
use crate::app::App;
use crate::directory::personal::PersonalToken;
use crate::directory::{Edit, Kept, State, by_project, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, name_of_one_who_acts};
use crate::handlers::groups::must_cover;
use crate::handlers::session::person;
use crate::handlers::users::{rank, user_target};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::signin::attempt::logs_within;
use crate::token;

const DAY_MICROS: Micros = 24 * 60 * 60 * 1_000_000;

/// When a token was used last; null if it never was.
fn last_used(app: &App, token: &Kept<PersonalToken>) -> Value {
    let at = app.sign_in.uses.last(&token.id, token.last_used_at.unwrap_or(Micros::MIN));
    json!((at != Micros::MIN).then(|| time::to_text(at)))
}

/// When a token was used last in an organization: when it was used in another is not for its administrators to know.
fn last_used_in(app: &App, token: &Kept<PersonalToken>, organization: OrganizationId) -> Value {
    let written = token.last_used_in.get(&organization.to_hex()).copied();
    json!(app.sign_in.uses.last_in(&token.id, organization, written).map(time::to_text))
}

fn shown(app: &App, token: &Kept<PersonalToken>, secret: Option<&str>) -> Value {
    let slug =
        |id: &String| app.engine.organization_by_id(OrganizationId::from_hex(id)?).map(|known| known.slug.clone());
    let works_in = |id: &&String| !token.ended_in.contains(id);
    let organizations =
        token.organizations.as_ref().map(|ids| ids.iter().filter(works_in).filter_map(slug).collect::<Vec<_>>());
    let mut shown = json!({
        "id": token.id,
        "name": token.name,
        "created_at": time::to_text(token.created_at),
        "expires_at": time::to_text(token.expires_at),
        "last_used_at": last_used(app, token),
        "permissions": token.permissions,
        "organizations": organizations,
    });
    if let Some(secret) = secret {
        shown["secret"] = json!(secret);
    }
    shown
}

/// Lists the tokens of the person who calls.
///
/// # Errors
/// 403 for who is no person.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let person = person(call)?;
    let now = call.app.clock.now();
    call.app.directory.read(|state| {
        let own = state.personal().tokens_of(&person.user.id);
        let tokens = own.filter(|token| token.expires_at > now && person.covers_token(state, token));
        let shown: Vec<_> = oldest_first(tokens).into_iter().map(|token| shown(&call.app, token, None)).collect();
        json_answer(&json!({ "tokens": shown }))
    })
}

fn oldest_first<'s>(tokens: impl Iterator<Item = &'s Arc<Kept<PersonalToken>>>) -> Vec<&'s Arc<Kept<PersonalToken>>> {
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
    tokens
}

/// Lists the tokens of a member that work in the organization. In which others they work is not for it to know.
///
/// # Errors
/// 404 for who is no member.
pub fn list_of_user(call: &Call) -> Result<Response, Problem> {
    let (organization, now) = (call.organization()?.id, call.app.clock.now());
    call.app.directory.read(|state| {
        if state.access(organization).member(&call.id).is_none() {
            return Err(Problem::new(Kind::NotFound, "the organization has no such user"));
        }
        let tokens = state.personal().tokens_of(&call.id);
        let tokens = tokens.filter(|token| token.expires_at > now && token.reaches(organization));
        let shown = oldest_first(tokens).into_iter().map(|token| {
            json!({
                "id": token.id,
                "prefix": format!("{}{}_", token::PERSONAL_PREFIX, token.id),
                "name": token.name,
                "created_at": time::to_text(token.created_at),
                "expires_at": time::to_text(token.expires_at),
                "last_used_at": last_used_in(&call.app, token, organization),
                "permissions": token.permissions,
            })
        });
        json_answer(&json!({ "tokens": shown.collect::<Vec<_>>() }))
    })
}

/// The organizations whose logs say that a token was made or revoked: those that it works in, else the operator's.
fn logs_of_token(app: &App, state: &State, token: &PersonalToken) -> Vec<OrganizationId> {
    logs_within(app, state, &token.user, |id| token.reaches(id))
}

fn target(token: &Kept<PersonalToken>) -> Value {
    json!({"type": "token", "id": token.id, "name": token.name})
}

/// Makes a token and shows its secret, this once.
///
/// # Errors
/// 422 for what is against the rules, 409 for who has as many as they may have.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let (_, read) = call.read_body().await?;
    let fields = [
        ("name", Holds::Text),
        ("expires_at", Holds::Text),
        ("permissions", Holds::Texts),
        ("organizations", Holds::Texts),
    ];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let name = form.needed("name", name_of_one_who_acts);
    let now = call.app.clock.now();
    let expires_at = form.needed("expires_at", |text| ending(text, now).map(drop));
    let permissions = form.list("permissions");
    if let Some(names) = &permissions
        && (names.is_empty() || Rights::from_names(names.iter().map(String::as_str)).is_err())
    {
        form.refuse("/permissions", "must be names of areas and permissions");
    }
    let slugs = form.list("organizations");
    let organizations = match (&slugs, &person.organizations) {
        // A session that does not open all of its person's organizations gives no token that does.
        (None, Some(only)) => Some(only.iter().map(|organization| organization.to_hex()).collect()),
        (None, None) => None,
        (Some(slugs), _) => Some(call.app.directory.read(|state| {
            let own = |slug: &String| {
                let known = call.app.engine.organization(slug)?;
                let member = state.effective(known.id, &person.user.id).is_some() && person.reaches(known.id);
                member.then(|| known.id.to_hex())
            };
            slugs.iter().filter_map(own).collect::<Vec<_>>()
        })),
    };
    if slugs.as_ref().is_some_and(|slugs| slugs.is_empty() || organizations.as_ref().map(Vec::len) != Some(slugs.len()))
    {
        form.refuse("/organizations", "must be slugs of organizations that you belong to");
    }
    form.finish()?;
    let expires_at = ending(&expires_at, now).map_err(|detail| Problem::new(Kind::InvalidContent, detail))?;
    let app = call.app.clone();
    let mut random = [0; token::SESSION_RANDOM_BYTES];
    app.entropy.fill(&mut random);
    let (id, secret) = token::personal(&random);
    let document = PersonalToken {
        user: person.user.id.clone(),
        name,
        sha256: token::to_hex(&token::hash(&secret)),
        created_at: now,
        expires_at,
        last_used_at: None,
        permissions,
        organizations,
        ended_in: Vec::new(),
        last_used_in: BTreeMap::new(),
    };
    let kept = change(&app, call.standing(), move |state| {
        if state.personal().tokens_of(&person.user.id).count() >= limits::TOKENS_PER_USER_MAX {
            let detail = format!("you have {} tokens, the most there may be", limits::TOKENS_PER_USER_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
        must_be_held(state, &document)?;
        let mut edit = Edit::default();
        edit.put(None, &id, None, &document)?;
        let kept = Kept { id, version: 1, document };
        let scopes = kept.permissions.as_ref().map_or_else(|| "all".to_owned(), |names| names.join(" "));
        let record = call.record("token.create", target(&kept)).with("scopes", scopes);
        let record = record.with("expires_at", time::to_text(expires_at));
        for organization in logs_of_token(&call.app, state, &kept) {
            edit.record(organization, record.clone());
        }
        Ok((edit, kept))
    })
    .await?;
    created(&shown(&app, &kept, Some(&secret)))
}

/// Refuses a token for permissions that its owner holds nowhere where it works: it would have them one day without anybody's
/// having thought of it.
fn must_be_held(state: &State, token: &PersonalToken) -> Result<(), Problem> {
    if token.permissions.is_none() {
        return Ok(());
    }
    let works_in = state.organizations_of(&token.user).filter(|id| token.reaches(*id));
    let held = works_in.filter_map(|id| state.effective(id, &token.user)).fold(Rights::NONE, |all, held| {
        let projects = held.projects.values().fold(Rights::NONE, |all, rights| all.union(by_project(*rights)));
        all.union(held.organization).union(projects)
    });
    let missing = token.rights_max().without(held);
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "you hold {} in no organization that the token is for; name what you hold, and make another token when you hold more",
        missing.names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    Err(Problem::new(Kind::InvalidContent, "the content is against the rules").with_error("/permissions", detail))
}

/// When a token ends.
fn ending(text: &str, now: Micros) -> Result<Micros, String> {
    let allowed =
        || format!("must be a time (RFC 3339) in the future, at most {} days from now", limits::TOKEN_DAYS_MAX);
    let at = time::parse(text).map_err(|_| allowed())?;
    if at > now && at <= now + limits::TOKEN_DAYS_MAX * DAY_MICROS { Ok(at) } else { Err(allowed()) }
}

/// Revokes a token of the person who calls.
///
/// # Errors
/// 404 if they have no such token, 403 for a token that would revoke another.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    if matches!(&person.via, Via::Token(own) if *own != call.id) {
        return Err(Problem::new(Kind::Forbidden, "a token may revoke itself and no other"));
    }
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let token = state.personal().token(&call.id);
        let token = token.filter(|token| token.user == person.user.id && person.covers_token(state, token));
        let token = token.ok_or_else(|| Problem::new(Kind::NotFound, "you have no such token"))?;
        let mut edit = Edit::default();
        edit.delete::<PersonalToken>(None, &token.id, token.version);
        let record = call.record("token.revoke", target(token));
        for organization in logs_of_token(&call.app, state, token) {
            edit.record(organization, record.clone());
        }
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}

/// Revokes a member's token for the organization. It is gone altogether only when it works nowhere else then.
///
/// # Errors
/// 404 if no member has such a token that works in the organization, 403 for who holds more than the caller.
pub async fn revoke_of_user(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let access = state.access(organization);
        let reaches = |token: &&Arc<Kept<PersonalToken>>| {
            access.member(&token.user).is_some()
                && token.reaches(organization)
                && token.expires_at > call.app.clock.now()
        };
        let token = state.personal().token(&call.id).filter(reaches);
        let token =
            token.ok_or_else(|| Problem::new(Kind::NotFound, "no user of the organization has such a token"))?;
        must_cover(&call.holds, &rank(state, organization, &token.user), "the user")?;
        let mut edit = Edit::default();
        let elsewhere = |other| other != organization && token.reaches(other);
        match token.without(organization).filter(|_| state.organizations_of(&token.user).any(elsewhere)) {
            Some(rest) => edit.put(None, &token.id, Some(&**token), &rest)?,
            None => edit.delete::<PersonalToken>(None, &token.id, token.version),
        }
        let user = user_target(state, organization, &token.user);
        edit.record(organization, call.record("token.revoke", target(token)).on(user));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
