//! `/v1/invitation`: what an invitation is, and accepting it, for whoever has its secret.
//!
//! The secret opens one membership and nothing else. It came by mail: then its holder has the address. A person who has no account
//! of their own gets one; an account that is there joins only if its person says so, in a session of theirs or with its password and
//! second factor: the secret is never enough to get into an account. Or it was shown to who invited: then it proves nothing about
//! the address, and must not tell whether there is an account with it. A session of the person joins; any other acceptance makes
//! an account of the organization's, which opens that organization alone. What other organizations made does not matter to either.
//!
//! Who comes with a secret that opens nothing is told the same whatever the reason; the log of the organization is told it.

use std::sync::Arc;

use actarium_store::OrganizationId;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::{Caller, Person, Via, session_of};
use crate::answers::json_answer;
use crate::app::App;
use crate::context::Context;
use crate::directory::document::{GroupMember, Membership, Origin, User, pair_id};
use crate::directory::invitation::{Invitation, Status};
use crate::directory::{Edit, Kept, State, change, personal};
use crate::dispatch::Call;
use crate::form::{Form, name_of_one_who_acts};
use crate::handlers::groups::group_target;
use crate::handlers::organizations::name_of;
use crate::handlers::second_factor::{Judged, judge};
use crate::handlers::session::{bounded, not_proved};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::{OwnRecord, service_target};
use crate::refusals::RefusalKind;
use crate::signin::attempt::{Attempt, Failure, actor_of, hash_for, logs_of, record_failed_sign_in, target_of};
use crate::signin::invitations::{Held, Refused, find, target};
use crate::signin::opening::{self, Opened, Opening, SecondProof, cookie_form, described, ends_at, reach};
use crate::signin::password::{self, Verdict};
use crate::signin::session::is_own_origin;
use crate::spelling::address_key;
use crate::token::{self, Shape};

/// The one answer to every secret that opens nothing.
fn not_valid() -> Problem {
    let detail = "the invitation is not valid: it was used or taken back, is too old, or never was; ask for a new one";
    Problem::new(Kind::NotFound, detail)
}

fn against_the_rules(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidContent, "the content is against the rules").with_error(pointer, detail)
}

/// Begins a try at a secret: tries are counted by the sender's network and by what is tried, as those at passwords.
fn begin(call: &Call, secret: &str) -> Result<Attempt, Problem> {
    let id = match token::shape(secret) {
        Some(Shape::Invitation { id }) => id,
        _ => "",
    };
    Attempt::begin(&call.app, &call.context, &format!("invitation:{id}"))
}

fn anonymous() -> Value {
    json!({"type": "anonymous", "id": "anonymous"})
}

/// Records that a secret opened nothing: in the log of the organization that it names, else in the operator's.
fn refused(call: &Call, refused: &Refused) -> Problem {
    let (organization, of) = match &refused.invitation {
        Some((organization, kept)) => (*organization, target(&kept.id, &kept.email)),
        None => (call.app.operator_organization.id, service_target()),
    };
    let (action, reason) = ("user.invitation.accept", refused.why.reason());
    let what = of["id"].as_str().unwrap_or_default().to_owned();
    let mut record = OwnRecord::new(action, anonymous(), of).unsuccessful(refused.why.outcome(), reason);
    record.context = Some(call.context.clone());
    let who = call.context.ip.map_or_else(|| "unknown".into(), |ip| ip.to_string());
    call.app.refusals.refused(RefusalKind { organization, action, reason, who, what }, record);
    not_valid()
}

/// Finds what a secret opens; a try at one that opens nothing counts.
fn look_up(call: &Call, secret: &str) -> Result<Held, Problem> {
    let attempt = begin(call, secret)?;
    let found = call.app.directory.read(|state| find(state, secret, call.app.clock.now()));
    let held = found.map_err(|why| refused(call, &why))?;
    attempt.undone();
    Ok(held)
}

/// Tells what an invitation is.
///
/// # Errors
/// 404 for a secret that opens nothing, 429 after too many of these.
pub async fn view(mut call: Call) -> Result<Response, Problem> {
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["secret"])?;
    let secret = form.needed("secret", bounded);
    form.finish()?;
    let held = look_up(&call, &secret)?;
    let organization = call.app.engine.organization_by_id(held.organization).ok_or_else(not_valid)?;
    let invitation = &held.invitation;
    let shown = call.app.directory.read(|state| {
        json!({
            "organization": {"slug": organization.slug, "name": name_of(&organization, state)},
            "email": invitation.email,
            "name": invitation.name,
            "invited_by": invitation.invited_by.name(),
            "expires_at": actarium_core::time::to_text(invitation.expires_at),
            "account_exists": own_account(state, invitation).is_some_and(|user| user.password.is_some()),
        })
    });
    json_answer(&shown)
}

