//! From a request to its handler: access, parameters, form of the answer, time limit, in this order and for every route.
//!
//! Handlers get a [`Call`] that has passed all of it and give back an answer or a [`Problem`]; they never see a request
//! that was not authorized. What was denied or refused is handed to `denials` here and nowhere else, to be put on record.

use std::sync::Arc;

use actarium_core::filter::Scope;
use actarium_store::Organization;
use axum::RequestExt;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;

use crate::access::{Asked, Caller, Denied, Granted, Reason, Standing, authorize};
use crate::app::App;
use crate::body::{self, ReadBody};
use crate::context::Context;
use crate::denials::{Requested, record_denial, record_refusal};
use crate::directory::Effective;
use crate::directory::removal::RemovalKind;
use crate::handlers;
use crate::limits;
use crate::negotiation;
use crate::parameters::Parameters;
use crate::problem::{Kind, Problem};
use crate::public_url::origin_without_public_url;
use crate::recorder::OwnRecord;
use crate::routes::{Operation, Route};
use crate::scim::schema::ResourceType;
use crate::token;

/// Most bytes of a body that are read and thrown away after a refusal, so that its sender gets to see the answer.
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;

/// A request that was let through to its route.
pub struct Call {
    /// What all requests share.
    pub app: Arc<App>,
    /// Its route.
    pub route: &'static Route,
    /// Where it comes from.
    pub context: Context,
    /// Who sends it.
    pub caller: Caller,
    /// `{id}` of the path, decoded; empty where the path has none.
    pub id: String,
    /// `{member}` of the path, decoded; empty where the path has none.
    pub member: String,
    /// What the caller holds in the organization of the path.
    pub holds: Arc<Effective>,
    /// What of that organization's log the caller sees.
    pub scope: Scope,
    /// Its query parameters, checked by what the route declares.
    pub parameters: Parameters,
    /// The media type of the answer that client and route agree on.
    pub form: &'static str,
    /// Its headers.
    pub headers: HeaderMap,
    organization: Option<Arc<Organization>>,
    /// In a lock only because a body cannot be shared between threads and handlers share their call.
    body: Mutex<Option<Body>>,
}

impl Call {
    /// The organization of the path.
    ///
    /// # Errors
    /// 500 on a route without one: a fault of the route table.
    pub fn organization(&self) -> Result<Arc<Organization>, Problem> {
        self.organization.clone().ok_or_else(|| Problem::new(Kind::Internal, "the route names no organization"))
    }

    /// Whether the organization of the path demands that reads wait for their record.
    pub fn reads_wait(&self) -> bool {
        let of = self.organization.as_ref().map(|organization| organization.id);
        of.is_some_and(|of| self.app.directory.read(|state| state.access(of).reads_wait()))
    }

