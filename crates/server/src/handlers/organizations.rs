//! `/v1/orgs`: the operator creates and lists organizations.

use actarium_core::masking::Masking;
use actarium_store::{NewOrganization, Organization, is_slug};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::access::Right;
use crate::answers::{created, json_answer};
use crate::directory::document::{MaskingChoice, SETTINGS_ID};
use crate::directory::{Edit, State, change};
use crate::dispatch::Call;
use crate::failures::append_problem;
use crate::form::{Form, Holds, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::routes::Permission;

#[derive(Serialize)]
struct Shown<'a> {
    slug: &'a str,
    name: &'a str,
    id: String,
    created_at: String,
    mask_secrets: bool,
    mask_keys: Vec<String>,
    keep_keys: Vec<String>,
    log_public: bool,
    reads_wait: bool,
}

impl<'a> Shown<'a> {
    fn new(organization: &'a Organization, state: &'a State) -> Self {
        let masking = masking_of(organization, state);
        Self {
            slug: &organization.slug,
            name: name_of(organization, state),
            id: organization.id.to_hex(),
            created_at: actarium_core::time::to_text(organization.created_at),
            mask_secrets: !masking.off,
            mask_keys: masking.mask_keys,
            keep_keys: masking.keep_keys,
            log_public: state.access(organization.id).has_open_log(),
            reads_wait: state.access(organization.id).reads_wait(),
        }
    }
}

/// What an organization is called now.
pub fn name_of<'a>(organization: &'a Organization, state: &'a State) -> &'a str {
    let chosen = state.access(organization.id).settings().and_then(|settings| settings.name.as_deref());
    chosen.unwrap_or(&organization.name)
}

fn masking_of(organization: &Organization, state: &State) -> MaskingChoice {
    let chosen = state.access(organization.id).settings().and_then(|settings| settings.masking.clone());
    chosen.unwrap_or_default()
}

/// Creates an organization. Its creation is the first event of its own log, in the same commit, and stands in the operator's as
/// well: whoever takes the organization out of the database is told from who never had it.
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
    let records = vec![(id, rows.clone()), (call.app.operator_organization.id, rows)];
    let creating = call.app.engine.create_organization(new, records);
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

/// Renames the organization of the path, says what is masked in its events from now on, opens or closes what its log
/// proves, and says whether reads wait for their record.
///
/// # Errors
/// 422 for a name or key against the rules, or for less masking than the operator demands; 403 for who opens or closes a log
/// that they do not see.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let fields = [
        ("name", Holds::Text),
        ("mask_secrets", Holds::Flag),
        ("mask_keys", Holds::Texts),
        ("keep_keys", Holds::Texts),
        ("log_public", Holds::Flag),
        ("reads_wait", Holds::Flag),
    ];
    let mut form = Form::read_fields(&read.bytes, &fields)?;
    let name = form.optional("name", |name| readable(name, limits::NAME_CHARS_MAX));
    let mask_secrets = form.flag("mask_secrets");
    let log_public = form.flag("log_public");
    let reads_wait = form.flag("reads_wait");
    let mask_keys = masking_keys(&mut form, "mask_keys");
    let keep_keys = masking_keys(&mut form, "keep_keys");
    if call.app.masking.enforced() {
        const FIXED: &str = "must stay: the operator of this service demands that credentials are masked";
        if mask_secrets == Some(false) {
            form.refuse("/mask_secrets", FIXED);
        }
        if keep_keys.as_ref().is_some_and(|keys| !keys.is_empty()) {
            form.refuse("/keep_keys", FIXED);
        }
    }
    form.finish()?;
    let (app, of) = (call.app.clone(), organization.clone());
    change(&app, call.standing(), move |state| {
        let mut edit = Edit::default();
        let (name_before, masking_before) = (name_of(&of, state).to_owned(), masking_of(&of, state));
        let name = name.unwrap_or_else(|| name_before.clone());
        let masking = MaskingChoice {
            off: mask_secrets.map_or(masking_before.off, |mask| !mask),
            mask_keys: mask_keys.unwrap_or_else(|| masking_before.mask_keys.clone()),
            keep_keys: keep_keys.unwrap_or_else(|| masking_before.keep_keys.clone()),
        };
        let was_public = state.access(of.id).has_open_log();
        let log_public = log_public.unwrap_or(was_public);
        if log_public != was_public {
            may_open_log(&call)?;
        }
        let waited = state.access(of.id).reads_wait();
        let reads_wait = reads_wait.unwrap_or(waited);
        if (&name, &masking, log_public, reads_wait) == (&name_before, &masking_before, was_public, waited) {
            return Ok((edit, ()));
        }
        let kept = state.access(of.id).settings();
        let mut settings = kept.map(|kept| kept.document.clone()).unwrap_or_default();
        settings.name = (name != of.name).then(|| name.clone());
        settings.masking = (masking != MaskingChoice::default()).then(|| masking.clone());
        settings.log_public = log_public;
        settings.reads_wait = reads_wait;
        edit.put(Some(of.id), SETTINGS_ID, kept.map(AsRef::as_ref), &settings)?;
        let target = json!({"type": "organization", "id": of.slug, "name": name});
        let record = call
            .record("organization.update", target)
            .changing("/name", name_before, name)
            .changing("/mask_secrets", !masking_before.off, !masking.off)
            .changing("/mask_keys", masking_before.mask_keys, masking.mask_keys)
            .changing("/keep_keys", masking_before.keep_keys, masking.keep_keys)
            .changing("/log_public", was_public, log_public)
            .changing("/reads_wait", waited, reads_wait);
        edit.record(of.id, record);
        Ok((edit, ()))
    })
    .await?;
    app.directory.read(|state| json_answer(&Shown::new(&organization, state)))
}

/// Nobody gives to everybody what they do not hold themselves.
fn may_open_log(call: &Call) -> Result<(), Problem> {
    if call.holds.organization.holds(Right::AuditLogsView) {
        return Ok(());
    }
    let needed = Permission::WholeLog.description();
    let detail = format!("`log_public` says who sees what the log proves: to change it, {needed} is needed");
    Err(Problem::new(Kind::Forbidden, detail))
}

/// A list of keys, each of which can name something.
fn masking_keys(form: &mut Form, field: &str) -> Option<Vec<String>> {
    let keys = form.list(field)?;
    if keys.len() > limits::MASKING_KEYS_MAX {
        form.refuse(&format!("/{field}"), &format!("must be at most {} keys", limits::MASKING_KEYS_MAX));
    }
    for (index, key) in keys.iter().enumerate() {
        if key.chars().count() > limits::MASKING_KEY_CHARS_MAX || !Masking::is_key(key) {
            let chars_max = limits::MASKING_KEY_CHARS_MAX;
            form.refuse(
                &format!("/{field}/{index}"),
                &format!(
                    "must be the name of a key: at most {chars_max} characters, with a letter or digit of ASCII and no \
                     control characters"
                ),
            );
        }
    }
    Some(keys)
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
