//! Reading the small JSON bodies of administration: strict about what is there, with a pointer for what is wrong.

use actarium_core::json::{self, Json};
use actarium_core::row::Micros;
use actarium_core::time;

use crate::failures::refusal_problem;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::spelling;

/// The fields of a JSON object.
#[derive(Debug)]
pub struct Form {
    fields: Vec<(String, Value)>,
    /// Names of the fields that are null.
    nulls: Vec<String>,
    /// What is wrong so far.
    problem: Problem,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Texts(Vec<String>),
    Lists(Vec<(String, Vec<String>)>),
    Flag(bool),
    Number(i64),
}

/// What a field of a form holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text.
    Text,
    /// A list of at most [`limits::FORM_LIST_ENTRIES_MAX`] texts.
    Texts,
    /// An object of at most [`limits::FORM_LIST_ENTRIES_MAX`] names with a list of texts each.
    Lists,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
}

impl Form {
    /// Reads an object whose fields are all texts (or null, which counts as absent) with names out of `known`.
    ///
    /// # Errors
    /// 400 if it is not JSON. What else is wrong is gathered and comes out of [`Form::finish`].
    pub fn read(body: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let known: Vec<_> = known.iter().map(|name| (*name, Holds::Text)).collect();
        Self::read_fields(body, &known)
    }

    /// Reads an object whose fields hold what `known` says; null counts as absent.
    ///
    /// # Errors
    /// 400 if it is not JSON. What else is wrong is gathered and comes out of [`Form::finish`].
    pub fn read_fields(body: &[u8], known: &[(&str, Holds)]) -> Result<Self, Problem> {
        let json = json::parse(body).map_err(|error| refusal_problem(error.into()))?;
        let mut form = Self {
            fields: Vec::new(),
            nulls: Vec::new(),
            problem: Problem::new(Kind::InvalidContent, "the content is against the rules"),
        };
        let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Json::Object(fields) = json else {
            form.refuse("", &format!("must be an object with the fields {}", names()));
            return Ok(form);
        };
        for (name, value) in fields {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            match known.iter().find(|(known, _)| *known == name) {
                None => form.refuse(&pointer, &format!("there is no such field; allowed: {}", names())),
                Some((_, holds)) => form.take(name.into_owned(), &pointer, *holds, value),
            }
        }
        Ok(form)
    }

    fn take(&mut self, name: String, pointer: &str, holds: Holds, value: Json) {
        let value = match (holds, value) {
            (_, Json::Null) => return self.nulls.push(name),
            (Holds::Text, Json::Str(text)) => Value::Text(text.into_owned()),
            (Holds::Flag, Json::Bool(flag)) => Value::Flag(flag),
            (Holds::Number, Json::Int(number)) => Value::Number(number),
            (Holds::Texts, Json::Array(items)) if items.len() <= limits::FORM_LIST_ENTRIES_MAX => {
                Value::Texts(self.texts(pointer, items))
            }
            (Holds::Lists, Json::Object(fields)) if fields.len() <= limits::FORM_LIST_ENTRIES_MAX => {
                let mut lists = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    match value {
                        Json::Array(items) if items.len() <= limits::FORM_LIST_ENTRIES_MAX => {
                            lists.push((name.into_owned(), self.texts(&pointer, items)));
                        }
                        _ => self.refuse(&pointer, &list_of_texts()),
                    }
                }
                Value::Lists(lists)
            }
            (Holds::Text, other) => return self.refuse(pointer, &format!("must be a text, not {}", other.kind())),
            (Holds::Flag, other) => {
                return self.refuse(pointer, &format!("must be true or false, not {}", other.kind()));
            }
            (Holds::Number, other) => {
                return self.refuse(pointer, &format!("must be a whole number, not {}", other.kind()));
            }
            (Holds::Texts, _) => return self.refuse(pointer, &list_of_texts()),
            (Holds::Lists, _) => {
                let entries_max = limits::FORM_LIST_ENTRIES_MAX;
                return self.refuse(pointer, &format!("must be an object of at most {entries_max} lists of texts"));
            }
        };
        self.fields.push((name, value));
    }

    fn texts(&mut self, pointer: &str, items: Vec<Json>) -> Vec<String> {
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Json::Str(text) => texts.push(text.into_owned()),
                other => self.refuse(&format!("{pointer}/{index}"), &format!("must be a text, not {}", other.kind())),
            }
        }
        texts
    }

    /// Notes that something is wrong.
    pub fn refuse(&mut self, pointer: &str, detail: &str) {
        if self.problem.errors.len() < limits::ERRORS_LISTED_MAX {
            self.problem = self.problem.clone().with_error(pointer, detail);
        }
    }

    /// A field that must be there and pass `check`, which says what is allowed when it does not.
    pub fn needed(&mut self, name: &str, check: impl Fn(&str) -> Result<(), String>) -> String {
        if !self.fields.iter().any(|(there, _)| there == name) {
            if !self.problem.errors.iter().any(|error| error.pointer.as_deref() == Some(&format!("/{name}"))) {
                self.refuse(&format!("/{name}"), "is needed");
            }
            return String::new();
        }
        self.optional(name, check).unwrap_or_default()
    }

    /// A field that may be there and then must pass `check`.
    pub fn optional(&mut self, name: &str, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
        let Some(Value::Text(value)) = self.remove(name) else { return None };
        if let Err(allowed) = check(&value) {
            self.refuse(&format!("/{name}"), &allowed);
        }
        Some(value)
    }

    /// Whether a field is there and null, which in a change says that what it holds is to be removed.
    pub fn is_null(&self, name: &str) -> bool {
        self.nulls.iter().any(|null| null == name)
    }

    /// A list of texts that may be there.
    pub fn list(&mut self, name: &str) -> Option<Vec<String>> {
        match self.remove(name)? {
            Value::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// Lists of texts by name that may be there.
    pub fn lists(&mut self, name: &str) -> Option<Vec<(String, Vec<String>)>> {
        match self.remove(name)? {
            Value::Lists(lists) => Some(lists),
            _ => None,
        }
    }

    /// A flag that may be there.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.remove(name)? {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// A whole number that must be there and in the range; the least one if it is not.
    pub fn needed_number(&mut self, name: &str, range: std::ops::RangeInclusive<i64>) -> i64 {
        match self.remove(name) {
            Some(Value::Number(number)) if range.contains(&number) => return number,
            Some(_) => {
                self.refuse(&format!("/{name}"), &format!("must be {} to {}", range.start(), range.end()));
            }
            None => drop(self.needed(name, |_| Ok(()))),
        }
        *range.start()
    }

    fn remove(&mut self, name: &str) -> Option<Value> {
        let position = self.fields.iter().position(|(there, _)| there == name)?;
        Some(self.fields.swap_remove(position).1)
    }

    /// Whether all was well.
    ///
    /// # Errors
    /// 422 with everything that was wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.problem.errors.is_empty() { Ok(()) } else { Err(self.problem) }
    }
}

