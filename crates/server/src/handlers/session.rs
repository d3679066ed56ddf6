//! `/v1/session`: signing in with a password, who one is, signing out.

use std::sync::Arc;

use axum::response::Response;

use crate::access::{Caller, Person, Via};
use crate::answers::{json_answer, no_content};
use crate::app::App;
use crate::directory::document::User;
use crate::directory::personal::Session;
use crate::directory::{Edit, Kept, State, change, personal};
use crate::dispatch::Call;
use crate::form::Form;
use crate::handlers::second_factor::{Judged, judge};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::signin::attempt::{Attempt, Failure, UsedWith, logs_within, record_failed_sign_in, record_failed_tries};
use crate::signin::opening::{self, Opened, Opening, cookie_form, described, ends_at, set_cookie};
use crate::signin::session::is_own_origin;

/// A text of somebody who proves who they are: present and bounded, nothing more is said about it.
///
/// # Errors
/// What is allowed.
pub fn bounded(text: &str) -> Result<(), String> {
    let chars_max = limits::PASSWORD_CHARS_MAX;
    if (1..=chars_max).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(format!("must have 1 to {chars_max} characters"))
    }
}

/// The one answer to all that does not fit.
pub fn not_proved() -> Problem {
    Problem::new(Kind::Unauthenticated, "the e-mail address, the password or the code is wrong")
}

/// How a try went on.
enum Ended {
    Opened(Box<Opened>),
    /// Of the account whose password it is; of all that have the address, if it is none's.
    Failed(Option<Arc<Kept<User>>>, Failure),
}

/// Signs somebody in.
///
/// # Errors
/// 401 for whatever is wrong, or when a code is needed; 429 after too many tries; 403 from a foreign page.
pub async fn sign_in(mut call: Call) -> Result<Response, Problem> {
    let app = call.app.clone();
    if !is_own_origin(&call.headers, app.public_url.as_ref().map(|url| url.origin())) {
        return Err(Problem::new(Kind::Csrf, "signing in is for the service's own pages and for programs"));
    }
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["email", "password", "code"])?;
    let email = form.needed("email", bounded);
    let password = form.needed("password", bounded);
    let code = form.optional("code", bounded);
    form.finish()?;
    let mut accounts = app.directory.read(|state| state.accounts_with(email.trim()));
    let used = used_with(&call, &accounts);
    let attempt = Attempt::begin_with(&app, &call.context, email.trim(), used).inspect_err(|_| {
        record_failed_tries(&app, &call.context, &accounts, Failure::RateLimited);
    })?;
    // What another account with the address is opened by is not tried then: nothing of it shows.
    accounts.retain(|user| attempt.only().is_none_or(|only| only == user.id));
    match judge_password(&app, &call, &accounts, (&password, code), attempt.may_succeed()).await {
        Ok(Ended::Opened(opened)) => {
            attempt.succeeded_for(&opened.person.user);
            let mut response = opening::signed_in(&app, &call.context, &opened)?;
            set_cookie(&mut response, &device_cookie(&call, &opened.person.user.id));
            Ok(response)
        }
        Ok(Ended::Failed(user, failure)) => Err(failed(&call, attempt, &accounts, (user, failure))),
        Err(problem) => {
            attempt.undone();
            Err(problem)
        }
    }
}

/// The account that the browser was signed in to with before, if it is one of these.
fn used_with(call: &Call, accounts: &[Arc<Kept<User>>]) -> Option<UsedWith> {
    let kept = cookie_form(&call.app, &call.context).device(&call.headers)?;
    let (devices, now) = (&call.app.sign_in.devices, call.app.clock.now());
    if accounts.is_empty() {
        // The same work as for an account: what no account has is nobody's.
        let _ = devices.is_of(kept, "", now);
        return None;
    }
    accounts.iter().find(|user| devices.is_of(kept, &user.id, now)).map(|user| UsedWith(user.id.clone()))
}

/// The `Set-Cookie` by which the browser is known for this account from now on.
fn device_cookie(call: &Call, user: &str) -> String {
    let (app, mut random) = (&call.app, [0; 16]);
    app.entropy.fill(&mut random);
    let devices = &app.sign_in.devices;
    let value = devices.make(user, &random, app.clock.now());
    cookie_form(app, &call.context).keep_device(&value, devices.time_max())
}

/// Records a try that failed, and gives its answer.
fn failed(
    call: &Call,
    attempt: Attempt,
    accounts: &[Arc<Kept<User>>],
    (user, failure): (Option<Arc<Kept<User>>>, Failure),
) -> Problem {
    let (app, context) = (&call.app, &call.context);
    match (user, attempt.held_up()) {
        (None, Some(held_up)) => {
            record_failed_tries(app, context, accounts, Failure::RateLimited);
            held_up
        }
        (None, None) => {
            record_failed_tries(app, context, accounts, failure);
            not_proved()
        }
        (Some(user), _) => {
            record_failed_sign_in(app, context, &user, failure);
            if failure != Failure::SecondFactorRequired {
                return not_proved();
            }
            // The password is right and nothing was guessed: the try with the code is the one that counts.
            attempt.undone();
            let detail = "send the code of the authenticator, or a recovery code, too";
            Problem::new(Kind::SecondFactorRequired, detail)
        }
    }
}

