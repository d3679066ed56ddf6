//! `/v1/orgs/{org}/identity-providers` and `/v1/orgs/{org}/sign-in`: through which providers an organization's people sign
//! in, and who is taken in.
//!
//! A provider can say that somebody is any member it is allowed to link, and puts people into the groups of its mapping. So
//! who makes or changes one must hold everything that there is in the organization: else they could sign in as somebody who
//! holds more. The client's secret goes in and never comes out.

use std::collections::{BTreeMap, BTreeSet};

use actarium_core::time;
use actarium_store::{OrganizationId, SecretPlace};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::access::Rights;
use crate::answers::{created, json_answer, no_content};
use crate::app::App;
use crate::directory::document::{Document, GroupMember, Kept, Level, SETTINGS_ID, pair_id};
use crate::directory::personal::{Method, Session};
use crate::directory::{Edit, Effective, IdentityProvider, OrganizationAccess, State, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, readable};
use crate::handlers::groups::{group_target, must_cover};
use crate::handlers::losses::sessions_lost;
use crate::handlers::oidc::redirect_uri;
use crate::handlers::users::user_target;
use crate::limits;
use crate::oidc::{endpoint, person};
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;

const FIELDS: [(&str, Holds); 10] = [
    ("name", Holds::Text),
    ("issuer", Holds::Text),
    ("client_id", Holds::Text),
    ("client_secret", Holds::Text),
    ("scopes", Holds::Texts),
    ("groups_claim", Holds::Text),
    ("email_verified_claim", Holds::Text),
    ("group_mapping", Holds::Lists),
    ("authoritative_domains", Holds::Texts),
    ("enabled", Holds::Flag),
];

/// What a body says of a provider; nothing where it says nothing.
struct Wanted {
    name: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    /// Empty to take it away.
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    groups_claim: Option<String>,
    email_verified_claim: Option<String>,
    group_mapping: Option<BTreeMap<String, BTreeSet<String>>>,
    authoritative_domains: Option<Vec<String>>,
    enabled: Option<bool>,
}

impl Wanted {
    fn read(app: &App, body: &[u8], whole: bool) -> Result<Self, Problem> {
        let mut form = Form::read_fields(body, &FIELDS)?;
        let reach = app.issuers.reach();
        let name = |text: &str| readable(text, limits::NAME_CHARS_MAX);
        let issuer = |text: &str| endpoint::check_issuer(text, reach).map_err(str::to_owned);
        let client = |text: &str| visible(text, limits::CLIENT_ID_CHARS_MAX);
        let (name, issuer, client_id) = if whole {
            (
                Some(form.needed("name", name)),
                Some(form.needed("issuer", issuer)),
                Some(form.needed("client_id", client)),
            )
        } else {
            (form.optional("name", name), form.optional("issuer", issuer), form.optional("client_id", client))
        };
        let secret = |text: &str| if text.is_empty() { Ok(()) } else { visible(text, limits::CLIENT_SECRET_CHARS_MAX) };
        let claim = |text: &str| visible(text, limits::CLAIM_NAME_CHARS_MAX);
        let wanted = Self {
            name,
            issuer,
            client_id,
            client_secret: form.optional("client_secret", secret),
            scopes: scopes(&mut form),
            groups_claim: form.optional("groups_claim", claim),
            email_verified_claim: form.optional("email_verified_claim", claim),
            group_mapping: group_mapping(&mut form),
            authoritative_domains: domains(&mut form, "authoritative_domains"),
            enabled: form.flag("enabled"),
        };
        form.finish()?;
        Ok(wanted)
    }

    /// Puts it into a provider; the secret is another matter.
    fn put_into(&self, provider: &mut IdentityProvider) {
        fn set<T: Clone>(field: &mut T, wanted: &Option<T>) {
            if let Some(wanted) = wanted {
                field.clone_from(wanted);
            }
        }
        set(&mut provider.name, &self.name);
        set(&mut provider.issuer, &self.issuer);
        set(&mut provider.client_id, &self.client_id);
        set(&mut provider.scopes, &self.scopes);
        set(&mut provider.groups_claim, &self.groups_claim);
        set(&mut provider.email_verified_claim, &self.email_verified_claim);
        set(&mut provider.group_mapping, &self.group_mapping);
        set(&mut provider.authoritative_domains, &self.authoritative_domains);
        set(&mut provider.enabled, &self.enabled);
    }
}

fn visible(text: &str, chars_max: usize) -> Result<(), String> {
    let good = (1..=chars_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(()) } else { Err(format!("must be 1 to {chars_max} visible ASCII characters")) }
}

