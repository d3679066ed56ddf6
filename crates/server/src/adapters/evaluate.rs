//! Finding the values that a mapping's paths, conditions and expressions speak of in one record.
//!
//! Knows nothing about events. It tells which fields of the record a text was made of, so that the engine can tell what
//! is left over.

use std::borrow::Cow;

use serde_json::Value;

use super::mapping::{Condition, Expr, OneOrMany, Path, Piece, Root, Rule, Step, Template, When};
use super::transform::Transform;

/// Keys and indices from the record's outermost value to a field.
pub(super) type Location = Vec<String>;

/// The JSON Pointer (RFC 6901) of a location.
pub(super) fn pointer_of(location: &[String]) -> String {
    location.iter().fold(String::new(), |pointer, key| pointer + "/" + &key.replace('~', "~0").replace('/', "~1"))
}

/// What the paths of a mapping are resolved in.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The record.
    pub record: &'a Value,
    /// The settings of the adapter, an object.
    pub settings: &'a Value,
    /// The value that `@` stands for, with its place in the record.
    pub element: Option<(&'a [String], &'a Value)>,
}

/// A text that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The text; never empty.
    pub text: String,
    /// The first field that it comes from, if it comes from the record.
    pub origin: Option<Location>,
    /// Fields that it says everything of: those whose text is in it unchanged, and times.
    pub used: Vec<Location>,
}

/// A field that is there and cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// JSON Pointer into the record.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub detail: String,
}

/// A scalar as text; nothing for `null`, an empty text, a list or a map.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    borrowed_text(value).map(Cow::into_owned)
}

fn borrowed_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        _ => None,
    }
}

impl<'a> Scope<'a> {
    /// Every value at a path, with its place. `null` is no value. Places of settings are empty.
    pub fn resolve(&self, path: &Path) -> Vec<(Location, &'a Value)> {
        let (location, value) = match path.root {
            Root::Record => (Location::new(), self.record),
            Root::Settings => (Location::new(), self.settings),
            Root::Element => match self.element {
                Some((location, value)) => (location.to_vec(), value),
                None => return Vec::new(),
            },
        };
        let mut found = vec![(location, value)];
        if !is_there(value, &path.steps) {
            return Vec::new();
        }
        for step in &path.steps {
            found = found.into_iter().flat_map(|(location, value)| take_step(&location, value, step)).collect();
        }
        found.retain(|(_, value)| !value.is_null());
        if path.root == Root::Settings {
            found.iter_mut().for_each(|(location, _)| location.clear());
        }
        found
    }

    /// Whether all conditions hold.
    pub fn holds(&self, when: &When) -> bool {
        when.0.iter().all(|condition| self.condition_holds(condition))
    }

    /// The texts at a path, and whether there is any value at all.
    fn texts_at(&self, path: &Path) -> (Vec<Cow<'a, str>>, bool) {
        if path.root == Root::Record && !is_there(self.record, &path.steps) {
            return (Vec::new(), false);
        }
        let values = self.resolve(path);
        (values.iter().filter_map(|(_, value)| borrowed_text(value)).collect(), !values.is_empty())
    }

    fn condition_holds(&self, condition: &Condition) -> bool {
        let (mut texts, mut exists) = (Vec::new(), false);
        for path in condition.path.as_slice() {
            let (more, there) = self.texts_at(path);
            texts.extend(more);
            exists |= there;
        }
        if condition.exists.is_some_and(|expected| expected != exists) {
            return false;
        }
        let any = |accepts: &dyn Fn(&str) -> bool| texts.iter().any(|text| accepts(text));
        let matches_any = |patterns: &OneOrMany<String>| {
            any(&|text: &str| patterns.as_slice().iter().any(|pattern| is_like(text, pattern)))
        };
        condition.is.as_ref().is_none_or(|allowed| any(&|text: &str| allowed.as_slice().iter().any(|one| one == text)))
            && condition.like.as_ref().is_none_or(matches_any)
            && condition.unlike.as_ref().is_none_or(|patterns| !texts.is_empty() && !matches_any(patterns))
            && condition.differs_from.as_ref().is_none_or(|path| {
                let (others, _) = self.texts_at(path);
                !any(&|text: &str| others.iter().any(|other| other == text))
            })
    }

    /// The text of an expression.
    ///
    /// # Errors
    /// If fields are there, but none of them can be read.
    pub fn evaluate(&self, expr: &Expr) -> Result<Option<Found>, Unreadable> {
        match expr {
            Expr::Path(path) => Ok(self.text_at(path)),
            Expr::Any(alternatives) => first_found(alternatives.iter().map(|expr| self.evaluate(expr))),
            Expr::Rule(rule) => self.evaluate_rule(rule),
        }
    }

