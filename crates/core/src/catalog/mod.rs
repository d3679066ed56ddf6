//! The catalog: what every action is called, what it acts on, which metadata it carries, and how it is told as a sentence.
//!
//! The built-in catalog is compiled in from `catalog/*.toml`; an organization may add a catalog of its own. The catalog is
//! for showing only: it must not decide what is accepted, stored or hashed.

mod facts;
mod file;
mod sentence;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Serialize;

use crate::event::{Outcome, RESERVED_ACTIONS};
use crate::limits::{ACTION_CHARS_MAX, METADATA_KEY_CHARS_MAX, TARGET_TYPE_CHARS_MAX};

pub use facts::Facts;
pub use sentence::{Piece, Role};
pub use template::{TEMPLATE_CHARS_MAX, Template, Value};

/// Bytes of a catalog file at the most.
pub const CATALOG_BYTES_MAX: usize = 256 * 1024;
/// Actions of one catalog file at the most.
pub const ACTIONS_MAX: usize = 1_000;
/// Characters of a title, summary, operation or description at the most.
pub const TEXT_CHARS_MAX: usize = 300;

/// Whether an action is one that Actarium alone records.
pub fn is_reserved(action: &str) -> bool {
    RESERVED_ACTIONS.iter().any(|prefix| action.starts_with(prefix))
}

/// The built-in files, in the order in which families are shown.
const BUILTIN: [(&str, &str); 16] = [
    ("catalog/projects.toml", include_str!("../../../../catalog/projects.toml")),
    ("catalog/components.toml", include_str!("../../../../catalog/components.toml")),
    ("catalog/promotion.toml", include_str!("../../../../catalog/promotion.toml")),
    ("catalog/versions.toml", include_str!("../../../../catalog/versions.toml")),
    ("catalog/deployment.toml", include_str!("../../../../catalog/deployment.toml")),
    ("catalog/access_mode.toml", include_str!("../../../../catalog/access_mode.toml")),
    ("catalog/auto_deploy.toml", include_str!("../../../../catalog/auto_deploy.toml")),
    ("catalog/build_config.toml", include_str!("../../../../catalog/build_config.toml")),
    ("catalog/endpoints.toml", include_str!("../../../../catalog/endpoints.toml")),
    ("catalog/users.toml", include_str!("../../../../catalog/users.toml")),
    ("catalog/on_prem_keys.toml", include_str!("../../../../catalog/on_prem_keys.toml")),
    ("catalog/project_config.toml", include_str!("../../../../catalog/project_config.toml")),
    ("catalog/sessions.toml", include_str!("../../../../catalog/sessions.toml")),
    ("catalog/identity_providers.toml", include_str!("../../../../catalog/identity_providers.toml")),
    ("catalog/audit_log.toml", include_str!("../../../../catalog/audit_log.toml")),
    ("catalog/service.toml", include_str!("../../../../catalog/service.toml")),
];

/// A metadata key that events of an action carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetadataKey {
    /// The key.
    pub key: String,
    /// What its value is.
    pub description: String,
    /// Whether its value is about a person.
    pub personal: bool,
}

/// The three forms of the verb that sentences are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verb {
    /// `promote`: rows and "failed to promote".
    pub base: String,
    /// `promoted`: what succeeded.
    pub past: String,
    /// `promoting`: "was denied promoting".
    pub gerund: String,
}

/// One action and how it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// `resource.verb`.
    pub action: String,
    /// The family it belongs to, by name.
    pub family: String,
    /// A few words for lists and filters, as a button would say it.
    pub title: String,
    /// The operation of which this is the record.
    pub operation: String,
    /// The type of the first target.
    pub resource: String,
    /// Whether Actarium alone records it.
    pub reserved: bool,
    /// The verb, where sentences are made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<Verb>,
    /// What follows the verb.
    #[serde(serialize_with = "template_source")]
    phrase: Template,
    /// Whole sentences in place of those made from the verb.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "sentence_sources")]
    sentences: BTreeMap<Outcome, Template>,
    /// The metadata keys that its events carry.
    pub metadata: Vec<MetadataKey>,
}

impl Action {
    /// The template of what follows the verb.
    pub fn phrase_template(&self) -> &Template {
        &self.phrase
    }

    /// The template of the whole sentence for an outcome, where there is one of its own.
    pub fn sentence_template(&self, outcome: Outcome) -> Option<&Template> {
        self.sentences.get(&outcome)
    }
}

fn template_source<S: serde::Serializer>(template: &Template, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(template.source())
}

