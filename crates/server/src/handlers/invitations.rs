//! `/v1/orgs/{org}/invitations`: members invite people by their address.
//!
//! Nobody invites into what they do not hold, and nobody touches an invitation into more than that. An invitation is on disk
//! and on record before its mail goes out. The secret goes to the address alone; only where no mail could be sent is
//! it shown to who invites, and then it proves nothing about the address any more (see `accepting`).

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_core::{text, time};
use actarium_store::Organization;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::{json_answer, no_content};
use crate::directory::invitation::{Invitation, Inviter, Status};
use crate::directory::scim_token::needed_to_make;
use crate::directory::{Edit, Effective, GroupView, Kept, OrganizationAccess, State, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, name_of_one_who_acts};
use crate::handlers::groups::{group_target, must_be_ours_to_fill, must_cover};
use crate::handlers::listing::{is_wanted, page};
use crate::handlers::organizations::name_of;
use crate::limits;
use crate::mail::{self, Undelivered, sendable};
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::signin::invitations::{expire, inviter, micros, target};
use crate::spelling::address_key;
use crate::token;

/// The page of the console on which invitations are accepted. What follows `#` no browser sends to any server.
const PAGE: &str = "/invitation#";

/// An invitation as the API shows it.
fn shown(access: &OrganizationAccess, kept: &Kept<Invitation>, now: Micros) -> Value {
    let groups = kept.groups.iter().filter_map(|group| access.group(group));
    let by = &kept.invited_by;
    let kind = match by {
        Inviter::Operator => "operator",
        Inviter::User { .. } => "user",
    };
    json!({
        "id": kept.id,
        "email": kept.email,
        "name": kept.name,
        "groups": groups.map(|group| json!({"id": group.id, "name": group.name})).collect::<Vec<_>>(),
        "status": kept.status_at(now).name(),
        "created_at": time::to_text(kept.created_at),
        "sent_at": time::to_text(kept.sent_at),
        "expires_at": time::to_text(kept.expires_at),
        "ended_at": kept.ended_at.map(time::to_text),
        "invited_by": {"type": kind, "id": by.id(), "name": by.name()},
    })
}

fn no_such_invitation() -> Problem {
    Problem::new(Kind::NotFound, "the organization has no such invitation")
}

fn of<'a>(state: &'a State, call: &Call) -> Result<&'a Arc<Kept<Invitation>>, Problem> {
    let organization = call.organization()?.id;
    let found = state.invitation(&call.id).filter(|(to, _)| *to == organization);
    found.map(|(_, invitation)| invitation).ok_or_else(no_such_invitation)
}

/// Lists the organization's invitations, the latest first.
///
/// # Errors
/// 400 for a cursor that is none.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let (organization, now) = (call.organization()?.id, call.app.clock.now());
    let status = call.parameters.one("status");
    call.app.directory.read(|state| {
        let access = state.access(organization);
        let wanted = access.invitations().filter(|kept| {
            let name = kept.name.as_deref().unwrap_or_default();
            status.is_none_or(|status| kept.status_at(now).name() == status) && is_wanted(call, &[&kept.email, name])
        });
        let entries = wanted.map(|kept| (format!("{:019}\0{}", Micros::MAX - kept.created_at, kept.id), kept));
        page(call, "invitations", entries.collect(), |kept| shown(access, kept, now))
    })
}

/// Shows an invitation.
///
/// # Errors
/// 404 if there is none.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let (organization, now) = (call.organization()?.id, call.app.clock.now());
    let shown =
        call.app.directory.read(|state| of(state, call).map(|kept| shown(state.access(organization), kept, now)));
    json_answer(&shown?)
}

/// What an invitation is to be.
#[derive(Clone, Debug)]
struct Wanted {
    email: String,
    name: Option<String>,
    groups: BTreeSet<String>,
}

impl Wanted {
    async fn read(call: &mut Call) -> Result<Self, Problem> {
        let (_, read) = call.read_body().await?;
        let known = [("email", Holds::Text), ("name", Holds::Text), ("groups", Holds::Texts)];
        let mut form = Form::read_fields(&read.bytes, &known)?;
        let email = form.needed("email", sendable);
        let name = form.optional("name", name_of_one_who_acts);
        let groups: BTreeSet<String> = form.list("groups").unwrap_or_default().into_iter().collect();
        if groups.len() > limits::GROUPS_PER_INVITATION_MAX {
            form.refuse("/groups", &format!("must be at most {} groups", limits::GROUPS_PER_INVITATION_MAX));
        }
        form.finish()?;
        Ok(Self { email: address_key(&email), name, groups })
    }

