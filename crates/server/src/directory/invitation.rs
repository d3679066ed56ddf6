//! Invitations to an organization, as they are kept. When one holds is not known here: that is `signin::invitations`.

use actarium_core::row::Micros;
use serde::{Deserialize, Serialize};

use super::document::Document;

/// How an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for an answer.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Nobody answered in time.
    Expired,
}

impl Status {
    /// Names of all, as the API has them.
    pub const NAMES: [&'static str; 4] = ["pending", "accepted", "revoked", "expired"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Accepted => "accepted",
            Status::Revoked => "revoked",
            Status::Expired => "expired",
        }
    }
}

/// Who invites, and answers for it until the invitation is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Inviter {
    /// The one who runs the service.
    Operator,
    /// A member of the organization.
    User {
        /// Their id.
        id: String,
        /// What they were called.
        name: String,
        /// The personal access token that they did it with, if it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
}

impl Inviter {
    /// What they are called.
    pub fn name(&self) -> &str {
        match self {
            Inviter::Operator => "Operator",
            Inviter::User { name, .. } => name,
        }
    }

    /// Their id.
    pub fn id(&self) -> &str {
        self.member().unwrap_or("operator")
    }

    /// The id of a member who invited.
    pub fn member(&self) -> Option<&str> {
        match self {
            Inviter::Operator => None,
            Inviter::User { id, .. } => Some(id),
        }
    }
}

/// An invitation to an organization; its id is part of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The address of whom it is for, as it was given.
    pub email: String,
    /// What they are called in the organization, if whoever invites says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ids of the groups that they come into.
    pub groups: Vec<String>,
    /// Who made it, or made its latest secret.
    pub invited_by: Inviter,
    /// When it was made.
    pub created_at: Micros,
    /// When its latest secret was made.
    pub sent_at: Micros,
    /// When its latest secret ends.
    pub expires_at: Micros,
    /// SHA-256 of its latest secret, 64 hexadecimal digits; none when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the secret was shown to who made it: then having it does not prove that the address is one's own.
    pub shown: bool,
    /// How it stands.
    pub status: Status,
    /// When it was accepted, revoked or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Micros>,
}

impl Document for Invitation {
    const KIND: &'static str = "invitation";
}

impl Invitation {
    /// How it stands at a moment: what is over and not yet marked is over all the same.
    pub fn status_at(&self, now: Micros) -> Status {
        if self.status == Status::Pending && self.expires_at <= now { Status::Expired } else { self.status }
    }

    /// Whether who has the secret is whose address it is. It is not if who invites was shown the secret, but for the operator,
    /// who decides for everybody.
    pub fn proves_address(&self) -> bool {
        !self.shown || matches!(self.invited_by, Inviter::Operator)
    }

    /// The same, over.
    #[must_use]
    pub fn ended(&self, status: Status, now: Micros) -> Self {
        Self { status, ended_at: Some(now), sha256: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_invitation_is_over_at_its_end_and_an_ended_one_has_no_secret() {
        let invitation = Invitation {
            email: "ada@example.com".into(),
            name: None,
            groups: vec!["developer".into()],
            invited_by: Inviter::User { id: "usr_a".into(), name: "Ann".into(), token: None },
            created_at: 0,
            sent_at: 0,
            expires_at: 10,
            sha256: Some("00".repeat(32)),
            shown: false,
            status: Status::Pending,
            ended_at: None,
        };
        assert_eq!(invitation.status_at(9), Status::Pending);
        assert_eq!(invitation.status_at(10), Status::Expired);
        let ended = invitation.ended(Status::Revoked, 5);
        assert_eq!((ended.status_at(20), ended.sha256, ended.ended_at), (Status::Revoked, None, Some(5)));
        let text = serde_json::to_string(&invitation).unwrap();
        assert!(text.contains(r#""invited_by":{"type":"user","id":"usr_a","name":"Ann"}"#), "{text}");
        assert_eq!(serde_json::from_str::<Invitation>(&text).unwrap(), invitation);
        for status in [Status::Pending, Status::Accepted, Status::Revoked, Status::Expired] {
            assert!(Status::NAMES.contains(&status.name()));
        }
    }
}
