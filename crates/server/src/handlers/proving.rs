//! Proving once more, in a session, who one is: the password, and a code where there is a second factor.
//!
//! Whoever has got hold of a session has not got hold of these. Tries are counted like sign-ins, and those that fail are
//! recorded like failed sign-ins: in every organization of the person, many of a kind as one.

use crate::access::{Caller, Person};
use crate::directory::{Edit, State};
use crate::dispatch::Call;
use crate::form::Form;
use crate::handlers::second_factor::{Judged, judge};
use crate::handlers::session::bounded;
use crate::problem::{Kind, Problem};
use crate::refusals::RefusalKind;
use crate::signin::attempt::{Attempt, Failure, counted_as, logs_of, target_of};
use crate::signin::password::Verdict;

/// What a person proves who they are with, once more.
pub struct Proof {
    /// The account's password.
    pub password: String,
    /// The code of the second factor, where there is one.
    pub code: Option<String>,
}

impl Proof {
    /// Reads it from the body of a request.
    ///
    /// # Errors
    /// 400 and 422 for what is none.
    pub async fn read(call: &mut Call) -> Result<Self, Problem> {
        let (_, read) = call.read_body().await?;
        let mut form = Form::read(&read.bytes, &["password", "code"])?;
        let proof = Self { password: form.needed("password", bounded), code: form.optional("code", bounded) };
        form.finish()?;
        Ok(proof)
    }
}

/// Compares the password; the code is judged in the change itself, which is the action. Gives the password as it is
/// kept, so that the change can tell whether it still is the same.
///
/// # Errors
/// 422 for a wrong password, 409 for an account without one, 429 after too many tries.
pub async fn prove(
    call: &Call,
    person: &Person,
    action: &'static str,
    password: &str,
) -> Result<(Attempt, Option<String>), Problem> {
    let app = &call.app;
    let stored = app.directory.read(|state| state.user(&person.user.id).and_then(|user| user.password.clone()));
    let Some(stored) = stored else {
        return Err(Problem::new(Kind::Conflict, "the account has no password: its person signs in elsewhere"));
    };
    let failed = |failure| app.directory.read(|state| record_failed(call, state, action, failure));
    let attempt = Attempt::begin(app, &call.context, &counted_as(&person.user));
    let attempt = attempt.inspect_err(|_| failed(Failure::RateLimited))?;
    match app.sign_in.passwords.verify(password, Some(&stored)).await {
        Ok(Verdict::Wrong) => {
            failed(Failure::WrongPassword);
            let gives_code = app.directory.read(|state| state.personal().second_factor(&person.user.id).is_some());
            Err(wrong_proof(gives_code))
        }
        Ok(_) => Ok((attempt, Some(stored))),
        Err(problem) => {
            attempt.undone();
            Err(problem)
        }
    }
}

/// Judges the code of a proof within a change; a missing one is wrong here.
///
/// # Errors
/// 422 for a wrong code.
pub fn use_code(
    call: &Call,
    state: &State,
    edit: &mut Edit,
    (action, user): (&'static str, &str),
    code: Option<&str>,
) -> Result<Judged, Problem> {
    let failure = match judge(&call.app, state, edit, user, code)? {
        Judged::Missing => Failure::SecondFactorRequired,
        Judged::Wrong => Failure::WrongCode,
        judged => return Ok(judged),
    };
    record_failed(call, state, action, failure);
    Err(wrong_proof(true))
}

/// Who gives a code, too, is not told which of both is wrong: a guessed password must not be confirmed.
fn wrong_proof(gives_code: bool) -> Problem {
    let detail = if gives_code { "the password or the code is wrong" } else { "the password is wrong" };
    Problem::new(Kind::InvalidContent, "the content is against the rules").with_error("", detail)
}

/// Records a try at a change of what a person proves who they are with that came to nothing.
pub fn record_failed(call: &Call, state: &State, action: &'static str, failure: Failure) {
    let Caller::Person(person) = &call.caller else { return };
    for organization in logs_of(&call.app, state, &person.user.id) {
        let record = call.record(action, target_of(&person.user)).unsuccessful("failure", failure.reason());
        let who = person.user.id.clone();
        let kind = RefusalKind { organization, action, reason: failure.reason(), who, what: String::new() };
        call.app.refusals.refused(kind, record.as_called_in(state, organization));
    }
}
