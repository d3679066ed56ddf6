//! `/v1/orgs/{org}/scim-tokens`: what identity providers come with. A token is given rights when it is made, never more than
//! its maker holds then, and acts within them for as long as it is there.

use std::sync::Arc;

use actarium_core::time;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Right, Rights};
use crate::directory::document::{Level, ScimToken};
use crate::directory::{Edit, Effective, Kept, change};
use crate::dispatch::{Call, no_content};
use crate::form::{Form, Holds, readable};
use crate::handlers::groups::must_cover;
use crate::handlers::organizations::{created, json_answer};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::token;

/// What every SCIM token may do: read and write users and groups.
pub fn base_rights() -> Rights {
    Rights::from_iter([
        Right::UsersView,
        Right::UsersInvite,
        Right::UsersUpdate,
        Right::UsersDelete,
        Right::GroupsView,
        Right::GroupsManage,
    ])
}

/// What a token may do: what every one may, and what it was given beyond.
pub fn rights_of(token: &ScimToken) -> Rights {
    // What this version does not know it does not grant.
    let known = token.permissions.iter().map(String::as_str).filter(|name| Rights::from_names([*name]).is_ok());
    base_rights().and(Rights::from_names(known).unwrap_or_default())
}

fn shown(token: &Kept<ScimToken>) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "permissions": token.permissions,
        "created_at": time::to_text(token.created_at),
    })
}

fn target(id: &str, name: &str) -> Value {
    json!({"type": "token", "id": id, "name": name})
}

/// Makes a token and shows its secret, this once.
///
/// # Errors
/// 422 for a name or permissions against the rules, 403 for permissions that the caller does not hold, 409 when the
/// organization has as many tokens as it may have.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read_fields(&read.bytes, &[("name", Holds::Text), ("permissions", Holds::Texts)])?;
    let name = form.needed("name", |name| readable(name, limits::NAME_CHARS_MAX));
    let mut permissions = form.list("permissions").unwrap_or_default();
    permissions.sort();
    permissions.dedup();
    if let Err(position) = Rights::from_names(permissions.iter().map(String::as_str)) {
        let unknown: String = permissions[position].chars().take(64).collect();
        let detail = format!("`{unknown}` is no area and no permission; GET /v1/permissions lists them");
        form.refuse("/permissions", &detail);
    }
    form.finish()?;
    let mut random = [0; token::RANDOM_BYTES];
    call.app.entropy.fill(&mut random);
    let (id, secret) = token::scim(&random);
    let document = ScimToken {
        name,
        permissions,
        created_at: call.app.clock.now(),
        created_by: call.caller.sender(),
        sha256: token::to_hex(&token::hash(&secret)),
    };
    let mut given = Effective::default();
    given.add(rights_of(&document), &Level::Organization);
    must_cover(&call.holds, &given, "the token")?;
    let app = call.app.clone();
    let kept = Kept { id: id.clone(), version: 1, document };
    let mut answer = shown(&kept);
    answer["secret"] = json!(secret);
    change(&app, move |state| {
        if state.access(organization).scim_tokens().len() >= limits::SCIM_TOKENS_PER_ORGANIZATION_MAX {
            let most = limits::SCIM_TOKENS_PER_ORGANIZATION_MAX;
            let detail = format!("the organization has {most} SCIM tokens, the most it may have");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let mut edit = Edit::default();
        edit.put(Some(organization), &kept.id, None, &kept.document)?;
        let scopes: Vec<&str> = ["scim"].into_iter().chain(kept.permissions.iter().map(String::as_str)).collect();
        let record = call.record("token.create", target(&kept.id, &kept.name));
        edit.record(organization, record.with("scopes", scopes.join(" ")));
        Ok((edit, ()))
    })
    .await?;
    created(&answer)
}

/// Lists the organization's tokens, oldest first, without their secrets.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let mut tokens: Vec<Arc<Kept<ScimToken>>> =
        call.app.directory.read(|state| state.access(organization).scim_tokens().cloned().collect());
    tokens.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
    json_answer(&json!({"tokens": tokens.iter().map(|token| shown(token)).collect::<Vec<_>>()}))
}

/// Revokes a token: the next request with it is refused.
///
/// # Errors
/// 404 if the organization has no such token.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, move |state| {
        let token = state.scim_token(&call.id).filter(|(of, _)| *of == organization).map(|(_, token)| token);
        let token = token.ok_or_else(|| Problem::new(Kind::NotFound, "the organization has no such token"))?;
        let mut edit = Edit::default();
        edit.delete::<ScimToken>(Some(organization), &token.id, token.version);
        edit.record(organization, call.record("token.revoke", target(&token.id, &token.name)));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