/// Compares the password with those of all accounts that have the address, the person's own first. One that may not succeed is
/// compared too: how long the answer takes must not tell which it is.
async fn judge_password(
    app: &Arc<App>,
    call: &Call,
    accounts: &[Arc<Kept<User>>],
    (password, code): (&str, Option<String>),
    may_succeed: bool,
) -> Result<Ended, Problem> {
    let with_password: Vec<&Arc<Kept<User>>> = accounts.iter().filter(|user| user.password.is_some()).collect();
    let hashes = with_password.iter().filter_map(|user| user.password.clone()).collect();
    let Some((position, rehashed)) = app.sign_in.passwords.verify_any(password, hashes).await? else {
        return Ok(Ended::Failed(None, Failure::WrongPassword));
    };
    if !may_succeed {
        return Ok(Ended::Failed(None, Failure::RateLimited));
    }
    let user = with_password[position].clone();
    let (within, context) = (app.clone(), call.context.clone());
    change(app, call.standing(), move |state| {
        let mut edit = Edit::default();
        let failed = |failure| Ended::Failed(Some(user.clone()), failure);
        // The password may have been changed while this one was compared.
        let Some(present) = state.user(&user.id).filter(|present| present.password == user.password) else {
            return Ok((edit, failed(Failure::WrongPassword)));
        };
        let second_factor = match judge(&within, state, &mut edit, &user.id, code.as_deref())? {
            judged @ (Judged::None | Judged::Code | Judged::RecoveryCode { .. }) => judged.given(),
            Judged::Missing => return Ok((Edit::default(), failed(Failure::SecondFactorRequired))),
            Judged::Wrong => return Ok((Edit::default(), failed(Failure::WrongCode))),
        };
        if rehashed.is_some() {
            let document = User { password: rehashed, ..present.document.clone() };
            edit.put(None, &user.id, Some(&**present), &document)?;
        }
        let opening = Opening {
            user: present.clone(),
            method: personal::Method::Password,
            second_factor,
            through: None,
            only_in: present.maker(),
            joins: None,
            alone: false,
        };
        let opened = opening::open(&within, &context, state, &mut edit, opening)?;
        Ok((edit, Ended::Opened(Box::new(opened))))
    })
    .await
}

/// The person who calls.
///
/// # Errors
/// 403 for who is none.
pub fn person(call: &Call) -> Result<Arc<Person>, Problem> {
    match &call.caller {
        Caller::Person(person) => Ok(person.clone()),
        _ => Err(Problem::new(Kind::Forbidden, "only a person has this")),
    }
}

/// The session that a person calls in.
///
/// # Errors
/// 403 for a call without one.
pub fn session_id(person: &Person) -> Result<&str, Problem> {
    match &person.via {
        Via::Session(id) => Ok(id),
        Via::Token(_) => Err(Problem::new(Kind::Forbidden, "only a session may do this, not a token")),
    }
}

/// Tells who calls and what they may do.
///
/// # Errors
/// 403 for who is no person.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let (person, app) = (person(call)?, &call.app);
    let ends = app.directory.read(|state| match &person.via {
        Via::Session(id) => state.personal().session(id).map(|session| ends_at(app, session)),
        Via::Token(id) => state.personal().token(id).map(|token| token.expires_at),
    });
    let ends = ends.ok_or_else(|| Problem::new(Kind::Unauthenticated, "the session is over; sign in again"))?;
    let token = match person.via {
        Via::Session(_) => cookie_form(app, &call.context).token(&call.headers),
        Via::Token(_) => None,
    };
    json_answer(&described(app, &person, token, ends))
}

/// Ends the session of the cookie.
///
/// # Errors
/// 403 for who is in none.
pub async fn sign_out(call: Call) -> Result<Response, Problem> {
    let person = person(&call)?;
    let id = session_id(&person)?.to_owned();
    let (app, form) = (call.app.clone(), cookie_form(&call.app, &call.context));
    change(&app, call.standing(), move |state: &State| {
        let mut edit = Edit::default();
        let Some(session) = state.personal().session(&id) else { return Ok((edit, ())) };
        edit.delete::<Session>(None, &id, session.version);
        let seconds = (call.app.clock.now() - session.created_at).max(0) / 1_000_000;
        let record = call.record("session.sign_out", opening::target(&id)).with("duration_seconds", seconds);
        for organization in logs_within(&call.app, state, &person.user.id, |id| session.reaches(id)) {
            edit.record(organization, record.clone());
        }
        Ok((edit, ()))
    })
    .await?;
    let mut response = no_content();
    set_cookie(&mut response, &form.take_back());
    Ok(response)
}
