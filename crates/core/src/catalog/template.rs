//! Templates of sentences: text with values in braces and circumstances in brackets.
//!
//! `{actor}`, `{target}` (the first target), `{changes}`, `{reason}`, `{metadata.KEY}` and `{TYPE}` (the first target of
//! that type; for the action's own resource type, else the first target) stand for values of an event. What is in
//! `[brackets]` is a circumstance: it is left out as a whole when a value in it is missing. A doubled brace or bracket
//! stands for itself.
//! A value is put in as it is and never read as a template, whatever it contains.

use super::facts::Facts;

/// Characters of a template at the most.
pub const TEMPLATE_CHARS_MAX: usize = 500;

/// A value that a template asks of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Who did it, with those on whose behalf.
    Actor,
    /// The first target.
    Target,
    /// The first target of the action's resource type, or else the first target: senders may call the type differently.
    Resource(String),
    /// The first target of a type.
    TargetOf(String),
    /// An entry of the event's metadata.
    Metadata(String),
    /// The paths that were changed.
    Changes,
    /// Why it failed or was denied.
    Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Value),
}

/// A run of parts, all of them within the same brackets or all of them outside of brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    circumstance: bool,
    parts: Vec<Part>,
}

/// A template that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    runs: Vec<Run>,
}

/// A run of a template with its values filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rendered<'t> {
    pub(super) circumstance: bool,
    pub(super) text: &'t str,
}

impl Template {
    /// Reads a template of an action on a type of resource.
    ///
    /// # Errors
    /// What is wrong, in one sentence, when braces or brackets do not match, are nested, or hold no known value.
    pub fn parse(source: &str, resource: &str) -> Result<Template, String> {
        if source.chars().count() > TEMPLATE_CHARS_MAX {
            return Err(format!("template is longer than {TEMPLATE_CHARS_MAX} characters"));
        }
        Reader { rest: source, resource, runs: Vec::new(), circumstance: false }.read(source)
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The values that the template asks for, in order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.runs.iter().flat_map(|run| &run.parts).filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(value) => Some(value),
        })
    }

    /// Calls back with every run of text in order, values filled in and empty circumstances left out.
    pub(super) fn render(&self, facts: &Facts, mut each: impl FnMut(Rendered<'_>)) {
        let mut text = String::new();
        for run in &self.runs {
            text.clear();
            let mut complete = true;
            for part in &run.parts {
                match part {
                    Part::Text(literal) => text.push_str(literal),
                    Part::Value(value) => match facts.value(value) {
                        Some(found) => text.push_str(&found),
                        None => {
                            complete = false;
                            text.push_str(&stand_in(value));
                        }
                    },
                }
            }
            if complete || !run.circumstance {
                each(Rendered { circumstance: run.circumstance, text: &text });
            }
        }
    }
}

/// What a sentence says in place of a value that the event does not have.
fn stand_in(value: &Value) -> String {
    match value {
        Value::Actor => "someone".into(),
        Value::Target => "something".into(),
        Value::Resource(_) | Value::TargetOf(_) => "(unnamed)".into(),
        Value::Metadata(key) => format!("unknown {}", key.replace(['_', '.'], " ")),
        Value::Changes => "no changes".into(),
        Value::Reason => "no reason given".into(),
    }
}

struct Reader<'s> {
    rest: &'s str,
    resource: &'s str,
    runs: Vec<Run>,
    circumstance: bool,
}

impl Reader<'_> {
    fn read(mut self, source: &str) -> Result<Template, String> {
        while let Some(found) = self.rest.find(['{', '}', '[', ']']) {
            let (text, rest) = self.rest.split_at(found);
            self.text(text);
            let mark = rest.as_bytes()[0] as char;
            let after = &rest[1..];
            if after.starts_with(mark) {
                self.text(&rest[..1]);
                self.rest = &after[1..];
                continue;
            }
            self.rest = after;
            match mark {
                '{' => self.value()?,
                '[' if self.circumstance => return Err("brackets within brackets".into()),
                ']' if !self.circumstance => return Err("`]` without `[`; write `]]` for the character".into()),
                '[' => {
                    // A run of its own, also when it follows another circumstance.
                    self.circumstance = true;
                    self.runs.push(Run { circumstance: true, parts: Vec::new() });
                }
                ']' => self.circumstance = false,
                _ => return Err("`}` without `{`; write `}}` for the character".into()),
            }
        }
        if self.circumstance {
            return Err("`[` without `]`".into());
        }
        self.text(self.rest);
        Ok(Template { source: source.to_owned(), runs: self.runs })
    }

    fn value(&mut self) -> Result<(), String> {
        let Some((name, rest)) = self.rest.split_once('}') else {
            return Err("`{` without `}`".into());
        };
        let value = parse_value(name, self.resource)?;
        self.rest = rest;
        self.parts().push(Part::Value(value));
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let parts = self.parts();
        if let Some(Part::Text(last)) = parts.last_mut() {
            last.push_str(text);
        } else {
            parts.push(Part::Text(text.to_owned()));
        }
    }

    /// The parts of the run that is being read.
    fn parts(&mut self) -> &mut Vec<Part> {
        let new = match self.runs.last() {
            None => true,
            Some(run) => run.circumstance != self.circumstance,
        };
        if new {
            self.runs.push(Run { circumstance: self.circumstance, parts: Vec::new() });
        }
        let last = self.runs.len() - 1;
        &mut self.runs[last].parts
    }
}

fn parse_value(name: &str, resource: &str) -> Result<Value, String> {
    let allowed = "allowed are actor, target, changes, reason, metadata.KEY and a target's type";
    if let Some(key) = name.strip_prefix("metadata.") {
        if !super::is_metadata_key(key) {
            return Err(format!("`{{{name}}}` names no metadata key: A-Z a-z 0-9 _ . - , 1 to 64 characters"));
        }
        return Ok(Value::Metadata(key.to_owned()));
    }
    match name {
        "actor" => Ok(Value::Actor),
        "target" => Ok(Value::Target),
        "changes" => Ok(Value::Changes),
        "reason" => Ok(Value::Reason),
        kind if kind == resource => Ok(Value::Resource(kind.to_owned())),
        kind if super::is_target_type(kind) => Ok(Value::TargetOf(kind.to_owned())),
        _ => Err(format!("`{{{name}}}` stands for nothing: {allowed}")),
    }
}
