//! Who a provider says somebody is: the claims that this service uses, and what of them can be relied on. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::id_token::ClaimSet;
use crate::limits;
use crate::spelling;

/// A person as a provider describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's unchanging name for them; unique within the issuer.
    pub subject: String,
    /// Their e-mail address, folded, if it can be one.
    pub email: Option<String>,
    /// Whether the provider has verified that it is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// The values of the claim that groups are mapped from.
    pub groups: BTreeSet<String>,
}

/// The names of the claims that differ between providers.
#[derive(Clone, Copy, Debug)]
pub struct ClaimNames<'a> {
    /// The claim with the groups.
    pub groups: &'a str,
    /// The claim that says whether the e-mail address is verified.
    pub email_verified: &'a str,
}

impl Person {
    /// Reads a person out of claims that hold; `None` if they name nobody.
    pub fn read(claims: &ClaimSet, names: ClaimNames<'_>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let name = text("name").or_else(|| text("preferred_username")).map(str::trim).filter(|name| is_name(name));
        Some(Self {
            subject: text("sub")?.to_owned(),
            email: text("email").and_then(folded_email),
            email_verified: claims.get(names.email_verified).is_some_and(is_true),
            name: name.map(str::to_owned),
            groups: groups(claims.get(names.groups)),
        })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= limits::NAME_CHARS_MAX
        && spelling::unseen(text).is_none()
        && spelling::not_the_services(text).is_ok()
}

/// Booleans as providers write them: JSON's own, but also `"true"` (Cognito), `1` and `"1"` (Entra's `xms_edov`).
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text == "true" || text == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

fn groups(claim: Option<&Value>) -> BTreeSet<String> {
    let texts: Vec<&Value> = match claim {
        Some(Value::Array(many)) => many.iter().take(limits::CLAIMED_GROUPS_MAX).collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    texts.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An e-mail address as accounts are kept under it; `None` if it can't be one. Only what every part of the service
/// reads alike is taken: visible ASCII, one `@`, a domain with a dot.
pub fn folded_email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.split_once('@')?;
    let plain = text.len() <= limits::EMAIL_BYTES_MAX
        && !local.is_empty()
        && local.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]@".contains(&byte));
    (plain && is_domain(domain)).then(|| text.to_ascii_lowercase())
}

/// Whether a text is a domain name with at least one dot (RFC 1035, section 2.3.1; digits may begin a label).
pub fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

/// The domain of a folded address.
pub fn domain_of(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: ClaimNames<'static> = ClaimNames { groups: "groups", email_verified: "email_verified" };

    fn person(claims: Value) -> Person {
        Person::read(claims.as_object().unwrap(), NAMES).unwrap()
    }

    #[test]
    fn a_person_is_read_from_the_claims() {
        let ada = person(json!({
            "sub": "1", "email": "Ada@Example.com", "email_verified": true, "name": " Ada ", "groups": ["b", "a", 5],
        }));
        assert_eq!(ada.email.as_deref(), Some("ada@example.com"));
        assert!(ada.email_verified);
        assert_eq!(ada.name.as_deref(), Some("Ada"));
        assert_eq!(ada.groups.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(person(json!({"sub": "1", "groups": "a"})).groups.len(), 1);
        assert_eq!(person(json!({"sub": "1", "name": "a\nb", "preferred_username": "ada"})).name, None);
        assert!(Person::read(json!({"email": "a@example.com"}).as_object().unwrap(), NAMES).is_none());
    }

    #[test]
    fn an_address_is_verified_only_if_the_provider_says_so() {
        for (value, verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(1), true),
            (json!("1"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("TRUE"), false),
            (json!(null), false),
            (json!([true]), false),
            (json!(2), false),
        ] {
            let read = person(json!({"sub": "1", "email": "a@example.com", "email_verified": value}));
            assert_eq!(read.email_verified, verified, "{value}");
        }
        assert!(!person(json!({"sub": "1", "email": "a@example.com"})).email_verified);
    }

    #[test]
    fn addresses_that_could_be_read_in_two_ways_are_none() {
        for good in ["a@example.com", "A.B+c@Sub.Example.com", "o'neil@example.com", " a@example.com "] {
            assert!(folded_email(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b",
            "a@b@example.com",
            "a@example.com@evil.example",
            "a b@example.com",
            "a@example.com,b@evil.example",
            "<a@example.com>",
            "\"a\"@example.com",
            "a@exämple.com",
            "ａ@example.com",
            "a@.example.com",
            "a@example.com.",
            "a@-example.com",
            "a\u{0}@example.com",
            "a@example.com\n.evil.example",
            "a@K\u{212a}.example.com",
        ] {
            assert_eq!(folded_email(bad), None, "{bad:?}");
        }
        assert_eq!(domain_of("a@example.com"), "example.com");
    }
}