/// What somebody accepts with.
struct Answer {
    secret: String,
    name: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

/// The person's own account, which is to join; none if the invitation does not prove whose the address is.
fn own_account<'s>(state: &'s State, invitation: &Invitation) -> Option<&'s Arc<Kept<User>>> {
    state.own_account(&invitation.email).filter(|_| invitation.proves_address())
}

/// Accepts an invitation: makes the account and signs in, or joins the account that there is.
///
/// # Errors
/// 404 for a secret that opens nothing, 401 for an account that there is without its person's word, 422 for what is
/// against the rules, 409 for what contradicts what is there, 429 after too many tries, 403 from a foreign page.
pub async fn accept(mut call: Call) -> Result<Response, Problem> {
    if !is_own_origin(&call.headers, call.app.public_url.as_ref().map(|url| url.origin())) {
        return Err(Problem::new(Kind::Csrf, "accepting is for the service's own pages and for programs"));
    }
    let (_, read) = call.read_body().await?;
    let mut form = Form::read(&read.bytes, &["secret", "name", "password", "code"])?;
    let answer = Answer {
        secret: form.needed("secret", bounded),
        name: form.optional("name", name_of_one_who_acts),
        password: form.optional("password", bounded),
        code: form.optional("code", bounded),
    };
    form.finish()?;
    let held = look_up(&call, &answer.secret)?;
    let account = call.app.directory.read(|state| own_account(state, &held.invitation).cloned());
    let has_cookie = cookie_form(&call.app, &call.context).token(&call.headers).is_some();
    match (account, answer.password.is_some()) {
        (_, false) if has_cookie => in_session(&call, &held, answer).await,
        (None, _) => with_new_account(&call, &held, answer).await,
        (Some(user), true) if user.password.is_none() => with_first_password(&call, &held, &user, answer).await,
        (Some(user), true) => with_password(&call, &user, answer).await,
        (Some(_), false) => Err(sign_in_first()),
    }
}

/// One acceptance in the making, against the state that it meets.
struct Step<'a> {
    app: &'a App,
    call: &'a CallParts,
    state: &'a State,
    held: &'a Held,
}

/// What of a call goes into its change.
#[derive(Clone)]
struct CallParts {
    app: Arc<App>,
    context: Context,
}

impl CallParts {
    fn of(call: &Call) -> Self {
        Self { app: call.app.clone(), context: call.context.clone() }
    }
}

/// How a change came out that may find the invitation gone.
enum Outcome {
    Accepted(Box<Opened>),
    Joined,
    Refused(Refused),
    Failed(Failure),
}

