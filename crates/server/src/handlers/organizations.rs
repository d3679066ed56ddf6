//! `/v1/orgs`: the operator creates and lists organizations.

use actarium_store::{NewOrganization, Organization, is_slug};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::directory::document::SETTINGS_ID;
use crate::directory::{Edit, State, change};
use crate::dispatch::{Call, bytes_answer};
use crate::failures::append_problem;
use crate::form::{Form, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::routes::JSON;

#[derive(Serialize)]
struct Shown<'a> {
    slug: &'a str,
    name: &'a str,
    id: String,
    created_at: String,
}

impl<'a> Shown<'a> {
    fn new(organization: &'a Organization, state: &'a State) -> Self {
        Self {
            slug: &organization.slug,
            name: name_of(organization, state),
            id: organization.id.to_hex(),
            created_at: actarium_core::time::to_text(organization.created_at),
        }
    }
}

/// What an organization is called now.
pub fn name_of<'a>(organization: &'a Organization, state: &'a State) -> &'a str {
    let chosen = state.access(organization.id).settings().and_then(|settings| settings.name.as_deref());
    chosen.unwrap_or(&organization.name)
}

/// Creates an organization. Its creation is the first event of its own log, in the same commit.
///
/// # Errors
/// 422 for a slug or name against the rules, 409 for a slug that is taken.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["slug", "name"])?;
    let slug = form.needed("slug", |slug| {
        if is_slug(slug) {
            Ok(())
        } else {
            Err("must be 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen".into())
        }
    });
    let name = form.needed("name", |name| readable(name, limits::NAME_CHARS_MAX));
    form.finish()?;
    if call.app.engine.organization(&slug).is_some() {
        return Err(Problem::new(Kind::Conflict, format!("there is an organization {slug} already")));
    }
    let id = call.app.engine.new_organization_id();
    let target = json!({"type": "organization", "id": slug, "name": name});
    let record = OwnRecord::of_request("organization.create", &call.caller, &call.context, target);
    let rows = record.encode(call.app.clock.as_ref())?;
    let new = NewOrganization { id, slug, name };
    let creating = call.app.engine.create_organization(new, vec![(id, rows)]);
    let organization = creating.await.map_err(append_problem)?;
    call.app.directory.read(|state| created(&Shown::new(&organization, state)))
}

/// Shows the organization of the path.
///
/// # Errors
/// None that are the client's.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    call.app.directory.read(|state| json_answer(&Shown::new(&organization, state)))
}

/// Renames the organization of the path.
///
/// # Errors
/// 422 for a name against the rules.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["name"])?;
    let name = form.optional("name", |name| readable(name, limits::NAME_CHARS_MAX));
    form.finish()?;
    let (app, of) = (call.app.clone(), organization.clone());
    change(&app, move |state| {
        let mut edit = Edit::default();
        let before = name_of(&of, state).to_owned();
        let Some(name) = name.filter(|name| *name != before) else { return Ok((edit, ())) };
        let kept = state.access(of.id).settings();
        let mut settings = kept.map(|kept| kept.document.clone()).unwrap_or_default();
        settings.name = (name != of.name).then(|| name.clone());
        edit.put(Some(of.id), SETTINGS_ID, kept.map(AsRef::as_ref), &settings)?;
        let target = json!({"type": "organization", "id": of.slug, "name": name});
        edit.record(of.id, call.record("organization.update", target).changing("/name", before, name));
        Ok((edit, ()))
    })
    .await?;
    app.directory.read(|state| json_answer(&Shown::new(&organization, state)))
}

/// Lists all organizations by slug.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organizations = call.app.engine.organizations();
    call.app.directory.read(|state| {
        let shown: Vec<_> = organizations.iter().map(|organization| Shown::new(organization, state)).collect();
        json_answer(&json!({ "organizations": shown }))
    })
}

/// The answer of JSON about something that was made: 201.
///
/// # Errors
/// As [`json_answer`].
pub fn created(value: &impl Serialize) -> Result<Response, Problem> {
    let mut response = json_answer(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// An answer of JSON.
///
/// # Errors
/// 500 if the value can't be written, which is a fault of this program.
pub fn json_answer(value: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Problem::new(Kind::Internal, "the answer could not be written")
    })?;
    Ok(bytes_answer(JSON, bytes))
}
