//! Adapters: the audit records of other systems as events.
//!
//! Pure: bytes in, events and reasons out; no clock, no I/O. What maps to what is said in `mappings/*.toml`, which the
//! engine here interprets; a format has code of its own only for what such a file cannot say. Nothing of a record is
//! lost silently: what has no field of its own goes to `metadata`, what is too large is cut with a mark.

mod engine;
mod evaluate;
mod input;
mod kubernetes;
mod mapping;
mod metadata;
mod openchoreo;
mod transform;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use actarium_core::event::{Intake, Refusal, encode_value};
use actarium_core::masking::Masking;
use actarium_core::row::{EncodedRows, Micros};
use serde_json::Value;

use self::engine::Mapped;
use self::evaluate::pointer_of;
pub use self::input::{BodyRefused, DECOMPRESSED_BYTES_MAX, RECORDS_MAX};
use self::mapping::{Mapping, Prepare};

/// Refused records that are told one by one; of further ones only the number.
pub const REFUSED_REPORTED_MAX: usize = 2_000;

/// A system whose audit records are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Adapter {
    /// Audit records of OpenChoreo, schema 1.x.
    OpenChoreo,
    /// `audit.k8s.io` events of a Kubernetes API server.
    Kubernetes,
    /// AWS CloudTrail records.
    CloudTrail,
    /// GitHub organization and enterprise audit log.
    GitHub,
}

impl Adapter {
    /// All of them.
    pub const ALL: [Adapter; 4] = [Self::OpenChoreo, Self::Kubernetes, Self::CloudTrail, Self::GitHub];

    /// The name in paths, and the `source` of its events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenChoreo => "openchoreo",
            Self::Kubernetes => "kubernetes",
            Self::CloudTrail => "cloudtrail",
            Self::GitHub => "github",
        }
    }

    /// The adapter of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|adapter| adapter.name() == name)
    }

    /// The scope of the `external_id`s of its events.
    pub const fn sender(self) -> &'static str {
        match self {
            Self::OpenChoreo => "adapter:openchoreo",
            Self::Kubernetes => "adapter:kubernetes",
            Self::CloudTrail => "adapter:cloudtrail",
            Self::GitHub => "adapter:github",
        }
    }

    fn mapping(self) -> &'static Mapping {
        static OPENCHOREO: LazyLock<Mapping> =
            LazyLock::new(|| built_in(include_str!("../../mappings/openchoreo.toml")));
        static KUBERNETES: LazyLock<Mapping> =
            LazyLock::new(|| built_in(include_str!("../../mappings/kubernetes.toml")));
        static CLOUDTRAIL: LazyLock<Mapping> =
            LazyLock::new(|| built_in(include_str!("../../mappings/cloudtrail.toml")));
        static GITHUB: LazyLock<Mapping> = LazyLock::new(|| built_in(include_str!("../../mappings/github.toml")));
        match self {
            Self::OpenChoreo => &OPENCHOREO,
            Self::Kubernetes => &KUBERNETES,
            Self::CloudTrail => &CLOUDTRAIL,
            Self::GitHub => &GITHUB,
        }
    }
}

fn built_in(text: &str) -> Mapping {
    // A mapping file is part of the program; a test reads every one of them.
    Mapping::parse(text).expect("the mapping files are read by a test")
}

/// What an adapter is told besides the body.
#[derive(Clone, Copy)]
pub struct AdapterOptions<'a> {
    /// Says whether the work is still wanted; it is asked before every record.
    pub is_wanted: &'a dyn Fn() -> bool,
    /// The time of the server.
    pub now: Micros,
    /// The environment that the credential stands for, if it does for one.
    pub environment: Option<&'a str>,
    /// The name of the cluster that the records come from, where the records do not say it (Kubernetes).
    pub cluster: Option<&'a str>,
    /// Says for an action whether it is in the catalog, if the organization takes no others.
    pub strict_catalog: Option<&'a dyn Fn(&str) -> bool>,
    /// Which credentials are masked.
    pub masking: &'a Masking,
    /// The credential that brings the records, which stands behind the adapter as their sender.
    pub credential: Option<&'a str>,
}

