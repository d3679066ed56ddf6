//! Which attributes of a resource an answer has (RFC 7644, section 3.9). It must not know where resources come from.

use serde_json::Value;

use crate::limits;
use crate::scim::Attributes;
use crate::scim::content::shown;
use crate::scim::error::{Refused, ScimType};
use crate::scim::path::{Named, Scope};
use crate::scim::schema::{ResourceType, Returned};

/// Which attributes are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// These and those that are always there.
    Only(Vec<Named>),
    /// All but these.
    Without(Vec<Named>),
}

impl Selection {
    /// Reads `attributes` and `excludedAttributes`, as lists of names.
    ///
    /// # Errors
    /// `invalidValue` for both at once, too many names, or names of nothing.
    pub fn read<'t>(
        types: &[ResourceType],
        only: impl IntoIterator<Item = &'t str>,
        without: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, Refused> {
        let only = names(types, only)?;
        let without = names(types, without)?;
        match (only.is_empty(), without.is_empty()) {
            (true, true) => Ok(Selection::All),
            (false, true) => Ok(Selection::Only(only)),
            (true, false) => Ok(Selection::Without(without)),
            (false, false) => Err(invalid("only one of `attributes` and `excludedAttributes` may be there")),
        }
    }

    /// The attributes of a resource that are shown.
    pub fn apply(&self, resource_type: ResourceType, attributes: Attributes) -> Attributes {
        let always =
            |name: &str| resource_type.attribute(name).is_some_and(|attribute| attribute.returned == Returned::Always);
        match self {
            Selection::All => attributes,
            Selection::Only(names) => {
                let shown = attributes.into_iter().filter_map(|(name, value)| {
                    let value = if always(&name) { Some(value) } else { chosen(names, &name, value) };
                    value.map(|value| (name, value))
                });
                shown.collect()
            }
            Selection::Without(names) => {
                let mut shown = attributes;
                for named in names {
                    match named {
                        Named::Kept { attribute, sub: None } if !always(attribute.name) => {
                            shown.remove(attribute.name);
                        }
                        Named::Kept { attribute, sub: Some(part) } => {
                            if let Some(value) = shown.get_mut(attribute.name) {
                                for_each_value(value, |parts| drop(parts.remove(part.name)));
                            }
                        }
                        _ => {}
                    }
                }
                shown
            }
        }
    }
}

/// The part of an attribute that was asked for.
fn chosen(names: &[Named], name: &str, mut value: Value) -> Option<Value> {
    let of_name: Vec<_> = names
        .iter()
        .filter_map(|named| match named {
            Named::Kept { attribute, sub } if attribute.name == name => Some(*sub),
            _ => None,
        })
        .collect();
    if of_name.is_empty() {
        return None;
    }
    if of_name.iter().all(Option::is_some) {
        let parts: Vec<_> = of_name.into_iter().flatten().map(|part| part.name).collect();
        for_each_value(&mut value, |there| there.retain(|part, _| parts.contains(&part.as_str())));
    }
    Some(value)
}

fn for_each_value(value: &mut Value, mut change: impl FnMut(&mut Attributes)) {
    match value {
        Value::Array(values) => values.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        Value::Object(parts) => change(parts),
        _ => {}
    }
}

fn names<'t>(types: &[ResourceType], texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Named>, Refused> {
    let mut names = Vec::new();
    for text in texts {
        let text = text.trim();
        let named = Scope::Resources(types).named(text);
        names.push(named.ok_or_else(|| invalid(format!("there is no attribute `{}`", shown(text))))?);
        if names.len() > limits::SCIM_SELECTED_MAX {
            return Err(invalid(format!("more than {} attributes are named", limits::SCIM_SELECTED_MAX)));
        }
    }
    Ok(names)
}

fn invalid(detail: impl Into<String>) -> Refused {
    Refused::new(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selected(only: &[&str], without: &[&str]) -> Value {
        let ada = json!({
            "schemas": ["urn:x"], "id": "usr_1", "userName": "ada", "name": {"givenName": "Ada", "familyName": "L"},
            "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
        });
        let types = [ResourceType::User];
        let selection = Selection::read(&types, only.iter().copied(), without.iter().copied()).unwrap();
        Value::Object(selection.apply(ResourceType::User, ada.as_object().unwrap().clone()))
    }

    #[test]
    fn what_is_asked_for_is_shown_with_what_always_is() {
        let expected = json!({
            "schemas": ["urn:x"], "id": "usr_1", "name": {"givenName": "Ada"}, "emails": [{"value": "a"}, {"value": "b"}],
        });
        assert_eq!(selected(&["NAME.givenName", "emails.value", "nickName"], &[]), expected);
        assert_eq!(selected(&["name", "name.givenName"], &[])["name"], json!({"givenName": "Ada", "familyName": "L"}));
    }

    #[test]
    fn what_is_excluded_is_not_shown_unless_it_always_is() {
        let shown = selected(&[], &["id", "emails", "name.familyName"]);
        assert_eq!(
            shown,
            json!({"schemas": ["urn:x"], "id": "usr_1", "userName": "ada", "name": {"givenName": "Ada"}})
        );
    }

    #[test]
    fn both_at_once_and_unknown_names_are_refused() {
        let types = [ResourceType::Group];
        assert!(Selection::read(&types, ["displayName"], ["members"]).is_err());
        assert!(Selection::read(&types, ["userName"], []).is_err());
        assert!(Selection::read(&types, vec!["id"; 65], []).is_err());
    }
}