/// Scope tokens (RFC 6749, section 3.3); `openid` is always asked for.
fn scopes(form: &mut Form) -> Option<Vec<String>> {
    let mut scopes = form.list("scopes")?;
    for (index, scope) in scopes.iter().enumerate() {
        if let Err(allowed) = visible(scope, limits::CLAIM_NAME_CHARS_MAX) {
            form.refuse(&format!("/scopes/{index}"), &allowed);
        }
    }
    scopes.retain(|scope| scope != "openid");
    Some(scopes)
}

fn group_mapping(form: &mut Form) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let lists = form.lists("group_mapping")?;
    let mapping = lists.into_iter().map(|(value, groups)| (value, groups.into_iter().collect())).collect();
    Some(mapping)
}

/// Domain names, in lower case.
fn domains(form: &mut Form, name: &str) -> Option<Vec<String>> {
    let domains = form.list(name)?;
    for (index, domain) in domains.iter().enumerate() {
        if !person::is_domain(domain) {
            form.refuse(&format!("/{name}/{index}"), "must be a domain name such as example.com");
        }
    }
    let distinct: BTreeSet<String> = domains.into_iter().map(|domain| domain.to_ascii_lowercase()).collect();
    Some(distinct.into_iter().collect())
}

/// Where a provider's secret belongs.
fn secret_place(organization: OrganizationId, id: &str) -> SecretPlace<'_> {
    SecretPlace { kind: IdentityProvider::KIND, organization: Some(organization), id }
}

/// The client's secret, if it has one.
///
/// # Errors
/// 500 if it cannot be unwrapped: the database or the master key is another.
pub fn client_secret(
    app: &App,
    organization: OrganizationId,
    provider: &Kept<IdentityProvider>,
) -> Result<Option<String>, Problem> {
    let Some(wrapped) = &provider.client_secret else { return Ok(None) };
    let wrapped = STANDARD.decode(wrapped).unwrap_or_default();
    let secret = app.engine.unwrap_secret(&secret_place(organization, &provider.id), &wrapped);
    match secret.and_then(|secret| String::from_utf8(secret).ok()) {
        Some(secret) => Ok(Some(secret)),
        None => {
            tracing::error!(
                provider = provider.id,
                "the secret of an identity provider does not open with this master key"
            );
            Err(Problem::new(Kind::Internal, "the identity provider cannot be used"))
        }
    }
}

fn wrapped(app: &App, organization: OrganizationId, id: &str, secret: &str) -> Option<String> {
    let wrap = || STANDARD.encode(app.engine.wrap_secret(&secret_place(organization, id), secret.as_bytes()));
    (!secret.is_empty()).then(wrap)
}

/// A provider as the API shows it.
fn shown(app: &App, slug: &str, id: &str, provider: &IdentityProvider) -> Value {
    json!({
        "id": id,
        "name": provider.name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "has_client_secret": provider.client_secret.is_some(),
        "scopes": provider.scopes,
        "groups_claim": provider.groups_claim,
        "email_verified_claim": provider.email_verified_claim,
        "group_mapping": provider.group_mapping,
        "authoritative_domains": provider.authoritative_domains,
        "enabled": provider.enabled,
        "created_at": time::to_text(provider.created_at),
        "redirect_uri": redirect_uri(app, id),
        "sign_in_path": format!("/v1/session/oidc?org={slug}&provider={id}"),
    })
}

fn target(id: &str, name: &str) -> Value {
    json!({"type": "identity_provider", "id": id, "name": name})
}

fn no_such_provider() -> Problem {
    Problem::new(Kind::NotFound, "the organization has no such identity provider")
}

/// Whoever decides who is who must hold all that anybody may.
fn must_hold_everything(call: &Call) -> Result<(), Problem> {
    must_cover(
        &call.holds,
        &Effective::of(Rights::ALL, &Level::Organization),
        "who signs in through an identity provider may be anybody: an administrator",
    )
}

fn groups_must_exist(access: &OrganizationAccess, provider: &IdentityProvider) -> Result<(), Problem> {
    let mut problem = Problem::new(Kind::InvalidContent, "the content is against the rules");
    for (value, groups) in &provider.group_mapping {
        for group in groups.iter().filter(|group| access.group(group).is_none()) {
            let pointer = format!("/group_mapping/{}", value.replace('~', "~0").replace('/', "~1"));
            let shown: String = group.chars().take(64).collect();
            problem = problem.with_error(pointer, format!("the organization has no group `{shown}`"));
        }
    }
    problem.errors.truncate(limits::ERRORS_LISTED_MAX);
    if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
}