impl AdapterOptions<'_> {
    /// No environment, cluster, strict catalog or credential.
    pub fn new(now: Micros) -> Self {
        let masking = Masking::standard();
        Self {
            is_wanted: &|| true,
            now,
            environment: None,
            cluster: None,
            strict_catalog: None,
            masking,
            credential: None,
        }
    }
}

/// A record that became an event.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptedEvent {
    /// Place of the record in the body, from 0.
    pub index: usize,
    /// The event as a client would send it.
    pub value: Value,
    /// For pointers into the event, the place in the record that the value there was made of.
    origins: engine::Origins,
}

/// A record that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// Place of the record in the body, from 0.
    pub index: usize,
    /// JSON Pointer into the record; empty for the record as a whole.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub detail: String,
}

/// What became of the records of a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Adapted {
    /// Events, in the order of the records.
    pub events: Vec<AdaptedEvent>,
    /// Records that are acknowledged and not recorded, such as the earlier stages of a Kubernetes request.
    pub skipped: usize,
    /// Records that cannot be recorded; the first [`REFUSED_REPORTED_MAX`].
    pub refused: Vec<Refused>,
    /// How many more cannot be recorded.
    pub refused_more: usize,
}

/// What became of the records of a body, as rows to commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdaptedRows {
    /// The events, encoded.
    pub rows: EncodedRows,
    /// For each row, the place of its record in the body.
    pub indices: Vec<usize>,
    /// Records that are acknowledged and not recorded.
    pub skipped: usize,
    /// Records that cannot be recorded, by their place in the body; the first [`REFUSED_REPORTED_MAX`].
    pub refused: Vec<Refused>,
    /// How many more cannot be recorded.
    pub refused_more: usize,
}

/// Makes events of the records in a body: one JSON value, a list, an envelope (`{"Records": […]}`, `EventList`), one
/// record per line, any of them in gzip.
///
/// # Errors
/// If the body as a whole cannot be read; a record that cannot be recorded is told in the result.
pub fn adapt(adapter: Adapter, body: &[u8], options: &AdapterOptions<'_>) -> Result<Adapted, BodyRefused> {
    let mut events = Vec::new();
    let mut adapted = adapt_each(adapter, body, options, &mut |event, _| events.push(event))?;
    adapted.events = events;
    Ok(adapted)
}

/// [`adapt`], but hands out each event as soon as it is made, with the place for what is wrong with it, so that no more
/// than one record is in memory as more than its text.
fn adapt_each(
    adapter: Adapter,
    body: &[u8],
    options: &AdapterOptions<'_>,
    each: &mut dyn FnMut(AdaptedEvent, &mut Adapted),
) -> Result<Adapted, BodyRefused> {
    let mapping = adapter.mapping();
    let content = input::decompressed(body, DECOMPRESSED_BYTES_MAX)?;
    let records = input::records(&content, &mapping.envelopes)?;
    let settings = serde_json::json!({ "cluster": options.cluster });
    let mut adapted = Adapted::default();
    let mut timeless = HashMap::new();
    for (index, record) in records.into_iter().enumerate() {
        if !(options.is_wanted)() {
            return Err(BodyRefused::Unwanted);
        }
        let parsed = record.and_then(|text| Ok((text, input::parse_record(text)?)));
        match parsed {
            Ok((text, record)) => match adapt_record(mapping, record, &settings) {
                Mapped::Event { mut value, origins } => {
                    identify(&mut value, text, &mut timeless);
                    each(AdaptedEvent { index, value, origins }, &mut adapted);
                }
                Mapped::Skipped => adapted.skipped += 1,
                Mapped::Refused { pointer, detail } => adapted.refuse(index, pointer, detail),
            },
            Err(detail) => adapted.refuse(index, String::new(), detail),
        }
    }
    Ok(adapted)
}

impl Adapted {
    fn refuse(&mut self, index: usize, pointer: String, detail: String) {
        tell(&mut self.refused, &mut self.refused_more, Refused { index, pointer, detail });
    }
}

