//! From one record and a mapping to the JSON of one event, as a client would send it.
//!
//! Whatever the record holds, the event keeps within the limits of events: what is too long is cut with a mark, what is
//! too much is left out and told. Only a record that does not say what was done, or whose time cannot be read, is
//! refused. Nothing here knows a format.

use std::collections::{BTreeMap, BTreeSet};

use actarium_core::hex::to_hex;
use actarium_core::limits::{
    ACTION_CHARS_MAX, EMAIL_CHARS_MAX, EVENT_BYTES_MAX, EXTERNAL_ID_CHARS_MAX, GROUP_CHARS_MAX, GROUPS_MAX,
    HTTP_METHOD_CHARS_MAX, HTTP_PATH_CHARS_MAX, HTTP_STATUS_MAX, HTTP_STATUS_MIN, ID_CHARS_MAX, ISSUER_CHARS_MAX,
    MESSAGE_CHARS_MAX, METADATA_KEYS_MAX, METADATA_TEXT_CHARS_MAX, NAME_CHARS_MAX, ON_BEHALF_OF_DEPTH_MAX,
    REASON_CHARS_MAX, REQUEST_ID_CHARS_MAX, SESSION_ID_CHARS_MAX, SURFACE_CHARS_MAX, TARGET_TYPE_CHARS_MAX,
    TARGETS_MAX, TRACE_ID_CHARS_MAX, USER_AGENT_CHARS_MAX,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::evaluate::{Found, Location, Scope, Unreadable, scalar_text};
use super::mapping::{ActorRule, Expr, Mapping, Path, TargetRule};
use super::metadata::{Leftovers, cut_text, json_bytes};
use super::transform::snake;

/// Bytes of JSON that an event is allowed here; the rest of what an event may have is for what the server adds.
const MAPPED_BYTES_MAX: usize = EVENT_BYTES_MAX - 3 * 1024;
/// Bytes of metadata, and the divisor of every other limit, of one attempt after the other, until the event fits.
const ATTEMPTS: [(usize, usize); 5] = [(20 * 1024, 1), (8 * 1024, 1), (2 * 1024, 4), (512, 16), (0, 64)];
/// Characters that are left of the smallest limits in the last attempts: room for a mark.
const SHORTENED_CHARS_MIN: usize = 48;
/// Bytes of a SHA-256 that stand for a longer text: 128 bits do not collide by accident.
const DIGEST_BYTES: usize = 16;

/// Pointers into an event, and the places in the record that what is there was made of.
pub(super) type Origins = BTreeMap<String, Location>;

/// What became of a record.
#[derive(Debug)]
pub(super) enum Mapped {
    /// The event, and for each pointer into it the place in the record that it was made of.
    Event { value: Value, origins: Origins },
    /// Acknowledged and not recorded.
    Skipped,
    /// Cannot be recorded.
    Refused { pointer: String, detail: String },
}

/// Makes an event of a record.
pub(super) fn map(mapping: &Mapping, record: &Value, settings: &Value) -> Mapped {
    let scope = Scope { record, settings, element: None };
    if mapping.skip.iter().any(|when| scope.holds(when)) {
        return Mapped::Skipped;
    }
    match refusal(mapping, scope) {
        Ok(None) => {}
        Ok(Some((pointer, detail))) => return Mapped::Refused { pointer, detail },
        Err(Unreadable { pointer, detail }) => return Mapped::Refused { pointer, detail },
    }
    let mut last = None;
    for (metadata_bytes_max, divisor) in ATTEMPTS {
        let builder = Builder::new(mapping, scope, divisor);
        match builder.build(metadata_bytes_max) {
            Ok((value, origins)) if json_bytes(&value) <= MAPPED_BYTES_MAX => {
                return Mapped::Event { value, origins };
            }
            Ok(event) => last = Some(event),
            Err(Unreadable { pointer, detail }) => return Mapped::Refused { pointer, detail },
        }
    }
    match last {
        Some((value, origins)) => Mapped::Event { value, origins },
        None => Mapped::Refused { pointer: String::new(), detail: "nothing in it can be kept".to_owned() },
    }
}

fn refusal(mapping: &Mapping, scope: Scope<'_>) -> Result<Option<(String, String)>, Unreadable> {
    for rule in &mapping.refuse {
        if scope.holds(&rule.when) {
            let detail = scope.fill(&rule.detail)?.map_or_else(String::new, |found| found.text);
            return Ok(Some((rule.pointer.clone(), cut_text(detail, METADATA_TEXT_CHARS_MAX))));
        }
    }
    Ok(None)
}

/// How a text is brought within a limit.
#[derive(Clone, Copy)]
enum Fit {
    /// Cut, with a mark that says how many bytes are missing.
    Text(usize),
    /// The same, and a digest of the whole, so that two long ids do not become one.
    Id(usize),
}

/// Builds one event.
struct Builder<'a> {
    mapping: &'a Mapping,
    scope: Scope<'a>,
    /// Every limit is divided by this.
    divisor: usize,
    used: BTreeSet<Location>,
    origins: Origins,
}

