//! The end of an organization's account, and of what it is opened with. Who made the account, or saw the link that made it, may
//! know its password and have enrolled its second factor: neither may outlive the membership that it was made for, nor stay
//! when the organization's directory or identity provider says whose it is from now on.

use std::sync::Arc;

use actarium_store::OrganizationId;
use serde_json::json;

use super::document::{Address, Kept, User};
use super::edit::Edit;
use super::personal::{PersonalToken, SecondFactor, Session};
use super::state::State;
use crate::problem::Problem;
use crate::recorder::OwnRecord;

impl Edit {
    /// Ends an account: whoever gets the address later gets another account. What it was opened with goes on record with
    /// what brought that about, unless nobody did.
    pub fn end_account(&mut self, state: &State, account: &Kept<User>, cause: Option<&OwnRecord>) {
        self.end_what_opens(state, account, cause);
        if let Some(entry) = state.address_entry(account) {
            self.delete::<Address>(entry.organization, &entry.id, entry.version);
        }
        self.delete::<User>(None, &account.id, account.version);
    }

    /// Takes an organization's account away from whoever has its password: the organization's provider or directory says from
    /// now on whose it is. Says whether there was something to take; a person's own account stays as it is.
    ///
    /// # Errors
    /// As [`Edit::put`].
    pub fn take_over(
        &mut self,
        state: &State,
        organization: OrganizationId,
        account: &Kept<User>,
        cause: &OwnRecord,
    ) -> Result<bool, Problem> {
        let has_proof = account.password.is_some() || state.personal().second_factor(&account.id).is_some();
        if account.maker() != Some(organization) || !has_proof {
            return Ok(false);
        }
        self.end_what_opens(state, account, Some(cause));
        let document = User { password: None, password_by: None, ..account.with_changed_proof() };
        self.put(None, &account.id, Some(account), &document)?;
        Ok(true)
    }

    /// Gives an organization's account another password, which `by` knows, and ends all that opened it before, by what `cause`
    /// records: whoever had the one before has nothing of it any more.
    ///
    /// # Errors
    /// As [`Edit::put`].
    pub fn give_password(
        &mut self,
        state: &State,
        account: &Kept<User>,
        (password, by): (String, Option<String>),
        cause: &OwnRecord,
    ) -> Result<(), Problem> {
        self.end_what_opens(state, account, Some(cause));
        let document = User { password: Some(password), password_by: by, ..account.with_changed_proof() };
        self.put(None, &account.id, Some(account), &document)
    }

    /// Ends second factor, sessions and tokens of an organization's account, each once however many there are.
    fn end_what_opens(&mut self, state: &State, account: &Kept<User>, cause: Option<&OwnRecord>) {
        let (personal, user) = (state.personal(), account.id.as_str());
        let told = cause.zip(account.maker());
        if let Some(factor) = personal.second_factor(user) {
            self.delete::<SecondFactor>(None, user, factor.version);
        }
        for session in personal.sessions_of(user) {
            let is_first = self.takes_out::<Session>(None, &session.id, session.version);
            if let Some((cause, maker)) = told.filter(|_| is_first) {
                self.record(maker, session_ended(cause, session));
            }
        }
        for token in personal.tokens_of(user) {
            let is_first = self.takes_out::<PersonalToken>(None, &token.id, token.version);
            if let Some((cause, maker)) = told.filter(|_| is_first) {
                self.record(maker, token_ended(cause, token));
            }
        }
    }
}

/// The record of the end of a session that something else brought about.
pub fn session_ended(cause: &OwnRecord, session: &Kept<Session>) -> OwnRecord {
    let user = json!({"type": "user", "id": session.user});
    cause.brought_about("session.revoke", vec![json!({"type": "session", "id": session.id}), user])
}

/// The record of the end of a token that something else brought about.
pub fn token_ended(cause: &OwnRecord, token: &Kept<PersonalToken>) -> OwnRecord {
    let user = json!({"type": "user", "id": token.user});
    cause.brought_about("token.revoke", vec![json!({"type": "token", "id": token.id, "name": token.name}), user])
}

impl State {
    /// Accounts that organizations made and whose membership is over: what an earlier version left.
    pub fn leftover_accounts(&self) -> impl Iterator<Item = &Arc<Kept<User>>> {
        self.users().filter(|user| user.maker().is_some() && self.organizations_of(&user.id).next().is_none())
    }

    /// Whether an account ends with a membership: it is the organization's, and opens no other.
    pub fn ends_with(&self, organization: OrganizationId, account: &Kept<User>) -> bool {
        account.maker() == Some(organization) && self.organizations_of(&account.id).all(|other| other == organization)
    }
}

