//! Bodies made into resources: every attribute known, spelt as the schema spells it, of its type and within its bounds.
//!
//! What clients may not set is left out (RFC 7644, section 3.3), what is accepted and not kept as well; what nobody knows
//! is refused. It must not know what is stored.

use actarium_core::json::{self, Json};
use serde_json::{Map, Value};

use crate::failures::refusal_problem;
use crate::limits;
use crate::problem::Problem;
use crate::scim::Attributes;
use crate::scim::error::{Refused, ScimType};
use crate::scim::path::{Named, Scope};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Type, is_unkept_schema};
use crate::spelling;

/// Reads a body as JSON, as strictly as everywhere else.
///
/// # Errors
/// 400 with where it is no JSON.
pub fn parse(body: &[u8]) -> Result<Value, Problem> {
    let json = json::parse(body).map_err(|error| refusal_problem(error.into()))?;
    Ok(to_value(json))
}

fn to_value(json: Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Int(number) => Value::from(number),
        Json::Float(number) => Value::from(number),
        Json::Str(text) => Value::String(text.into_owned()),
        Json::Array(values) => Value::Array(values.into_iter().map(to_value).collect()),
        Json::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name.into_owned(), to_value(value))).collect())
        }
    }
}

/// The field of a message, whatever the case of its name.
///
/// # Errors
/// `invalidSyntax` if it is there twice, in different case.
pub fn field<'v>(message: &'v Map<String, Value>, name: &str) -> Result<Option<&'v Value>, Refused> {
    let mut found = message.iter().filter(|(there, _)| there.eq_ignore_ascii_case(name));
    let first = found.next().map(|(_, value)| value);
    if found.next().is_some() {
        return Err(syntax(format!("`{name}` is there twice")));
    }
    Ok(first)
}

/// Checks that a body is an object that names a schema.
///
/// # Errors
/// `invalidSyntax` if not.
pub fn message<'v>(body: &'v Value, schema: &str) -> Result<&'v Map<String, Value>, Refused> {
    let object = body.as_object().ok_or_else(|| syntax("the body must be an object"))?;
    let schemas = field(object, "schemas")?.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(schema));
    if schemas.iter().any(names) { Ok(object) } else { Err(syntax(format!("`schemas` must name {schema}"))) }
}

/// Makes a resource of a body that gives it whole.
///
/// # Errors
/// `invalidSyntax` for what is not in the schema, `invalidValue` for what an attribute does not take or for one that is
/// needed and absent.
pub fn resource(resource_type: ResourceType, body: &Value) -> Result<Attributes, Refused> {
    let object = message(body, resource_type.schema())?;
    let mut attributes = Attributes::new();
    for (name, value) in object {
        let scope = [resource_type];
        let attribute = match Scope::Resources(&scope).named(name) {
            Some(Named::Kept { attribute, sub: None }) => attribute,
            Some(Named::Unkept) => continue,
            _ => return Err(syntax(format!("there is no attribute `{}` here", shown(name)))),
        };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        if attribute.name == "schemas" {
            check_schemas(resource_type, value)?;
            continue;
        }
        let Some(value) = attribute_value(attribute, value)? else { continue };
        if attributes.insert(attribute.name.into(), value).is_some() {
            return Err(syntax(format!("`{}` is there twice", attribute.name)));
        }
    }
    Ok(attributes)
}

fn check_schemas(resource_type: ResourceType, value: &Value) -> Result<(), Refused> {
    for urn in value.as_array().map(Vec::as_slice).unwrap_or_default() {
        let known = urn.as_str().is_some_and(|urn| {
            urn.eq_ignore_ascii_case(resource_type.schema())
                || (resource_type == ResourceType::User && is_unkept_schema(urn))
        });
        if !known {
            return Err(syntax("`schemas` names a schema that is not known here"));
        }
    }
    Ok(())
}

/// The value of an attribute as it is kept; `None` for null, an empty list and an empty text, which all mean that there is
/// none (RFC 7643, section 2.5).
///
/// # Errors
/// `invalidValue` or `invalidSyntax`, with the attribute and what it takes.
pub fn attribute_value(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    if !attribute.multi_valued {
        return single(attribute, value);
    }
    let given = match value {
        Value::Null => &[],
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    check_count(attribute, given.len())?;
    let mut values = Vec::with_capacity(given.len());
    for value in given {
        values.extend(single(attribute, value)?);
    }
    if values.iter().filter(|value| is_primary(value)).count() > 1 {
        return Err(invalid(attribute, "has more than one value that is primary"));
    }
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

/// Refuses more values than an attribute may have.
///
/// # Errors
/// `tooMany`.
pub fn check_count(attribute: &Attribute, count: usize) -> Result<(), Refused> {
    if count <= attribute.values_max {
        return Ok(());
    }
    let detail = format!("`{}` has {count} values; the most it may have is {}", attribute.name, attribute.values_max);
    Err(Refused::new(ScimType::TooMany, detail))
}

/// Whether a value of a list is the one to use.
pub fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

/// One value of an attribute.
fn single(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Type::Complex, Value::Object(parts)) => complex(attribute, parts),
        (Type::Boolean, Value::Bool(value)) => Ok(Some(Value::Bool(*value))),
        // Some providers send truth values as texts.
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(Value::Bool(true))),
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(Value::Bool(false))),
        (Type::String | Type::Reference | Type::DateTime, Value::String(text)) => plain_text(attribute, text),
        (Type::Complex, _) => Err(invalid(attribute, "has parts and must be an object")),
        (Type::Boolean, _) => Err(invalid(attribute, "must be true or false")),
        _ => Err(invalid(attribute, "must be a text")),
    }
}