impl<'a> Builder<'a> {
    fn new(mapping: &'a Mapping, scope: Scope<'a>, divisor: usize) -> Self {
        Self { mapping, scope, divisor, used: BTreeSet::new(), origins: BTreeMap::new() }
    }

    fn build(mut self, metadata_bytes_max: usize) -> Result<(Value, Origins), Unreadable> {
        let mapping = self.mapping;
        let rule = &mapping.event;
        let mut event = Map::new();
        let action = self.text(self.scope, &rule.action, "/action", Fit::Text(usize::MAX))?;
        event.insert("action".to_owned(), Value::String(tidy_action(&action.ok_or_else(|| not_found(&rule.action))?)));
        let outcome = self.text(self.scope, &rule.outcome, "/outcome", Fit::Text(usize::MAX))?;
        event.insert("outcome".to_owned(), Value::String(outcome.unwrap_or_else(|| "unknown".to_owned())));
        let texts: [(&str, &Option<Expr>, Fit); 4] = [
            ("occurred_at", &rule.occurred_at, Fit::Text(usize::MAX)),
            ("reason", &rule.reason, Fit::Text(REASON_CHARS_MAX)),
            ("message", &rule.message, Fit::Text(MESSAGE_CHARS_MAX)),
            ("external_id", &rule.external_id, Fit::Id(EXTERNAL_ID_CHARS_MAX)),
        ];
        for (field, expr, fit) in texts {
            self.put(&mut event, "", field, expr, fit)?;
        }
        event.insert("actor".to_owned(), self.actor()?);
        event.insert("targets".to_owned(), self.targets()?);
        if let Some(context) = self.context()? {
            event.insert("context".to_owned(), context);
        }
        if let Some(metadata) = self.metadata(metadata_bytes_max)? {
            event.insert("metadata".to_owned(), metadata);
        }
        Ok((Value::Object(event), self.origins))
    }

    /// A text within its limit; notes what it is made of.
    fn text(&mut self, scope: Scope<'a>, expr: &Expr, pointer: &str, fit: Fit) -> Result<Option<String>, Unreadable> {
        let Some(Found { text, origin, used }) = scope.evaluate(expr)? else { return Ok(None) };
        self.used.extend(used);
        if let Some(origin) = origin {
            self.origins.insert(pointer.to_owned(), origin);
        }
        Ok(Some(self.fit(text, fit)))
    }