    /// The groups by their ids, the default ones by their names too.
    fn groups(&self, access: &OrganizationAccess) -> Result<Vec<GroupView>, Problem> {
        let group = |named: &String| {
            let default =
                || access.groups().find(|group| group.kept.is_none() && text::equal_folded(&group.name, named));
            access.group(named).or_else(default)
        };
        let groups: Option<Vec<GroupView>> = self.groups.iter().map(group).collect();
        let mut groups = groups.ok_or_else(|| {
            let problem = Problem::new(Kind::InvalidContent, "the content is against the rules");
            problem.with_error("/groups", "must be ids of groups of the organization, or names of default groups")
        })?;
        groups.sort_by(|left, right| left.id.cmp(&right.id));
        groups.dedup_by(|left, right| left.id == right.id);
        Ok(groups)
    }
}

/// An invitation with a secret that nobody has yet.
struct Made {
    id: String,
    secret: String,
    sha256: String,
    invitation: Invitation,
    action: &'static str,
}

/// Makes an invitation and sends it.
///
/// # Errors
/// 422 for what is against the rules, 403 for groups that hold more than the caller, 409 for who is a user or invited
/// already, 429 for an address that a mail went to a moment ago.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let wanted = Wanted::read(&mut call).await?;
    let to = call.organization()?;
    let call = Arc::new(call);
    let making = async move {
        let mut random = [0; token::SESSION_RANDOM_BYTES];
        call.app.entropy.fill(&mut random);
        let secret = token::invitation(&random);
        let within = call.clone();
        let made = change(&call.app, call.standing(), move |state| {
            let mut edit = Edit::default();
            let made = make(&within, state, &mut edit, &to, &wanted, secret)?;
            Ok((edit, made))
        });
        deliver(&call, made.await?).await
    };
    answer(making, StatusCode::CREATED).await
}

fn make(
    call: &Call,
    state: &State,
    edit: &mut Edit,
    to: &Organization,
    wanted: &Wanted,
    (id, secret): (String, String),
) -> Result<Made, Problem> {
    let (access, now) = (state.access(to.id), call.app.clock.now());
    let groups = wanted.groups(access)?;
    for group in &groups {
        must_cover(&call.holds, &access.given_by(&group.id), "the group")
            .map_err(|problem| problem.about(group_target(group)))?;
        must_be_ours_to_fill(state, to.id, group, &call.holds)?;
    }
    if state.member_by_email(to.id, &wanted.email).is_some() {
        return Err(Problem::new(Kind::Conflict, "somebody with this address is a user of the organization already"));
    }
    make_room(call, access, edit, to, &wanted.email)?;
    let sha256 = token::to_hex(&token::hash(&secret));
    let invitation = Invitation {
        email: wanted.email.clone(),
        name: wanted.name.clone(),
        groups: groups.iter().map(|group| group.id.clone()).collect(),
        invited_by: inviter_of(call, state, to)?,
        created_at: now,
        sent_at: now,
        expires_at: now + micros(limits::INVITATION_TIME_MAX),
        sha256: Some(sha256.clone()),
        shown: call.app.mailer.is_none(),
        status: Status::Pending,
        ended_at: None,
    };
    edit.put(Some(to.id), &id, None, &invitation)?;
    let action = "user.invite";
    let record = issued(call, action, &id, &invitation);
    edit.record(to.id, groups.iter().fold(record, |record, group| record.on(group_target(group))));
    Ok(Made { id, secret, sha256, invitation, action })
}

fn inviter_of(call: &Call, state: &State, to: &Organization) -> Result<Inviter, Problem> {
    inviter(state, to.id, &call.caller)
        .ok_or_else(|| Problem::new(Kind::Forbidden, "only people and the operator invite"))
}

/// What is recorded about a new secret of an invitation.
fn issued(call: &Call, action: &'static str, id: &str, invitation: &Invitation) -> OwnRecord {
    let record = call.record(action, target(id, &invitation.email)).with("email", &*invitation.email);
    let record = record.with("expires_at", time::to_text(invitation.expires_at));
    record.with("delivery", if invitation.shown { "link" } else { "mail" })
}

