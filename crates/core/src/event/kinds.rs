//! The closed sets of an event: outcomes and types of actor.
//!
//! Their spellings are part of the stored and hashed format and never change.

use std::fmt;
use std::str::FromStr;

/// A text that is none of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of: {allowed}")]
pub struct UnknownKind {
    /// The set, as a sentence lists it.
    pub allowed: &'static str,
}

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident, $allowed:literal, $($(#[$variant_doc:meta])* $variant:ident = $number:literal $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant = $number),+ }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &[$name] = &[$($name::$variant),+];
            /// All spellings, as a sentence lists them.
            pub const ALLOWED: &str = $allowed;

            /// The spelling in JSON and in stored rows.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The one with this spelling.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl FromStr for $name {
            type Err = UnknownKind;
            fn from_str(text: &str) -> Result<Self, UnknownKind> {
                Self::from_text(text).ok_or(UnknownKind { allowed: $allowed })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed_set! {
    /// How an operation ended.
    Outcome, "success, failure, denied, unknown",
    /// It was done.
    Success = 0 "success",
    /// It was tried and did not work.
    Failure = 1 "failure",
    /// It was not permitted.
    Denied = 2 "denied",
    /// The sender does not know.
    Unknown = 3 "unknown",
}

closed_set! {
    /// What kind of actor it was.
    ActorType, "user, service_account, api_key, agent, system, anonymous",
    /// A person.
    User = 0 "user",
    /// An account of a program.
    ServiceAccount = 1 "service_account",
    /// A key, where no account behind it is known.
    ApiKey = 2 "api_key",
    /// A program that acts on its own judgement, usually on behalf of a person.
    Agent = 3 "agent",
    /// The platform itself.
    System = 4 "system",
    /// Nobody known.
    Anonymous = 5 "anonymous",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_read_back_and_listed() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for kind in ActorType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let spelled: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        assert_eq!(spelled.join(", "), Outcome::ALLOWED);
        let spelled: Vec<&str> = ActorType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(spelled.join(", "), ActorType::ALLOWED);
        assert!("Success".parse::<Outcome>().is_err());
    }
}