impl AdaptedRows {
    /// Tells of one more record that cannot be recorded.
    pub fn refuse(&mut self, refused: Refused) {
        tell(&mut self.refused, &mut self.refused_more, refused);
    }
}

fn tell(told: &mut Vec<Refused>, more: &mut usize, refused: Refused) {
    if told.len() < REFUSED_REPORTED_MAX { told.push(refused) } else { *more += 1 }
}

/// A record without an id of its own gets a digest of what it says: then the same again is the same event. One that has no time
/// either may stand twice in a body and be two events; the second gets a number behind the digest, so that the same
/// body again is the same events. Made of the record as it came, so that it stays the same whatever becomes of the mappings.
fn identify(event: &mut Value, record: &str, timeless: &mut HashMap<String, usize>) {
    let Some(fields) = event.as_object_mut() else { return };
    if fields.contains_key("external_id") {
        return;
    }
    let Ok(record) = input::parse_record(record) else { return };
    let mut id = engine::digest(&sorted_text(&record));
    if !fields.contains_key("occurred_at") {
        let times = timeless.entry(id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            id = format!("{id}:{times}");
        }
    }
    fields.insert("external_id".to_owned(), Value::String(id));
}

/// The JSON of a value without spaces and with sorted keys, so that the spelling makes no difference.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(sorted_text).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let fields: BTreeMap<&String, &Value> = map.iter().collect();
            let fields =
                fields.into_iter().map(|(key, value)| format!("{}:{}", Value::String(key.clone()), sorted_text(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

fn adapt_record(mapping: &Mapping, record: Value, settings: &Value) -> Mapped {
    if !record.is_object() {
        let detail = "a record is a JSON object; this is something else".to_owned();
        return Mapped::Refused { pointer: String::new(), detail };
    }
    let prepared = match mapping.prepare {
        None => Ok(record),
        Some(Prepare::Kubernetes) => kubernetes::prepare(record),
        Some(Prepare::Openchoreo) => Ok(openchoreo::prepare(record)),
    };
    match prepared {
        Ok(record) => engine::map(mapping, &record, settings),
        Err((pointer, detail)) => Mapped::Refused { pointer, detail },
    }
}

/// [`adapt`], then every event validated and encoded as the adapter's.
///
/// # Errors
/// As [`adapt`].
pub fn adapt_and_encode(
    adapter: Adapter,
    body: &[u8],
    options: &AdapterOptions<'_>,
) -> Result<AdaptedRows, BodyRefused> {
    let source = &adapter.mapping().source;
    let scope = adapter.sender();
    let sender = options.credential.map_or_else(|| scope.to_owned(), |credential| format!("{scope} {credential}"));
    let intake = Intake {
        environment: options.environment,
        strict_catalog: options.strict_catalog,
        masking: options.masking,
        ..Intake::new(source, &sender, options.now)
    };
    let mut rows = EncodedRows::new();
    let mut indices = Vec::new();
    let adapted =
        adapt_each(adapter, body, options, &mut |event, adapted| match encode_value(&event.value, &intake) {
            Ok(row) => {
                rows.append(&row);
                indices.push(event.index);
            }
            Err(refusal) => {
                let (pointer, detail) = event.explain(&refusal);
                adapted.refuse(event.index, pointer, detail);
            }
        })?;
    let Adapted { skipped, refused, refused_more, .. } = adapted;
    Ok(AdaptedRows { rows, indices, skipped, refused, refused_more })
}

impl AdaptedEvent {
    /// The first violation in terms of the record, where the field came from it.
    fn explain(&self, refusal: &Refusal) -> (String, String) {
        let Refusal::Invalid { violations, .. } = refusal else { return (String::new(), refusal.to_string()) };
        let Some(violation) = violations.first() else { return (String::new(), refusal.to_string()) };
        let field = violation.pointer.trim_start_matches('/');
        match self.origins.get(&violation.pointer) {
            Some(origin) => (pointer_of(origin), format!("as {field} of the event: {}", violation.sentence())),
            None => (String::new(), format!("{field} of the event: {}", violation.sentence())),
        }
    }
}