/// Refuses what would be an invitation too many, and ends or takes away what is in the way of a new one.
fn make_room(
    call: &Call,
    access: &OrganizationAccess,
    edit: &mut Edit,
    to: &Organization,
    email: &str,
) -> Result<(), Problem> {
    let now = call.app.clock.now();
    let mut pending = 0;
    for kept in access.invitations() {
        let same = address_key(&kept.email) == address_key(email);
        match kept.status_at(now) {
            Status::Pending if same => {
                let detail = format!(
                    "an invitation to this address is pending: send it again with POST …/invitations/{}/resend, or revoke it",
                    kept.id
                );
                return Err(Problem::new(Kind::Conflict, detail));
            }
            Status::Pending => pending += 1,
            // Nobody has looked since its end.
            Status::Expired if kept.status == Status::Pending && same => expire(edit, to.id, kept, now)?,
            _ => {}
        }
        if same {
            must_not_mail_again(call, kept, now)?;
        }
    }
    if pending >= limits::INVITATIONS_PENDING_PER_ORGANIZATION_MAX {
        let most = limits::INVITATIONS_PENDING_PER_ORGANIZATION_MAX;
        let detail = format!("the organization has {most} pending invitations, the most it may have; revoke some");
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let mut ended: Vec<_> = access.invitations().filter(|kept| kept.status != Status::Pending).collect();
    ended.sort_by_key(|kept| kept.ended_at);
    let excess = (ended.len() + 1).saturating_sub(limits::INVITATIONS_ENDED_PER_ORGANIZATION_MAX);
    for kept in ended.into_iter().take(excess) {
        edit.delete::<Invitation>(Some(to.id), &kept.id, kept.version);
    }
    Ok(())
}

/// Nobody's mailbox is filled through invitations.
fn must_not_mail_again(call: &Call, kept: &Invitation, now: Micros) -> Result<(), Problem> {
    let wait = kept.sent_at + micros(limits::INVITATION_MAILED_TIME_MIN) - now;
    if call.app.mailer.is_none() || kept.shown || wait <= 0 {
        return Ok(());
    }
    let seconds = u32::try_from((wait + 999_999) / 1_000_000).unwrap_or(u32::MAX);
    let detail = format!("a mail went to this address a moment ago; the next one may go in {seconds} s");
    Err(Problem::new(Kind::TooManyRequests, detail).retry_after(seconds))
}

/// What the groups of an invitation give that are there still: what one has to hold to touch it.
fn rank(access: &OrganizationAccess, invitation: &Invitation) -> Effective {
    let mut rank = Effective::default();
    for group in invitation.groups.iter().filter_map(|group| access.group(group)) {
        rank.add_all(&access.given_by(&group.id));
    }
    rank
}

fn must_be_pending(kept: &Invitation, now: Micros) -> Result<(), Problem> {
    match kept.status_at(now) {
        Status::Pending => Ok(()),
        over => Err(Problem::new(Kind::Conflict, format!("the invitation is {}: make a new one", over.name()))),
    }
}

/// Makes another secret of a pending invitation and sends it; the one before opens nothing any more. Who does it answers
/// for the invitation from now on.
///
/// # Errors
/// 404 if there is none, 403 for groups that hold more than the caller, 409 for one that is over, 429 if a mail with it
/// went out a moment ago.
pub async fn resend(call: Call) -> Result<Response, Problem> {
    let to = call.organization()?;
    let call = Arc::new(call);
    let making = async move {
        let within = call.clone();
        let made = change(&call.app, call.standing(), move |state| {
            let mut edit = Edit::default();
            let made = renew(&within, state, &mut edit, &to)?;
            Ok((edit, made))
        });
        deliver(&call, made.await?).await
    };
    answer(making, StatusCode::OK).await
}

/// Without a mail the link is shown to who sends it again, and whoever has it can accept it.
fn must_be_who_may_see_the_link(call: &Call, kept: &Invitation) -> Result<(), Problem> {
    let is_theirs = call.caller.account().is_some_and(|account| kept.invited_by.member() == Some(account));
    if call.app.mailer.is_some() || is_theirs {
        return Ok(());
    }
    must_cover(&call.holds, &needed_to_make(), "who may see the link of somebody else's invitation")
}

fn renew(call: &Call, state: &State, edit: &mut Edit, to: &Organization) -> Result<Made, Problem> {
    let (kept, now) = (of(state, call)?, call.app.clock.now());
    must_cover(&call.holds, &rank(state.access(to.id), kept), "a group of the invitation")?;
    must_be_pending(kept, now)?;
    must_not_mail_again(call, kept, now)?;
    must_be_who_may_see_the_link(call, kept)?;
    let mut random = [0; token::SESSION_RANDOM_BYTES];
    call.app.entropy.fill(&mut random);
    let secret = token::invitation_again(&kept.id, &random);
    let sha256 = token::to_hex(&token::hash(&secret));
    let invitation = Invitation {
        invited_by: inviter_of(call, state, to)?,
        sent_at: now,
        expires_at: now + micros(limits::INVITATION_TIME_MAX),
        sha256: Some(sha256.clone()),
        shown: call.app.mailer.is_none(),
        ..kept.document.clone()
    };
    edit.put(Some(to.id), &kept.id, Some(&**kept), &invitation)?;
    let action = "user.invitation.resend";
    let record = issued(call, action, &kept.id, &invitation);
    let record = record.changing("/invited_by", kept.invited_by.id(), invitation.invited_by.id());
    let (before, after) = (time::to_text(kept.expires_at), time::to_text(invitation.expires_at));
    edit.record(to.id, record.changing("/expires_at", before, after));
    Ok(Made { id: kept.id.clone(), secret, sha256, invitation, action })
}

/// Takes a pending invitation back.
///
/// # Errors
/// 404 if there is none, 403 for groups that hold more than the caller, 409 for one that is over.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let to = call.organization()?;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let (kept, now) = (of(state, &call)?, call.app.clock.now());
        must_cover(&call.holds, &rank(state.access(to.id), kept), "a group of the invitation")?;
        must_be_pending(kept, now)?;
        let mut edit = Edit::default();
        edit.put(Some(to.id), &kept.id, Some(&**kept), &kept.ended(Status::Revoked, now))?;
        let record = call.record("user.invitation.revoke", target(&kept.id, &kept.email));
        let record = record.changing("/status", Status::Pending.name(), Status::Revoked.name());
        edit.record(to.id, record.with("email", &*kept.email));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}

