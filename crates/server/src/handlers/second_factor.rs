//! `/v1/password` and `/v1/second-factor`: what a person proves who they are with, changed by themselves.
//! Each change needs a proof (`proving`): the password again, and a code where there is a second factor.

use std::sync::Arc;

use actarium_core::hex::to_hex;
use actarium_core::row::Micros;
use actarium_store::SecretPlace;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::answers::{json_answer, no_content};
use crate::app::App;
use crate::directory::document::{Document, User};
use crate::directory::personal::SecondFactor;
use crate::directory::{Edit, State, change};
use crate::dispatch::Call;
use crate::form::Form;
use crate::handlers::proving::{Proof, prove, record_failed, use_code};
use crate::handlers::session::{bounded, not_proved, person, session_id};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::signin::attempt::{Failure, hash_for, logs_of, target_of};
use crate::signin::opening::{SecondProof, end_others};
use crate::signin::password;
use crate::signin::{recovery, totp};

/// Who the authenticator says the code is for.
const ISSUER: &str = "Actarium";
/// The action of a change of the second factor, tries at it that fail too.
const ACTION: &str = "second_factor.update";

/// What a code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// No second factor, none needed.
    None,
    /// The authenticator's code.
    Code,
    /// A recovery code, now used up.
    RecoveryCode {
        /// How many there are still.
        left: usize,
    },
    /// There is a second factor and no code was given.
    Missing,
    /// It is not the code.
    Wrong,
}

impl Judged {
    /// The second factor that was given, as a sign-in has it.
    pub const fn given(self) -> SecondProof {
        match self {
            Judged::Code => SecondProof::Totp,
            Judged::RecoveryCode { left } => SecondProof::RecoveryCode { left },
            Judged::None | Judged::Missing | Judged::Wrong => SecondProof::None,
        }
    }
}

fn place(user: &str) -> SecretPlace<'_> {
    SecretPlace { kind: SecondFactor::KIND, organization: None, id: user }
}

/// Judges a code, and uses it up within the change.
///
/// # Errors
/// 500 if the kept secret cannot be read.
pub fn judge(app: &App, state: &State, edit: &mut Edit, user: &str, code: Option<&str>) -> Result<Judged, Problem> {
    let Some(kept) = state.personal().second_factor(user) else { return Ok(Judged::None) };
    let Some(code) = code else { return Ok(Judged::Missing) };
    let mut document = kept.document.clone();
    let judged = if totp::is_code(code) {
        let secret = secret_of(app, user, &kept.wrapped_secret)?;
        match totp::accepted_step(&secret, code, app.clock.now(), Some(kept.last_step)) {
            Some(step) => {
                document.last_step = step;
                Judged::Code
            }
            None => return Ok(Judged::Wrong),
        }
    } else {
        let hash = to_hex(&recovery::hash(code));
        let Some(position) = document.recovery_codes.iter().position(|kept| *kept == hash) else {
            return Ok(Judged::Wrong);
        };
        document.recovery_codes.remove(position);
        Judged::RecoveryCode { left: document.recovery_codes.len() }
    };
    edit.put(None, user, Some(&**kept), &document)?;
    Ok(judged)
}

fn secret_of(app: &App, user: &str, wrapped: &str) -> Result<totp::Secret, Problem> {
    let wrapped = BASE64_STANDARD.decode(wrapped).ok();
    let secret = wrapped.and_then(|wrapped| app.engine.unwrap_secret(&place(user), &wrapped));
    secret.and_then(|secret| secret.try_into().ok()).ok_or_else(|| {
        tracing::error!(user, "the secret of a second factor cannot be unwrapped");
        Problem::new(Kind::Internal, "the second factor cannot be read")
    })
}

fn changed_meanwhile() -> Problem {
    Problem::new(Kind::Conflict, "the account was changed at the same moment")
}

/// A session, and the one organization that it opens, if it does not open all.
fn seat<'s>(state: &'s State, session: &'s str) -> (&'s str, Option<&'s str>) {
    (session, state.personal().session(session).and_then(|kept| kept.only_in.as_deref()))
}

/// Records something about a person in every organization of theirs.
fn record_everywhere(app: &App, state: &State, edit: &mut Edit, user: &str, record: &OwnRecord) {
    for organization in logs_of(app, state, user) {
        edit.record(organization, record.clone());
    }
}

/// Records a change of what a person proves who they are with, in every organization of theirs, and ends their other sessions,
/// each on record too. Each organization is told how many of those ended that opened it: of others it does not know.
fn end_others_on_record(call: &Call, state: &State, edit: &mut Edit, (user, session): (&str, &str), record: OwnRecord) {
    let ended = end_others(&call.app, state, edit, user, seat(state, session), &record);
    let operator = call.app.operator_organization.id;
    for organization in logs_of(&call.app, state, user) {
        let known = ended.iter().filter(|session| organization == operator || session.reaches(organization)).count();
        edit.record(organization, record.clone().with("sessions_ended", known));
    }
}