    fn fit(&self, text: String, fit: Fit) -> String {
        let (chars_max, is_id) = match fit {
            Fit::Text(chars_max) => (chars_max, false),
            Fit::Id(chars_max) => (chars_max, true),
        };
        // What is short by its nature (a time, an action) has no limit to divide.
        let shortened = (chars_max / self.divisor).max(SHORTENED_CHARS_MIN).min(chars_max);
        if text.len() <= shortened || text.chars().count() <= shortened {
            return text;
        }
        if !is_id {
            return cut_text(text, shortened);
        }
        let digest = digest(&text);
        let head: String = text.chars().take(shortened.saturating_sub(digest.len() + 1)).collect();
        if head.is_empty() { digest } else { format!("{head}…{digest}") }
    }

    fn put(
        &mut self,
        into: &mut Map<String, Value>,
        parent: &str,
        field: &str,
        expr: &Option<Expr>,
        fit: Fit,
    ) -> Result<(), Unreadable> {
        let Some(expr) = expr else { return Ok(()) };
        if let Some(text) = self.text(self.scope, expr, &format!("{parent}/{field}"), fit)? {
            into.insert(field.to_owned(), Value::String(text));
        }
        Ok(())
    }

    fn context(&mut self) -> Result<Option<Value>, Unreadable> {
        let rule = &self.mapping.event;
        let mut context = Map::new();
        let texts: [(&str, &Option<Expr>, Fit); 5] = [
            ("ip", &rule.ip, Fit::Text(usize::MAX)),
            ("user_agent", &rule.user_agent, Fit::Text(USER_AGENT_CHARS_MAX)),
            ("request_id", &rule.request_id, Fit::Id(REQUEST_ID_CHARS_MAX)),
            ("trace_id", &rule.trace_id, Fit::Id(TRACE_ID_CHARS_MAX)),
            ("surface", &rule.surface, Fit::Text(SURFACE_CHARS_MAX)),
        ];
        for (field, expr, fit) in texts {
            self.put(&mut context, "/context", field, expr, fit)?;
        }
        let mut http = Map::new();
        if let Some(expr) = &rule.http_method
            && let Some(found) = self.scope.evaluate(expr)?
            && is_method(&found.text)
        {
            self.used.extend(found.used);
            http.insert("method".to_owned(), Value::String(found.text));
        }
        self.put(&mut http, "/context/http", "path", &rule.http_path, Fit::Text(HTTP_PATH_CHARS_MAX))?;
        if let Some(expr) = &rule.http_status
            && let Some(found) = self.scope.evaluate(expr)?
            && let Ok(status) = found.text.parse::<i64>()
            && (HTTP_STATUS_MIN..=HTTP_STATUS_MAX).contains(&status)
        {
            self.used.extend(found.used);
            http.insert("status".to_owned(), json!(status));
        }
        if !http.is_empty() {
            context.insert("http".to_owned(), Value::Object(http));
        }
        Ok((!context.is_empty()).then_some(Value::Object(context)))
    }

    fn actor(&mut self) -> Result<Value, Unreadable> {
        let mapping = self.mapping;
        let actor = self.first_actor(&mapping.actor, "/actor", 0)?;
        Ok(actor.unwrap_or_else(|| json!({"type": "anonymous", "id": "unknown"})))
    }

    fn first_actor(&mut self, rules: &[ActorRule], at: &str, depth: usize) -> Result<Option<Value>, Unreadable> {
        for rule in rules {
            if self.scope.holds(&rule.when)
                && let Some(actor) = self.actor_by(rule, at, depth)?
            {
                return Ok(Some(actor));
            }
        }
        Ok(None)
    }