fn sentence_sources<S: serde::Serializer>(
    sentences: &BTreeMap<Outcome, Template>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sentences.iter().map(|(outcome, template)| (outcome.as_str(), template.source())))
}

/// Actions that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Family {
    /// Name of the family, which is also that of its built-in file.
    pub family: String,
    /// Its title.
    pub title: String,
    /// What its actions are about, in one sentence.
    pub summary: String,
    /// Its actions, in the order of the file.
    pub actions: Vec<Action>,
}

/// A catalog file that cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct CatalogError {
    /// Line of the mistake, from 1.
    pub line: usize,
    /// Column of the mistake in characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Families of actions, and each action by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    families: Vec<Family>,
    /// Action → position of its family, position within it.
    places: BTreeMap<String, (usize, usize)>,
}

impl Catalog {
    /// The catalog that is compiled in.
    ///
    /// # Panics
    /// Not in a program that passed its tests: they read every file that is compiled in.
    pub fn builtin() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let mut catalog = Catalog::default();
            for (name, text) in BUILTIN {
                match file::parse(text, file::Origin::Builtin) {
                    Ok(family) => catalog.add_family(family),
                    Err(error) => panic!("{name}, {error}"),
                }
            }
            catalog
        })
    }

    /// Reads an organization's own catalog, one TOML text of the form of the built-in files.
    ///
    /// # Errors
    /// The first mistake, with line and column: TOML that cannot be read, an unknown or missing key, an action, type or
    /// template that is against the rules, an action given twice, or one that Actarium alone records.
    pub fn parse(text: &str) -> Result<Catalog, CatalogError> {
        let mut catalog = Catalog::default();
        catalog.add_family(file::parse(text, file::Origin::Organization)?);
        Ok(catalog)
    }

    /// This catalog with another one over it: what the other tells of an action counts, and its new actions come last.
    /// Actions that Actarium alone records stay as they are.
    pub fn merge(&self, own: &Catalog) -> Catalog {
        let mut merged = self.clone();
        for family in &own.families {
            let mut added = Family { actions: Vec::new(), ..family.clone() };
            for action in family.actions.iter().filter(|action| !action.reserved) {
                match merged.places.get(&action.action) {
                    Some(&(of, at)) => {
                        let kept = merged.families[of].family.clone();
                        merged.families[of].actions[at] = Action { family: kept, ..action.clone() };
                    }
                    None => added.actions.push(action.clone()),
                }
            }
            if !added.actions.is_empty() {
                merged.add_family(added);
            }
        }
        merged
    }

    /// The families in the order in which they are shown.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// All actions, family by family.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.families.iter().flat_map(|family| &family.actions)
    }

    /// The action of a name.
    pub fn get(&self, action: &str) -> Option<&Action> {
        let &(of, at) = self.places.get(action)?;
        Some(&self.families[of].actions[at])
    }

    /// What an event says of itself, or else the catalog's sentence.
    pub fn describe(&self, facts: &Facts) -> String {
        facts.message.clone().unwrap_or_else(|| self.sentence(facts))
    }

    /// The event as one sentence, without a full stop: "Ada was denied promoting orders-api to production".
    /// An action that the catalog does not know is told by its name.
    pub fn sentence(&self, facts: &Facts) -> String {
        self.sentence_pieces(facts).into_iter().map(|piece| piece.text).collect()
    }

    /// The sentence in pieces, for a reader that shows them differently.
    pub fn sentence_pieces(&self, facts: &Facts) -> Vec<Piece> {
        sentence::sentence(self.get(&facts.action), facts)
    }

    /// The event as a row beside a column for its actor shows it: "promote", " orders-api", " to production".
    pub fn row_pieces(&self, facts: &Facts) -> Vec<Piece> {
        sentence::row(self.get(&facts.action), facts)
    }

    fn add_family(&mut self, family: Family) {
        let of = self.families.len();
        for (at, action) in family.actions.iter().enumerate() {
            self.places.insert(action.action.clone(), (of, at));
        }
        self.families.push(family);
    }
}

/// Whether a text has the form of an action: `[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+`, at most 128 characters.
fn is_action(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.len() <= ACTION_CHARS_MAX && text.contains('.') && text.split('.').all(part)
}

/// Whether a text has the form of a target's type: `[A-Za-z][A-Za-z0-9_.:/-]{0,63}`.
fn is_target_type(text: &str) -> bool {
    text.len() <= TARGET_TYPE_CHARS_MAX
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:/-".contains(c))
}

/// Whether a text has the form of a metadata key: `[A-Za-z0-9_.-]{1,64}`.
fn is_metadata_key(text: &str) -> bool {
    (1..=METADATA_KEY_CHARS_MAX).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
