//! `/v1/session/oidc`: the way to an organization's identity provider and the way back.
//!
//! Somebody who comes back with a code of the provider is signed in to that provider's organization and to nothing else. What
//! they are refused for is recorded in the organization's log; the browser is told that it did not work and where the reason
//! is found, whatever the reason.

use std::sync::Arc;

use actarium_store::{Organization, SecretPlace};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::directory::{IdentityProvider, Kept};
use crate::dispatch::Call;
use crate::handlers::identity_providers::client_secret;
use crate::handlers::oidc_joining::{Arrival, arrive};
use crate::limits;
use crate::oidc::attempt::{Attempt, SEALED_PLACE};
use crate::oidc::endpoint::is_local_path;
use crate::oidc::issuers::{Answer, Asked};
use crate::oidc::person::{ClaimNames, Person};
use crate::oidc::refusal::Refusal;
use crate::parameters::invalid;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::refusals::RefusalKind;
use crate::signin::opening::{cookie_form, cookie_of};
use crate::signin::session::CookieForm;

/// The path that providers send browsers back to, before the provider's id. Each provider has its own, so that an answer of
/// one can't be taken for another's (RFC 9700, section 4.4).
const CALLBACK_PATH: &str = "/v1/session/oidc/callback/";

/// What a provider must know as the redirect URI of this service.
pub fn redirect_uri(app: &App, provider: &str) -> String {
    let path = format!("{CALLBACK_PATH}{provider}");
    match &app.public_url {
        Some(url) => url.join(&path),
        None => format!("http://{}{path}", app.listening_on),
    }
}

/// A provider with its organization.
struct Chosen {
    organization: Arc<Organization>,
    provider: Arc<Kept<IdentityProvider>>,
    secret: Option<String>,
}

impl Chosen {
    fn find(app: &App, organization: Arc<Organization>, id: &str) -> Result<Option<Self>, Problem> {
        let provider = app.directory.read(|state| state.sign_in(organization.id).provider(id).cloned());
        let Some(provider) = provider.filter(|provider| provider.enabled) else { return Ok(None) };
        let secret = client_secret(app, organization.id, &provider)?;
        Ok(Some(Self { organization, provider, secret }))
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            id: &self.provider.id,
            issuer: &self.provider.issuer,
            client_id: &self.provider.client_id,
            client_secret: self.secret.as_deref(),
        }
    }
}

/// Sends the browser to a provider.
///
/// # Errors
/// 404 for an organization or provider that is not there, 503 for a provider that can't be asked.
pub async fn start(call: &Call) -> Result<Response, Problem> {
    let app = &call.app;
    let parameter = |name| call.parameters.one(name).unwrap_or_default();
    let return_to = call.parameters.one("return_to").unwrap_or("/");
    if !is_local_path(return_to) {
        return Err(invalid("return_to", "must be a path of this service"));
    }
    let chosen = match app.engine.organization(parameter("org")) {
        Some(organization) => Chosen::find(app, organization, parameter("provider"))?,
        None => None,
    };
    let chosen = chosen.ok_or_else(|| Problem::new(Kind::NotFound, "there is no such way to sign in"))?;
    let metadata = match app.issuers.metadata(chosen.asked()).await {
        Ok(metadata) => metadata,
        Err(refusal) => return Err(refused(call, &chosen, refusal, None, None)),
    };
    let provider = &chosen.provider;
    let attempt = Attempt::new(&provider.id, return_to, now_seconds(app), app.entropy.as_ref());
    let scope =
        std::iter::once("openid").chain(provider.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let url = attempt.authorization_url(
        &metadata.authorization_endpoint,
        &provider.client_id,
        &redirect_uri(app, &provider.id),
        &scope,
    );
    let cookie = AttemptCookie(cookie_form(app, &call.context));
    redirect(&url, &[cookie.hand_out(&seal(app, &attempt)?)])
}

/// Takes the browser back and signs the person in.
///
/// # Errors
/// 403 for who is not signed in, 503 for a provider that can't be asked.
pub async fn callback(call: &Call) -> Result<Response, Problem> {
    let app = &call.app;
    let cookie = AttemptCookie(cookie_form(app, &call.context));
    let attempt = cookie.value(call).and_then(|sealed| unseal(app, sealed));
    let organization = app.directory.read(|state| state.organization_of_provider(&call.id));
    let organization = organization.and_then(|id| app.engine.organization_by_id(id));
    let chosen = match organization {
        Some(organization) => Chosen::find(app, organization, &call.id)?,
        None => None,
    };
    let Some(chosen) = chosen else { return Ok(cookie.taken_back_with(not_signed_in().into_response())) };
    match sign_in(call, &chosen, attempt).await {
        Ok(mut response) => {
            cookie.take_back_with(&mut response);
            Ok(response)
        }
        Err(problem) => Ok(cookie.taken_back_with(problem.into_response())),
    }
}

async fn sign_in(call: &Call, chosen: &Chosen, attempt: Option<Attempt>) -> Result<Response, Problem> {
    let app = &call.app;
    let (attempt, code) = match answered(call, chosen, attempt).await {
        Ok(answered) => answered,
        Err(refusal) => return Err(refused(call, chosen, refusal, None, call.parameters.one("error"))),
    };
    let provider = &chosen.provider;
    let answer = Answer {
        code,
        verifier: &attempt.verifier,
        nonce: &attempt.nonce,
        redirect_uri: &redirect_uri(app, &provider.id),
    };
    let wanted = ["email", &provider.email_verified_claim, &provider.groups_claim];
    let wanted = if provider.group_mapping.is_empty() { &wanted[..2] } else { &wanted[..] };
    let claims = app.issuers.claims(chosen.asked(), answer, wanted).await;
    let claims = claims.map_err(|refusal| refused(call, chosen, refusal, None, None))?;
    let names = ClaimNames { groups: &provider.groups_claim, email_verified: &provider.email_verified_claim };
    let Some(person) = Person::read(&claims, names) else {
        return Err(refused(call, chosen, Refusal::Unusable, None, None));
    };
    let arrival = Arrival { organization: chosen.organization.clone(), provider: provider.clone(), person };
    match arrive(call, arrival.clone()).await? {
        Ok(opened) => redirect(&attempt.return_to, &[cookie_of(app, &call.context, &opened)]),
        Err(refusal) => Err(refused(call, chosen, refusal, Some(&arrival.person), None)),
    }
}

/// Whether the browser answers the attempt that it began, for the first time, with a code of the issuer that was asked.
async fn answered<'c>(
    call: &'c Call,
    chosen: &Chosen,
    attempt: Option<Attempt>,
) -> Result<(Attempt, &'c str), Refusal> {
    let app = &call.app;
    let state = call.parameters.one("state").unwrap_or_default();
    let attempt = attempt.filter(|attempt| attempt.is_answered_by(&chosen.provider.id, state, now_seconds(app)));
    let attempt = attempt.ok_or(Refusal::Attempt)?;
    if !app.spent_attempts.spend(&attempt.state, app.clock.elapsed()) {
        return Err(Refusal::Attempt);
    }
    let names_issuer = app.issuers.metadata(chosen.asked()).await?.names_issuer;
    let issuer = call.parameters.one("iss");
    if issuer.is_some_and(|issuer| issuer != chosen.provider.issuer) || (names_issuer && issuer.is_none()) {
        return Err(Refusal::AnsweredByAnother);
    }
    if call.parameters.one("error").is_some() {
        return Err(Refusal::Declined);
    }
    let code = call.parameters.one("code").ok_or(Refusal::Declined)?;
    Ok((attempt, code))
}