/// Where an invitation with this secret is accepted.
fn link(call: &Call, secret: &str) -> String {
    if call.app.public_url.is_none() && !call.app.listening_on.ip().is_loopback() {
        tracing::warn!(
            origin = call.origin(),
            "the link of an invitation names the address that is listened on: say `--public-url` if people reach the service \
             under another"
        );
    }
    format!("{}{PAGE}{secret}", call.origin())
}

/// Hands out a secret that is on disk as a hash: to the address by mail, or else to who made it. What is answered.
async fn deliver(call: &Arc<Call>, made: Made) -> Result<Value, Problem> {
    let to = call.organization()?;
    let app = &call.app;
    let link = link(call, &made.secret);
    let mut extra = json!({});
    if let Some(mailer) = &app.mailer {
        let organization = app.directory.read(|state| name_of(&to, state).to_owned());
        let told = mail::invitation::Told {
            to: &made.invitation.email,
            organization: &organization,
            invited_by: made.invitation.invited_by.name(),
            link: &link,
            expires_at: made.invitation.expires_at,
        };
        match mailer.send(&mail::invitation::mail(told)).await {
            Ok(()) => extra["mail"] = json!("sent"),
            Err(undelivered) => {
                tracing::warn!(invitation = made.id, %undelivered, "the mail with an invitation could not be delivered");
                extra["mail"] = json!("failed");
                if show_instead(call, &to, &made, &undelivered).await? {
                    extra["link"] = json!(link);
                }
            }
        }
    } else {
        extra["link"] = json!(link);
    }
    let now = app.clock.now();
    let shown = app.directory.read(|state| {
        let found = state.invitation(&made.id).filter(|(of, _)| *of == to.id);
        found.map(|(_, kept)| shown(state.access(to.id), kept, now))
    });
    let mut shown = shown.ok_or_else(no_such_invitation)?;
    for (key, value) in extra.as_object().into_iter().flatten() {
        shown[key] = value.clone();
    }
    Ok(shown)
}

/// Notes that a secret is shown to who made it because its mail was not delivered. Whether it may be: it is another one
/// by now if somebody was quicker.
async fn show_instead(
    call: &Arc<Call>,
    to: &Organization,
    made: &Made,
    undelivered: &Undelivered,
) -> Result<bool, Problem> {
    let (within, to, id, sha256) = (call.clone(), to.id, made.id.clone(), made.sha256.clone());
    let record = call.record(made.action, target(&made.id, &made.invitation.email));
    let record = record.with("email", &*made.invitation.email).with("delivery", "link");
    let record = record.unsuccessful("failure", format!("the mail was not delivered: {undelivered}"));
    change(&within.app, within.standing(), move |state| {
        let mut edit = Edit::default();
        edit.record(to, record);
        let found = state.invitation(&id).filter(|(_, kept)| kept.sha256.as_ref() == Some(&sha256));
        let Some((_, kept)) = found else { return Ok((edit, false)) };
        edit.put(Some(to), &id, Some(&**kept), &Invitation { shown: true, ..kept.document.clone() })?;
        Ok((edit, true))
    })
    .await
}

/// Carries it through even if the client goes away: what is on disk is to be sent.
async fn answer(
    making: impl Future<Output = Result<Value, Problem>> + Send + 'static,
    status: StatusCode,
) -> Result<Response, Problem> {
    let made = tokio::spawn(making).await;
    let made = made.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "inviting failed")))?;
    let mut response = json_answer(&made)?;
    *response.status_mut() = status;
    Ok(response)
}