    /// The text of a template, if all of its values are found.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn fill(&self, template: &Template) -> Result<Option<Found>, Unreadable> {
        let mut filled = Found { text: String::new(), origin: None, used: Vec::new() };
        for piece in &template.0 {
            match piece {
                Piece::Text(text) => filled.text.push_str(text),
                Piece::Value(path, transforms) => {
                    let Some(found) = self.text_at(path) else { return Ok(None) };
                    let Some(found) = transformed(found, transforms)? else { return Ok(None) };
                    filled.text.push_str(&found.text);
                    filled.used.extend(found.used);
                    filled.origin = filled.origin.or(found.origin);
                }
            }
        }
        Ok(Some(filled))
    }

    fn text_at(&self, path: &Path) -> Option<Found> {
        let (location, text) = self
            .resolve(path)
            .into_iter()
            .find_map(|(location, value)| scalar_text(value).map(|text| (location, text)))?;
        let origin = Some(location).filter(|_| path.root != Root::Settings);
        Some(Found { text, used: origin.iter().cloned().collect(), origin })
    }

    fn evaluate_rule(&self, rule: &Rule) -> Result<Option<Found>, Unreadable> {
        if !self.holds(&rule.when) {
            return Ok(None);
        }
        let mut found = if let Some(constant) = &rule.is {
            Some(Found { text: constant.clone(), origin: None, used: Vec::new() })
        } else if let Some(template) = &rule.text {
            self.fill(template)?.map_or(Ok(None), |found| finish(rule, found))?
        } else {
            let paths = rule.from.as_ref().map_or(&[][..], |paths| paths.as_slice());
            first_found(paths.iter().map(|path| self.text_at(path).map_or(Ok(None), |found| finish(rule, found))))?
        };
        if let Some(found) = &mut found
            && rule.keep
        {
            found.used.clear();
        }
        Ok(found)
    }
}

/// Transforms, then translates by `map` and `like`.
fn finish(rule: &Rule, found: Found) -> Result<Option<Found>, Unreadable> {
    let Some(found) = transformed(found, &rule.with)? else { return Ok(None) };
    if rule.map.is_empty() && rule.like.is_empty() {
        return Ok(Some(found));
    }
    let translated = rule
        .map
        .get(&found.text)
        .or_else(|| rule.like.iter().find(|(pattern, _)| is_like(&found.text, pattern)).map(|(_, text)| text))
        .or(rule.otherwise.as_ref());
    Ok(translated.map(|text| Found {
        text: text.clone(),
        used: if *text == found.text { found.used } else { Vec::new() },
        origin: found.origin,
    }))
}

fn transformed(mut found: Found, transforms: &[Transform]) -> Result<Option<Found>, Unreadable> {
    let original = found.text.clone();
    for transform in transforms {
        match transform.apply(&found.text) {
            Ok(Some(text)) => found.text = text,
            Ok(None) => return Ok(None),
            Err(detail) => {
                return Err(Unreadable {
                    pointer: found.origin.as_deref().map(pointer_of).unwrap_or_default(),
                    detail,
                });
            }
        }
    }
    if found.text != original && !transforms.contains(&Transform::Time) {
        found.used.clear();
    }
    Ok(Some(found))
}

/// The first that is found; where none is, the first that could not be read.
fn first_found(
    alternatives: impl Iterator<Item = Result<Option<Found>, Unreadable>>,
) -> Result<Option<Found>, Unreadable> {
    let mut unreadable = None;
    for alternative in alternatives {
        match alternative {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) => unreadable = unreadable.or(Some(error)),
        }
    }
    unreadable.map_or(Ok(None), Err)
}

/// Whether there is something as far as the first step to every element. Most paths of a mapping lead to nothing in most
/// records; this says so without building places.
fn is_there(mut value: &Value, steps: &[Step]) -> bool {
    for step in steps {
        let next = match (step, value) {
            (Step::Every, _) => return true,
            (Step::Key(key), Value::Object(map)) => map.get(key),
            (Step::Key(key), Value::Array(list)) => key.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return false,
        }
    }
    true
}

fn take_step<'a>(location: &Location, value: &'a Value, step: &Step) -> Vec<(Location, &'a Value)> {
    let child = |key: &str, value: &'a Value| {
        let mut location = location.clone();
        location.push(key.to_owned());
        (location, value)
    };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key).map(|value| child(key, value)).into_iter().collect(),
        (Step::Key(key), Value::Array(list)) => {
            let element = key.parse::<usize>().ok().and_then(|index| list.get(index));
            element.map(|value| child(key, value)).into_iter().collect()
        }
        // One value where a list may stand counts as a list of one.
        (Step::Every, Value::Array(list)) => {
            list.iter().enumerate().map(|(index, value)| child(&index.to_string(), value)).collect()
        }
        (Step::Every, other) => vec![(location.clone(), other)],
        _ => Vec::new(),
    }
}

