//! Why somebody is not signed in by a provider: a closed list of reasons, in a word each, for the organization's log.
//!
//! The browser is told one of very few sentences (see `handlers::oidc`); the reason is for who runs the organization.

use super::id_token::Invalid;

/// Why a sign-in is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No attempt of this browser is answered: none was begun, it was over, answered before, or another's.
    Attempt,
    /// The answer came from another issuer than the one that was asked (RFC 9207).
    AnsweredByAnother,
    /// The provider did not sign the person in.
    Declined,
    /// The provider cannot be reached, or not in time.
    Unreachable,
    /// The provider's answer is none that can be used.
    Unusable,
    /// The provider does not take the code, or not from this client.
    CodeRefused,
    /// Too many sign-ins through this provider at one moment.
    Busy,
    /// The ID token proves nothing.
    Token(Invalid),
    /// The claims of the userinfo endpoint are another person's.
    AnotherSubject,
    /// The provider names no e-mail address that an account could have.
    EmailMissing,
    /// The provider does not say that the address is verified.
    EmailUnverified,
    /// The organization takes nobody in from the address's domain.
    DomainNotAllowed,
    /// The organization has a member of this address, and the provider has no authority over its domain.
    MemberNotLinked,
    /// The person is a member, but not an active one.
    Inactive,
    /// The organization has as many members as it may have.
    Full,
}

impl Refusal {
    /// The reason in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::Attempt => "attempt_unknown",
            Refusal::AnsweredByAnother => "answered_by_another_issuer",
            Refusal::Declined => "declined_by_provider",
            Refusal::Unreachable => "provider_unreachable",
            Refusal::Unusable => "provider_answer_unusable",
            Refusal::CodeRefused => "code_refused",
            Refusal::Busy => "provider_busy",
            Refusal::Token(invalid) => invalid.name(),
            Refusal::AnotherSubject => "userinfo_of_another",
            Refusal::EmailMissing => "email_missing",
            Refusal::EmailUnverified => "email_unverified",
            Refusal::DomainNotAllowed => "domain_not_allowed",
            Refusal::MemberNotLinked => "member_not_linked",
            Refusal::Inactive => "member_inactive",
            Refusal::Full => "organization_full",
        }
    }

    /// The reason in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Refusal::Attempt => {
                "the browser had no such attempt to sign in open: none, another, one that was over or answered"
            }
            Refusal::AnsweredByAnother => "another issuer answered than the one that was asked",
            Refusal::Declined => "the identity provider did not sign the person in",
            Refusal::Unreachable => "the identity provider could not be reached",
            Refusal::Unusable => "the identity provider's answer could not be used",
            Refusal::CodeRefused => {
                "the identity provider did not take the code: it was used before, or the client is not known"
            }
            Refusal::Busy => "too many sign-ins through the identity provider at one moment",
            Refusal::Token(Invalid::Malformed) => "the ID token is malformed",
            Refusal::Token(Invalid::Algorithm) => "the ID token is signed by an algorithm that is not accepted",
            Refusal::Token(Invalid::UnknownKey) => "the ID token is signed with a key that the issuer does not publish",
            Refusal::Token(Invalid::Signature) => "the signature of the ID token is wrong",
            Refusal::Token(Invalid::Issuer) => "the ID token is another issuer's",
            Refusal::Token(Invalid::Audience) => "the ID token is for another client",
            Refusal::Token(Invalid::AuthorizedParty) => "the ID token was given to another client",
            Refusal::Token(Invalid::Expired) => "the ID token has expired",
            Refusal::Token(Invalid::IssuedAt) => "the ID token was issued in the future or long ago",
            Refusal::Token(Invalid::Nonce) => "the ID token belongs to another attempt",
            Refusal::Token(Invalid::Subject) => "the ID token names nobody",
            Refusal::AnotherSubject => "the userinfo endpoint describes another person",
            Refusal::EmailMissing => "the identity provider names no usable e-mail address",
            Refusal::EmailUnverified => "the identity provider has not verified the e-mail address",
            Refusal::DomainNotAllowed => "the organization takes nobody in from this e-mail domain",
            Refusal::MemberNotLinked => {
                "a member has this e-mail address, and the identity provider is not authoritative for its domain"
            }
            Refusal::Inactive => "the member is not active",
            Refusal::Full => "the organization has as many members as it may have",
        }
    }
}
