//! Changes of a resource (RFC 7644, section 3.5.2): `add`, `replace` and `remove`, with and without a path.
//!
//! Works on attributes alone; whether the result may be stored is decided elsewhere. All operations of a request are done, or
//! none: on an error the attributes are to be thrown away. Where providers in the field differ from the RFC and what they
//! mean is clear, they are understood: operations in any case, truth values as texts, `add` to a value that is not there
//! yet, `remove` with a list of members.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::limits;
use crate::scim::Attributes;
use crate::scim::content::{self, attribute_value, check_count, field, is_primary};
use crate::scim::error::{Refused, ScimType};
use crate::scim::evaluate::{each, matches};
use crate::scim::filter::{Filter, Literal, Operator, Target, parse_target};
use crate::scim::path::{Named, Scope};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Type};

/// URN of the message that asks for changes.
pub const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

/// Does all operations of a body.
///
/// # Errors
/// What is wrong with the first operation that cannot be done.
pub fn apply(resource_type: ResourceType, attributes: &mut Attributes, body: &Value) -> Result<(), Refused> {
    let message = content::message(body, PATCH_SCHEMA)?;
    let operations = field(message, "Operations")?.and_then(Value::as_array);
    let operations = operations.ok_or_else(|| syntax("`Operations` must be a list"))?;
    if operations.is_empty() {
        return Err(syntax("`Operations` is empty"));
    }
    if operations.len() > limits::SCIM_OPERATIONS_MAX {
        let detail = format!("more than {} operations", limits::SCIM_OPERATIONS_MAX);
        return Err(Refused::new(ScimType::TooMany, detail));
    }
    let mut work = Work::default();
    for (index, operation) in operations.iter().enumerate() {
        apply_one(resource_type, attributes, operation, &mut work)
            .map_err(|refused| Refused { detail: format!("operation {index}: {}", refused.detail), ..refused })?;
    }
    Ok(())
}

/// How much the operations of a request have looked at: each may look at every value of a long list with every term of a filter.
#[derive(Debug, Default)]
struct Work(usize);

impl Work {
    /// Counts an operation on an attribute before it is done: values, times what is done with each. A long value counts as several.
    fn count(&mut self, there: Option<&Value>, target: &Target, op: Op) -> Result<(), Refused> {
        let compared = target.filter.as_ref().map_or(0, Filter::terms);
        // Whatever does not only take values out puts the list together anew.
        let rebuilt = if op == Op::Remove && target.sub.is_none() { 1 } else { 8 };
        let values: usize = each(there).map(weight).sum();
        self.0 = self.0.saturating_add(values.saturating_mul(compared + rebuilt));
        if self.0 <= limits::SCIM_PATCH_COMPARISONS_MAX {
            return Ok(());
        }
        let detail = format!(
            "the operations up to this one compare more than {} values; send them in several requests, or name several values in \
             one operation",
            limits::SCIM_PATCH_COMPARISONS_MAX
        );
        Err(Refused::new(ScimType::TooMany, detail))
    }
}

fn weight(value: &Value) -> usize {
    let parts = value.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str);
    let bytes: usize = parts.chain(value.as_str()).map(str::len).sum();
    1 + bytes / 512
}

fn apply_one(
    resource_type: ResourceType,
    attributes: &mut Attributes,
    operation: &Value,
    work: &mut Work,
) -> Result<(), Refused> {
    let operation = operation.as_object().ok_or_else(|| syntax("it must be an object"))?;
    let op = match field(operation, "op")?.and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("add") => Op::Add,
        Some("replace") => Op::Replace,
        Some("remove") => Op::Remove,
        _ => return Err(syntax("`op` must be add, replace or remove")),
    };
    let value = field(operation, "value")?;
    match (field(operation, "path")?, op) {
        (Some(Value::String(path)), _) => {
            let scope = [resource_type];
            let target = parse_target(path, Scope::Resources(&scope))?;
            change(attributes, &target, op, value, work)
        }
        (None | Some(Value::Null), Op::Remove) => Err(Refused::new(ScimType::NoTarget, "`remove` needs a path")),
        (None | Some(Value::Null), _) => {
            let parts = value.and_then(Value::as_object);
            let parts = parts.ok_or_else(|| syntax("without a path, `value` must be an object of attributes"))?;
            change_each(resource_type, attributes, op, parts, work)
        }
        (Some(_), _) => Err(Refused::new(ScimType::InvalidPath, "`path` must be a text")),
    }
}

