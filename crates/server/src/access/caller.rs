//! Who sends a request, and how they stand in the records of what they do.

use std::sync::Arc;

use actarium_store::OrganizationId;
use serde_json::{Value, json};

use super::Rights;
use crate::directory::document::{ScimToken, User};
use crate::directory::key::Key;
use crate::directory::personal::{PersonalToken, Session};
use crate::directory::{Directory, Kept, State};

/// What a person's [`Caller::sender`] begins with, before the id of their account.
pub const USER_SENDER: &str = "user:";

/// Who sends a request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody without a valid credential.
    Anonymous,
    /// The one who runs the service.
    Operator,
    /// A program with an on-premises key.
    Key(Arc<Key>),
    /// Somebody with an account.
    Person(Arc<Person>),
    /// An identity provider with a SCIM token.
    Scim(Arc<Provisioner>),
}

/// An identity provider, by its SCIM token.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// The organization whose users and groups it keeps.
    pub organization: OrganizationId,
    /// The token.
    pub token: Arc<Kept<ScimToken>>,
}

/// Somebody with an account, and what their credential allows of what they hold.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub user: Arc<Kept<User>>,
    /// The credential.
    pub via: Via,
    /// Nothing beyond this, whatever the person holds.
    pub rights_max: Rights,
    /// Only these organizations; all of the person's, if `None`.
    pub organizations: Option<Vec<OrganizationId>>,
}

/// With what credential a person comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// A session, with its public id.
    Session(String),
    /// A personal access token, with its id.
    Token(String),
}

impl Person {
    /// The public id of the credential.
    pub fn credential(&self) -> &str {
        match &self.via {
            Via::Session(id) | Via::Token(id) => id,
        }
    }

    /// Whether the credential reaches an organization, should the person be a member.
    pub fn reaches(&self, organization: OrganizationId) -> bool {
        self.organizations.as_ref().is_none_or(|only| only.contains(&organization))
    }

    /// The organizations (their ids in hexadecimal digits) that the credential is for alone, whatever administrators have ended
    /// of it; all of the person's, if `None`.
    fn bound_to<'s>(&self, state: &'s State) -> Option<&'s [String]> {
        let personal = state.personal();
        match &self.via {
            Via::Session(id) => personal.session(id)?.only_in.as_ref().map(std::slice::from_ref),
            Via::Token(id) => personal.token(id)?.organizations.as_deref(),
        }
    }

    /// Whether the credential is for everything that a token of the person works in.
    pub fn covers_token(&self, state: &State, token: &PersonalToken) -> bool {
        self.bound_to(state).is_none_or(|bound| {
            token.organizations.as_ref().is_some_and(|organizations| organizations.iter().all(|id| bound.contains(id)))
        })
    }

    /// Whether the credential is for everything that a session of the person opens.
    pub fn covers_session(&self, state: &State, session: &Session) -> bool {
        self.bound_to(state).is_none_or(|bound| session.only_in.as_ref().is_some_and(|only| bound.contains(only)))
    }

    fn actor(&self) -> Value {
        let user = &self.user;
        let mut actor = json!({"type": "user", "id": user.id, "name": user.name, "email": user.email});
        match &self.via {
            Via::Session(id) => actor["session_id"] = json!(id),
            Via::Token(id) => actor["metadata"] = json!({ "token": id }),
        }
        actor
    }
}

/// An account under the name that an organization has for its person, if it is seen by that one alone: the account's own may be
/// another organization's.
pub fn as_called(state: &State, only: Option<OrganizationId>, user: &Arc<Kept<User>>) -> Arc<Kept<User>> {
    let called = only.and_then(|only| state.called_in(only, &user.id)).filter(|called| *called != user.name);
    let Some(called) = called else { return user.clone() };
    let mut shown = user.as_ref().clone();
    shown.document.name = called.to_owned();
    Arc::new(shown)
}

impl Caller {
    /// A person under the name that an organization has for them: their account's may be another organization's.
    pub fn as_called_in(self, directory: &Directory, organization: OrganizationId) -> Self {
        let Caller::Person(person) = &self else { return self };
        let user = directory.read(|state| as_called(state, Some(organization), &person.user));
        if Arc::ptr_eq(&user, &person.user) {
            return self;
        }
        Caller::Person(Arc::new(Person { user, ..person.as_ref().clone() }))
    }

    /// The credential's stable name: the scope of `external_id` and `Idempotency-Key`.
    pub fn sender(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".into(),
            Caller::Operator => "operator".into(),
            Caller::Key(key) => format!("key:{}", key.id),
            Caller::Person(person) => format!("{USER_SENDER}{}", person.user.id),
            Caller::Scim(provisioner) => format!("scim:{}", provisioner.token.id),
        }
    }

    /// The account of the person who calls, if it is one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Caller::Person(person) => Some(&person.user.id),
            Caller::Anonymous | Caller::Operator | Caller::Key(_) | Caller::Scim(_) => None,
        }
    }

    /// The caller as the actor of one of Actarium's own records.
    pub fn actor(&self) -> Value {
        match self {
            Caller::Anonymous => json!({"type": "anonymous", "id": "anonymous"}),
            Caller::Operator => json!({"type": "api_key", "id": "operator", "name": "Operator"}),
            Caller::Key(key) => json!({"type": "api_key", "id": key.id, "name": key.name}),
            Caller::Person(person) => person.actor(),
            Caller::Scim(provisioner) => {
                let token = &provisioner.token;
                json!({"type": "api_key", "id": token.id, "name": token.name})
            }
        }
    }
}
