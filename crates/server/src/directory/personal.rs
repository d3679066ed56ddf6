//! What belongs to a person alone, whatever organizations they are in: sessions, personal access tokens, the second
//! factor. Documents and their mirror in memory; when a session is over and what a code is worth is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;
use actarium_store::backend::DirectoryEntry;
use serde::{Deserialize, Serialize};

use super::DirectoryDamaged;
use super::document::{Document, Kept};
use crate::access::Rights;

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// With the account's password.
    Password,
    /// Through an organization's identity provider.
    Sso,
}

impl Method {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Password => "password",
            Method::Sso => "sso",
        }
    }
}

/// A session: its id is public, its token is not kept. Kept for no organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: String,
    /// SHA-256 of its token, 64 hexadecimal digits.
    pub sha256: String,
    /// When it began.
    pub created_at: Micros,
    /// When it was used last, as far as that was written down.
    pub last_used_at: Micros,
    /// How it began.
    pub method: Method,
    /// The identity provider that it began through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The address it began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The program it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The one organization (its id in hexadecimal digits) that it opens; all of the person's, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<String>,
    /// Organizations whose administrators ended it for theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_in: Vec<String>,
    /// When it was used last in each organization (its id in hexadecimal digits), as far as that was written down: none learns when
    /// it was used in another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_used_in: BTreeMap<String, Micros>,
}

impl Session {
    /// Whether it opens an organization, should the person be a member.
    pub fn reaches(&self, organization: OrganizationId) -> bool {
        let id = organization.to_hex();
        self.only_in.as_ref().is_none_or(|only| *only == id) && !self.ended_in.contains(&id)
    }
}

/// A personal access token: its id is public, its secret is not kept. Kept for no organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalToken {
    /// Whose it is.
    pub user: String,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of its secret, 64 hexadecimal digits.
    pub sha256: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
    /// When it was used last, as far as that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Micros>,
    /// Names of areas and permissions: never more than these; everything that its owner holds, if none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Ids of organizations in hexadecimal digits: only these; all of its owner's, if none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizations: Option<Vec<String>>,
    /// Organizations that its owner has left since: who joins one again makes a new token for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_in: Vec<String>,
    /// When it was used last in each organization, as with sessions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_used_in: BTreeMap<String, Micros>,
}

impl PersonalToken {
    /// Whether it works in an organization, should its owner be a member.
    pub fn reaches(&self, organization: OrganizationId) -> bool {
        let id = organization.to_hex();
        self.organizations.as_ref().is_none_or(|only| only.contains(&id)) && !self.ended_in.contains(&id)
    }

    /// The same once its owner has left an organization; `None` if it works in no other.
    #[must_use]
    pub fn without(&self, organization: OrganizationId) -> Option<Self> {
        let mut ended_in = self.ended_in.clone();
        ended_in.push(organization.to_hex());
        if self.organizations.as_ref().is_some_and(|only| only.iter().all(|id| ended_in.contains(id))) {
            return None;
        }
        Some(Self { ended_in, ..self.clone() })
    }

    /// Nothing beyond this, whatever its owner holds. A name that this version does not know gives nothing.
    pub fn rights_max(&self) -> Rights {
        self.permissions.as_ref().map_or(Rights::ALL, |names| Rights::from_known_names(names))
    }
}

/// The second factor of a person, whose id it has. Kept for no organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The secret shared with the authenticator, wrapped with the master key, base 64.
    pub wrapped_secret: String,
    /// Since when.
    pub confirmed_at: Micros,
    /// The time step of the last code that was used; it and earlier ones are used up.
    pub last_step: i64,
    /// SHA-256 of the recovery codes that are left, 64 hexadecimal digits each.
    pub recovery_codes: Vec<String>,
}

impl Document for Session {
    const KIND: &'static str = "session";
}

impl Document for PersonalToken {
    const KIND: &'static str = "token";
}

impl Document for SecondFactor {
    const KIND: &'static str = "second_factor";
}

/// A kind of document that belongs to a user and is looked up by both.
trait Owned: Document {
    fn user(&self) -> &str;
}

impl Owned for Session {
    fn user(&self) -> &str {
        &self.user
    }
}

impl Owned for PersonalToken {
    fn user(&self) -> &str {
        &self.user
    }
}

#[derive(Clone, Debug)]
struct Collection<D> {
    by_id: HashMap<String, Arc<Kept<D>>>,
    of_user: HashMap<String, BTreeSet<String>>,
}

impl<D> Default for Collection<D> {
    fn default() -> Self {
        Self { by_id: HashMap::new(), of_user: HashMap::new() }
    }
}