/// An operation without a path: each attribute of its value is a path of its own. What only the service sets is left out, as
/// in a body that gives the resource whole.
fn change_each(
    resource_type: ResourceType,
    attributes: &mut Attributes,
    op: Op,
    parts: &Map<String, Value>,
    work: &mut Work,
) -> Result<(), Refused> {
    for (path, value) in parts {
        let scope = [resource_type];
        let target = parse_target(path, Scope::Resources(&scope))?;
        match target.named {
            Named::Kept { attribute, .. } if !changeable(attribute) => {}
            _ => change(attributes, &target, op, Some(value), work)?,
        }
    }
    Ok(())
}

fn changeable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly && attribute.name != "schemas"
}

fn change(
    attributes: &mut Attributes,
    target: &Target,
    op: Op,
    value: Option<&Value>,
    work: &mut Work,
) -> Result<(), Refused> {
    let Named::Kept { attribute, sub } = target.named else { return Ok(()) };
    if !changeable(attribute) {
        return Err(Refused::new(ScimType::Mutability, format!("`{}` is set by the service alone", attribute.name)));
    }
    let none = Value::Null;
    let given = value.unwrap_or(&none);
    if op != Op::Remove && value.is_none() {
        return Err(Refused::new(ScimType::InvalidValue, "`value` is needed"));
    }
    work.count(attributes.get(attribute.name), target, op)?;
    match (&target.filter, sub, op) {
        (Some(filter), _, _) => change_some(attributes, attribute, filter, target.sub, op, given),
        (None, Some(part), _) => change_part(attributes, attribute, part, op, given),
        (None, None, Op::Remove) => remove(attributes, attribute, given),
        (None, None, _) => set(attributes, attribute, op, given),
    }
}

/// `add` or `replace` of an attribute as a whole.
fn set(attributes: &mut Attributes, attribute: &'static Attribute, op: Op, given: &Value) -> Result<(), Refused> {
    let Some(value) = attribute_value(attribute, given)? else {
        return if op == Op::Replace { remove(attributes, attribute, &Value::Null) } else { Ok(()) };
    };
    let merged = match (attributes.remove(attribute.name), value) {
        (Some(Value::Array(mut there)), Value::Array(more)) if op == Op::Add => {
            let has_primary = more.iter().any(is_primary);
            add_values(attribute, &mut there, more);
            if has_primary {
                one_primary(&mut there);
            }
            check_count(attribute, there.len())?;
            Value::Array(there)
        }
        // Parts that are not given stay (sections 3.5.2.1 and 3.5.2.3).
        (Some(Value::Object(mut there)), Value::Object(more)) => {
            there.extend(more);
            Value::Object(there)
        }
        (_, value) => value,
    };
    attributes.insert(attribute.name.into(), merged);
    Ok(())
}

/// Adds values to a list that are not there. A member is there if its id is.
fn add_values(attribute: &Attribute, there: &mut Vec<Value>, more: Vec<Value>) {
    if !is_by_id(attribute) {
        for value in more {
            if !there.contains(&value) {
                there.push(value);
            }
        }
        return;
    }
    let mut known: HashSet<String> = there.iter().map(id_of).map(str::to_owned).collect();
    there.extend(more.into_iter().filter(|value| known.insert(id_of(value).to_owned())));
}

/// Whether the values of a list refer to something by an id that they keep for good.
fn is_by_id(attribute: &Attribute) -> bool {
    attribute.value_attribute().is_some_and(|part| part.mutability == Mutability::Immutable)
}

