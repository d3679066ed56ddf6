//! `/v1/orgs/{org}/on-prem-keys`: keys are made, listed and revoked. A change and its record are one commit.

use std::future::Future;
use std::sync::Arc;

use actarium_core::time;
use actarium_store::{Append, AppendError, Appended};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::dispatch::{Call, no_content};
use crate::failures::append_problem;
use crate::form::{Form, readable};
use crate::handlers::organizations::json_answer;
use crate::keys::{Key, KeyRing};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::token;

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(key: &'a Key, secret: Option<&'a str>) -> Self {
        Self {
            id: &key.id,
            name: &key.name,
            environment: key.environment.as_deref(),
            created_at: time::to_text(key.created_at),
            secret,
        }
    }
}

/// Makes a key and shows its secret, this once.
///
/// # Errors
/// 422 for a name or environment against the rules, 409 when the organization has as many keys as it may have.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["name", "environment"])?;
    let name = form.needed("name", |name| readable(name, limits::NAME_CHARS_MAX));
    let environment = form.optional("environment", |text| readable(text, limits::ENVIRONMENT_CHARS_MAX));
    form.finish()?;
    let app = &call.app;
    if app.credentials.keys.list(organization.id).len() >= limits::KEYS_PER_ORGANIZATION_MAX {
        let detail = format!("the organization has {} keys, the most it may have", limits::KEYS_PER_ORGANIZATION_MAX);
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let mut random = [0; token::RANDOM_BYTES];
    app.entropy.fill(&mut random);
    let (id, secret) = token::key(&random);
    let key = Key::new(organization.id, (id, &secret), name, environment, app.clock.now());
    let mut record = OwnRecord::of_request("on_prem_key.create", &call.caller, &call.context, target(&key));
    if let Some(environment) = &key.environment {
        record.targets.push(json!({"type": "environment", "id": environment}));
    }
    let mut append = Append::new(organization.id, record.encode(app.clock.as_ref())?);
    append.directory.push(key.creation());
    let (appending, stored) = (app.engine.append(append), key.clone());
    settled(call.app.clone(), appending, move |ring| ring.insert(stored)).await?;
    let mut response = json_answer(&Shown::new(&key, Some(&secret)))?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Lists the organization's keys.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let keys = call.app.credentials.keys.list(call.organization()?.id);
    let shown: Vec<_> = keys.iter().map(|key| Shown::new(key, None)).collect();
    json_answer(&json!({ "keys": shown }))
}

/// Revokes a key: the next request with it is refused.
///
/// # Errors
/// 404 if the organization has no such key.
pub async fn revoke(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let app = &call.app;
    let Some(key) = app.credentials.keys.of_organization(organization.id, &call.id) else {
        return Err(Problem::new(Kind::NotFound, "the organization has no such key"));
    };
    let record = OwnRecord::of_request("on_prem_key.revoke", &call.caller, &call.context, target(&key));
    let mut append = Append::new(organization.id, record.encode(app.clock.as_ref())?);
    append.directory.push(key.revocation());
    let appending = app.engine.append(append);
    settled(call.app.clone(), appending, move |ring| ring.remove(&key.id)).await?;
    Ok(no_content())
}

/// Changes the ring once the commit is made, whatever becomes of the request: were its client to go away, the commit
/// would be made all the same.
async fn settled(
    app: Arc<App>,
    appending: impl Future<Output = Result<Appended, AppendError>> + Send + 'static,
    change: impl FnOnce(&KeyRing) + Send + 'static,
) -> Result<(), Problem> {
    let settling = tokio::spawn(async move {
        appending.await.map_err(append_problem)?;
        change(&app.credentials.keys);
        Ok(())
    });
    settling.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "changing the key failed")))
}

fn target(key: &Key) -> Value {
    json!({"type": "on_prem_key", "id": key.id, "name": key.name})
}