fn list_of_texts() -> String {
    format!("must be a list of at most {} texts", limits::FORM_LIST_ENTRIES_MAX)
}

/// Reads a time that is yet to come.
///
/// # Errors
/// What is allowed.
pub fn yet_to_come(text: &str, now: Micros) -> Result<Micros, String> {
    let at = time::parse(text).ok().filter(|at| *at > now);
    at.ok_or_else(|| "must be a time (RFC 3339) in the future, such as 2030-01-31T12:00:00Z".to_owned())
}

/// Checks a text that people read and that may be empty: no control characters but line breaks, bounded.
///
/// # Errors
/// What is allowed.
pub fn prose(text: &str, chars_max: usize) -> Result<(), String> {
    let good = text.chars().count() <= chars_max && !text.chars().any(|c| c.is_control() && c != '\n');
    if good { Ok(()) } else { Err(format!("must be at most {chars_max} characters, without control characters")) }
}

/// Checks an e-mail address, as [`spelling::address`] reads it.
///
/// # Errors
/// What is allowed.
pub fn email(text: &str) -> Result<(), String> {
    spelling::address(text).map(drop)
}

/// Checks a text that people read: not blank, bounded, every character of it to be seen.
///
/// # Errors
/// What is allowed.
pub fn readable(text: &str, chars_max: usize) -> Result<(), String> {
    spelling::all_seen(text)?;
    if !text.trim().is_empty() && text.chars().count() <= chars_max {
        Ok(())
    } else {
        Err(format!("must be 1 to {chars_max} characters, not blank, without control characters"))
    }
}

/// Checks the name of somebody or something that acts, as records will show it: readable, and not the service's or its operator's.
///
/// # Errors
/// What is allowed.
pub fn name_of_one_who_acts(text: &str) -> Result<(), String> {
    readable(text, limits::NAME_CHARS_MAX)?;
    spelling::not_the_services(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let mut form = Form::read(br#"{"slug": 7, "extra": "x", "name": " "}"#, &["slug", "name", "note"]).unwrap();
        form.needed("slug", |_| Ok(()));
        form.needed("name", |name| readable(name, 10));
        assert!(form.optional("note", |_| Ok(())).is_none());
        let problem = form.finish().unwrap_err();
        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.clone().unwrap()).collect();
        assert_eq!(pointers, ["/slug", "/extra", "/name"]);
    }

    #[test]
    fn what_is_no_json_is_told_with_its_position() {
        let problem = Form::read(b"{\"slug\":\n x}", &["slug"]).unwrap_err();
        assert_eq!(problem.kind, Kind::MalformedBody);
        assert_eq!(problem.position.unwrap().line, Some(2));
    }
}