#[cfg(test)]
mod tests {
    use actarium_store::SystemClock;
    use actarium_store::backend::DirectoryEntry;

    use super::super::document::{Document, Membership};
    use super::super::state::Changed;
    use super::*;

    const MAKER: OrganizationId = OrganizationId([7; 16]);

    /// What an earlier version left of a member who was removed, beside a member, a person's own account and what they have.
    fn state() -> State {
        let mut state = State::default();
        let mut put = |kind: &str, organization, id: &str, document: serde_json::Value| {
            let (kind, id, document) = (kind.to_owned(), id.to_owned(), document.to_string());
            let entry = DirectoryEntry { kind, organization, id, version: 3, document };
            state.apply(&Changed { entry, gone: false }).unwrap();
        };
        for (id, email, maker) in [
            ("gone", "chief@x.example", Some(MAKER)),
            ("here", "ada@x.example", Some(MAKER)),
            ("own", "chief@x.example", None),
        ] {
            let maker_id = maker.map(OrganizationId::to_hex);
            let user =
                json!({"email": email, "name": id, "created_at": 1, "password": "$argon2id$", "managed_by": maker_id});
            put(User::KIND, None, id, user);
            put(Address::KIND, maker, email, json!({"user": id}));
            let factor = json!({"wrapped_secret": "", "confirmed_at": 1, "last_step": 1, "recovery_codes": []});
            put("second_factor", None, id, factor);
            let session = json!({"user": id, "sha256": "", "created_at": 1, "last_used_at": 1, "method": "password"});
            put("session", None, &format!("ses_{id}"), session);
            let token = json!({"user": id, "name": "ci", "sha256": "", "created_at": 1, "expires_at": 2});
            put("token", None, &format!("pat_{id}"), token);
        }
        let member = json!({"joined_at": 1, "origin": "administrator", "active": true});
        put(Membership::KIND, Some(MAKER), "here", member);
        state
    }

    fn has_anything(state: &State, id: &str) -> bool {
        let personal = state.personal();
        state.user(id).is_some()
            || personal.second_factor(id).is_some()
            || personal.sessions_of(id).next().is_some()
            || personal.tokens_of(id).next().is_some()
    }

    fn make(state: &mut State, edit: Edit) {
        for changed in edit.finish(state, &SystemClock::new()).unwrap().changed {
            state.apply(&changed).unwrap();
        }
    }

    #[test]
    fn what_was_left_cannot_be_signed_in_to_and_ends_whole_and_alone() {
        let mut state = state();
        let ids = |state: &State| -> Vec<String> {
            state.accounts_with("chief@x.example").iter().map(|account| account.id.clone()).collect()
        };
        assert_eq!(ids(&state), ["own"]);
        let leftover: Vec<_> = state.leftover_accounts().cloned().collect();
        assert_eq!(leftover.iter().map(|account| &*account.id).collect::<Vec<_>>(), ["gone"]);
        let mut edit = Edit::default();
        edit.end_account(&state, &leftover[0], None);
        make(&mut state, edit);
        assert!(!has_anything(&state, "gone") && state.account_of(MAKER, "chief@x.example").is_none());
        assert!(has_anything(&state, "own") && has_anything(&state, "here"));
        assert_eq!(ids(&state), ["own"]);
        assert_eq!(state.leftover_accounts().count(), 0);
    }

    #[test]
    fn an_organization_takes_over_its_own_account_once_and_no_other() {
        let mut state = state();
        let take = |state: &mut State, organization: OrganizationId, id: &str| {
            let mut edit = Edit::default();
            let account = state.user(id).unwrap().clone();
            let cause = OwnRecord::new(
                "user.update",
                json!({"type": "system", "id": "test"}),
                json!({"type": "user", "id": id}),
            );
            let taken = edit.take_over(state, organization, &account, &cause).unwrap();
            make(state, edit);
            taken
        };
        assert!(!take(&mut state, MAKER, "own") && !take(&mut state, OrganizationId([8; 16]), "here"));
        assert!(take(&mut state, MAKER, "here"));
        let account = state.user("here").unwrap();
        assert_eq!((&account.password, account.proof_changes), (&None, 1));
        assert!(state.personal().second_factor("here").is_none());
        assert_eq!(state.personal().sessions_of("here").count() + state.personal().tokens_of("here").count(), 0);
        assert!(!take(&mut state, MAKER, "here"));
    }
}