    fn actor_by(&mut self, rule: &ActorRule, at: &str, depth: usize) -> Result<Option<Value>, Unreadable> {
        let id = self.text(self.scope, &rule.id, &format!("{at}/id"), Fit::Id(ID_CHARS_MAX))?;
        let kind = self.text(self.scope, &rule.kind, &format!("{at}/type"), Fit::Text(usize::MAX))?;
        let (Some(id), Some(kind)) = (id, kind) else { return Ok(None) };
        let mut actor = Map::new();
        actor.insert("type".to_owned(), Value::String(kind));
        actor.insert("id".to_owned(), Value::String(id));
        let texts: [(&str, &Option<Expr>, Fit); 4] = [
            ("name", &rule.name, Fit::Text(NAME_CHARS_MAX)),
            ("email", &rule.email, Fit::Text(EMAIL_CHARS_MAX)),
            ("issuer", &rule.issuer, Fit::Id(ISSUER_CHARS_MAX)),
            ("session_id", &rule.session_id, Fit::Id(SESSION_ID_CHARS_MAX)),
        ];
        for (field, expr, fit) in texts {
            self.put(&mut actor, at, field, expr, fit)?;
        }
        if let Some(path) = &rule.groups {
            let groups = self.groups(path);
            if !groups.is_empty() {
                actor.insert("groups".to_owned(), groups.into());
            }
        }
        if let Some(metadata) = self.own_metadata(self.scope, &rule.metadata, &format!("{at}/metadata"))? {
            actor.insert("metadata".to_owned(), metadata);
        }
        if depth < ON_BEHALF_OF_DEPTH_MAX
            && let Some(other) = self.first_actor(&rule.on_behalf_of, &format!("{at}/on_behalf_of"), depth + 1)?
        {
            actor.insert("on_behalf_of".to_owned(), other);
        }
        Ok(Some(Value::Object(actor)))
    }

    /// The groups at a path, as many as there is room for; the others stay where they are.
    fn groups(&mut self, path: &Path) -> Vec<String> {
        let mut groups = Vec::new();
        for (location, value) in self.scope.resolve(path) {
            if groups.len() == (GROUPS_MAX / self.divisor).max(1) {
                break;
            }
            if let Some(group) = scalar_text(value) {
                groups.push(self.fit(group, Fit::Id(GROUP_CHARS_MAX)));
                self.used.insert(location);
            }
        }
        groups
    }

    /// The metadata of an actor or a target.
    fn own_metadata(
        &mut self,
        scope: Scope<'a>,
        rules: &BTreeMap<String, Expr>,
        at: &str,
    ) -> Result<Option<Value>, Unreadable> {
        let mut metadata = Map::new();
        for (key, expr) in rules.iter().take(METADATA_KEYS_MAX) {
            if let Some(text) = self.text(scope, expr, &format!("{at}/{key}"), Fit::Text(METADATA_TEXT_CHARS_MAX))? {
                metadata.insert(key.clone(), Value::String(text));
            }
        }
        Ok((!metadata.is_empty()).then_some(Value::Object(metadata)))
    }

    fn targets(&mut self) -> Result<Value, Unreadable> {
        let mapping = self.mapping;
        let mut targets: Vec<Value> = Vec::new();
        for rule in &mapping.target {
            if rule.fallback && !targets.is_empty() {
                continue;
            }
            match &rule.each {
                None => self.targets_by(rule, self.scope, &mut targets)?,
                Some(path) => {
                    for (location, value) in self.scope.resolve(path) {
                        // The rule's paths need the location for as long as the builder lives.
                        let scope = Scope { element: Some((&location, value)), ..self.scope };
                        let found = targets_in(rule, scope)?;
                        self.add_targets(found, &mut targets);
                    }
                }
            }
        }
        if targets.is_empty() {
            targets.push(json!({"type": "resource", "id": "unknown"}));
        }
        Ok(Value::Array(targets))
    }

    fn targets_by(&mut self, rule: &TargetRule, scope: Scope<'_>, targets: &mut Vec<Value>) -> Result<(), Unreadable> {
        let found = targets_in(rule, scope)?;
        self.add_targets(found, targets);
        Ok(())
    }