/// Whether a text matches a pattern in which `*` stands for any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expr(toml: &str) -> Expr {
        #[derive(serde::Deserialize)]
        struct Holder {
            e: Expr,
        }
        toml::from_str::<Holder>(&format!("e = {toml}")).unwrap().e
    }

    fn text(record: &Value, toml: &str) -> Option<String> {
        let settings = json!({"cluster": "c1"});
        let scope = Scope { record, settings: &settings, element: None };
        scope.evaluate(&expr(toml)).unwrap().map(|found| found.text)
    }

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "*b*", true),
            ("abc", "a*c", true),
            ("aba", "ab*ba", false),
            ("", "*", true),
            ("system:node:x", "system:*", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn expressions_fall_back_translate_and_transform() {
        let record = json!({"a": {"b": "X"}, "n": 5, "empty": "", "list": [{"k": "v1"}, {"k": "v2"}], "none": null});
        assert_eq!(text(&record, r#""a.b""#).as_deref(), Some("X"));
        assert_eq!(text(&record, r#""n""#).as_deref(), Some("5"));
        assert_eq!(text(&record, r#""empty""#), None);
        assert_eq!(text(&record, r#""a""#), None);
        assert_eq!(text(&record, r#"["none", "empty", "list.*.k"]"#).as_deref(), Some("v1"));
        assert_eq!(text(&record, r#""list.1.k""#).as_deref(), Some("v2"));
        assert_eq!(text(&record, r#"{ from = "a.b", with = ["lower"] }"#).as_deref(), Some("x"));
        assert_eq!(text(&record, r#"{ from = "a.b", map = { X = "y" } }"#).as_deref(), Some("y"));
        assert_eq!(text(&record, r#"{ from = "n", map = { X = "y" } }"#), None);
        assert_eq!(text(&record, r#"{ from = "n", map = { X = "y" }, otherwise = "z" }"#).as_deref(), Some("z"));
        assert_eq!(text(&record, r#"{ text = "{a.b|lower}/{n}" }"#).as_deref(), Some("x/5"));
        assert_eq!(text(&record, r#"{ text = "{a.b}/{missing}" }"#), None);
        assert_eq!(text(&record, r#""$cluster""#).as_deref(), Some("c1"));
        assert_eq!(text(&record, r#"{ is = "k", when = { path = "n", is = "6" } }"#), None);
        assert_eq!(text(&record, r#"{ is = "k", when = [{ path = "n", is = ["4", "5"] }] }"#).as_deref(), Some("k"));
    }

    #[test]
    fn what_is_used_is_told_unless_it_is_kept() {
        let record = json!({"a": {"b": "X"}});
        let settings = json!({});
        let scope = Scope { record: &record, settings: &settings, element: None };
        let used = |toml: &str| scope.evaluate(&expr(toml)).unwrap().unwrap().used;
        let place = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(used(r#"{ from = "a.b", with = ["snake", "clip"] }"#), Vec::<Location>::new());
        assert_eq!(used(r#"{ from = "a.b", with = ["clip"] }"#), std::slice::from_ref(&place));
        assert_eq!(used(r#"{ text = "{a.b}!" }"#), std::slice::from_ref(&place));
        assert_eq!(used(r#"{ text = "{a.b|lower}!" }"#), Vec::<Location>::new());
        assert_eq!(used(r#"{ from = "a.b", map = { X = "y" } }"#), Vec::<Location>::new());
        assert_eq!(used(r#"{ from = "a.b", map = { X = "X" } }"#), [place]);
        let kept = scope.evaluate(&expr(r#"{ from = "a.b", keep = true }"#)).unwrap().unwrap();
        assert!(kept.used.is_empty());
        assert_eq!(kept.origin.as_deref().map(pointer_of).as_deref(), Some("/a/b"));
    }

    #[test]
    fn a_time_that_cannot_be_read_is_an_error_unless_another_can() {
        let record = json!({"bad": "soon", "good": "2023-07-10T11:42:18Z"});
        let settings = json!({});
        let scope = Scope { record: &record, settings: &settings, element: None };
        let error = scope.evaluate(&expr(r#"{ from = "bad", with = ["time"] }"#)).unwrap_err();
        assert_eq!(error.pointer, "/bad");
        assert!(error.detail.contains("soon"));
        assert!(scope.evaluate(&expr(r#"{ from = ["bad", "good"], with = ["time"] }"#)).unwrap().is_some());
    }
}