impl Step<'_> {
    fn record(&self, action: &'static str, actor: &Value, target: Value) -> OwnRecord {
        let mut record = OwnRecord::new(action, actor.clone(), target);
        record.context = Some(self.call.context.clone());
        record
    }

    /// Makes the account's person a member, in the groups of the invitation, and ends the invitation.
    fn join(&self, edit: &mut Edit, user: &Kept<User>, name: Option<&str>, actor: &Value) -> Result<(), Problem> {
        let Held { organization, invitation, groups } = self.held;
        let (organization, now) = (*organization, self.app.clock.now());
        let access = self.state.access(organization);
        nobody_else_may_have_it(self.state, self.held, Some(&user.id))?;
        edit.touches_access(organization);
        edit.put(Some(organization), &invitation.id, Some(&**invitation), &invitation.ended(Status::Accepted, now))?;
        // What their account is called may be another organization's.
        let called = name.or(invitation.name.as_deref());
        let person = json!({"type": "user", "id": user.id, "name": called.unwrap_or(&user.email)});
        let accepted = self.record("user.invitation.accept", actor, target(&invitation.id, &invitation.email));
        let accepted = accepted.on(person.clone()).with("email", &*invitation.email);
        let accepted = accepted.with("invited_by", invitation.invited_by.name());
        edit.record(organization, accepted.changing("/status", Status::Pending.name(), Status::Accepted.name()));
        match access.member(&user.id) {
            Some(member) if !member.active => {
                let detail =
                    "the person is a user of the organization already, and not active: an administrator changes that";
                return Err(Problem::new(Kind::Conflict, detail));
            }
            Some(_) => {}
            None => {
                if access.members().len() >= limits::MEMBERS_PER_ORGANIZATION_MAX {
                    let most = limits::MEMBERS_PER_ORGANIZATION_MAX;
                    let detail = format!("the organization has {most} users, the most it may have");
                    return Err(Problem::new(Kind::Conflict, detail));
                }
                let membership = Membership {
                    joined_at: now,
                    origin: Origin::Invitation,
                    active: true,
                    name: called.map(str::to_owned),
                    external_id: None,
                };
                edit.put(Some(organization), &user.id, None, &membership)?;
                let record = self.record("user.create", actor, person.clone()).with("email", &*user.email);
                edit.record(organization, record.with("origin", Origin::Invitation.name()));
            }
        }
        for group in groups.iter().filter(|group| access.group_member_version(&group.id, &user.id).is_none()) {
            let member = GroupMember { added_at: now, mapped_by: None };
            edit.put(Some(organization), &pair_id(&group.id, &user.id), None, &member)?;
            edit.record(organization, self.record("group.member.add", actor, group_target(group)).on(person.clone()));
        }
        Ok(())
    }

    /// Begins the session of somebody who has given their password.
    fn open(
        &self,
        edit: &mut Edit,
        user: Arc<Kept<User>>,
        second_factor: SecondProof,
        alone: bool,
    ) -> Result<Opened, Problem> {
        let only_in = user.maker();
        let joins = Some(self.held.organization);
        let method = personal::Method::Password;
        let opening = Opening { user, method, second_factor, through: None, only_in, joins, alone };
        opening::open(self.app, &self.call.context, self.state, edit, opening)
    }
}

/// That no other member of the organization has the address of an invitation.
fn nobody_else_may_have_it(state: &State, held: &Held, user: Option<&str>) -> Result<(), Problem> {
    let member = state.member_by_email(held.organization, &held.invitation.email);
    if member.is_none_or(|member| Some(&*member.id) == user) {
        return Ok(());
    }
    let detail = "the organization has a user with this address by now: once an administrator has removed that user, the \
                  invitation can be accepted";
    Err(Problem::new(Kind::Conflict, detail))
}

