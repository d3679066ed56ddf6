//! Which resources an answer lists, in which order (RFC 7644, sections 3.4.2 and 3.4.3).
//!
//! A query comes as parameters or as the body of `.search`; both are the same here. It must not know where resources come
//! from.

use std::cmp::Ordering;

use actarium_core::text;
use serde_json::{Value, json};

use crate::limits;
use crate::scim::Attributes;
use crate::scim::content::{self, field, is_primary};
use crate::scim::error::{Refused, ScimType};
use crate::scim::evaluate::{each, matches};
use crate::scim::filter::{self, Filter, Literal, Operator};
use crate::scim::path::{Named, Scope};
use crate::scim::schema::{Attribute, ResourceType, Type};
use crate::scim::select::Selection;

/// URN of the message that lists resources.
pub const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// URN of the message that asks for a list.
pub const SEARCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The texts of a query, as parameters have them.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueryTexts<'t> {
    /// Which resources.
    pub filter: Option<&'t str>,
    /// By which attribute they are sorted.
    pub sort_by: Option<&'t str>,
    /// `ascending` or `descending`.
    pub sort_order: Option<&'t str>,
    /// Position of the first one, from 1.
    pub start_index: Option<i64>,
    /// How many.
    pub count: Option<i64>,
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    /// Which resources; all without.
    pub filter: Option<Filter>,
    /// By which attribute they are sorted; without, in the order of their making.
    pub sort_by: Option<Named>,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// How many come before the first one that is shown.
    pub skipped: usize,
    /// Most that are shown.
    pub count: usize,
    /// What of each is shown.
    pub selection: Selection,
}

impl Query {
    /// Reads a query about resources of some types.
    ///
    /// # Errors
    /// `invalidFilter` for the filter, `invalidPath` for what it is sorted by, `invalidValue` for the order.
    pub fn read(types: &[ResourceType], texts: QueryTexts<'_>, selection: Selection) -> Result<Self, Refused> {
        let filter = texts.filter.map(|text| filter::parse(text, Scope::Resources(types))).transpose()?;
        let sort_by = texts.sort_by.map(|text| sorted_by(types, text)).transpose()?;
        let descending = match texts.sort_order {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(_) => {
                return Err(Refused::new(ScimType::InvalidValue, "`sortOrder` is ascending or descending"));
            }
        };
        // Values out of range mean the nearest one within (section 3.4.2.4).
        let skipped = usize::try_from(texts.start_index.unwrap_or(1).max(1) - 1).unwrap_or(usize::MAX);
        let count = texts.count.unwrap_or(limits::SCIM_PAGE_RESOURCES_MAX as i64).max(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(limits::SCIM_PAGE_RESOURCES_MAX);
        Ok(Self { filter, sort_by, descending, skipped, count, selection })
    }

    /// Reads the body of `.search`.
    ///
    /// # Errors
    /// As [`Query::read`]; `invalidSyntax` for a body that is no such message.
    pub fn from_message(types: &[ResourceType], body: &Value) -> Result<Self, Refused> {
        let message = content::message(body, SEARCH_SCHEMA)?;
        const KNOWN: [&str; 8] =
            ["schemas", "attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count"];
        if let Some(name) = message.keys().find(|name| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            return Err(syntax(format!("there is no field `{}`", content::shown(name))));
        }
        let text = |name: &str| match field(message, name)? {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(syntax(format!("`{name}` must be a text"))),
        };
        let number = |name: &str| match field(message, name)? {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| syntax(format!("`{name}` must be a whole number"))),
        };
        let list = |name: &str| -> Result<Vec<&str>, Refused> {
            let values = match field(message, name)? {
                None | Some(Value::Null) => return Ok(Vec::new()),
                Some(value) => value.as_array(),
            };
            let texts = values.and_then(|values| values.iter().map(Value::as_str).collect());
            texts.ok_or_else(|| syntax(format!("`{name}` must be a list of texts")))
        };
        let selection = Selection::read(types, list("attributes")?, list("excludedAttributes")?)?;
        let texts = QueryTexts {
            filter: text("filter")?,
            sort_by: text("sortBy")?,
            sort_order: text("sortOrder")?,
            start_index: number("startIndex")?,
            count: number("count")?,
        };
        Self::read(types, texts, selection)
    }

    /// Whether a resource is asked for.
    pub fn matches(&self, resource: &Attributes) -> bool {
        self.filter.as_ref().is_none_or(|filter| matches(filter, resource))
    }

    /// Whether an attribute must be known to find and sort.
    pub fn evaluates(&self, name: &str) -> bool {
        let is_it = |named: &Named| matches!(named, Named::Kept { attribute, .. } if attribute.name == name);
        self.sort_by.as_ref().is_some_and(is_it) || self.filter.as_ref().is_some_and(|filter| mentions(filter, &is_it))
    }