/// Lists the organization's providers.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let providers: Vec<_> = call.app.directory.read(|state| {
        let providers = state.sign_in(organization.id).providers();
        providers.map(|provider| shown(&call.app, &organization.slug, &provider.id, provider)).collect()
    });
    json_answer(&json!({ "identity_providers": providers }))
}

/// Shows a provider.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let provider = call.app.directory.read(|state| state.sign_in(organization.id).provider(&call.id).cloned());
    let provider = provider.ok_or_else(no_such_provider)?;
    json_answer(&shown(&call.app, &organization.slug, &provider.id, &provider))
}

/// Makes a provider.
///
/// # Errors
/// 422 for what is against the rules, 403 for who does not hold everything, 409 for more than there may be.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let wanted = Wanted::read(&call.app, &read.bytes, true)?;
    must_hold_everything(&call)?;
    let (app, id) = (call.app.clone(), call.new_id("idp"));
    let mut provider = IdentityProvider {
        name: String::new(),
        issuer: String::new(),
        client_id: String::new(),
        client_secret: wrapped(&app, organization.id, &id, wanted.client_secret.as_deref().unwrap_or_default()),
        scopes: ["email", "profile"].map(str::to_owned).to_vec(),
        groups_claim: "groups".to_owned(),
        email_verified_claim: "email_verified".to_owned(),
        group_mapping: BTreeMap::new(),
        authoritative_domains: Vec::new(),
        enabled: true,
        created_at: app.clock.now(),
    };
    wanted.put_into(&mut provider);
    let answer = change(&app, call.standing(), move |state| {
        if state.sign_in(organization.id).providers().len() >= limits::PROVIDERS_PER_ORGANIZATION_MAX {
            let most = limits::PROVIDERS_PER_ORGANIZATION_MAX;
            let detail = format!("the organization has {most} identity providers, the most it may have");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        groups_must_exist(state.access(organization.id), &provider)?;
        let mut edit = Edit::default();
        edit.put(Some(organization.id), &id, None, &provider)?;
        let record = call.record("identity_provider.create", target(&id, &provider.name));
        let record = record.with("issuer", &*provider.issuer);
        edit.record(organization.id, with_changes(record, &IdentityProvider::default(), &provider));
        Ok((edit, shown(&call.app, &organization.slug, &id, &provider)))
    });
    created(&answer.await?)
}

/// Changes a provider.
///
/// # Errors
/// 404 if there is none, 422 for what is against the rules, 403 for who does not hold everything.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    let wanted = Wanted::read(&call.app, &read.bytes, false)?;
    must_hold_everything(&call)?;
    let (app, id) = (call.app.clone(), call.id.clone());
    let answer = change(&app, call.standing(), move |state| {
        let before = state.sign_in(organization.id).provider(&call.id).ok_or_else(no_such_provider)?;
        let mut after = before.document.clone();
        wanted.put_into(&mut after);
        if let Some(secret) = &wanted.client_secret {
            after.client_secret = wrapped(&call.app, organization.id, &call.id, secret);
        } else if after.issuer != before.issuer {
            // A secret is for the issuer that it was given for: whoever changes the issuer must not get it sent to theirs.
            after.client_secret = None;
        }
        groups_must_exist(state.access(organization.id), &after)?;
        let mut edit = Edit::default();
        if after != before.document {
            edit.put(Some(organization.id), &call.id, Some(&**before), &after)?;
            let record = call.record("identity_provider.update", target(&before.id, &after.name));
            let record = with_changes(record, before, &after);
            edit.record(organization.id, record.clone());
            if !after.enabled || after.issuer != before.issuer {
                end_sessions(state, organization.id, &call.id, &mut edit, &record);
            }
        }
        Ok((edit, shown(&call.app, &organization.slug, &call.id, &after)))
    });
    let answer = answer.await?;
    app.issuers.forget(&id);
    json_answer(&answer)
}

/// Everything that changed, before and after; of the secret only that it did.
fn with_changes(record: OwnRecord, before: &IdentityProvider, after: &IdentityProvider) -> OwnRecord {
    let record = record
        .changing("/name", &*before.name, &*after.name)
        .changing("/issuer", &*before.issuer, &*after.issuer)
        .changing("/client_id", &*before.client_id, &*after.client_id)
        .changing("/scopes", json!(before.scopes), json!(after.scopes))
        .changing("/groups_claim", &*before.groups_claim, &*after.groups_claim)
        .changing("/email_verified_claim", &*before.email_verified_claim, &*after.email_verified_claim)
        .changing("/group_mapping", json!(before.group_mapping), json!(after.group_mapping))
        .changing("/authoritative_domains", json!(before.authoritative_domains), json!(after.authoritative_domains))
        .changing("/enabled", before.enabled, after.enabled);
    if before.client_secret == after.client_secret { record } else { record.with("client_secret", "changed") }
}

