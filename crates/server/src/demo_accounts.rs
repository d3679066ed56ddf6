//! The demo's team as users of its organization, so that the console can be looked at: one of them, its administrator, can
//! sign in, with a password that is made here and kept in a file of the data folder.
//!
//! It is done once: while the file is there, nothing is. An organization that has users of its own gets none of these.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actarium_core::time;
use actarium_store::OrganizationId;
use serde_json::json;

use crate::access::Standing;
use crate::app::App;
use crate::demo::{self, Member};
use crate::directory::defaults::Default as DefaultRole;
use crate::directory::document::{GroupMember, Membership, Origin, User, pair_id};
use crate::directory::invitation::{Invitation, Inviter, Status};
use crate::directory::{Edit, State, change};
use crate::limits;
use crate::problem::Problem;
use crate::recorder::OwnRecord;
use crate::serve::{ServeError, service_actor};
use crate::signin::invitations::{micros, target};
use crate::token;

/// The file in the data folder that holds address and password.
pub const FILE_NAME: &str = "demo.password";
const OWNER_ONLY: u32 = 0o600;
/// Who has not answered yet.
const GUEST: &str = "lena.vogt@northwind.example";

/// Makes the team's accounts, unless they were made.
///
/// # Errors
/// If they cannot be written.
pub async fn make(app: &Arc<App>, data_dir: &Path) -> Result<(), ServeError> {
    let path = data_dir.join(FILE_NAME);
    let Some(organization) = app.engine.organization(demo::SLUG).filter(|_| !path.exists()) else { return Ok(()) };
    let fault = |problem: Problem| ServeError::Fault(format!("the demo's accounts: {}", problem.detail));
    let password = fresh_id(app, "demo").replace('_', "-");
    let hash = app.sign_in.passwords.hash("demo", &password, None).await.map_err(fault)?;
    let (by, of) = (app.clone(), organization.id);
    let Some(administrator) =
        change(app, Standing::of_the_service(), move |state| accounts(&by, state, of, &hash)).await.map_err(fault)?
    else {
        return Ok(());
    };
    let keeping = path.clone();
    let text = format!("{}\n{password}\n", administrator.email());
    let kept = tokio::task::spawn_blocking(move || keep(&keeping, &text)).await;
    let kept = kept.map_err(|error| ServeError::Fault(error.to_string()))?;
    kept.map_err(|error| ServeError::Fault(format!("{}: {error}", path.display())))
}

/// The accounts with the administrator's password; or the password anew, where a start was cut off before it was kept.
fn accounts(
    app: &App,
    state: &State,
    organization: OrganizationId,
    hash: &str,
) -> Result<(Edit, Option<Member>), Problem> {
    let mut edit = Edit::default();
    let mut team = demo::team();
    let Some(administrator) = team.next() else { return Ok((edit, None)) };
    let access = state.access(organization);
    if let Some(user) = state.member_by_email(organization, &administrator.email()) {
        let renewed = User { password: Some(hash.to_owned()), ..user.document.clone() };
        edit.put(None, &user.id, Some(&**user), &renewed)?;
        return Ok((edit, Some(administrator)));
    }
    if access.members().len() > 0 {
        return Ok((edit, None));
    }
    edit.touches_access(organization);
    let inviter = add(app, state, &mut edit, organization, (administrator, Some(hash.to_owned())))?;
    let inviter = Inviter::User { id: inviter, name: administrator.name.to_owned(), token: None };
    let mut newest = administrator;
    for member in team {
        add(app, state, &mut edit, organization, (member, None))?;
        newest = member;
    }
    invitations(app, &mut edit, organization, &inviter, newest)?;
    Ok((edit, Some(administrator)))
}

/// One that waits for its answer, and the one by which a member of the team came. Nobody has a secret of either.
fn invitations(
    app: &App,
    edit: &mut Edit,
    organization: OrganizationId,
    inviter: &Inviter,
    newest: Member,
) -> Result<(), Problem> {
    let now = app.clock.now();
    let waiting = (GUEST.to_owned(), DefaultRole::Developer, Status::Pending);
    for (email, group, status) in [waiting, (newest.email(), newest.group, Status::Accepted)] {
        let mut random = [0; token::SESSION_RANDOM_BYTES];
        app.entropy.fill(&mut random);
        let (id, secret) = token::invitation(&random);
        let invitation = Invitation {
            email: email.clone(),
            name: None,
            groups: vec![group.id().to_owned()],
            invited_by: inviter.clone(),
            created_at: now,
            sent_at: now,
            expires_at: now + micros(limits::INVITATION_TIME_MAX),
            sha256: Some(token::to_hex(&token::hash(&secret))),
            shown: false,
            status: Status::Pending,
            ended_at: None,
        };
        let kept = if status == Status::Pending { invitation } else { invitation.ended(status, now) };
        edit.put(Some(organization), &id, None, &kept)?;
        let group = json!({"type": "group", "id": group.id(), "name": group.name()});
        let record = OwnRecord::new("user.invite", service_actor(), target(&id, &email)).on(group);
        let record = record.with("email", &*email).with("expires_at", time::to_text(kept.expires_at));
        edit.record(organization, record);
        if status == Status::Accepted {
            let record = OwnRecord::new("user.invitation.accept", service_actor(), target(&id, &email));
            let record = record.with("email", email).with("invited_by", inviter.name());
            edit.record(organization, record.changing("/status", Status::Pending.name(), status.name()));
        }
    }
    Ok(())
}

fn add(
    app: &App,
    state: &State,
    edit: &mut Edit,
    organization: OrganizationId,
    (member, password): (Member, Option<String>),
) -> Result<String, Problem> {
    let (email, now) = (member.email(), app.clock.now());
    let existing = state.own_account(&email);
    // By the id that the year's events have, unless somebody else has it.
    let own = Some(member.id()).filter(|id| state.user(id).is_none());
    let id = existing.map(|user| user.id.clone()).or(own).unwrap_or_else(|| fresh_id(app, "usr"));
    if existing.is_none() {
        let (name, managed_by, password_by, proof_changes) = (member.name.into(), None, None, 0);
        let account =
            User { email: email.clone(), name, created_at: now, password, managed_by, password_by, proof_changes };
        edit.account(&id, &account)?;
    }
    let origin = Origin::Operator;
    let membership =
        Membership { joined_at: now, origin, active: true, name: Some(member.name.into()), external_id: None };
    edit.put(Some(organization), &id, None, &membership)?;
    let target = json!({"type": "user", "id": id, "name": member.name});
    let record = OwnRecord::new("user.create", service_actor(), target.clone());
    edit.record(organization, record.with("email", &*email).with("origin", origin.name()));
    let group = member.group;
    let joining = GroupMember { added_at: now, mapped_by: None };
    edit.put(Some(organization), &pair_id(group.id(), &id), None, &joining)?;
    let group = json!({"type": "group", "id": group.id(), "name": group.name()});
    edit.record(organization, OwnRecord::new("group.member.add", service_actor(), group).on(target));
    Ok(id)
}

fn fresh_id(app: &App, prefix: &str) -> String {
    let mut random = [0; token::ID_RANDOM_BYTES];
    app.entropy.fill(&mut random);
    token::id(prefix, &random)
}

/// Written beside its place and put there whole.
fn keep(path: &PathBuf, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("password.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