    /// Adds what is not there yet, while there is room; what is not added stays where it is in the record.
    fn add_targets(&mut self, found: Vec<FoundTarget>, targets: &mut Vec<Value>) {
        for target in found {
            let id = self.fit(target.id.text.clone(), Fit::Id(ID_CHARS_MAX));
            let name = target.name.as_ref().map(|name| self.fit(name.text.clone(), Fit::Text(NAME_CHARS_MAX)));
            let is_same = |other: &Value| {
                let same = |field: &str, text: &str| other.get(field).is_some_and(|value| value == text);
                other["type"] == *target.kind.text
                    && (same("id", &id)
                        || same("name", &id)
                        || name.as_deref().is_some_and(|name| same("id", name) || same("name", name)))
            };
            if let Some(same) = targets.iter().find(|other| is_same(other)) {
                // What it says that the other one does not stays where it is.
                let is_said = |found: &&Found| same["id"] == *found.text || same["name"] == *found.text;
                let said = [Some(&target.id), target.name.as_ref()].into_iter().flatten().filter(is_said);
                self.used.extend(said.flat_map(|found| found.used.iter().cloned()));
                continue;
            }
            // One place is left for the environment that a credential may stand for.
            if targets.len() == (TARGETS_MAX / self.divisor).max(3) - 1 {
                return;
            }
            let at = format!("/targets/{}", targets.len());
            for (field, found) in
                [("type", Some(&target.kind)), ("id", Some(&target.id)), ("name", target.name.as_ref())]
            {
                if let Some(origin) = found.and_then(|found| found.origin.as_ref()) {
                    self.origins.insert(format!("{at}/{field}"), origin.clone());
                }
            }
            self.used.extend(target.used());
            let mut value = Map::new();
            value.insert("type".to_owned(), Value::String(target.kind.text));
            value.insert("id".to_owned(), Value::String(id));
            if let Some(name) = name {
                value.insert("name".to_owned(), Value::String(name));
            }
            let metadata: Map<String, Value> = target
                .metadata
                .into_iter()
                .map(|(key, found)| (key, Value::String(self.fit(found.text, Fit::Text(METADATA_TEXT_CHARS_MAX)))))
                .collect();
            if !metadata.is_empty() {
                value.insert("metadata".to_owned(), Value::Object(metadata));
            }
            targets.push(Value::Object(value));
        }
    }

    fn metadata(&mut self, bytes_max: usize) -> Result<Option<Value>, Unreadable> {
        let rule = &self.mapping.metadata;
        let mut leftovers = Leftovers::default();
        for (key, expr) in &rule.add {
            if let Some(text) =
                self.text(self.scope, expr, &format!("/metadata/{key}"), Fit::Text(METADATA_TEXT_CHARS_MAX))?
            {
                leftovers.add.push((key.clone(), Value::String(text)));
            }
        }
        for leave_out in rule.leave_out.iter().filter(|leave_out| self.scope.holds(&leave_out.when)) {
            let places = leave_out.paths.iter().flat_map(|path| self.scope.resolve(path));
            leftovers.leave_out.extend(places.map(|(location, _)| (location, leave_out.why.as_str())));
        }
        let places = |paths: &[Path]| -> Vec<Location> {
            paths.iter().flat_map(|path| self.scope.resolve(path)).map(|(location, _)| location).collect()
        };
        leftovers.lift = places(&rule.lift);
        leftovers.first = places(&rule.first);
        leftovers.without = std::mem::take(&mut self.used);
        leftovers.without.extend(places(&rule.ignore));
        let (metadata, origins) = leftovers.collect(self.scope.record, bytes_max);
        self.origins.extend(origins.into_iter().map(|(key, at)| (format!("/metadata/{key}"), at)));
        Ok((!metadata.is_empty()).then_some(Value::Object(metadata)))
    }
}

/// A target as a rule finds it, before limits.
struct FoundTarget {
    kind: Found,
    id: Found,
    name: Option<Found>,
    metadata: BTreeMap<String, Found>,
}

impl FoundTarget {
    fn used(&self) -> Vec<Location> {
        let name = self.name.iter().chain(self.metadata.values());
        [&self.kind, &self.id].into_iter().chain(name).flat_map(|found| found.used.iter().cloned()).collect()
    }
}