/// Takes a provider away, with the group memberships that only its mapping gave. Sessions that came through it are over.
///
/// # Errors
/// 404 if there is none, 403 for who does not hold everything, 409 if no administrator would stay.
pub async fn remove(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    must_hold_everything(&call)?;
    let (app, id) = (call.app.clone(), call.id.clone());
    change(&app, call.standing(), move |state| {
        let provider = state.sign_in(organization.id).provider(&call.id).ok_or_else(no_such_provider)?;
        let mut edit = Edit::default();
        edit.delete::<IdentityProvider>(Some(organization.id), &call.id, provider.version);
        let record = call.record("identity_provider.delete", target(&call.id, &provider.name));
        let record = record.with("issuer", &*provider.issuer);
        edit.record(organization.id, record.clone());
        take_mapped(&call, state, organization.id, &mut edit, &record);
        end_sessions(state, organization.id, &call.id, &mut edit, &record);
        Ok((edit, ()))
    })
    .await?;
    app.issuers.forget(&id);
    Ok(no_content())
}

/// Ends the sessions that a provider has brought about, and those of the organization that do not say which one it was; each on
/// record with what `cause` records.
fn end_sessions(state: &State, organization: OrganizationId, provider: &str, edit: &mut Edit, cause: &OwnRecord) {
    let only_in = Some(organization.to_hex());
    let sessions = state.personal().sessions().filter(|session| {
        let of_provider = session.provider.as_deref().is_none_or(|of| of == provider);
        session.method == Method::Sso && session.only_in == only_in && of_provider
    });
    let sessions: Vec<_> = sessions.map(AsRef::as_ref).collect();
    for session in &sessions {
        edit.delete::<Session>(None, &session.id, session.version);
    }
    sessions_lost(edit, organization, cause, &sessions);
}

fn take_mapped(call: &Call, state: &State, organization: OrganizationId, edit: &mut Edit, cause: &OwnRecord) {
    let access = state.access(organization);
    for (group, user, version) in access.mapped_by(&call.id) {
        edit.delete::<GroupMember>(Some(organization), &pair_id(group, user), version);
        edit.touches_access(organization);
        if let Some(view) = access.group(group) {
            let targets = vec![group_target(&view), user_target(state, organization, user)];
            edit.record(organization, cause.brought_about("group.member.remove", targets));
        }
    }
}

fn shown_settings(state: &State, organization: OrganizationId) -> Value {
    let settings = state.access(organization).settings();
    json!({ "joining_domains": settings.map(|settings| settings.joining_domains.clone()).unwrap_or_default() })
}

/// Shows who is taken in.
///
/// # Errors
/// None that are the client's.
pub fn view_settings(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    json_answer(&call.app.directory.read(|state| shown_settings(state, organization)))
}

/// Changes who is taken in.
///
/// # Errors
/// 422 for what is no domain, 403 for who does not hold everything.
pub async fn update_settings(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let (_, read) = call.read_body().await?;
    must_hold_everything(&call)?;
    let mut form = Form::read_fields(&read.bytes, &[("joining_domains", Holds::Texts)])?;
    let joining_domains = domains(&mut form, "joining_domains");
    form.finish()?;
    let (app, id) = (call.app.clone(), organization.id);
    change(&app, call.standing(), move |state| {
        let kept = state.access(organization.id).settings();
        let before = kept.map(|kept| kept.document.clone()).unwrap_or_default();
        let mut after = before.clone();
        after.joining_domains = joining_domains.unwrap_or(after.joining_domains);
        let mut edit = Edit::default();
        if after != before {
            edit.put(Some(organization.id), SETTINGS_ID, kept.map(AsRef::as_ref), &after)?;
            let target = json!({"type": "organization", "id": organization.slug});
            let record = call.record("sign_in.update", target);
            let changed =
                record.changing("/joining_domains", json!(before.joining_domains), json!(after.joining_domains));
            edit.record(organization.id, changed);
        }
        Ok((edit, ()))
    })
    .await?;
    json_answer(&app.directory.read(|state| shown_settings(state, id)))
}
