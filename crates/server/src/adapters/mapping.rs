//! The language of the mapping files (`mappings/*.toml`): which field of a foreign record becomes which field of an
//! event. `docs/INGEST.md` describes it for readers.
//!
//! This file is the model and its parser; it must not look at records (`evaluate` does) nor build events (`engine`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::transform::Transform;

/// A mapping file as it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    /// The `source` of the events it makes.
    pub source: String,
    /// Keys of an envelope whose list holds the records (`Records`, `items`).
    #[serde(default)]
    pub envelopes: Vec<String>,
    /// What is done to a record before the rules see it, where rules cannot say it.
    pub prepare: Option<Prepare>,
    /// Records that are acknowledged and not recorded.
    #[serde(default)]
    pub skip: Vec<When>,
    /// Records that are refused, with the reason given to the sender.
    #[serde(default)]
    pub refuse: Vec<RefuseRule>,
    /// Fields of the event that are one text.
    pub event: EventRule,
    /// Who did it: the first rule whose condition holds and whose id is found.
    pub actor: Vec<ActorRule>,
    /// What it was done to, all that are found, in this order.
    pub target: Vec<TargetRule>,
    /// What becomes of everything else.
    #[serde(default)]
    pub metadata: MetadataRule,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// If it is not TOML or says something that the language does not know.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// A named step in Rust that puts a record into the form that the rules describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Prepare {
    /// Takes the audit event out of the envelopes that hosting providers put around it.
    Kubernetes,
    /// Reads claims as groups, and tells operations apart.
    Openchoreo,
}

/// A kind of record that cannot be recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefuseRule {
    /// All of it must hold.
    pub when: When,
    /// JSON Pointer to what is wrong.
    #[serde(default)]
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub detail: Template,
}

/// The fields of an event that are one text each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventRule {
    pub occurred_at: Option<Expr>,
    pub action: Expr,
    pub outcome: Expr,
    pub reason: Option<Expr>,
    pub message: Option<Expr>,
    pub external_id: Option<Expr>,
    pub ip: Option<Expr>,
    pub user_agent: Option<Expr>,
    pub request_id: Option<Expr>,
    pub trace_id: Option<Expr>,
    pub surface: Option<Expr>,
    pub http_method: Option<Expr>,
    pub http_path: Option<Expr>,
    pub http_status: Option<Expr>,
}

/// How an actor is found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorRule {
    #[serde(default)]
    pub when: When,
    #[serde(rename = "type")]
    pub kind: Expr,
    pub id: Expr,
    pub name: Option<Expr>,
    pub email: Option<Expr>,
    pub issuer: Option<Expr>,
    pub session_id: Option<Expr>,
    /// A list of texts.
    pub groups: Option<Path>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Expr>,
    /// The same again for the one on whose behalf it was done.
    #[serde(default)]
    pub on_behalf_of: Vec<ActorRule>,
}

/// How a target is found. With `each`, once per value there, which the paths of the rule call `@`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetRule {
    #[serde(default)]
    pub when: When,
    pub each: Option<Path>,
    #[serde(rename = "type")]
    pub kind: Option<Expr>,
    pub id: Option<Expr>,
    pub name: Option<Expr>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Expr>,
    /// Only if nothing was found before it.
    #[serde(default)]
    pub fallback: bool,
    /// Short form for many: pairs of a path and the type of what it names.
    #[serde(default)]
    pub named_by: Vec<(Path, String)>,
}

/// What becomes of fields without a field of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetadataRule {
    /// Keys beyond the record's own paths.
    #[serde(default)]
    pub add: BTreeMap<String, Expr>,
    /// Fields that say the same in every record.
    #[serde(default)]
    pub ignore: Vec<Path>,
    /// Maps whose keys are taken without the map's own name.
    #[serde(default)]
    pub lift: Vec<Path>,
    /// Fields that give way last when there is more than fits, in this order.
    #[serde(default)]
    pub first: Vec<Path>,
    /// Fields whose value is replaced by a mark because it opens doors.
    #[serde(default)]
    pub leave_out: Vec<LeaveOut>,
}

/// Values that must not be kept: credentials.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaveOut {
    #[serde(default)]
    pub when: When,
    pub paths: Vec<Path>,
    /// Why, as the mark says it.
    pub why: String,
}

/// Conditions all of which hold.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "OneOrMany<Condition>")]
pub(super) struct When(pub Vec<Condition>);

impl From<OneOrMany<Condition>> for When {
    fn from(conditions: OneOrMany<Condition>) -> Self {
        Self(conditions.into_vec())
    }
}

