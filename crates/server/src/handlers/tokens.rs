//! `/v1/tokens`: personal access tokens are made, listed and revoked by their owner.
//!
//! A token holds names of permissions, not permissions: what it may do is, at each request, what its owner holds then,
//! within these names. It is made in a session alone, so that a leaked token cannot outlive itself, and works in no
//! organization that the session does not reach; nor is one listed or revoked that does.

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Rights, Via};
use crate::answers::{created, json_answer, no_content};
use crate::app::App;
use crate::directory::personal::PersonalToken;
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, readable};
use crate::handlers::session::person;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::signin::attempt::logs_within;
use crate::token;

const DAY_MICROS: Micros = 24 * 60 * 60 * 1_000_000;

fn shown(app: &App, token: &Kept<PersonalToken>, secret: Option<&str>) -> Value {
    let last_used_at = app.sign_in.uses.last(&token.id, token.last_used_at.unwrap_or(Micros::MIN));
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
        "last_used_at": (last_used_at != Micros::MIN).then(|| time::to_text(last_used_at)),
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
        let mut tokens: Vec<_> =
            own.filter(|token| token.expires_at > now && person.covers_token(state, token)).collect();
        tokens.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
        let shown: Vec<_> = tokens.into_iter().map(|token| shown(&call.app, token, None)).collect();
        json_answer(&json!({ "tokens": shown }))
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
    let name = form.needed("name", |name| readable(name, limits::NAME_CHARS_MAX));
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
    };
    let kept = change(&app, call.standing(), move |state| {
        if state.personal().tokens_of(&person.user.id).count() >= limits::TOKENS_PER_USER_MAX {
            let detail = format!("you have {} tokens, the most there may be", limits::TOKENS_PER_USER_MAX);
            return Err(Problem::new(Kind::Conflict, detail));
        }
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