/// Records why somebody is not signed in, and gives what the browser is told.
fn refused(call: &Call, chosen: &Chosen, refusal: Refusal, person: Option<&Person>, said: Option<&str>) -> Problem {
    let provider = &chosen.provider;
    let target = serde_json::json!({"type": "identity_provider", "id": provider.id, "name": provider.name});
    let mut record = OwnRecord::of_request("session.sign_in", &call.caller, &call.context, target)
        .unsuccessful("failure", refusal.sentence())
        .with("method", "sso")
        .with("refusal", refusal.name())
        .with("provider", &*provider.id)
        .with("issuer", &*provider.issuer);
    if let Some(person) = person {
        record = record.with("subject", &*person.subject);
        if let Some(email) = &person.email {
            record = record.with("email", &**email);
        }
    }
    if let Some(said) = said {
        let said: String = said.chars().filter(|c| c.is_ascii_graphic()).take(limits::CLAIM_NAME_CHARS_MAX).collect();
        record = record.with("error", said);
    }
    let who = person.map(|person| person.subject.clone());
    let address = || call.context.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    let kind = RefusalKind {
        organization: chosen.organization.id,
        action: "session.sign_in",
        reason: refusal.name(),
        who: who.unwrap_or_else(address),
        what: provider.id.clone(),
    };
    call.app.refusals.refused(kind, record);
    match refusal {
        Refusal::Unreachable | Refusal::Busy => {
            Problem::new(Kind::Unavailable, "the identity provider cannot be asked now; try again in a moment")
        }
        _ => not_signed_in(),
    }
}

fn not_signed_in() -> Problem {
    let detail = "you were not signed in; if trying again does not help, an administrator of the organization finds the reason \
                  in its audit log under this request's id";
    Problem::new(Kind::Forbidden, detail)
}

fn now_seconds(app: &App) -> i64 {
    app.clock.now().div_euclid(1_000_000)
}

const PLACE: SecretPlace<'static> = SecretPlace { kind: SEALED_PLACE, organization: None, id: "attempt" };

fn seal(app: &App, attempt: &Attempt) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(attempt).map_err(|_| Problem::new(Kind::Internal, "the attempt cannot be kept"))?;
    Ok(URL_SAFE_NO_PAD.encode(app.engine.wrap_secret(&PLACE, &bytes)))
}

fn unseal(app: &App, sealed: &str) -> Option<Attempt> {
    let bytes = app.engine.unwrap_secret(&PLACE, &URL_SAFE_NO_PAD.decode(sealed).ok()?)?;
    serde_json::from_slice(&bytes).ok()
}

/// The cookie of an attempt.
#[derive(Clone, Copy)]
struct AttemptCookie(CookieForm);

impl AttemptCookie {
    fn name(self) -> &'static str {
        if self.0.of_host { "__Host-actarium_sign_in" } else { "actarium_sign_in" }
    }

    fn set(self, value: &str, max_age_seconds: i64) -> String {
        let secure = if self.0.of_host || self.0.secure { "; Secure" } else { "" };
        // Lax, because the way back begins at the provider's site.
        format!("{}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    fn hand_out(self, sealed: &str) -> String {
        self.set(sealed, limits::SIGN_IN_ATTEMPT_SECONDS_MAX)
    }

    fn value(self, call: &Call) -> Option<&str> {
        let lines = call.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name()).map(|(_, value)| value)
    }

    fn take_back_with(self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.set("", 0)) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }

    fn taken_back_with(self, mut response: Response) -> Response {
        self.take_back_with(&mut response);
        response
    }
}

/// Sends the browser somewhere with `GET`.
fn redirect(url: &str, cookies: &[String]) -> Result<Response, Problem> {
    let unusable = |_| Problem::new(Kind::Internal, "the browser cannot be sent on");
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(url).map_err(unusable)?);
    // The address of the way back holds a code.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie).map_err(unusable)?);
    }
    Ok(response)
}
