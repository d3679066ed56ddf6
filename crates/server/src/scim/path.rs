//! What the names in filters, paths and lists of attributes stand for (RFC 7644, section 3.10).
//!
//! A name may begin with the URN of its schema and go on to a sub-attribute; case makes no difference. This file must not
//! know what is done with what is named.

use crate::scim::schema::{Attribute, ResourceType, is_known_unkept, is_unkept_schema};

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// An attribute that is kept.
    Kept {
        /// The attribute.
        attribute: &'static Attribute,
        /// Its sub-attribute, if one is named.
        sub: Option<&'static Attribute>,
    },
    /// An attribute of RFC 7643 that is accepted and never has a value.
    Unkept,
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Named::Unkept, Named::Unkept) => true,
            (Named::Kept { attribute: left, sub }, Named::Kept { attribute: right, sub: other }) => {
                std::ptr::eq(*left, *right) && sub.map(std::ptr::from_ref) == other.map(std::ptr::from_ref)
            }
            _ => false,
        }
    }
}

/// Where a name is to be looked up.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Among the attributes of resources of these types.
    Resources(&'a [ResourceType]),
    /// Among the sub-attributes of a complex attribute.
    Values(&'static Attribute),
    /// Among the sub-attributes of something that is not kept: they have no value either.
    Unkept,
}

impl Scope<'_> {
    /// What a name stands for; `None` if for nothing.
    pub fn named(self, text: &str) -> Option<Named> {
        match self {
            Scope::Resources(types) => named(types, text),
            Scope::Values(attribute) => {
                let attribute = attribute.sub_attribute(text)?;
                Some(Named::Kept { attribute, sub: None })
            }
            Scope::Unkept => is_name(text).then_some(Named::Unkept),
        }
    }
}

fn named(types: &[ResourceType], text: &str) -> Option<Named> {
    let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    if !is_urn {
        return types.iter().find_map(|resource_type| of_type(*resource_type, text));
    }
    for resource_type in types {
        if let Some(name) = within_schema(resource_type.schema(), text) {
            return of_type(*resource_type, name);
        }
    }
    let unkept = within_schema(crate::scim::schema::ENTERPRISE_SCHEMA, text).is_some_and(is_attribute_path);
    (unkept || is_unkept_schema(text)).then_some(Named::Unkept)
}

/// What follows the URN of a schema and a colon.
fn within_schema<'t>(urn: &str, text: &'t str) -> Option<&'t str> {
    let start = text.get(..urn.len())?;
    if start.eq_ignore_ascii_case(urn) { text[urn.len()..].strip_prefix(':') } else { None }
}

fn of_type(resource_type: ResourceType, text: &str) -> Option<Named> {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    if is_known_unkept(name) {
        return sub.is_none_or(is_name).then_some(Named::Unkept);
    }
    let attribute = resource_type.attribute(name)?;
    let sub = match sub {
        Some(sub) => Some(attribute.sub_attribute(sub)?),
        None => None,
    };
    Some(Named::Kept { attribute, sub })
}

fn is_attribute_path(text: &str) -> bool {
    let mut parts = text.splitn(2, '.');
    parts.all(is_name)
}

/// Whether a text is the name of an attribute (RFC 7643, section 2.1), or `$ref`.
fn is_name(text: &str) -> bool {
    let name = text.strip_prefix('$').unwrap_or(text);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{ENTERPRISE_SCHEMA, USER_SCHEMA};

    fn spelt(text: &str) -> Option<String> {
        Some(match Scope::Resources(&[ResourceType::User]).named(text)? {
            Named::Unkept => "unkept".into(),
            Named::Kept { attribute, sub: None } => attribute.name.into(),
            Named::Kept { attribute, sub: Some(sub) } => format!("{}.{}", attribute.name, sub.name),
        })
    }

    #[test]
    fn names_are_found_with_and_without_their_schema() {
        assert_eq!(spelt("USERNAME").as_deref(), Some("userName"));
        assert_eq!(spelt("name.familyname").as_deref(), Some("name.familyName"));
        assert_eq!(spelt(&format!("{}:name.givenName", USER_SCHEMA.to_uppercase())).as_deref(), Some("name.givenName"));
        assert_eq!(spelt("groups.$REF").as_deref(), Some("groups.$ref"));
        assert_eq!(spelt("phoneNumbers.value").as_deref(), Some("unkept"));
        assert_eq!(spelt(ENTERPRISE_SCHEMA).as_deref(), Some("unkept"));
        assert_eq!(spelt(&format!("{ENTERPRISE_SCHEMA}:manager.value")).as_deref(), Some("unkept"));
    }

    #[test]
    fn what_is_no_name_is_none() {
        let wrong =
            ["", ".", "user name", "userName.", "userName.x", "name.familyName.x", "urn:x:y", "members", USER_SCHEMA];
        for text in wrong {
            assert_eq!(spelt(text), None, "{text}");
        }
        assert_eq!(spelt(&format!("{ENTERPRISE_SCHEMA}:")), None);
        assert_eq!(spelt("phoneNumbers.a b"), None);
    }
}