/// Changes the password of the person who calls, and ends their other sessions.
///
/// # Errors
/// 422 for a wrong or an unsuitable password, 409 for an account without one, 429 after too many tries.
pub async fn change_password(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let session = session_id(&person)?.to_owned();
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["current", "new"])?;
    let current = form.needed("current", bounded);
    let email = person.user.email.clone();
    let new = form.needed("new", |new| password::check(new, &email).map_err(|error| error.to_string()));
    form.finish()?;
    let (attempt, stored) = prove(&call, &person, "password.update", &current).await?;
    let app = call.app.clone();
    let hash = hash_for(&app, &person.user.id, &person.user.email, &new).await?;
    change(&app, call.standing(), move |state| {
        let id = &person.user.id;
        let user = state.user(id).filter(|user| user.password == stored).ok_or_else(changed_meanwhile)?;
        let mut edit = Edit::default();
        edit.put(None, id, Some(&**user), &User { password: Some(hash), ..user.with_changed_proof() })?;
        let record = call.record("password.update", target_of(user));
        end_others_on_record(&call, state, &mut edit, (id, &session), record);
        Ok((edit, ()))
    })
    .await?;
    attempt.proved();
    Ok(no_content())
}

/// Gives a secret for an authenticator. It is kept nowhere: the client brings it back, wrapped, with a code of it, before
/// password or second factor change. Who has a second factor already gives a code of that one, which is used up; a recovery
/// code not without a record.
///
/// # Errors
/// 422 for a wrong password or code, 409 for an account without a password, 429 after too many tries.
pub async fn begin(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let proof = Proof::read(&mut call).await?;
    let (attempt, _) = prove(&call, &person, ACTION, &proof.password).await?;
    let app = call.app.clone();
    let id = person.user.id.clone();
    let proof_changes = change(&app, call.standing(), move |state| {
        let user = state.user(&id).ok_or_else(changed_meanwhile)?;
        let mut edit = Edit::default();
        let judged = use_code(&call, state, &mut edit, (ACTION, &id), proof.code.as_deref())?;
        if let Judged::RecoveryCode { left } = judged {
            let record = call.record(ACTION, target_of(user)).with("method", "totp");
            record_everywhere(&call.app, state, &mut edit, &id, &proved_by_recovery_code(record, left));
        }
        Ok((edit, user.proof_changes))
    })
    .await?;
    attempt.proved();
    let mut secret: totp::Secret = [0; totp::SECRET_BYTES];
    app.entropy.fill(&mut secret);
    let wrapped = [&app.clock.now().to_be_bytes()[..], &proof_changes.to_be_bytes(), &secret].concat();
    let wrapped = app.engine.wrap_secret(&enrolment_place(&person.user.id), &wrapped);
    json_answer(&json!({
        "secret": totp::base32(&secret),
        "uri": totp::uri(&secret, ISSUER, &person.user.email),
        "enrolment": BASE64_STANDARD.encode(wrapped),
    }))
}

fn enrolment_place(user: &str) -> SecretPlace<'_> {
    SecretPlace { kind: "second_factor_enrolment", organization: None, id: user }
}

/// What beginning gave, opened.
struct Enrolment {
    secret: totp::Secret,
    /// What the account's count of changes was: any change since, its own confirmation too, makes it worthless.
    proof_changes: u64,
}

impl Enrolment {
    /// Opens it, if it is this user's and no older than it may be.
    fn open(app: &App, user: &str, enrolment: &str) -> Option<Self> {
        let wrapped = BASE64_STANDARD.decode(enrolment).ok()?;
        let bytes = app.engine.unwrap_secret(&enrolment_place(user), &wrapped)?;
        let (begun_at, rest) = bytes.split_first_chunk::<8>()?;
        let (proof_changes, secret) = rest.split_first_chunk::<8>()?;
        let age = app.clock.now() - Micros::from_be_bytes(*begun_at);
        let secret = secret.try_into().ok()?;
        let is_young = (0..=limits::ENROLMENT_TIME_MAX.as_micros() as Micros).contains(&age);
        is_young.then_some(Self { secret, proof_changes: u64::from_be_bytes(*proof_changes) })
    }
}

fn refused(pointer: &str, detail: &str) -> Problem {
    Problem::new(Kind::InvalidContent, "the content is against the rules").with_error(pointer, detail)
}

fn no_enrolment() -> Problem {
    let allowed = "must be what beginning gave, within 15 minutes, not used yet, and with no change of password or second \
                   factor since; begin again";
    refused("/enrolment", allowed)
}

/// Says of a record that a recovery code was given for it, and how many are left.
fn proved_by_recovery_code(record: OwnRecord, left: usize) -> OwnRecord {
    record.with("proof", "recovery_code").with("recovery_codes_left", left)
}

/// The same, if it was a recovery code that was given.
fn proved_by(record: OwnRecord, judged: Judged) -> OwnRecord {
    match judged {
        Judged::RecoveryCode { left } => proved_by_recovery_code(record, left),
        _ => record,
    }
}

fn new_recovery_codes(app: &App) -> (Vec<String>, Vec<String>) {
    let made = (0..recovery::CODES).map(|_| {
        let mut random = [0; recovery::RANDOM_BYTES];
        app.entropy.fill(&mut random);
        let code = recovery::make(&random);
        let hash = to_hex(&recovery::hash(&code));
        (code, hash)
    });
    made.unzip()
}