fn plain_text(attribute: &Attribute, text: &str) -> Result<Option<Value>, Refused> {
    if text.is_empty() {
        return Ok(None);
    }
    spelling::all_seen(text).map_err(|rule| invalid(attribute, &rule))?;
    let good = text.chars().count() <= attribute.chars_max && text.trim().len() == text.len();
    if good {
        return Ok(Some(Value::String(text.into())));
    }
    let chars_max = attribute.chars_max;
    let rule =
        format!("must be 1 to {chars_max} characters, none of them control characters, without space at its ends");
    Err(invalid(attribute, &rule))
}

fn complex(attribute: &'static Attribute, given: &Map<String, Value>) -> Result<Option<Value>, Refused> {
    let mut parts = Map::new();
    for (name, value) in given {
        let Some(part) = attribute.sub_attribute(name) else {
            return Err(syntax(format!("`{}` has no `{}`", attribute.name, shown(name))));
        };
        let Some(value) = single(part, value)? else { continue };
        if parts.insert(part.name.into(), value).is_some() {
            return Err(syntax(format!("`{}.{}` is there twice", attribute.name, part.name)));
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    if let Some(absent) = attribute.sub_attributes.iter().find(|part| part.required && !parts.contains_key(part.name)) {
        return Err(invalid(attribute, &format!("needs `{}`", absent.name)));
    }
    Ok(Some(Value::Object(parts)))
}

fn invalid(attribute: &Attribute, rule: &str) -> Refused {
    Refused::new(ScimType::InvalidValue, format!("`{}` {rule}", attribute.name))
}

fn syntax(detail: impl Into<String>) -> Refused {
    Refused::new(ScimType::InvalidSyntax, detail)
}

/// The beginning of a name that a client sent, for a message.
pub fn shown(text: &str) -> String {
    text.chars().take(limits::SCIM_SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{ENTERPRISE_SCHEMA, USER_SCHEMA};
    use serde_json::json;

    fn user(mut body: Value) -> Result<Value, Refused> {
        if let Some(fields) = body.as_object_mut().filter(|fields| !fields.contains_key("schemas")) {
            fields.insert("schemas".into(), json!([USER_SCHEMA]));
        }
        resource(ResourceType::User, &body).map(Value::Object)
    }

    #[test]
    fn names_get_the_schemas_spelling_and_what_is_not_for_clients_is_left_out() {
        let made = user(json!({
            "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
            "id": "chosen by the client", "META": {"created": "x"}, "groups": [{"value": "admin"}],
            "username": "ada", "Active": "False", "name": {"GIVENNAME": "Ada", "familyName": ""}, "title": null,
            "urn:ietf:params:scim:schemas:core:2.0:User:displayName": "Ada",
            "emails": [{"value": "a@b.example", "primary": "True"}, null], "phoneNumbers": [{"anything": 1}],
            "password": "secret", ENTERPRISE_SCHEMA: {"department": "x"},
        }));
        let expected = json!({
            "userName": "ada", "active": false, "name": {"givenName": "Ada"}, "displayName": "Ada",
            "emails": [{"value": "a@b.example", "primary": true}],
        });
        assert_eq!(made.unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (body, scim_type) in [
            (json!([]), ScimType::InvalidSyntax),
            (json!({"schemas": "x"}), ScimType::InvalidSyntax),
            (json!({"schemas": [USER_SCHEMA, "urn:example:custom"]}), ScimType::InvalidSyntax),
            (json!({"usrName": "ada"}), ScimType::InvalidSyntax),
            (json!({"userName": "ada", "USERNAME": "eve"}), ScimType::InvalidSyntax),
            (json!({"name": {"first": "Ada"}}), ScimType::InvalidSyntax),
            (json!({"userName": 7}), ScimType::InvalidValue),
            (json!({"userName": "a\nb"}), ScimType::InvalidValue),
            (json!({"userName": " ada"}), ScimType::InvalidValue),
            (json!({"userName": "x".repeat(257)}), ScimType::InvalidValue),
            (json!({"active": "perhaps"}), ScimType::InvalidValue),
            (json!({"name": "Ada"}), ScimType::InvalidValue),
            (json!({"emails": [{"type": "work"}]}), ScimType::InvalidValue),
            (
                json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
                ScimType::InvalidValue,
            ),
            (json!({"emails": vec![json!({"value": "a"}); 17]}), ScimType::TooMany),
        ] {
            assert_eq!(user(body.clone()).unwrap_err().scim_type, scim_type, "{body}");
        }
    }
}
