//! One try to prove who one is: whether it may begin, how it counts, what is recorded when it fails.
//!
//! The client is told the same for every failure; the log of the person's organizations is told the reason. Whether an
//! account exists shows neither in the answer nor in the work done.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::limits::TARGETS_MAX;
use actarium_store::OrganizationId;
use serde_json::{Value, json};

use super::throttle::{AccountKey, Begun, Network};
use crate::app::App;
use crate::context::Context;
use crate::directory::document::User;
use crate::directory::{Kept, State};
use crate::problem::{Kind, Problem};
use crate::recorder::{OwnRecord, service_target};
use crate::refusals::RefusalKind;
use crate::spelling::address_key;

/// Why a try came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no account with the address.
    UnknownAccount,
    /// The account has no password: its person signs in elsewhere.
    NoPassword,
    /// The password is another one.
    WrongPassword,
    /// The password is right; a second factor is needed and was not given.
    SecondFactorRequired,
    /// The password is right, the code of the second factor is not.
    WrongCode,
    /// Too many tries.
    RateLimited,
}

impl Failure {
    /// The reason as it is recorded.
    pub const fn reason(self) -> &'static str {
        match self {
            Failure::UnknownAccount => "unknown_account",
            Failure::NoPassword => "no_password",
            Failure::WrongPassword => "wrong_password",
            Failure::SecondFactorRequired => "second_factor_required",
            Failure::WrongCode => "wrong_code",
            Failure::RateLimited => "rate_limited",
        }
    }

    /// How it ended, as far as it is known: who has been asked for the second factor may yet give it.
    const fn outcome(self) -> &'static str {
        match self {
            Failure::SecondFactorRequired => "unknown",
            _ => "failure",
        }
    }
}

/// A try that has begun and been counted.
pub struct Attempt {
    app: Arc<App>,
    begun: Begun,
    only: Option<String>,
}

/// The id of an account that a program has been signed in to with before.
#[derive(Clone, Debug)]
pub struct UsedWith(pub String);

impl Attempt {
    /// Begins a try at something that is known to be there, or is told apart by more than this.
    ///
    /// # Errors
    /// 429 with the time to wait. What is to be recorded about that is the caller's.
    pub fn begin(app: &Arc<App>, context: &Context, email: &str) -> Result<Self, Problem> {
        let attempt = Self::begin_unseen(app, context, email)?;
        if attempt.may_succeed() {
            return Ok(attempt);
        }
        let held_up = attempt.begun.held_up().unwrap_or_default();
        attempt.undone();
        Err(too_many(held_up))
    }

    /// Begins a try for the account with this address, whether there is one or not. What is wrong must be answered with
    /// [`Attempt::held_up`] if that says something, and what is right taken only if [`Attempt::may_succeed`]: both after the
    /// same work for every account.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn begin_unseen(app: &Arc<App>, context: &Context, email: &str) -> Result<Self, Problem> {
        let (account, network) = (AccountKey::of(&address_key(email)), Network::of(context.ip));
        let begun = app.sign_in.throttle.begin(account, network, app.clock.elapsed()).map_err(too_many)?;
        Ok(Self { app: app.clone(), begun, only: None })
    }

    /// As [`Attempt::begin_unseen`]; where others' tries would have it wait, a program that an account was signed in to with before may
    /// try that one account all the same.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn begin_with(app: &Arc<App>, context: &Context, email: &str, used: Option<UsedWith>) -> Result<Self, Problem> {
        let unseen = Self::begin_unseen(app, context, email);
        let Some(used) = used.filter(|_| !unseen.as_ref().is_ok_and(Self::may_succeed)) else { return unseen };
        let tried = (AccountKey::of(&address_key(email)), Network::of(context.ip));
        let Some(begun) = app.sign_in.throttle.begin_with(tried, app.clock.elapsed()) else {
            return unseen;
        };
        if let Ok(unseen) = unseen {
            unseen.undone();
        }
        Ok(Self { app: app.clone(), begun, only: Some(used.0) })
    }

    /// The one account that it is for, if it was let begin for that alone.
    pub fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// What a wrong proof is answered, if the account is being tried from too many networks.
    pub fn held_up(&self) -> Option<Problem> {
        self.begun.held_up().map(too_many)
    }

    /// Whether the right proof is taken.
    pub fn may_succeed(&self) -> bool {
        self.begun.may_succeed()
    }

    /// It came to a good end for an account with the address. One that an organization made makes no network known: whoever
    /// made it knows its password, and could go on guessing that of another account with the address.
    pub fn succeeded_for(self, user: &User) {
        if user.maker().is_none() { self.succeeded() } else { self.undone() }
    }

    /// It came to a good end.
    pub fn succeeded(self) {
        self.app.sign_in.throttle.succeeded(&self.begun, self.app.clock.elapsed());
    }

    /// Somebody who is signed in has proved once more who they are: what they mistyped before is forgotten.
    pub fn proved(self) {
        self.app.sign_in.throttle.clear(&self.begun);
    }

    /// It could not be judged, for a reason of the service's, or proved what is known: it does not count.
    pub fn undone(self) {
        self.app.sign_in.throttle.undone(&self.begun);
    }
}

fn too_many(wait: Duration) -> Problem {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    Problem::new(Kind::TooManyRequests, format!("too many tries; the next one may come in {seconds} s"))
        .retry_after(seconds)
}