fn id_of(value: &Value) -> &str {
    value.get("value").and_then(Value::as_str).unwrap_or_default()
}

/// Leaves the last of the primary values primary: it is the one that was added.
fn one_primary(values: &mut [Value]) {
    let Some(last) = values.iter().rposition(is_primary) else { return };
    for value in &mut values[..last] {
        if is_primary(value) {
            value["primary"] = Value::Bool(false);
        }
    }
}

fn remove(attributes: &mut Attributes, attribute: &'static Attribute, given: &Value) -> Result<(), Refused> {
    if attribute.multi_valued && !given.is_null() {
        // Not of the RFC, but clear: remove these values.
        let named = attribute_value(attribute, given)?.unwrap_or_default();
        let ids: HashSet<_> = named.as_array().into_iter().flatten().map(id_of).collect();
        return retain(attributes, attribute, |value| !ids.contains(id_of(value)));
    }
    if attribute.required {
        return Err(needed(attribute));
    }
    attributes.remove(attribute.name);
    Ok(())
}

fn needed(attribute: &Attribute) -> Refused {
    Refused::new(ScimType::Mutability, format!("`{}` is needed and cannot be removed", attribute.name))
}

/// Keeps some values of a list; without any, there is no attribute.
fn retain(
    attributes: &mut Attributes,
    attribute: &'static Attribute,
    keep: impl FnMut(&Value) -> bool,
) -> Result<(), Refused> {
    let Some(values) = attributes.get_mut(attribute.name).and_then(Value::as_array_mut) else { return Ok(()) };
    values.retain(keep);
    if !values.is_empty() {
        return Ok(());
    }
    if attribute.required {
        return Err(needed(attribute));
    }
    attributes.remove(attribute.name);
    Ok(())
}

/// A change of a sub-attribute: of the one value, or of all values of a list.
fn change_part(
    attributes: &mut Attributes,
    attribute: &'static Attribute,
    part: &'static Attribute,
    op: Op,
    given: &Value,
) -> Result<(), Refused> {
    check_part(part)?;
    let value = if op == Op::Remove { None } else { attribute_value(part, given)? };
    if value.is_none() && op == Op::Add {
        return Ok(());
    }
    if value.is_none() && part.required {
        return Err(needed(part));
    }
    match (attributes.get_mut(attribute.name), value) {
        (Some(Value::Array(values)), value) => values.iter_mut().for_each(|there| set_part(there, part, &value)),
        (Some(there), value) => set_part(there, part, &value),
        (None, Some(value)) => {
            let parts = Value::Object([(part.name.to_owned(), value)].into_iter().collect());
            return set(attributes, attribute, Op::Add, &parts);
        }
        (None, None) => {}
    }
    settle(attributes, attribute)
}

/// What was put together must be what a client could have sent whole.
fn settle(attributes: &mut Attributes, attribute: &'static Attribute) -> Result<(), Refused> {
    let Some(whole) = attributes.remove(attribute.name) else { return Ok(()) };
    match attribute_value(attribute, &whole)? {
        Some(whole) => drop(attributes.insert(attribute.name.into(), whole)),
        None if attribute.required => return Err(needed(attribute)),
        None => {}
    }
    Ok(())
}

fn check_part(part: &Attribute) -> Result<(), Refused> {
    if part.mutability == Mutability::ReadWrite {
        return Ok(());
    }
    Err(Refused::new(
        ScimType::Mutability,
        format!("`{}` does not change; remove the value and add another", part.name),
    ))
}

fn set_part(there: &mut Value, part: &Attribute, value: &Option<Value>) {
    let Some(parts) = there.as_object_mut() else { return };
    match value {
        Some(value) => drop(parts.insert(part.name.into(), value.clone())),
        None => drop(parts.remove(part.name)),
    }
}

