//! Somebody whom a provider has proven: whom they sign in to, what the organization knows of them from now on, and their
//! session, in one commit with what is recorded about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_store::{Organization, OrganizationId};
use serde_json::{Value, json};

use crate::app::App;
use crate::context::Context;
use crate::directory::document::{GroupMember, Membership, Origin, User, pair_id};
use crate::directory::personal::Method;
use crate::directory::{Edit, Identity, IdentityProvider, Kept, State, change, identity_id};
use crate::dispatch::Call;
use crate::handlers::groups::group_target;
use crate::limits;
use crate::oidc::admission::{Admission, Known, Member, Rules, admit, group_changes, mapped_groups};
use crate::oidc::person::Person;
use crate::oidc::refusal::Refusal;
use crate::problem::Problem;
use crate::recorder::OwnRecord;
use crate::signin::attempt::target_of;
use crate::signin::opening::{Opened, Opening, SecondProof, open};

/// Somebody whom a provider has proven.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The provider's organization.
    pub organization: Arc<Organization>,
    /// The provider, as it was when they were sent there.
    pub provider: Arc<Kept<IdentityProvider>>,
    /// Who they are there.
    pub person: Person,
}

/// Signs somebody in who was proven by a provider, or says why not.
///
/// # Errors
/// 503 if it could not be made durable.
pub async fn arrive(call: &Call, arrival: Arrival) -> Result<Result<Opened, Refusal>, Problem> {
    let (app, context, id) = (call.app.clone(), call.context.clone(), call.new_id("usr"));
    change(&call.app, call.standing(), move |state| {
        let step = Step { app: &app, context: &context, state, arrival: &arrival };
        let mut edit = Edit::default();
        match step.admitted() {
            Ok(admission) => {
                let opened = step.sign_in(&mut edit, admission, &id)?;
                Ok((edit, Ok(opened)))
            }
            Err(refusal) => Ok((edit, Err(refusal))),
        }
    })
    .await
}

/// One arrival against the state that it meets.
struct Step<'a> {
    app: &'a App,
    context: &'a Context,
    state: &'a State,
    arrival: &'a Arrival,
}