fn targets_in(rule: &TargetRule, scope: Scope<'_>) -> Result<Vec<FoundTarget>, Unreadable> {
    let mut targets = Vec::new();
    if !scope.holds(&rule.when) {
        return Ok(targets);
    }
    if let (Some(kind), Some(id)) = (&rule.kind, &rule.id)
        && let (Some(mut kind), Some(id)) = (scope.evaluate(kind)?, scope.evaluate(id)?)
    {
        kind.text = tidy_type(&kind.text);
        let name = rule.name.as_ref().map_or(Ok(None), |name| scope.evaluate(name))?;
        let mut metadata = BTreeMap::new();
        for (key, expr) in &rule.metadata {
            if let Some(found) = scope.evaluate(expr)? {
                metadata.insert(key.clone(), found);
            }
        }
        // A name that is the id again says nothing.
        let name = name.filter(|name| name.text != id.text);
        targets.push(FoundTarget { kind, id, name, metadata });
    }
    for (path, kind) in &rule.named_by {
        for (location, value) in scope.resolve(path) {
            if let Some(text) = scalar_text(value) {
                let kind = Found { text: kind.clone(), origin: None, used: Vec::new() };
                let id = Found { text, origin: Some(location.clone()), used: vec![location] };
                targets.push(FoundTarget { kind, id, name: None, metadata: BTreeMap::new() });
            }
        }
    }
    Ok(targets)
}

/// Says which fields would have told what was done.
fn not_found(expr: &Expr) -> Unreadable {
    let mut paths = Vec::new();
    collect_paths(expr, &mut paths);
    Unreadable {
        pointer: String::new(),
        detail: format!("it does not say what was done; that is expected as a text in {}", paths.join(" or ")),
    }
}

fn collect_paths(expr: &Expr, paths: &mut Vec<String>) {
    use super::mapping::{Piece, Step};
    let mut push = |path: &Path| {
        let keys = path.steps.iter().map(|step| if let Step::Key(key) = step { key.as_str() } else { "*" });
        let path = format!("`{}`", keys.collect::<Vec<_>>().join("."));
        if !paths.contains(&path) {
            paths.push(path);
        }
    };
    match expr {
        Expr::Path(path) => push(path),
        Expr::Any(alternatives) => alternatives.iter().for_each(|expr| collect_paths(expr, paths)),
        Expr::Rule(rule) => {
            rule.from.iter().flat_map(|from| from.as_slice()).for_each(&mut push);
            for piece in rule.text.iter().flat_map(|text| &text.0) {
                if let Piece::Value(path, _) = piece {
                    push(path);
                }
            }
        }
    }
}

/// An action within its grammar: what transforms may leave over is put right.
fn tidy_action(text: &str) -> String {
    let mut segments: Vec<String> = text.split('.').map(snake).filter(|segment| !segment.is_empty()).collect();
    while segments.len() < 2 {
        segments.push("unknown".to_owned());
    }
    let mut action = segments.join(".");
    if action.len() > ACTION_CHARS_MAX {
        action.truncate(ACTION_CHARS_MAX);
        action.truncate(action.trim_end_matches(['.', '_']).len());
        if !action.contains('.') {
            action.truncate(ACTION_CHARS_MAX - ".unknown".len());
            action = action.trim_end_matches('_').to_owned() + ".unknown";
        }
    }
    action
}

/// A type of target within its grammar.
fn tidy_type(text: &str) -> String {
    let mut kind: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-') { c } else { '_' })
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(TARGET_TYPE_CHARS_MAX)
        .collect();
    if kind.is_empty() {
        kind.push_str("resource");
    }
    kind
}

/// Whether a text is the name of a method (RFC 9110, section 5.6.2, without the rarer characters).
fn is_method(text: &str) -> bool {
    text.len() <= HTTP_METHOD_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A short text that stands for a long one.
pub(super) fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    format!("sha256:{}", to_hex(&hash[..DIGEST_BYTES]))
}