/// A change of the values that a filter finds.
fn change_some(
    attributes: &mut Attributes,
    attribute: &'static Attribute,
    filter: &Filter,
    part: Option<&'static Attribute>,
    op: Op,
    given: &Value,
) -> Result<(), Refused> {
    let found = |value: &Value| value.as_object().is_some_and(|parts| matches(filter, parts));
    if let (Op::Remove, None) = (op, part) {
        return retain(attributes, attribute, |value| !found(value));
    }
    if let Some(part) = part {
        check_part(part)?;
    }
    let value = match (op, part) {
        (Op::Remove, _) => None,
        (_, Some(part)) => attribute_value(part, given)?,
        (_, None) => Some(one_value(attribute, given)?),
    };
    if let (None, Some(part)) = (&value, part)
        && part.required
    {
        return Err(needed(part));
    }
    let mut there = match attributes.remove(attribute.name) {
        Some(Value::Array(values)) => values,
        Some(single) => vec![single],
        None => Vec::new(),
    };
    let mut positions: Vec<usize> = (0..there.len()).filter(|index| found(&there[*index])).collect();
    if positions.is_empty() && op == Op::Add {
        // What the filter says of the value is what it is to be.
        let begun = described(attribute, filter).ok_or_else(|| no_target(attribute))?;
        positions.push(there.len());
        there.push(begun);
    }
    if positions.is_empty() && op == Op::Replace {
        return Err(no_target(attribute));
    }
    for position in &positions {
        match (part, &value) {
            (Some(part), value) => set_part(&mut there[*position], part, value),
            (None, Some(value)) => put_value(attribute, &mut there[*position], op, value)?,
            (None, None) => {}
        }
    }
    if let Some(last) = positions.iter().rev().find(|position| is_primary(&there[**position])) {
        let chosen = *last;
        for (index, value) in there.iter_mut().enumerate() {
            if index != chosen && is_primary(value) {
                value["primary"] = Value::Bool(false);
            }
        }
    }
    let whole = if attribute.multi_valued { Value::Array(there) } else { there.pop().unwrap_or_default() };
    attributes.insert(attribute.name.into(), whole);
    settle(attributes, attribute)
}

/// Puts a whole value in the place of one that a filter found; `add` leaves the parts that are not given.
fn put_value(attribute: &Attribute, there: &mut Value, op: Op, value: &Value) -> Result<(), Refused> {
    if is_by_id(attribute) && there.get("value") != value.get("value") {
        let detail = format!("a value of `{}` does not change; remove it and add another", attribute.name);
        return Err(Refused::new(ScimType::Mutability, detail));
    }
    match (there.as_object_mut(), value.as_object()) {
        (Some(parts), Some(more)) if op == Op::Add => {
            parts.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        _ => *there = value.clone(),
    }
    Ok(())
}

/// The one value that is to be put where a filter points.
fn one_value(attribute: &'static Attribute, given: &Value) -> Result<Value, Refused> {
    match attribute_value(attribute, given)? {
        Some(Value::Array(mut values)) if values.len() == 1 => Ok(values.remove(0)),
        Some(value @ Value::Object(_)) => Ok(value),
        _ => Err(Refused::new(ScimType::InvalidValue, format!("one value of `{}` is needed", attribute.name))),
    }
}

/// The value that a filter describes, if it is one or more of `part eq value`, joined by `and`.
fn described(attribute: &'static Attribute, filter: &Filter) -> Option<Value> {
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut made = Map::new();
    for part in parts {
        let Filter::Compare { named: Named::Kept { attribute: part, .. }, operator: Operator::Equal, value } = part
        else {
            return None;
        };
        let value = match value {
            Literal::Text(text) => Value::String(text.clone()),
            Literal::Boolean(value) => Value::Bool(*value),
            Literal::Null | Literal::Time(_) => return None,
        };
        made.insert(part.name.into(), value);
    }
    debug_assert_eq!(attribute.kind, Type::Complex);
    Some(Value::Object(made))
}

fn no_target(attribute: &Attribute) -> Refused {
    Refused::new(ScimType::NoTarget, format!("no value of `{}` is found by the path's filter", attribute.name))
}

fn syntax(detail: impl Into<String>) -> Refused {
    Refused::new(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