/// Runs an acceptance as one change, if the invitation holds still when its turn comes.
async fn as_one_change(
    call: &Call,
    secret: String,
    make: impl FnOnce(&Step<'_>, &mut Edit) -> Result<Outcome, Problem> + Send + 'static,
) -> Result<Outcome, Problem> {
    let parts = CallParts::of(call);
    change(&call.app, call.standing(), move |state| {
        let held = match find(state, &secret, parts.app.clock.now()) {
            Ok(held) => held,
            Err(refused) => return Ok((Edit::default(), Outcome::Refused(refused))),
        };
        let step = Step { app: &parts.app, call: &parts, state, held: &held };
        let mut edit = Edit::default();
        match make(&step, &mut edit)? {
            outcome @ (Outcome::Refused(_) | Outcome::Failed(_)) => Ok((Edit::default(), outcome)),
            outcome => Ok((edit, outcome)),
        }
    })
    .await
}

/// Somebody without an account here, as far as the invitation may know: they choose its password.
async fn with_new_account(call: &Call, held: &Held, answer: Answer) -> Result<Response, Problem> {
    let email = held.invitation.email.clone();
    let name = answer.name.or_else(|| held.invitation.name.clone());
    let name = name.ok_or_else(|| against_the_rules("/name", "is needed: the invitation names nobody"))?;
    // A link that can come to nothing any more makes no work.
    call.app.directory.read(|state| nobody_else_may_have_it(state, held, None))?;
    let hash = chosen(call, &email, (answer.password.as_deref(), answer.code.as_deref())).await?;
    let id = call.new_id("usr");
    let outcome = as_one_change(call, answer.secret, move |step, edit| {
        let Held { organization, invitation, .. } = step.held;
        let maker = (!invitation.proves_address()).then_some(*organization);
        let document = User {
            email: email.clone(),
            name,
            created_at: step.app.clock.now(),
            password: Some(hash),
            managed_by: maker.map(OrganizationId::to_hex),
            // Who was shown the link may have accepted it.
            password_by: maker.and_then(|_| invitation.invited_by.member()).map(str::to_owned),
            proof_changes: 0,
        };
        let user = match maker {
            None if step.state.own_account(&email).is_some() => {
                let detail = "an account with the address was made at the same moment; try again";
                return Err(Problem::new(Kind::Conflict, detail));
            }
            // If the organization has made one in the meantime, that is a member, and joining says so.
            _ => new_account(edit, id, document)?,
        };
        step.join(edit, &user, Some(&user.name), &actor_of(&user))?;
        Ok(Outcome::Accepted(Box::new(step.open(edit, user.clone(), SecondProof::None, false)?)))
    })
    .await?;
    answered(call, outcome, None)
}

fn new_account(edit: &mut Edit, id: String, document: User) -> Result<Arc<Kept<User>>, Problem> {
    edit.account(&id, &document)?;
    Ok(Arc::new(Kept { id, version: 1, document }))
}

/// The hash of a password that somebody chooses.
async fn chosen(call: &Call, email: &str, (password, code): (Option<&str>, Option<&str>)) -> Result<String, Problem> {
    let password = password.ok_or_else(|| {
        against_the_rules("/password", "is needed: it is to be the account's; who has an account signs in first")
    })?;
    password::check(password, email).map_err(|unsuitable| against_the_rules("/password", unsuitable.to_string()))?;
    if code.is_some() {
        return Err(against_the_rules("/code", "the account has no second factor"));
    }
    let share = call.context.ip.map_or_else(String::new, |ip| ip.to_string());
    hash_for(&call.app, &share, email, password).await
}

/// Somebody whose own account never had a password: the operator has made it, and the mailbox is what shows whose it is.
async fn with_first_password(call: &Call, held: &Held, user: &Kept<User>, answer: Answer) -> Result<Response, Problem> {
    let email = &held.invitation.email;
    let hash = chosen(call, email, (answer.password.as_deref(), answer.code.as_deref())).await?;
    let (id, name) = (user.id.clone(), answer.name);
    let outcome = as_one_change(call, answer.secret, move |step, edit| {
        let is_still = |user: &&Arc<Kept<User>>| user.id == id && user.password.is_none();
        let Some(user) = own_account(step.state, &step.held.invitation).filter(is_still) else {
            return Err(Problem::new(Kind::Conflict, "the account was changed at the same moment; try again"));
        };
        let document = User { password: Some(hash), ..user.with_changed_proof() };
        edit.put(None, &id, Some(&**user), &document)?;
        let record = step.record("password.update", &actor_of(user), target_of(user));
        for organization in logs_of(step.app, step.state, &id) {
            edit.record(organization, record.clone());
        }
        let user = Arc::new(Kept { id: id.clone(), version: user.version + 1, document });
        step.join(edit, &user, name.as_deref(), &actor_of(&user))?;
        Ok(Outcome::Accepted(Box::new(step.open(edit, user.clone(), SecondProof::None, true)?)))
    })
    .await?;
    answered(call, outcome, None)
}

/// Somebody with an account who gives its password, and a code where it has a second factor.
async fn with_password(call: &Call, user: &Arc<Kept<User>>, answer: Answer) -> Result<Response, Problem> {
    let app = &call.app;
    let attempt = Attempt::begin(app, &call.context, &user.email).inspect_err(|_| {
        record_failed_sign_in(app, &call.context, user, Failure::RateLimited);
    })?;
    let judged = judge_password(call, user, answer).await;
    match &judged {
        Ok(Outcome::Accepted(_) | Outcome::Joined) => attempt.succeeded(),
        // Asked for a code, who gave the right password has guessed nothing.
        Ok(Outcome::Failed(Failure::SecondFactorRequired) | Outcome::Refused(_)) | Err(_) => attempt.undone(),
        Ok(Outcome::Failed(_)) => {}
    }
    answered(call, judged?, Some(user))
}

async fn judge_password(call: &Call, user: &Kept<User>, answer: Answer) -> Result<Outcome, Problem> {
    let stored = user.password.clone();
    let given = answer.password.unwrap_or_default();
    let rehashed = match call.app.sign_in.passwords.verify(&given, stored.as_deref()).await? {
        Verdict::Wrong => return Ok(Outcome::Failed(Failure::WrongPassword)),
        Verdict::Right => None,
        Verdict::RightAndRehashed(hash) => Some(hash),
    };
    let (id, name, code) = (user.id.clone(), answer.name, answer.code);
    as_one_change(call, answer.secret, move |step, edit| {
        // The password may have been changed while this one was compared.
        let is_still = |user: &&Arc<Kept<User>>| user.id == id && user.password == stored;
        let Some(user) = own_account(step.state, &step.held.invitation).filter(is_still) else {
            return Ok(Outcome::Failed(Failure::WrongPassword));
        };
        let second_factor = match judge(step.app, step.state, edit, &id, code.as_deref())? {
            judged @ (Judged::None | Judged::Code | Judged::RecoveryCode { .. }) => judged.given(),
            Judged::Missing => return Ok(Outcome::Failed(Failure::SecondFactorRequired)),
            Judged::Wrong => return Ok(Outcome::Failed(Failure::WrongCode)),
        };
        if rehashed.is_some() {
            edit.put(None, &id, Some(&**user), &User { password: rehashed, ..user.document.clone() })?;
        }
        step.join(edit, user, name.as_deref(), &actor_of(user))?;
        Ok(Outcome::Accepted(Box::new(step.open(edit, user.clone(), second_factor, false)?)))
    })
    .await
}

/// Somebody with an account who is signed in.
async fn in_session(call: &Call, held: &Held, answer: Answer) -> Result<Response, Problem> {
    let app = &call.app;
    let token = cookie_form(app, &call.context).token(&call.headers).map(str::to_owned);
    let Some(token) = token else { return Err(sign_in_first()) };
    let person = session_of(app, &call.context, &call.headers).map_err(|denied| {
        if denied.problem.kind == Kind::Unauthenticated { sign_in_first() } else { denied.problem }
    })?;
    let Via::Session(session) = person.via.clone() else { return Err(sign_in_first()) };
    if address_key(&person.user.email) != address_key(&held.invitation.email) {
        let detail =
            "the session is somebody else's: sign out, then accept with the account that the invitation is for";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    if answer.code.is_some() {
        return Err(against_the_rules("/code", "goes with `password`"));
    }
    let (id, within, name) = (person.user.id.clone(), session.clone(), answer.name);
    let actor = Caller::Person(person.clone()).actor();
    let outcome = as_one_change(call, answer.secret, move |step, edit| {
        let kept = step.state.personal().session(&within).filter(|kept| kept.user == id).ok_or_else(sign_in_first)?;
        // What another organization's identity provider or administrator can bring about counts there alone.
        if !kept.reaches(step.held.organization) {
            let detail = "the session is for another organization alone: send the account's password";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        let user = step.state.user(&id).ok_or_else(sign_in_first)?;
        step.join(edit, user, name.as_deref(), &actor)?;
        Ok(Outcome::Joined)
    })
    .await?;
    if let Outcome::Refused(why) = outcome {
        return Err(refused(call, &why));
    }
    let (organizations, ends) = app.directory.read(|state| {
        let kept = state.personal().session(&session);
        kept.map(|kept| (reach(state, kept), ends_at(app, kept))).ok_or_else(sign_in_first)
    })?;
    let person = Person { organizations, ..person.as_ref().clone() };
    json_answer(&described(app, &person, Some(&token), ends))
}

fn sign_in_first() -> Problem {
    let detail = "there is an account with the address: sign in and accept with its session, or send its `password`, and a \
                  `code` where it has a second factor";
    Problem::new(Kind::Unauthenticated, detail)
}

/// The answer to who has given a password, as to a sign-in.
fn answered(call: &Call, outcome: Outcome, user: Option<&Arc<Kept<User>>>) -> Result<Response, Problem> {
    match outcome {
        Outcome::Accepted(opened) => opening::signed_in(&call.app, &call.context, &opened),
        Outcome::Joined => Err(Problem::new(Kind::Internal, "the session could not be begun")),
        Outcome::Refused(why) => Err(refused(call, &why)),
        Outcome::Failed(failure) => {
            if let Some(user) = user {
                record_failed_sign_in(&call.app, &call.context, user, failure);
            }
            if failure == Failure::SecondFactorRequired {
                let detail = "send the code of the authenticator, or a recovery code, too";
                return Err(Problem::new(Kind::SecondFactorRequired, detail));
            }
            Err(not_proved())
        }
    }
}
