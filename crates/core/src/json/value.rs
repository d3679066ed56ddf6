//! Values that were parsed elsewhere, held to the same rules.
//!
//! What the other parser has dropped (duplicate keys, spellings of numbers) can't be seen here any more.

use super::parse::{number_of_double, push_pointer_key};
use super::{Json, ValueError};
use crate::limits::{INTEGER_MAX, JSON_DEPTH_MAX};
use serde_json::{Number, Value};
use std::borrow::Cow;

pub(super) fn borrow(value: &Value, depth: usize) -> Result<Json<'_>, ValueError> {
    if depth == JSON_DEPTH_MAX && matches!(value, Value::Array(_) | Value::Object(_)) {
        return Err(breach(format!("nested deeper than {JSON_DEPTH_MAX} levels")));
    }
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => borrow_number(number)?,
        Value::String(text) => Json::Str(Cow::Borrowed(text)),
        Value::Array(elements) => {
            let borrowed = elements
                .iter()
                .enumerate()
                .map(|(index, element)| borrow(element, depth + 1).map_err(|error| below(&index.to_string(), error)));
            Json::Array(borrowed.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let borrowed = fields.iter().map(|(key, field)| {
                let field = borrow(field, depth + 1).map_err(|error| below(key, error))?;
                Ok((Cow::Borrowed(key.as_str()), field))
            });
            Json::Object(borrowed.collect::<Result<_, _>>()?)
        }
    })
}

fn borrow_number(number: &Number) -> Result<Json<'static>, ValueError> {
    let read = match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => Some(integer).filter(|value| value.unsigned_abs() <= INTEGER_MAX as u64).map(Json::Int),
        (None, Some(_)) => None,
        (None, None) => number.as_f64().and_then(number_of_double),
    };
    read.ok_or_else(|| breach("integers beyond 9007199254740992 (2^53) can't be kept; send it as a string".to_owned()))
}

fn breach(detail: String) -> ValueError {
    ValueError { pointer: String::new(), detail }
}

fn below(key: &str, error: ValueError) -> ValueError {
    let mut pointer = String::new();
    push_pointer_key(&mut pointer, key);
    pointer.push_str(&error.pointer);
    ValueError { pointer, ..error }
}