/// What is asked of the value at a path, or of the values at several taken together; everything that is asked must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub path: OneOrMany<Path>,
    /// Whether there is a value at all (`null` is none).
    pub exists: Option<bool>,
    /// Equal, as text, to one of these.
    #[serde(default)]
    pub is: Option<OneOrMany<String>>,
    /// Matching one of these, where `*` stands for any text.
    #[serde(default)]
    pub like: Option<OneOrMany<String>>,
    /// Matching none of these, and there.
    #[serde(default)]
    pub unlike: Option<OneOrMany<String>>,
    /// Different, as text, from the value at this path.
    pub differs_from: Option<Path>,
}

/// How a text is found.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expr {
    /// The text, number or boolean at a path.
    Path(Path),
    /// The first of these that is found.
    Any(Vec<Expr>),
    /// Anything else.
    Rule(Box<Rule>),
}

/// A text from paths, a template or a constant, and what is done to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default)]
    pub when: When,
    /// The first of these paths that is found.
    pub from: Option<OneOrMany<Path>>,
    /// A text with `{path}` or `{path|transform|…}` in it, found if all of them are.
    pub text: Option<Template>,
    /// A constant.
    pub is: Option<String>,
    /// Transforms, one after the other.
    #[serde(default)]
    pub with: Vec<Transform>,
    /// What stands for what.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// The same with patterns, the first that matches.
    #[serde(default)]
    pub like: Vec<(String, String)>,
    /// For a value that is neither in `map` nor in `like`; without it such a value counts as not found, if there is
    /// a `map` or `like`.
    pub otherwise: Option<String>,
    /// The fields used are kept in the metadata too. (Those whose text was changed on the way always are, except times.)
    #[serde(default)]
    pub keep: bool,
}

/// One value or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// Where a value is: keys separated by dots. A key with dots in it stands in brackets, `*` means every element of a
/// list, a number one element; a leading `@` is the element of `each`, a leading `$` a setting of the adapter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Path {
    pub root: Root,
    pub steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Record,
    Element,
    Settings,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Every,
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (root, mut rest) = match text.as_bytes().first() {
            Some(b'@') => (Root::Element, text[1..].trim_start_matches('.')),
            Some(b'$') => (Root::Settings, &text[1..]),
            _ => (Root::Record, text.as_str()),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (key, after) = if let Some(quoted) = rest.strip_prefix('[') {
                quoted.split_once(']').ok_or_else(|| format!("`{text}`: a bracket is not closed"))?
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                rest.split_at(end)
            };
            if key.is_empty() {
                return Err(format!("`{text}`: an empty key"));
            }
            steps.push(if key == "*" { Step::Every } else { Step::Key(key.to_owned()) });
            rest = match after.strip_prefix('.') {
                Some("") => return Err(format!("`{text}`: ends in a dot")),
                Some(more) => more,
                None if after.is_empty() => after,
                None => return Err(format!("`{text}`: a dot is missing after a bracket")),
            };
        }
        if steps.is_empty() && root != Root::Element {
            return Err("an empty path".to_owned());
        }
        Ok(Self { root, steps })
    }
}

/// A text with values in it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Template(pub Vec<Piece>);

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Value(Path, Vec<Transform>),
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or_else(|| format!("`{text}`: a brace is not closed"))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let mut parts = inside.split('|');
            let path = Path::try_from(parts.next().unwrap_or_default().to_owned())?;
            let transforms = parts.map(|part| Transform::try_from(part.to_owned())).collect::<Result<_, _>>()?;
            pieces.push(Piece::Value(path, transforms));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str) -> Vec<String> {
        let path = Path::try_from(path.to_owned()).unwrap();
        path.steps.iter().map(|step| if let Step::Key(key) = step { key.clone() } else { "*".to_owned() }).collect()
    }

    #[test]
    fn paths_split_at_dots_but_not_in_brackets() {
        assert_eq!(keys("a.b.c"), ["a", "b", "c"]);
        assert_eq!(
            keys("annotations.[authorization.k8s.io/decision]"),
            ["annotations", "authorization.k8s.io/decision"]
        );
        assert_eq!(keys("[a.b].c.*.d"), ["a.b", "c", "*", "d"]);
        assert_eq!(keys("@"), Vec::<String>::new());
        assert_eq!(keys("@.x"), ["x"]);
        for bad in ["", "a..b", "a.", "[a", "[a]b", "$"] {
            assert!(Path::try_from(bad.to_owned()).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_mapping_with_an_unknown_word_is_refused() {
        let text = include_str!("../../mappings/github.toml");
        assert!(Mapping::parse(text).is_ok());
        assert!(Mapping::parse(&format!("surprise = 1\n{text}")).is_err());
        assert!(Template::try_from("{a|no_such_transform}".to_owned()).is_err());
    }
}