impl Step<'_> {
    fn organization(&self) -> OrganizationId {
        self.arrival.organization.id
    }

    fn admitted(&self) -> Result<Admission, Refusal> {
        let (person, provider) = (&self.arrival.person, &self.arrival.provider);
        let access = self.state.access(self.organization());
        // It may have been switched off or changed while the person was there.
        let present = self.state.sign_in(self.organization()).provider(&provider.id);
        if present.is_none_or(|present| present.version != provider.version) {
            return Err(Refusal::Attempt);
        }
        let member = |user: &str| access.member(user).map(|member| (user.to_owned(), member.active));
        let identity = self.state.sign_in(self.organization()).identity(&provider.issuer, &person.subject);
        let linked = identity.and_then(|identity| member(&identity.user));
        let by_email = person.email.as_deref().and_then(|email| self.state.member_by_email(self.organization(), email));
        let by_email = by_email.and_then(|user| member(&user.id));
        fn as_member(found: &(String, bool)) -> Member<'_> {
            Member { user: &found.0, active: found.1 }
        }
        let known = Known { linked: linked.as_ref().map(as_member), by_email: by_email.as_ref().map(as_member) };
        let joining_domains = access.settings().map(|settings| settings.joining_domains.as_slice()).unwrap_or_default();
        let rules = Rules { authoritative_domains: &provider.authoritative_domains, joining_domains };
        let admission = admit(person, known, rules)?;
        let full = access.members().len() >= limits::MEMBERS_PER_ORGANIZATION_MAX;
        if full && matches!(admission, Admission::Join { .. }) { Err(Refusal::Full) } else { Ok(admission) }
    }

    /// Does what the admission needs and makes the session. `fresh_id` is for an account that there is not yet.
    fn sign_in(&self, edit: &mut Edit, admission: Admission, fresh_id: &str) -> Result<Opened, Problem> {
        let user = match admission {
            Admission::Linked(user) => {
                let account = self.account(&user)?;
                // Linked by an earlier version, which left its password.
                let cause = self.record("session.sign_in", target_of(&account));
                edit.take_over(self.state, self.organization(), &account, &cause)?;
                account
            }
            Admission::Link(user) => {
                let account = self.account(&user)?;
                let cause = self.record("user.identity.link", target_of(&account));
                let password_removed = edit.take_over(self.state, self.organization(), &account, &cause)?;
                self.link(edit, &user, password_removed)?;
                account
            }
            Admission::Join { email } => {
                let user = self.join(edit, &email, fresh_id)?;
                self.link(edit, &user.id, false)?;
                user
            }
        };
        self.follow_groups(edit, &user)?;
        let user = self.as_called(user);
        let only_in = Some(self.organization());
        let opening = Opening {
            user,
            method: Method::Sso,
            second_factor: SecondProof::None,
            through: Some(self.arrival.provider.clone()),
            only_in,
            joins: only_in,
            alone: false,
        };
        open(self.app, self.context, self.state, edit, opening)
    }

    /// The account under the name that this organization has for its person: records must not tell what others call them.
    fn as_called(&self, user: Arc<Kept<User>>) -> Arc<Kept<User>> {
        let known = self.state.called_in(self.organization(), &user.id);
        let name = known.or(self.arrival.person.name.as_deref()).unwrap_or(&user.email).to_owned();
        let mut called = user.as_ref().clone();
        called.document.name = name;
        Arc::new(called)
    }

    fn account(&self, user: &str) -> Result<Arc<Kept<User>>, Problem> {
        let account = self.state.user(user).cloned();
        account.ok_or_else(|| Problem::new(crate::problem::Kind::Internal, "the member has no account"))
    }

    /// The provider as the actor of what it brings about.
    fn record(&self, action: &'static str, target: Value) -> OwnRecord {
        let provider = &self.arrival.provider;
        let actor = json!({"type": "system", "id": provider.id, "name": provider.name});
        let mut record = OwnRecord::new(action, actor, target);
        record.context = Some(self.context.clone());
        record
    }

    fn link(&self, edit: &mut Edit, user: &str, password_removed: bool) -> Result<(), Problem> {
        let (provider, subject) = (&self.arrival.provider, &self.arrival.person.subject);
        let identity = Identity {
            user: user.to_owned(),
            issuer: provider.issuer.clone(),
            subject: subject.clone(),
            linked_at: self.app.clock.now(),
        };
        let before = self.state.sign_in(self.organization()).identity(&provider.issuer, subject);
        let id = identity_id(&provider.issuer, subject);
        edit.put(Some(self.organization()), &id, before.map(AsRef::as_ref), &identity)?;
        let record = self.record("user.identity.link", json!({"type": "user", "id": user}));
        let record = record.on(json!({"type": "identity_provider", "id": provider.id, "name": provider.name}));
        let record = record.with("issuer", &*provider.issuer).with("subject", &**subject);
        edit.record(self.organization(), record.with("password_removed", password_removed));
        Ok(())
    }

    /// Makes somebody a member, with an account of the organization's: what accounts there are elsewhere with the address is
    /// not for its provider to join, nor to know.
    fn join(&self, edit: &mut Edit, email: &str, fresh_id: &str) -> Result<Arc<Kept<User>>, Problem> {
        let (organization, now) = (self.organization(), self.app.clock.now());
        let name = self.arrival.person.name.clone().unwrap_or_else(|| email.to_owned());
        let document = User {
            email: email.to_owned(),
            name: name.clone(),
            created_at: now,
            password: None,
            managed_by: Some(organization.to_hex()),
            password_by: None,
            proof_changes: 0,
        };
        edit.account(fresh_id, &document)?;
        let user = Arc::new(Kept { id: fresh_id.to_owned(), version: 1, document });
        edit.touches_access(organization);
        // What others call them does not show here.
        let called = Some(name.clone());
        let membership =
            Membership { joined_at: now, origin: Origin::Oidc, active: true, name: called, external_id: None };
        edit.put(Some(organization), &user.id, None, &membership)?;
        let record = self.record("user.create", json!({"type": "user", "id": user.id, "name": name}));
        edit.record(organization, record.with("email", email).with("origin", Origin::Oidc.name()));
        Ok(user)
    }

    /// Puts somebody into the groups that the claim gives, and takes them out of those that only an earlier claim gave.
    fn follow_groups(&self, edit: &mut Edit, user: &Kept<User>) -> Result<(), Problem> {
        let organization = self.organization();
        let access = self.state.access(organization);
        let provider = &self.arrival.provider;
        let mapped = mapped_groups(&self.arrival.person.groups, &provider.group_mapping);
        // What another provider of the organization gave is that one's to take.
        let is_mapped = |group: &str| access.is_mapped_by(&provider.id, group, &user.id);
        let present: BTreeMap<String, bool> =
            access.groups_of(&user.id).map(|group| (group.clone(), is_mapped(group))).collect();
        let changes = group_changes(&mapped, &present);
        let target = json!({"type": "user", "id": user.id, "name": self.as_called(Arc::new(user.clone())).name});
        for group in changes.add.iter().filter_map(|group| access.group(group)) {
            let document = GroupMember { added_at: self.app.clock.now(), mapped_by: Some(provider.id.clone()) };
            edit.put(Some(organization), &pair_id(&group.id, &user.id), None, &document)?;
            edit.touches_access(organization);
            edit.record(organization, self.record("group.member.add", group_target(&group)).on(target.clone()));
        }
        let is_other = |other: &String| *other != user.id && self.state.can_sign_in(organization, other);
        let others_administrate = access.administrators().iter().any(is_other);
        for group in changes.remove.iter().filter_map(|group| access.group(group)) {
            // The last administrator who can sign in stays one, whatever the claim says.
            if access.gives_administration(&group.id) && !others_administrate {
                continue;
            }
            let version = access.group_member_version(&group.id, &user.id).unwrap_or_default();
            edit.delete::<GroupMember>(Some(organization), &pair_id(&group.id, &user.id), version);
            edit.touches_access(organization);
            edit.record(organization, self.record("group.member.remove", group_target(&group)).on(target.clone()));
        }
        Ok(())
    }
}
