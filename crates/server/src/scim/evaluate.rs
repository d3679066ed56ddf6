//! Whether a resource is one that a filter asks for (RFC 7644, section 3.4.2.2).
//!
//! A list of values fulfils a comparison if one of them does; `ne` is the opposite of `eq`. It must not read filters.

use std::cmp::Ordering;

use actarium_core::{text, time};
use serde_json::Value;

use crate::scim::Attributes;
use crate::scim::filter::{Filter, Literal, Operator};
use crate::scim::path::Named;
use crate::scim::schema::{Attribute, Type};

/// Whether the filter holds for a resource, or for one value of a complex attribute.
pub fn matches(filter: &Filter, attributes: &Attributes) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(part, attributes)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, attributes)),
        Filter::Not(part) => !matches(part, attributes),
        Filter::Present(named) => present(*named, attributes),
        Filter::Compare { named, operator: Operator::NotEqual, value } => {
            !compares(*named, Operator::Equal, value, attributes)
        }
        Filter::Compare { named, operator, value } => compares(*named, *operator, value, attributes),
        Filter::Values { named, filter } => {
            let Named::Kept { attribute, .. } = named else { return false };
            each(attributes.get(attribute.name)).filter_map(Value::as_object).any(|value| matches(filter, value))
        }
    }
}

fn present(named: Named, attributes: &Attributes) -> bool {
    let Named::Kept { attribute, sub } = named else { return false };
    let mut values = each(attributes.get(attribute.name));
    match sub {
        None => values.any(is_value),
        Some(sub) => values.any(|value| value.get(sub.name).is_some_and(is_value)),
    }
}

fn is_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(parts) => !parts.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(named: Named, operator: Operator, with: &Literal, attributes: &Attributes) -> bool {
    if *with == Literal::Null {
        return !present(named, attributes);
    }
    let Named::Kept { attribute, sub } = named else { return false };
    // Where no sub-attribute of a complex attribute is named, its `value` is meant.
    let part = match (sub, attribute.kind) {
        (None, Type::Complex) => attribute.value_attribute(),
        (sub, _) => sub,
    };
    let leaf = part.unwrap_or(attribute);
    each(attributes.get(attribute.name)).any(|value| {
        let value = part.map_or(Some(value), |part| value.get(part.name));
        value.is_some_and(|value| holds(leaf, value, operator, with))
    })
}

fn holds(attribute: &Attribute, value: &Value, operator: Operator, with: &Literal) -> bool {
    match (value, with) {
        (Value::Bool(value), Literal::Boolean(with)) => value == with,
        (Value::String(text), Literal::Time(with)) => time::parse(text).is_ok_and(|at| ordered(at.cmp(with), operator)),
        (Value::String(text), Literal::Text(with)) if attribute.case_exact => text_holds(text, operator, with),
        (Value::String(text), Literal::Text(with)) => text_holds(&text::fold(text), operator, with),
        _ => false,
    }
}

fn text_holds(text: &str, operator: Operator, with: &str) -> bool {
    match operator {
        Operator::Contains => text.contains(with),
        Operator::StartsWith => text.starts_with(with),
        Operator::EndsWith => text.ends_with(with),
        _ => ordered(text.cmp(with), operator),
    }
}

fn ordered(ordering: Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

/// The values of an attribute: of a list each, of anything else itself.
pub(super) fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (list, single) = match value {
        Some(Value::Array(values)) => (values.as_slice(), None),
        other => (&[][..], other),
    };
    list.iter().chain(single)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::filter::parse;
    use crate::scim::path::Scope;
    use crate::scim::schema::ResourceType;
    use serde_json::json;

    fn ada() -> Attributes {
        let ada = json!({
            "id": "usr_1", "externalId": "Ada-1", "userName": "Ada@Example.com", "active": true, "displayName": "Ada",
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [
                {"value": "ada@example.com", "type": "work", "primary": true},
                {"value": "countess@home.example", "type": "home"},
            ],
            "meta": {"resourceType": "User", "created": "2026-01-02T03:04:05.000000Z"},
        });
        ada.as_object().unwrap().clone()
    }

    fn holds(text: &str) -> bool {
        matches(&parse(text, Scope::Resources(&[ResourceType::User])).unwrap(), &ada())
    }

    #[test]
    fn what_holds() {
        for text in [
            r#"userName eq "ada@example.com""#,
            r#"USERNAME Eq "ADA@EXAMPLE.COM""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ADA""#,
            r#"externalId eq "Ada-1""#,
            r#"name.familyName co "LACE""#,
            r#"name.familyName ew "ace" and active eq true"#,
            r#"active eq "True""#,
            r#"title eq null and not (title pr)"#,
            r#"title ne "Dr""#,
            r#"emails co "home.example""#,
            r#"emails.type eq "work""#,
            r#"emails[type eq "work" and value ew "@example.com"]"#,
            r#"emails[not (primary eq true)]"#,
            r#"userName sw "x" or displayName eq "ada" and active eq true"#,
            r#"(userName sw "x" or displayName eq "ada") and active eq true"#,
            r#"meta.created gt "2026-01-02T03:04:04Z" and meta.created lt "2026-01-02T04:04:06+01:00""#,
            r#"meta.created eq "2026-01-02T04:04:05+01:00""#,
            r#"meta.created sw "2026-01""#,
            r#"displayName gt "abc" and displayName ge "ada" and displayName le "ADA" and displayName lt "b""#,
            r#"meta pr and emails pr and emails.primary pr"#,
            r#"phoneNumbers eq null and not (addresses[type eq "work"])"#,
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_hold() {
        for text in [
            r#"externalId eq "ada-1""#,
            r#"id eq "USR_1""#,
            r#"emails[type eq "home" and value ew "@example.com"]"#,
            r#"not (userName pr)"#,
            r#"active ne true"#,
            r#"title eq "Dr""#,
            r#"title gt "a""#,
            r#"emails.type ne "work""#,
            r#"phoneNumbers pr"#,
            r#"userName eq null"#,
            r#"userName sw "x" or displayName eq "eve" and active eq true"#,
        ] {
            assert!(!holds(text), "{text}");
        }
    }
}