/// Confirms a second factor with its first code, shows recovery codes, and ends the person's other sessions.
///
/// # Errors
/// 422 for a wrong code or an enrolment that is none or too old.
pub async fn confirm(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let session = session_id(&person)?.to_owned();
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["enrolment", "code"])?;
    let enrolment = form.needed("enrolment", bounded);
    let code = form.needed("code", bounded);
    form.finish()?;
    let app = call.app.clone();
    let id = person.user.id.clone();
    let Enrolment { secret, proof_changes } = Enrolment::open(&app, &id, &enrolment).ok_or_else(no_enrolment)?;
    let step = totp::accepted_step(&secret, &code, app.clock.now(), None).ok_or_else(|| {
        app.directory.read(|state| record_failed(&call, state, ACTION, Failure::WrongCode));
        refused("/code", "must be the code that the authenticator shows now")
    })?;
    let (codes, hashes) = new_recovery_codes(&app);
    let wrapped = app.engine.wrap_secret(&place(&id), &secret);
    change(&app, call.standing(), move |state| {
        let mut edit = Edit::default();
        let user = state.user(&id).filter(|user| user.proof_changes == proof_changes).ok_or_else(no_enrolment)?;
        edit.put(None, &id, Some(&**user), &user.with_changed_proof())?;
        let before = state.personal().second_factor(&id);
        let document = SecondFactor {
            wrapped_secret: BASE64_STANDARD.encode(wrapped),
            confirmed_at: call.app.clock.now(),
            last_step: before.map_or(step, |before| before.last_step.max(step)),
            recovery_codes: hashes,
        };
        edit.put(None, &id, before.map(Arc::as_ref), &document)?;
        let record = call.record(ACTION, target_of(&person.user)).with("method", "totp");
        let record = record.changing("/second_factor", if before.is_some() { "totp" } else { "none" }, "totp");
        end_others_on_record(&call, state, &mut edit, (&id, &session), record);
        Ok((edit, ()))
    })
    .await?;
    json_answer(&json!({ "recovery_codes": codes }))
}

/// Removes the second factor and ends the person's other sessions.
///
/// # Errors
/// 422 for a wrong password or code, 409 if there is no second factor, 429 after too many tries.
pub async fn remove(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let session = session_id(&person)?.to_owned();
    let proof = Proof::read(&mut call).await?;
    let (attempt, _) = prove(&call, &person, ACTION, &proof.password).await?;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let id = &person.user.id;
        let before = state.personal().second_factor(id).ok_or_else(no_second_factor)?;
        let user = state.user(id).ok_or_else(changed_meanwhile)?;
        // The document goes, so that nothing of the code need be kept.
        let judged = use_code(&call, state, &mut Edit::default(), (ACTION, id), proof.code.as_deref())?;
        let mut edit = Edit::default();
        edit.delete::<SecondFactor>(None, id, before.version);
        edit.put(None, id, Some(&**user), &user.with_changed_proof())?;
        let record = call.record(ACTION, target_of(&person.user)).with("method", "none");
        let record = proved_by(record, judged).changing("/second_factor", "totp", "none");
        end_others_on_record(&call, state, &mut edit, (id, &session), record);
        Ok((edit, ()))
    })
    .await?;
    attempt.proved();
    Ok(no_content())
}

fn no_second_factor() -> Problem {
    Problem::new(Kind::Conflict, "there is no second factor")
}

/// Makes new recovery codes in the place of the old ones.
///
/// # Errors
/// 422 for a wrong password or code, 409 if there is no second factor, 429 after too many tries.
pub async fn renew_codes(mut call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let proof = Proof::read(&mut call).await?;
    let (attempt, _) = prove(&call, &person, ACTION, &proof.password).await?;
    let app = call.app.clone();
    let (codes, hashes) = new_recovery_codes(&app);
    change(&app, call.standing(), move |state| {
        let id = &person.user.id;
        let before = state.personal().second_factor(id).ok_or_else(no_second_factor)?;
        let code = proof.code.as_deref();
        let judged = use_code(&call, state, &mut Edit::default(), (ACTION, id), code)?;
        let mut document = SecondFactor { recovery_codes: hashes, ..before.document.clone() };
        if let Some(code) = code.filter(|code| totp::is_code(code)) {
            let secret = secret_of(&call.app, id, &before.wrapped_secret)?;
            let step = totp::accepted_step(&secret, code, call.app.clock.now(), Some(before.last_step));
            document.last_step = step.ok_or_else(not_proved)?;
        }
        let mut edit = Edit::default();
        edit.put(None, id, Some(&**before), &document)?;
        let record = proved_by(call.record(ACTION, target_of(&person.user)).with("method", "totp"), judged);
        record_everywhere(&call.app, state, &mut edit, id, &record.with("recovery_codes", recovery::CODES));
        Ok((edit, ()))
    })
    .await?;
    attempt.proved();
    json_answer(&json!({ "recovery_codes": codes }))
}