/// What tries at proofs in an account's own session are counted under: apart from tries to sign in, which must not show that
/// somebody is signed in.
pub fn counted_as(user: &Kept<User>) -> String {
    format!("session of {}", user.id)
}

/// The organizations in whose logs things about a person alone are recorded: all of theirs, else the operator's.
pub fn logs_of(app: &App, state: &State, user: &str) -> Vec<OrganizationId> {
    logs_within(app, state, user, |_| true)
}

/// Those of [`logs_of`] that a credential of the person reaches: the others know nothing of it.
pub fn logs_within(
    app: &App,
    state: &State,
    user: &str,
    reaches: impl Fn(OrganizationId) -> bool,
) -> Vec<OrganizationId> {
    // What an organization made is for that organization alone.
    let maker = state.user(user).and_then(|user| user.maker());
    let concerns = |id: &OrganizationId| maker.is_none_or(|maker| maker == *id) && reaches(*id);
    let own: Vec<_> = state.organizations_of(user).filter(concerns).collect();
    if own.is_empty() { vec![app.operator_organization.id] } else { own }
}

/// A person as the actor of a record, where no session of theirs is meant.
pub fn actor_of(user: &Kept<User>) -> Value {
    json!({"type": "user", "id": user.id, "name": user.name, "email": user.email})
}

/// A person as the target of a record.
pub fn target_of(user: &Kept<User>) -> Value {
    json!({"type": "user", "id": user.id, "name": user.name})
}

/// The hash of a password that an account with this address is to have. All hashes of one address share their salt, so that
/// a sign-in takes the same work whoever has accounts with it. `share` is who is answerable for the work.
///
/// # Errors
/// 503 if too many are being hashed already.
pub async fn hash_for(app: &App, share: &str, email: &str, password: &str) -> Result<String, Problem> {
    let beside = app.directory.read(|state| state.accounts_with(email).iter().find_map(|user| user.password.clone()));
    app.sign_in.passwords.hash(share, password, beside.as_deref()).await
}

/// Records a failed sign-in to one account: the password is its own, or no other account is meant.
pub fn record_failed_sign_in(app: &App, context: &Context, user: &Kept<User>, failure: Failure) {
    let logs = app.directory.read(|state| logs_of(app, state, &user.id));
    record(app, (Some(context), context), &[user], &logs, failure);
}

/// Records a failed sign-in with an address, which may have meant any of the accounts that have it: for the person's own in
/// every organization of theirs; for one that an organization made there, if it gave it a password, and without where the try
/// came from: the organization must see the same whatever accounts there are elsewhere, and not where a person is who meant
/// another. Where it came from is on record all the same: in the operator's log, unless the person's own has it. If it is for
/// no account, it is in the operator's log, where what was typed is not kept: it is often a password.
pub fn record_failed_tries(app: &App, context: &Context, accounts: &[Arc<Kept<User>>], failure: Failure) {
    let operator = [app.operator_organization.id];
    let mut own = false;
    let mut made = Vec::new();
    for user in accounts {
        match (user.maker(), user.password.is_some()) {
            (None, has_password) => {
                let reason =
                    if has_password || failure == Failure::RateLimited { failure } else { Failure::NoPassword };
                record_failed_sign_in(app, context, user, reason);
                own = true;
            }
            (Some(maker), true) => {
                record(app, (None, context), &[user], &[maker], failure);
                if made.len() + 1 < TARGETS_MAX {
                    made.push(&**user);
                }
            }
            (Some(_), false) => {}
        }
    }
    match (own, made.is_empty()) {
        (true, _) => {}
        (false, false) => record(app, (Some(context), context), &made, &operator, failure),
        (false, true) => {
            let reason = if failure == Failure::RateLimited { failure } else { Failure::UnknownAccount };
            record(app, (Some(context), context), &[], &operator, reason);
        }
    }
}

/// Repeats within a minute become one record with their number. Who tried is known only where one account was meant.
fn record(
    app: &App,
    (shown, context): (Option<&Context>, &Context),
    users: &[&Kept<User>],
    logs: &[OrganizationId],
    failure: Failure,
) {
    let actor = match (users, shown) {
        ([user], _) => actor_of(user),
        _ => json!({"type": "anonymous", "id": "anonymous"}),
    };
    let mut record = OwnRecord::new("session.sign_in", actor, service_target())
        .unsuccessful(failure.outcome(), failure.reason())
        .with("method", "password");
    if !users.is_empty() {
        record.targets = users.iter().map(|user| target_of(user)).collect();
        // The last target is what contains the others: it stays where tries at several sets of accounts are one record.
        if users.len() > 1 {
            record.targets.push(service_target());
        }
    }
    record.context = shown.cloned();
    let from = shown.and(context.ip).map_or_else(|| "unknown".into(), |ip| ip.to_string());
    let what = users.iter().map(|user| &*user.id).collect::<Vec<_>>().join(" ");
    for organization in logs {
        let kind = RefusalKind {
            organization: *organization,
            action: "session.sign_in",
            reason: failure.reason(),
            who: from.clone(),
            what: what.clone(),
        };
        let record = app.directory.read(|state| record.clone().as_called_in(state, *organization));
        app.refusals.refused(kind, record);
    }
}