    /// What a text attribute must be equal to, folded unless case counts, in everything that the filter finds. Lets
    /// most resources be passed over before they are put together.
    pub fn equals(&self, name: &str) -> Option<&str> {
        let parts = match self.filter.as_ref()? {
            Filter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().find_map(|part| match part {
            Filter::Compare {
                named: Named::Kept { attribute, sub: None },
                operator: Operator::Equal,
                value: Literal::Text(text),
            } if attribute.name == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// Sorts resources that were found.
    pub fn sort<T>(&self, resources: &mut [T], attributes: impl Fn(&T) -> &Attributes) {
        let Some(named) = self.sort_by else { return };
        resources.sort_by_cached_key(|resource| SortKey {
            text: sort_text(named, attributes(resource)),
            descending: self.descending,
        });
    }
}

fn mentions(filter: &Filter, is_it: &dyn Fn(&Named) -> bool) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| mentions(part, is_it)),
        Filter::Not(part) => mentions(part, is_it),
        Filter::Present(named) | Filter::Compare { named, .. } | Filter::Values { named, .. } => is_it(named),
    }
}

fn sorted_by(types: &[ResourceType], text: &str) -> Result<Named, Refused> {
    let invalid = |detail: String| Refused::new(ScimType::InvalidPath, detail);
    let named = Scope::Resources(types).named(text);
    let named = named.ok_or_else(|| invalid(format!("there is no attribute `{}`", content::shown(text))))?;
    match named {
        Named::Kept { attribute, sub: None }
            if attribute.kind == Type::Complex && attribute.value_attribute().is_none() =>
        {
            Err(invalid(format!("`{}` has parts; name the one to sort by", attribute.name)))
        }
        named => Ok(named),
    }
}

/// Who has no value comes last, or first if the greatest comes first (section 3.4.2.3).
#[derive(PartialEq, Eq)]
struct SortKey {
    text: Option<String>,
    descending: bool,
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = match (&self.text, &other.text) {
            (Some(left), Some(right)) => left.cmp(right),
            (left, right) => right.is_some().cmp(&left.is_some()),
        };
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The text by which a resource is sorted: of a list, that of its primary or first value.
fn sort_text(named: Named, attributes: &Attributes) -> Option<String> {
    let Named::Kept { attribute, sub } = named else { return None };
    let value = attributes.get(attribute.name);
    let value = each(value).find(|value| is_primary(value)).or_else(|| each(value).next())?;
    let part: Option<&Attribute> = sub.or_else(|| attribute.value_attribute());
    let (leaf, value) = match part {
        Some(part) => (part, value.get(part.name)?),
        None => (attribute, value),
    };
    match value {
        Value::String(text) if leaf.case_exact => Some(text.clone()),
        Value::String(text) => Some(text::fold(text)),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The message that lists a page of resources.
pub fn list_response(total: usize, skipped: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST_SCHEMA],
        "totalResults": total,
        "startIndex": skipped.saturating_add(1),
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn syntax(detail: impl Into<String>) -> Refused {
    Refused::new(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(sort_by: &str, descending: bool) -> Vec<&'static str> {
        let texts = QueryTexts {
            sort_by: Some(sort_by),
            sort_order: Some(if descending { "Descending" } else { "ascending" }),
            ..QueryTexts::default()
        };
        let query = Query::read(&[ResourceType::User], texts, Selection::All).unwrap();
        let people = [
            ("b", json!({"userName": "Bea", "emails": [{"value": "z"}, {"value": "a", "primary": true}]})),
            ("a", json!({"userName": "ada", "title": "x"})),
            ("c", json!({"userName": "Cleo", "emails": [{"value": "m"}, {"value": "a"}], "title": "A"})),
        ];
        let mut people: Vec<_> = people.into_iter().map(|(id, v)| (id, v.as_object().unwrap().clone())).collect();
        query.sort(&mut people, |(_, attributes)| attributes);
        people.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn resources_are_sorted_with_those_without_a_value_last() {
        assert_eq!(sorted("userName", false), ["a", "b", "c"]);
        assert_eq!(sorted("userName", true), ["c", "b", "a"]);
        assert_eq!(sorted("emails", false), ["b", "c", "a"]);
        assert_eq!(sorted("emails.value", true), ["a", "c", "b"]);
        assert_eq!(sorted("title", false), ["c", "a", "b"]);
        assert_eq!(sorted("title", true), ["b", "a", "c"]);
    }

    #[test]
    fn pages_out_of_range_are_brought_into_it() {
        let page = |start_index, count| {
            let texts = QueryTexts { start_index, count, ..QueryTexts::default() };
            let query = Query::read(&[ResourceType::User], texts, Selection::All).unwrap();
            (query.skipped, query.count)
        };
        assert_eq!(page(None, None), (0, limits::SCIM_PAGE_RESOURCES_MAX));
        assert_eq!(page(Some(-5), Some(-1)), (0, 0));
        assert_eq!(page(Some(0), Some(7)), (0, 7));
        assert_eq!(page(Some(i64::MAX), Some(i64::MAX)), (i64::MAX as usize - 1, limits::SCIM_PAGE_RESOURCES_MAX));
    }

    #[test]
    fn a_body_asks_the_same_as_parameters() {
        let body = json!({
            "schemas": [SEARCH_SCHEMA], "filter": "displayName eq \"Team\" and members pr", "sortBy": "displayName",
            "sortOrder": "descending", "startIndex": 3, "COUNT": 2, "excludedAttributes": ["members"],
        });
        let query = Query::from_message(&[ResourceType::Group], &body).unwrap();
        assert_eq!((query.skipped, query.count, query.descending), (2, 2, true));
        assert_eq!(query.equals("displayName"), Some("team"));
        assert_eq!(query.equals("id"), None);
        assert!(query.evaluates("members") && !query.evaluates("externalId"));
        for (field, value) in
            [("filter", json!(1)), ("count", json!("2")), ("attributes", json!("a")), ("more", json!(1))]
        {
            let mut wrong = body.clone();
            wrong[field] = value;
            assert!(Query::from_message(&[ResourceType::Group], &wrong).is_err(), "{field}");
        }
    }
}