impl<D: Owned> Collection<D> {
    fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        if !gone {
            let kept = Kept::<D>::from_entry(entry)?;
            self.of_user.entry(kept.document.user().to_owned()).or_default().insert(entry.id.clone());
            self.by_id.insert(entry.id.clone(), Arc::new(kept));
            return Ok(());
        }
        let Some(kept) = self.by_id.remove(&entry.id) else { return Ok(()) };
        if let Some(ids) = self.of_user.get_mut(kept.document.user()) {
            ids.remove(&entry.id);
            if ids.is_empty() {
                self.of_user.remove(kept.document.user());
            }
        }
        Ok(())
    }

    fn of(&self, user: &str) -> impl Iterator<Item = &Arc<Kept<D>>> {
        self.of_user.get(user).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
}

/// Sessions, tokens and second factors in memory.
#[derive(Clone, Debug, Default)]
pub struct Personal {
    sessions: Collection<Session>,
    tokens: Collection<PersonalToken>,
    second_factors: HashMap<String, Arc<Kept<SecondFactor>>>,
}

impl Personal {
    /// The kinds of entries that it takes.
    pub const KINDS: [&'static str; 3] = [Session::KIND, PersonalToken::KIND, SecondFactor::KIND];

    /// Takes over an entry as it stands in the store from now on.
    pub(super) fn apply(&mut self, entry: &DirectoryEntry, gone: bool) -> Result<(), DirectoryDamaged> {
        match entry.kind.as_str() {
            Session::KIND => self.sessions.apply(entry, gone)?,
            PersonalToken::KIND => self.tokens.apply(entry, gone)?,
            _ if gone => drop(self.second_factors.remove(&entry.id)),
            _ => drop(self.second_factors.insert(entry.id.clone(), Arc::new(Kept::from_entry(entry)?))),
        }
        Ok(())
    }

    /// A session by its public id.
    pub fn session(&self, id: &str) -> Option<&Arc<Kept<Session>>> {
        self.sessions.by_id.get(id)
    }

    /// The sessions of a user, over or not.
    pub fn sessions_of(&self, user: &str) -> impl Iterator<Item = &Arc<Kept<Session>>> {
        self.sessions.of(user)
    }

    /// All sessions, in no order.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Kept<Session>>> {
        self.sessions.by_id.values()
    }

    /// A personal access token by its id.
    pub fn token(&self, id: &str) -> Option<&Arc<Kept<PersonalToken>>> {
        self.tokens.by_id.get(id)
    }

    /// The tokens of a user, ended or not.
    pub fn tokens_of(&self, user: &str) -> impl Iterator<Item = &Arc<Kept<PersonalToken>>> {
        self.tokens.of(user)
    }

    /// All tokens, in no order.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Kept<PersonalToken>>> {
        self.tokens.by_id.values()
    }

    /// The second factor of a user.
    pub fn second_factor(&self, user: &str) -> Option<&Arc<Kept<SecondFactor>>> {
        self.second_factors.get(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, user: &str) -> DirectoryEntry {
        let session = Session {
            user: user.into(),
            sha256: "00".repeat(32),
            created_at: 1,
            last_used_at: 1,
            method: Method::Password,
            provider: None,
            ip: None,
            user_agent: None,
            only_in: None,
            ended_in: Vec::new(),
            last_used_in: BTreeMap::new(),
        };
        let document = serde_json::to_string(&session).unwrap();
        DirectoryEntry { kind: Session::KIND.into(), organization: None, id: id.into(), version: 1, document }
    }

    #[test]
    fn sessions_are_found_by_id_and_by_user_until_they_are_gone() {
        let mut personal = Personal::default();
        for (id, user) in [("a", "u"), ("b", "u"), ("c", "v")] {
            personal.apply(&entry(id, user), false).unwrap();
        }
        let ids = |personal: &Personal, user: &str| -> Vec<String> {
            personal.sessions_of(user).map(|session| session.id.clone()).collect()
        };
        assert_eq!(ids(&personal, "u"), ["a", "b"]);
        let gone = DirectoryEntry { document: String::new(), ..entry("a", "u") };
        personal.apply(&gone, true).unwrap();
        assert_eq!(ids(&personal, "u"), ["b"]);
        assert!(personal.session("a").is_none() && personal.session("c").is_some());
        personal.apply(&gone, true).unwrap();
        assert!(ids(&personal, "w").is_empty());
    }

    #[test]
    fn a_session_reaches_what_it_was_made_for_and_was_not_ended_in() {
        let (one, other) = (OrganizationId([1; 16]), OrganizationId([2; 16]));
        let mut session: Session = serde_json::from_str(&entry("a", "u").document).unwrap();
        assert!(session.reaches(one) && session.reaches(other));
        session.ended_in.push(one.to_hex());
        assert!(!session.reaches(one) && session.reaches(other));
        session.only_in = Some(one.to_hex());
        assert!(!session.reaches(one) && !session.reaches(other));
    }
}