    /// Whether it was let through without a credential.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.caller, Caller::Anonymous)
    }

    /// A successful record of this request.
    pub fn record(&self, action: &'static str, target: Value) -> OwnRecord {
        OwnRecord::of_request(action, &self.caller, &self.context, target)
    }

    /// A fresh id of something in the directory.
    pub fn new_id(&self, prefix: &str) -> String {
        let mut random = [0; token::ID_RANDOM_BYTES];
        self.app.entropy.fill(&mut random);
        token::id(prefix, &random)
    }

    /// Scheme, host and port under which the service is reached: what addresses in answers and mails begin with.
    pub fn origin(&self) -> String {
        if let Some(url) = &self.app.public_url {
            return url.origin().to_owned();
        }
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        origin_without_public_url(self.app.listening_on, host, self.context.tls)
    }

    /// Reads the body whole; its media type is one of the route's.
    ///
    /// # Errors
    /// See [`body::read`] and [`body::media_type`]; 401 if the credential was revoked meanwhile.
    pub async fn read_body(&mut self) -> Result<(&'static str, ReadBody), Problem> {
        let allowed: Vec<&'static str> = self.route.bodies.iter().map(|(media, _)| *media).collect();
        let media = body::media_type(&self.headers, &allowed)?;
        let body = self.body.get_mut().take().unwrap_or_default();
        let sharer = self.organization.as_ref().map(|organization| organization.id);
        let bodies = if self.is_anonymous() {
            body::refuse_compressed(&self.headers)?;
            &self.app.strangers_bodies
        } else {
            &self.app.bodies
        };
        let read = body::read(body, &self.headers, self.route.body_bytes_max, (bodies, sharer)).await?;
        let Granted { holds, scope, .. } = self.authorize_again()?;
        (self.holds, self.scope) = (holds, scope);
        let metrics = &self.app.metrics;
        metrics.body_wire_bytes.fetch_add(read.wire_bytes as u64, std::sync::atomic::Ordering::Relaxed);
        metrics.body_bytes.fetch_add(read.bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok((media, read))
    }

    /// What would be let through now: a body may take its time, a stream goes on, and who was let through at the
    /// beginning may have lost the right to it since.
    ///
    /// # Errors
    /// As for a request that comes now.
    pub fn authorize_again(&self) -> Result<Granted, Problem> {
        let slug = self.organization.as_ref().map(|organization| organization.slug.as_str());
        let request = (&self.route.method.into(), &self.headers);
        authorize(&self.app, &self.context, request, slug, self.route).map_err(|denied| denied.problem)
    }

    /// What it was let through with, for a change that may have to wait for its turn.
    pub fn standing(&self) -> Standing {
        Standing::of_request(self.asked())
    }

    fn asked(&self) -> Asked {
        Asked {
            context: self.context.clone(),
            headers: self.headers.clone(),
            slug: self.organization.as_ref().map(|organization| organization.slug.clone()),
            route: self.route,
            holds: self.holds.clone(),
        }
    }
}

