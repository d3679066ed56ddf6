//! Reading a catalog file, with the place of every mistake.
//!
//! This file must not let through what a sentence could stumble over: templates are read here, not when they are used.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::template::Template;
use super::{
    ACTIONS_MAX, Action, CATALOG_BYTES_MAX, CatalogError, Family, MetadataKey, TEXT_CHARS_MAX, Verb, is_action,
    is_metadata_key, is_reserved, is_target_type,
};
use crate::event::Outcome;
use crate::limits::METADATA_KEYS_MAX;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Compiled in.
    Builtin,
    /// Given by an organization.
    Organization,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    family: Spanned<String>,
    title: Spanned<String>,
    #[serde(default)]
    summary: Option<Spanned<String>>,
    action: Vec<Spanned<ActionToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionToml {
    action: Spanned<String>,
    title: Spanned<String>,
    operation: Option<Spanned<String>>,
    resource: Spanned<String>,
    verb: Option<Spanned<Vec<String>>>,
    phrase: Option<Spanned<String>>,
    #[serde(default)]
    sentence: SentenceToml,
    #[serde(default)]
    metadata: BTreeMap<Spanned<String>, MetadataToml>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentenceToml {
    success: Option<Spanned<String>>,
    failure: Option<Spanned<String>>,
    denied: Option<Spanned<String>>,
    unknown: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetadataToml {
    is: Spanned<String>,
    personal: bool,
}

/// Reads one file, which is one family.
pub(super) fn parse(text: &str, origin: Origin) -> Result<Family, CatalogError> {
    if text.len() > CATALOG_BYTES_MAX {
        return Err(at(
            text,
            0,
            format!("a catalog has at most {CATALOG_BYTES_MAX} bytes; this one has {}", text.len()),
        ));
    }
    let file: FileToml = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        at(text, offset, error.message().to_owned())
    })?;
    Reader { text, origin }.family(file)
}

/// A mistake at a byte offset.
fn at(text: &str, offset: usize, reason: String) -> CatalogError {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    CatalogError { line, column, reason }
}

struct Reader<'t> {
    text: &'t str,
    origin: Origin,
}

impl Reader<'_> {
    fn refuse<T>(&self, span: Range<usize>, reason: impl Into<String>) -> Result<T, CatalogError> {
        Err(at(self.text, span.start, reason.into()))
    }

    fn family(&self, file: FileToml) -> Result<Family, CatalogError> {
        let name = file.family.get_ref();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !plain || name.len() > 64 {
            return self.refuse(file.family.span(), "a family's name is 1 to 64 of a-z, 0-9 and _");
        }
        if file.action.len() > ACTIONS_MAX {
            return self.refuse(0..0, format!("a catalog has at most {ACTIONS_MAX} actions"));
        }
        let family = name.clone();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut actions = Vec::with_capacity(file.action.len());
        for entry in file.action {
            let entry = entry.into_inner();
            let span = entry.action.span();
            let action = self.action(&family, entry)?;
            let line = at(self.text, span.start, String::new()).line;
            if let Some(first) = lines.insert(action.action.clone(), line) {
                return self.refuse(span, format!("`{}` is already there in line {first}", action.action));
            }
            actions.push(action);
        }
        let summary = file.summary.map_or(Ok(String::new()), |summary| self.words(summary))?;
        Ok(Family { family, title: self.words(file.title)?, summary, actions })
    }

    fn action(&self, family: &str, entry: ActionToml) -> Result<Action, CatalogError> {
        let name = entry.action.get_ref();
        if !is_action(name) {
            let form = "an action is `resource.verb`: lower case, digits, _ and dots, at most 128 characters";
            return self.refuse(entry.action.span(), format!("`{name}` is no action; {form}"));
        }
        let reserved = is_reserved(name);
        if reserved && self.origin == Origin::Organization {
            return self.refuse(entry.action.span(), format!("`{name}` is recorded by Actarium alone"));
        }
        if !is_target_type(entry.resource.get_ref()) {
            let form = "a letter, then letters, digits and _ . : / -, at most 64 characters";
            return self
                .refuse(entry.resource.span(), format!("`{}` is no type; it is {form}", entry.resource.get_ref()));
        }
        let verb = entry.verb.map(|forms| self.verb(forms)).transpose()?;
        let sentences = self.sentences(entry.sentence, entry.resource.get_ref())?;
        if verb.is_none() && !sentences.contains_key(&Outcome::Success) {
            return self.refuse(entry.action.span(), format!("`{name}` has neither `verb` nor `sentence.success`"));
        }
        if verb.is_none()
            && let Some(phrase) = &entry.phrase
        {
            return self.refuse(phrase.span(), "a `phrase` follows a `verb`, and there is none");
        }
        let phrase = match entry.phrase {
            Some(phrase) => self.template(phrase, entry.resource.get_ref())?,
            None => Template::parse("", "").expect("nothing is a template"),
        };
        let title = self.words(entry.title)?;
        Ok(Action {
            action: entry.action.into_inner(),
            family: family.to_owned(),
            operation: entry.operation.map_or_else(|| Ok(title.clone()), |operation| self.words(operation))?,
            title,
            resource: entry.resource.into_inner(),
            reserved,
            verb,
            phrase,
            sentences,
            metadata: self.metadata(entry.metadata)?,
        })
    }

    fn verb(&self, forms: Spanned<Vec<String>>) -> Result<Verb, CatalogError> {
        let span = forms.span();
        match <[String; 3]>::try_from(forms.into_inner()) {
            Ok([base, past, gerund]) if [&base, &past, &gerund].iter().all(|form| is_words(form)) => {
                Ok(Verb { base, past, gerund })
            }
            _ => self.refuse(span, "a verb has three forms: [\"promote\", \"promoted\", \"promoting\"]"),
        }
    }

    fn sentences(&self, sentence: SentenceToml, resource: &str) -> Result<BTreeMap<Outcome, Template>, CatalogError> {
        let given = [
            (Outcome::Success, sentence.success),
            (Outcome::Failure, sentence.failure),
            (Outcome::Denied, sentence.denied),
            (Outcome::Unknown, sentence.unknown),
        ];
        let mut sentences = BTreeMap::new();
        for (outcome, template) in given {
            if let Some(template) = template {
                sentences.insert(outcome, self.template(template, resource)?);
            }
        }
        Ok(sentences)
    }

    fn template(&self, template: Spanned<String>, resource: &str) -> Result<Template, CatalogError> {
        Template::parse(template.get_ref(), resource).or_else(|reason| self.refuse(template.span(), reason))
    }

    fn metadata(&self, entries: BTreeMap<Spanned<String>, MetadataToml>) -> Result<Vec<MetadataKey>, CatalogError> {
        let mut keys = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            if keys.len() == METADATA_KEYS_MAX {
                return self.refuse(key.span(), format!("an event has at most {METADATA_KEYS_MAX} metadata keys"));
            }
            if !is_metadata_key(key.get_ref()) {
                return self.refuse(key.span(), "a metadata key is 1 to 64 of A-Z, a-z, 0-9, _ . and -");
            }
            let description = self.words(entry.is)?;
            keys.push(MetadataKey { key: key.into_inner(), description, personal: entry.personal });
        }
        Ok(keys)
    }

    /// A text that is shown to people as it is.
    fn words(&self, text: Spanned<String>) -> Result<String, CatalogError> {
        if is_words(text.get_ref()) {
            return Ok(text.into_inner());
        }
        self.refuse(
            text.span(),
            format!("a text is 1 to {TEXT_CHARS_MAX} characters, none of them a control character"),
        )
    }
}

fn is_words(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control)
}
