//! Reading the small JSON bodies of administration: strict about what is there, with a pointer for what is wrong.

use actarium_core::json::{self, Json};

use crate::failures::refusal_problem;
use crate::limits;
use crate::problem::{Kind, Problem};

/// The text fields of a JSON object.
#[derive(Debug)]
pub struct Form {
    fields: Vec<(String, String)>,
    /// What is wrong so far.
    problem: Problem,
}

impl Form {
    /// Reads an object whose fields are all texts (or null, which counts as absent) with names out of `known`.
    ///
    /// # Errors
    /// 400 if it is not JSON. What else is wrong is gathered and comes out of [`Form::finish`].
    pub fn read(body: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let json = json::parse(body).map_err(|error| refusal_problem(error.into()))?;
        let mut form = Self {
            fields: Vec::new(),
            problem: Problem::new(Kind::InvalidContent, "the content is against the rules"),
        };
        let Json::Object(fields) = json else {
            form.refuse("", &format!("must be an object with the fields {}", known.join(", ")));
            return Ok(form);
        };
        for (name, value) in fields {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            match value {
                _ if !known.contains(&name.as_ref()) => {
                    form.refuse(&pointer, &format!("there is no such field; allowed: {}", known.join(", ")));
                }
                Json::Null => {}
                Json::Str(text) => form.fields.push((name.into_owned(), text.into_owned())),
                other => form.refuse(&pointer, &format!("must be a text, not {}", other.kind())),
            }
        }
        Ok(form)
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
        let position = self.fields.iter().position(|(there, _)| there == name)?;
        let (_, value) = self.fields.swap_remove(position);
        if let Err(allowed) = check(&value) {
            self.refuse(&format!("/{name}"), &allowed);
        }
        Some(value)
    }

    /// Whether all was well.
    ///
    /// # Errors
    /// 422 with everything that was wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.problem.errors.is_empty() { Ok(()) } else { Err(self.problem) }
    }
}

/// Checks a text that people read: not blank, no control characters, bounded.
///
/// # Errors
/// What is allowed.
pub fn readable(text: &str, chars_max: usize) -> Result<(), String> {
    let good = !text.trim().is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control);
    if good {
        Ok(())
    } else {
        Err(format!("must be 1 to {chars_max} characters, not blank, without control characters"))
    }
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