/// Which route a request met; an extension of the response, for measurements and the log.
#[derive(Clone, Copy)]
pub struct Met(pub &'static Route);

/// Answers a request that met a route.
pub async fn dispatch(app: Arc<App>, route: &'static Route, request: Request) -> Response {
    let mut response = match enter(app, route, request).await {
        Ok(call) => answer(call).await,
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(Met(route));
    response
}

/// Everything that is checked before a handler runs.
async fn enter(app: Arc<App>, route: &'static Route, mut request: Request) -> Result<Call, Problem> {
    let (slug, id, member) = path_parameters(&mut request).await?;
    let (mut parts, body) = request.into_parts();
    let context = parts.extensions.remove::<Context>();
    let context = context.ok_or_else(|| Problem::new(Kind::Internal, "the request has no context"))?;
    let slug = slug.as_deref().filter(|_| route.of_organization());
    let granted = match authorize(&app, &context, (&parts.method, &parts.headers), slug, route) {
        Ok(granted) => granted,
        Err(denied) => {
            record_denial(&app, Requested { route, context: &context, slug, id: &id, member: &member }, &denied);
            body::leave_unread(body, &parts.headers, DISCARDED_BYTES_MAX).await;
            return Err(denied.problem);
        }
    };
    let checked = Parameters::read(parts.uri.query().unwrap_or(""), route.parameters, route.ignores_unknown)
        .and_then(|parameters| Ok((parameters, agreed_form(route, &parts.headers)?)));
    let (parameters, form) = match checked {
        Ok(checked) => checked,
        Err(problem) => {
            let organization = granted.organization.as_deref();
            record_refusal(&app, (route, &context), &granted.caller, organization, &problem);
            body::leave_unread(body, &parts.headers, DISCARDED_BYTES_MAX).await;
            return Err(problem);
        }
    };
    let Granted { caller, organization, holds, scope } = granted;
    let (headers, body) = (parts.headers, Mutex::new(Some(body)));
    Ok(Call { app, route, context, caller, id, member, holds, scope, parameters, form, headers, organization, body })
}

async fn answer(call: Call) -> Response {
    let (app, route, context) = (call.app.clone(), call.route, call.context.clone());
    let (caller, organization) = (call.caller.clone(), call.organization.clone());
    let (id, member) = (call.id.clone(), call.member.clone());
    let handling = handle_and_record(call);
    let result = if route.streams {
        handling.await
    } else {
        tokio::time::timeout(limits::REQUEST_TIME_MAX, handling).await.unwrap_or_else(|_| Err(out_of_time()))
    };
    result.unwrap_or_else(|problem| {
        record_refusal(&app, (route, &context), &caller, organization.as_deref(), &problem);
        // Let through to the route, but not to what was asked of it: that is a denial like any other.
        if problem.kind == Kind::Forbidden && route.denied_action.is_some() {
            let slug = organization.as_deref().map(|organization| organization.slug.as_str());
            let denied = Denied { problem: problem.clone(), caller, reason: Reason::NotHeld };
            record_denial(&app, Requested { route, context: &context, slug, id: &id, member: &member }, &denied);
        }
        problem.into_response()
    })
}

fn out_of_time() -> Problem {
    let seconds = limits::REQUEST_TIME_MAX.as_secs();
    let detail = format!(
        "the request took longer than {seconds} s; whether it was recorded is not known: send it again with its \
         external_id or Idempotency-Key"
    );
    Problem::new(Kind::Unavailable, detail)
}

/// Handles a request, and waits for what it noted down if the organization demands that.
async fn handle_and_record(call: Call) -> Result<Response, Problem> {
    let waits = !call.route.ingests() && call.reads_wait();
    let Some(organization) = call.organization.as_ref().filter(|_| waits).map(|organization| organization.id) else {
        return handle(call).await;
    };
    let (app, watched) = (call.app.clone(), call.app.recorder.watch(organization));
    let response = handle(call).await?;
    app.recorder.durable(watched).await?;
    Ok(response)
}

async fn handle(call: Call) -> Result<Response, Problem> {
    match call.route.operation {
        Operation::EventsRecord => handlers::record::record(call).await,
        // A future takes the room of the largest that it may become, and is moved several times before it runs: what comes
        // thousands of times a second does not carry what comes now and then.
        _ => Box::pin(handle_any(call)).await,
    }
}

async fn handle_any(call: Call) -> Result<Response, Problem> {
    match call.route.operation {
        Operation::Health => handlers::service::health(&call),
        Operation::Ready => handlers::service::ready(&call).await,
        Operation::Metrics => handlers::service::metrics(&call).await,
        Operation::OpenApi => handlers::service::openapi(&call),
        Operation::Catalog => handlers::service::catalog(&call),
        Operation::Seal => handlers::service::seal(&call).await,
        Operation::OrganizationCreate => handlers::organizations::create(call).await,
        Operation::OrganizationList => handlers::organizations::list(&call),
        Operation::SignIn => handlers::session::sign_in(call).await,
        Operation::SessionView => handlers::session::view(&call),
        Operation::SignOut => handlers::session::sign_out(call).await,
        Operation::SessionList => handlers::sessions::list(&call),
        Operation::SessionRevoke => handlers::sessions::revoke(call).await,
        Operation::PasswordChange => handlers::second_factor::change_password(call).await,
        Operation::SecondFactorBegin => handlers::second_factor::begin(call).await,
        Operation::SecondFactorRemove => handlers::second_factor::remove(call).await,
        Operation::SecondFactorConfirm => handlers::second_factor::confirm(call).await,
        Operation::RecoveryCodesRenew => handlers::second_factor::renew_codes(call).await,
        Operation::TokenList => handlers::tokens::list(&call),
        Operation::TokenCreate => handlers::tokens::create(call).await,
        Operation::TokenRevoke => handlers::tokens::revoke(call).await,
        Operation::UserSessions => handlers::sessions::list_of_user(&call),
        Operation::UserSessionRevoke => handlers::sessions::revoke_of_user(call).await,
        Operation::UserTokens => handlers::tokens::list_of_user(&call),
        Operation::UserTokenRevoke => handlers::tokens::revoke_of_user(call).await,
        Operation::RetentionView => handlers::retention::view(&call),
        Operation::RetentionUpdate => handlers::retention::update(call).await,
        Operation::RetentionPlan => handlers::retention::plan(&call).await,
        Operation::RetentionRun => handlers::retention::run(&call).await,
        Operation::LegalHoldList => handlers::legal_holds::list(&call),
        Operation::LegalHoldPlace => handlers::legal_holds::place(call).await,
        Operation::LegalHoldRelease => handlers::legal_holds::release(call).await,
        Operation::ErasureList => handlers::removals::list(&call, RemovalKind::Erasure),
        Operation::ErasureRequest => handlers::removals::ask_erasure(call).await,
        Operation::ErasureView => handlers::removals::view(&call, RemovalKind::Erasure),
        Operation::ErasureApprove => handlers::removals::approve(call, RemovalKind::Erasure).await,
        Operation::ErasureReject => handlers::removals::reject(call, RemovalKind::Erasure).await,
        Operation::RedactionList => handlers::removals::list(&call, RemovalKind::Redaction),
        Operation::RedactionRequest => handlers::removals::ask_redaction(call).await,
        Operation::RedactionView => handlers::removals::view(&call, RemovalKind::Redaction),
        Operation::RedactionApprove => handlers::removals::approve(call, RemovalKind::Redaction).await,
        Operation::RedactionReject => handlers::removals::reject(call, RemovalKind::Redaction).await,
        Operation::SavedSearchList => handlers::saved_searches::list(&call),
        Operation::SavedSearchCreate => handlers::saved_searches::create(call).await,
        Operation::SavedSearchUpdate => handlers::saved_searches::update(call).await,
        Operation::SavedSearchDelete => handlers::saved_searches::delete(call).await,
        Operation::EventsRecord => handlers::record::record(call).await,
        Operation::EventsSearch => handlers::search::search(&call).await,
        Operation::EventView => handlers::search::view(&call).await,
        Operation::EventsHistogram => handlers::counts::histogram(&call).await,
        Operation::EventsFacets => handlers::counts::facets(&call).await,
        Operation::EventsTail => handlers::tail::tail(call).await,
        Operation::LogView => handlers::log::view(&call),
        Operation::LogCheckpoint => handlers::log::checkpoint(&call).await,
        Operation::LogTile => handlers::log::tile(&call).await,
        Operation::LogKey => handlers::log::key(&call),
        Operation::LogHandovers => handlers::log::handovers(&call),
        Operation::ProofExport => handlers::proof_export::export(&call).await,
        Operation::EventsExport => handlers::export::export(&call).await,
        Operation::ExportList => handlers::exports::list(&call),
        Operation::ExportCreate => handlers::exports::create(call).await,
        Operation::ExportView => handlers::exports::view(&call),
        Operation::ExportContent => handlers::exports::content(&call).await,
        Operation::ExportDelete => handlers::exports::delete(call).await,
        Operation::OrganizationView => handlers::organizations::view(&call),
        Operation::OrganizationUpdate => handlers::organizations::update(call).await,
        Operation::Permissions => handlers::roles::permissions(&call),
        Operation::UserList => handlers::users::list(&call),
        Operation::UserCreate => handlers::users::create(call).await,
        Operation::UserView => handlers::users::view(&call),
        Operation::InvitationList => handlers::invitations::list(&call),
        Operation::InvitationCreate => handlers::invitations::create(call).await,
        Operation::InvitationView => handlers::invitations::view(&call),
        Operation::InvitationResend => handlers::invitations::resend(call).await,
        Operation::InvitationRevoke => handlers::invitations::revoke(call).await,
        Operation::InvitationShow => handlers::accepting::view(call).await,
        Operation::InvitationAccept => handlers::accepting::accept(call).await,
        Operation::OidcStart => handlers::oidc::start(&call).await,
        Operation::OidcCallback => handlers::oidc::callback(&call).await,
        Operation::IdentityProviderList => handlers::identity_providers::list(&call),
        Operation::IdentityProviderCreate => handlers::identity_providers::create(call).await,
        Operation::IdentityProviderView => handlers::identity_providers::view(&call),
        Operation::IdentityProviderUpdate => handlers::identity_providers::update(call).await,
        Operation::IdentityProviderDelete => handlers::identity_providers::remove(call).await,
        Operation::SignInView => handlers::identity_providers::view_settings(&call),
        Operation::SignInUpdate => handlers::identity_providers::update_settings(call).await,
        Operation::UserUpdate => handlers::users::update(call).await,
        Operation::UserRemove => handlers::users::remove(call).await,
        Operation::UserPermissions => handlers::users::permissions(&call),
        Operation::GroupList => handlers::groups::list(&call),
        Operation::GroupCreate => handlers::groups::create(call).await,
        Operation::GroupView => handlers::groups::view(&call),
        Operation::GroupUpdate => handlers::groups::update(call).await,
        Operation::GroupDelete => handlers::groups::delete(call).await,
        Operation::GroupMembers => handlers::groups::members(&call),
        Operation::GroupMemberAdd => handlers::groups::add_member(call).await,
        Operation::GroupMemberRemove => handlers::groups::remove_member(call).await,
        Operation::GroupRoles => handlers::assignments::list(&call),
        Operation::GroupRoleAssign => handlers::assignments::assign(call).await,
        Operation::GroupRoleUnassign => handlers::assignments::unassign(call).await,
        Operation::RoleList => handlers::roles::list(&call),
        Operation::RoleCreate => handlers::roles::create(call).await,
        Operation::RoleView => handlers::roles::view(&call),
        Operation::RoleUpdate => handlers::roles::update(call).await,
        Operation::RoleDelete => handlers::roles::delete(call).await,
        Operation::KeyCreate => handlers::keys::create(call).await,
        Operation::KeyList => handlers::keys::list(&call),
        Operation::KeyView => handlers::keys::view(&call),
        Operation::KeyUpdate => handlers::keys::update(call).await,
        Operation::KeyRevoke => handlers::keys::revoke(call).await,
        Operation::ScimTokenList => handlers::scim_tokens::list(&call),
        Operation::ScimTokenCreate => handlers::scim_tokens::create(call).await,
        Operation::ScimTokenRevoke => handlers::scim_tokens::revoke(call).await,
        Operation::ScimServiceProviderConfig => handlers::scim::service_provider_config(&call),
        Operation::ScimResourceTypes => handlers::scim::resource_types(&call),
        Operation::ScimResourceType => handlers::scim::resource_type(&call),
        Operation::ScimSchemas => handlers::scim::schemas(&call),
        Operation::ScimSchema => handlers::scim::schema(&call),
        Operation::ScimSearch => handlers::scim::search(call, &ResourceType::ALL).await,
        Operation::ScimUserList => handlers::scim::list(&call, ResourceType::User).await,
        Operation::ScimUserSearch => handlers::scim::search(call, &[ResourceType::User]).await,
        Operation::ScimUserCreate => handlers::scim::users::create(call).await,
        Operation::ScimUserView => handlers::scim::users::view(&call),
        Operation::ScimUserReplace => handlers::scim::users::replace(call).await,
        Operation::ScimUserUpdate => handlers::scim::users::update(call).await,
        Operation::ScimUserDelete => handlers::scim::users::delete(call).await,
        Operation::ScimGroupList => handlers::scim::list(&call, ResourceType::Group).await,
        Operation::ScimGroupSearch => handlers::scim::search(call, &[ResourceType::Group]).await,
        Operation::ScimGroupCreate => handlers::scim::groups::create(call).await,
        Operation::ScimGroupView => handlers::scim::groups::view(&call),
        Operation::ScimGroupReplace => handlers::scim::groups::replace(call).await,
        Operation::ScimGroupUpdate => handlers::scim::groups::update(call).await,
        Operation::ScimGroupDelete => handlers::scim::groups::delete(call).await,
        Operation::IngestOpenchoreo
        | Operation::IngestKubernetes
        | Operation::IngestCloudtrail
        | Operation::IngestGithub => handlers::ingest::ingest(call).await,
    }
}

/// `{org}`, `{id}` and `{member}` of the path, decoded.
async fn path_parameters(request: &mut Request) -> Result<(Option<String>, String, String), Problem> {
    let parameters = request.extract_parts::<RawPathParams>().await;
    let parameters = parameters.map_err(|_| Problem::new(Kind::NotFound, "the path is not UTF-8"))?;
    let value = |wanted: &str| parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    Ok((value("org"), value("id").unwrap_or_default(), value("member").unwrap_or_default()))
}

fn agreed_form(route: &Route, headers: &HeaderMap) -> Result<&'static str, Problem> {
    let mut forms: Vec<&'static str> = Vec::new();
    for (media, _) in route.answers.iter().flat_map(|answer| answer.forms) {
        if !forms.contains(media) {
            forms.push(media);
        }
    }
    negotiation::choose(headers, &forms)
}
