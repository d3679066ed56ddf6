//! `/v1/orgs/{org}/scim-tokens`: what identity providers come with. Only who holds everything makes one; it rests while a
//! person who made it holds less, and does nothing once they have left (`directory::scim_token`).

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::Rights;
use crate::answers::{created, json_answer, no_content};
use crate::app::App;
use crate::directory::document::ScimToken;
use crate::directory::scim_token::{held, needed_to_make};
use crate::directory::{Edit, Kept, State, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, name_of_one_who_acts, yet_to_come};
use crate::handlers::groups::must_cover;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::token;

fn shown(app: &App, state: &State, organization: OrganizationId, token: &Kept<ScimToken>) -> Value {
    let last_used_at = app.sign_in.uses.last(&token.id, token.last_used_at.unwrap_or(Micros::MIN));
    json!({
        "id": token.id,
        "name": token.name,
        "permissions": token.permissions,
        "created_at": time::to_text(token.created_at),
        "created_by": token.created_by,
        "expires_at": token.expires_at.map(time::to_text),
        "last_used_at": (last_used_at != Micros::MIN).then(|| time::to_text(last_used_at)),
        "suspended": held(state, organization, token).is_empty(),
    })
}

fn target(id: &str, name: &str) -> Value {
    json!({"type": "token", "id": id, "name": name})
}

/// Makes a token and shows its secret, this once.
///
/// # Errors
/// 422 for a name or permissions against the rules, 403 for who does not hold every permission, 409 when the
/// organization has as many tokens as it may have.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read_fields(
        &read.bytes,
        &[("name", Holds::Text), ("permissions", Holds::Texts), ("expires_at", Holds::Text)],
    )?;
    let name = form.needed("name", name_of_one_who_acts);
    let mut permissions = form.list("permissions").unwrap_or_default();
    permissions.sort();
    permissions.dedup();
    if let Err(position) = Rights::from_names(permissions.iter().map(String::as_str)) {
        let unknown: String = permissions[position].chars().take(64).collect();
        let detail = format!("`{unknown}` is no area and no permission; GET /v1/permissions lists them");
        form.refuse("/permissions", &detail);
    }
    let now = call.app.clock.now();
    let expires_at = form.optional("expires_at", |text| yet_to_come(text, now).map(drop));
    form.finish()?;
    let expires_at = expires_at.map(|text| yet_to_come(&text, now)).transpose();
    let expires_at = expires_at.map_err(|detail| Problem::new(Kind::InvalidContent, detail))?;
    let mut random = [0; token::RANDOM_BYTES];
    call.app.entropy.fill(&mut random);
    let (id, secret) = token::scim(&random);
    let document = ScimToken {
        name,
        permissions,
        created_at: now,
        created_by: call.caller.sender(),
        expires_at,
        last_used_at: None,
        sha256: token::to_hex(&token::hash(&secret)),
    };
    // It removes anybody, and takes them out of groups.
    must_cover(&call.holds, &needed_to_make(), "who may make a SCIM token")?;
    let app = call.app.clone();
    let kept = Kept { id: id.clone(), version: 1, document };
    let mut answer = change(&app, call.standing(), move |state| {
        if state.access(organization).scim_tokens().len() >= limits::SCIM_TOKENS_PER_ORGANIZATION_MAX {
            let most = limits::SCIM_TOKENS_PER_ORGANIZATION_MAX;
            let detail = format!("the organization has {most} SCIM tokens, the most it may have");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let mut edit = Edit::default();
        edit.put(Some(organization), &kept.id, None, &kept.document)?;
        let scopes: Vec<&str> = ["scim"].into_iter().chain(kept.permissions.iter().map(String::as_str)).collect();
        let record = call.record("token.create", target(&kept.id, &kept.name));
        let record = record.with("scopes", scopes.join(" "));
        let record = match kept.expires_at {
            Some(at) => record.with("expires_at", time::to_text(at)),
            None => record,
        };
        edit.record(organization, record);
        Ok((edit, shown(&call.app, state, organization, &kept)))
    })
    .await?;
    answer["secret"] = json!(secret);
    created(&answer)
}

/// Lists the organization's tokens, oldest first, without their secrets.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        let mut tokens: Vec<_> = state.access(organization).scim_tokens().collect();
        tokens.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
        let shown: Vec<_> = tokens.into_iter().map(|token| shown(&call.app, state, organization, token)).collect();
        json_answer(&json!({ "tokens": shown }))
    })
}

/// Revokes a token: the next request with it is refused.
///
/// # Errors
/// 404 if the organization has no such token, 403 for who does not hold every permission.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    // Without it the organization's users and groups are kept by nobody: as much as making one.
    must_cover(&call.holds, &needed_to_make(), "who may revoke a SCIM token")?;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
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
