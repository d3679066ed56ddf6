//! The flat `metadata` of an event from what is left of a record: dotted paths as keys, within the limits of an event.
//!
//! More than fits is first folded (a small map or list becomes one JSON text), then packed (several fields share a JSON
//! text), then left out from the least important end, and what was left out is said under the key `cut`. Values that open doors are replaced by a mark. It must never
//! refuse a record, and knows nothing about where the rest of the record went.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use actarium_core::limits::{METADATA_KEY_CHARS_MAX, METADATA_KEYS_MAX, METADATA_TEXT_CHARS_MAX};
use serde_json::{Map, Value};

use super::evaluate::Location;

/// The key that says what was left out.
pub(super) const CUT_KEY: &str = "cut";
/// The key, with a number, of fields that share a text because there are more than keys.
const PACK_KEY: &str = "more";
/// Characters of such fields within the text, besides its braces.
const PACK_CHARS_MAX: usize = METADATA_TEXT_CHARS_MAX - "{}".len();
/// Bytes of the places of all fields that are looked at one by one. An event has room for some kilobytes of them, so what
/// is beyond would be left out anyway; and places repeat the keys above them, so they can be far more than the record.
const PLACES_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that a step of a place takes besides its key.
const STEP_BYTES: usize = 32;
/// Characters kept of the beginning of a key that is too long; the rest of the room is its end.
const LONG_KEY_HEAD_CHARS: usize = 20;

/// What to keep and how.
#[derive(Default)]
pub(super) struct Leftovers<'a> {
    /// Fields that are not kept, because they have a field of their own or say nothing.
    pub without: BTreeSet<Location>,
    /// Fields whose value is replaced, with the reason.
    pub leave_out: BTreeMap<Location, &'a str>,
    /// Maps whose keys are taken without the map's own name.
    pub lift: Vec<Location>,
    /// Fields that give way last, the most important first.
    pub first: Vec<Location>,
    /// Entries beyond the record's; they never give way.
    pub add: Vec<(String, Value)>,
}

/// How much of a record has been looked at, and how many fields were not, because it is too much.
#[derive(Default)]
struct Beyond {
    places_bytes: usize,
    fields: usize,
}

impl Beyond {
    /// Whether what is at this place is looked at.
    fn takes(&mut self, location: &[String]) -> bool {
        self.places_bytes += location.iter().map(|step| step.len() + STEP_BYTES).sum::<usize>();
        self.places_bytes <= PLACES_BYTES_MAX
    }
}

/// A field that becomes one entry.
struct Entry {
    location: Location,
    value: Value,
}

impl Entry {
    /// Characters that it takes in a pack.
    fn packed_chars(&self) -> usize {
        let path = Value::String(self.location.join(".")).to_string();
        path.chars().count() + self.value.to_string().chars().count() + ":,".len()
    }
}

impl Leftovers<'_> {
    /// The metadata of a record, of at most `bytes_max` bytes of JSON besides what is added; and for each key the
    /// place in the record that it comes from.
    pub fn collect(&self, record: &Value, bytes_max: usize) -> (Map<String, Value>, BTreeMap<String, Location>) {
        let mut metadata: Map<String, Value> = Map::new();
        for (key, value) in &self.add {
            metadata.insert(clean_key(key), cut_value(value.clone()));
        }
        let mut beyond = Beyond::default();
        let rest = self.prune(record, &mut Location::new(), &mut beyond).unwrap_or_default();
        let room = METADATA_KEYS_MAX.saturating_sub(metadata.len() + 1);
        let mut entries = Vec::new();
        flatten(&rest, &mut Location::new(), &folded(&rest, room), &mut entries);
        entries.sort_by_key(|entry| self.rank(&entry.location));
        self.fill(metadata, entries, room, bytes_max, beyond.fields)
    }

    /// Puts in the entries that there is room for: the first ones each under its own key, the others several to a text,
    /// and says what there was no room for at all.
    fn fill(
        &self,
        mut metadata: Map<String, Value>,
        entries: Vec<Entry>,
        room: usize,
        bytes_max: usize,
        beyond: usize,
    ) -> (Map<String, Value>, BTreeMap<String, Location>) {
        let mut origins = BTreeMap::new();
        let mut left_out = Vec::new();
        let mut bytes = 0;
        let mut fits = |key: &str, value: &Value| {
            let size = key.len() + json_bytes(value) + "\"\":,".len();
            let fits = bytes + size <= bytes_max;
            bytes += if fits { size } else { 0 };
            fits
        };
        let Packed { alone, packs, without_room } = pack(entries, room);
        // Lifted keys come second, so that they give way to the record's own keys of the same name.
        let (lifted, plain): (Vec<Entry>, Vec<Entry>) =
            alone.into_iter().partition(|entry| self.lifted(&entry.location).is_some());
        for entry in plain.into_iter().chain(lifted) {
            let key = self.key_for(&entry.location, &metadata);
            if fits(&key, &entry.value) {
                origins.insert(key.clone(), entry.location);
                metadata.insert(key, entry.value);
            } else {
                left_out.push(key);
            }
        }
        for pack in packs {
            let key = (1..).map(|n| format!("{PACK_KEY}.{n}")).find(|key| !metadata.contains_key(key));
            let key = key.unwrap_or_default();
            let pack: Map<String, Value> =
                pack.into_iter().map(|entry| (entry.location.join("."), entry.value)).collect();
            let keys: Vec<String> = pack.keys().cloned().collect();
            let value = Value::String(Value::Object(pack).to_string());
            if fits(&key, &value) {
                metadata.insert(key, value);
            } else {
                left_out.extend(keys);
            }
        }
        left_out.extend(without_room.iter().map(|entry| entry.location.join(".")));
        if !left_out.is_empty() || beyond > 0 {
            let count = left_out.len() + beyond;
            let fields = if count == 1 { "field" } else { "fields" };
            let listed = if left_out.is_empty() { String::new() } else { format!(": {}", left_out.join(", ")) };
            let sentence = format!("{count} {fields} left out{listed}");
            metadata.insert(CUT_KEY.to_owned(), cut_value(Value::String(sentence)));
        }
        (metadata, origins)
    }

    /// The value without what is not kept or is beyond what is looked at, and with marks for what must not be; nothing
    /// if nothing is left.
    fn prune(&self, value: &Value, location: &mut Location, beyond: &mut Beyond) -> Option<Value> {
        if self.without.contains(location) {
            return None;
        }
        if let Some(why) = self.leave_out.get(location)
            && !value.is_null()
        {
            return Some(Value::String(format!("[left out: {why}, {} bytes]", json_bytes(value))));
        }
        if !beyond.takes(location) {
            beyond.fields += entries_of(value);
            return None;
        }
        match value {
            Value::Null => None,
            Value::Array(list) => {
                let kept = list.iter().enumerate();
                let kept =
                    kept.map(|(index, value)| within(location, index.to_string(), |at| self.prune(value, at, beyond)));
                let kept: Vec<Option<Value>> = kept.collect();
                if kept.iter().all(Option::is_none) {
                    return None;
                }
                // Among maps, what is gone leaves its place behind, so that the others keep their numbers.
                Some(Value::Array(if is_list_of_scalars(value) {
                    kept.into_iter().flatten().collect()
                } else {
                    kept.into_iter().map(Option::unwrap_or_default).collect()
                }))
            }
            Value::Object(map) => {
                let kept: Map<String, Value> = map
                    .iter()
                    .filter_map(|(key, value)| {
                        let kept = within(location, key.clone(), |at| self.prune(value, at, beyond))?;
                        Some((key.clone(), kept))
                    })
                    .collect();
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            scalar => Some(scalar.clone()),
        }
    }

    fn rank(&self, location: &[String]) -> usize {
        self.first.iter().position(|first| location.starts_with(first)).unwrap_or(self.first.len())
    }

    fn lifted<'b>(&self, location: &'b [String]) -> Option<&'b [String]> {
        let lifted = self.lift.iter().find(|lift| location.len() > lift.len() && location.starts_with(lift))?;
        Some(&location[lifted.len()..])
    }

    /// A key that is free: the lifted one if there is one, else the dotted path, else that with a number.
    fn key_for(&self, location: &[String], taken: &Map<String, Value>) -> String {
        let is_free = |key: &String| key != CUT_KEY && !taken.contains_key(key);
        let lifted = self.lifted(location).map(|short| clean_key(&short.join(".")));
        if let Some(key) = lifted.filter(is_free) {
            return key;
        }
        let key = clean_key(&location.join("."));
        if is_free(&key) {
            return key;
        }
        let stem: String = key.chars().take(METADATA_KEY_CHARS_MAX - "..50".len()).collect();
        (2..).map(|number| format!("{stem}..{number}")).find(is_free).unwrap_or(key)
    }
}

/// How entries are spread over keys.
struct Packed {
    /// A key of its own for each.
    alone: Vec<Entry>,
    /// One key for all of each, as a JSON object of paths and values.
    packs: Vec<Vec<Entry>>,
    /// No key any more.
    without_room: Vec<Entry>,
}

/// Spreads entries over at most `room` keys: as many as possible of the first ones alone, the others packed.
fn pack(mut entries: Vec<Entry>, room: usize) -> Packed {
    for entry in &mut entries {
        entry.value = cut_value(std::mem::take(&mut entry.value));
    }
    if entries.len() <= room {
        return Packed { alone: entries, packs: Vec::new(), without_room: Vec::new() };
    }
    let sizes: Vec<usize> = entries.iter().map(Entry::packed_chars).collect();
    let mut alone_count = entries.len().min(room);
    while alone_count < entries.len() && alone_count + keys_for(&sizes[alone_count..]) > room {
        if alone_count == 0 {
            // Too much either way.
            alone_count = room / 2;
            break;
        }
        alone_count -= 1;
    }
    let tail = entries.split_off(alone_count);
    let mut packed = Packed { alone: entries, packs: Vec::new(), without_room: Vec::new() };
    let mut chars = 0;
    for (entry, size) in tail.into_iter().zip(&sizes[alone_count..]) {
        let has_room = packed.alone.len() + packed.packs.len() < room;
        if *size > PACK_CHARS_MAX && has_room {
            packed.alone.push(entry);
        } else if *size > PACK_CHARS_MAX {
            packed.without_room.push(entry);
        } else {
            if (packed.packs.is_empty() || chars + size > PACK_CHARS_MAX) && has_room {
                packed.packs.push(Vec::new());
                chars = 0;
            }
            match packed.packs.last_mut() {
                Some(pack) if chars + size <= PACK_CHARS_MAX => {
                    chars += size;
                    pack.push(entry);
                }
                _ => packed.without_room.push(entry),
            }
        }
    }
    // One in a pack needs no pack.
    let (single, packs): (Vec<_>, Vec<_>) = packed.packs.into_iter().partition(|pack| pack.len() == 1);
    packed.alone.extend(single.into_iter().flatten());
    Packed { packs, ..packed }
}

/// How many keys entries of these sizes take when they are packed in their order.
fn keys_for(sizes: &[usize]) -> usize {
    let (mut keys, mut chars) = (0, PACK_CHARS_MAX);
    for size in sizes {
        if *size > PACK_CHARS_MAX {
            keys += 1;
        } else if chars + size > PACK_CHARS_MAX {
            keys += 1;
            chars = *size;
        } else {
            chars += size;
        }
    }
    keys
}

/// Does something one level deeper.
fn within<T>(location: &mut Location, key: String, act: impl FnOnce(&mut Location) -> T) -> T {
    location.push(key);
    let result = act(location);
    location.pop();
    result
}

/// Allowed characters only, and a middle left out of keys that are too long.
fn clean_key(key: &str) -> String {
    let clean: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' }).collect();
    if clean.is_empty() {
        return "_".to_owned();
    }
    if clean.len() <= METADATA_KEY_CHARS_MAX {
        return clean;
    }
    let tail = METADATA_KEY_CHARS_MAX - LONG_KEY_HEAD_CHARS - "..".len();
    format!("{}..{}", &clean[..LONG_KEY_HEAD_CHARS], &clean[clean.len() - tail..])
}

/// A text cut to `chars_max` characters, with a mark that says how much is missing.
pub(super) fn cut_text(text: String, chars_max: usize) -> String {
    if text.len() <= chars_max || text.chars().count() <= chars_max {
        return text;
    }
    // The mark's length depends on the number in it, which is at most that of the whole text.
    let mark_chars_max = format!("…[cut, {} bytes]", text.len()).chars().count();
    let end = text.char_indices().nth(chars_max.saturating_sub(mark_chars_max)).map_or(text.len(), |(end, _)| end);
    format!("{}…[cut, {} bytes]", &text[..end], text.len() - end)
}

fn cut_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut_text(text, METADATA_TEXT_CHARS_MAX)),
        other => other,
    }
}

/// Bytes of a value as JSON.
pub(super) fn json_bytes(value: &Value) -> usize {
    struct Counter(usize);

    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    // A value always has a JSON, and a counter takes everything.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

fn is_list_of_scalars(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(|value| !value.is_array() && !value.is_object()))
}

/// What a map or list would make, as entries and as one text.
struct Node {
    location: Location,
    entries: usize,
    chars: usize,
}

/// The maps and lists that become one JSON text so that no more than `entries_max` entries remain: those that save
/// most, but whole sections of the record only if nothing else helps, and none whose text would be cut.
fn folded(rest: &Value, entries_max: usize) -> BTreeSet<Location> {
    if entries_of(rest) <= entries_max {
        return BTreeSet::new();
    }
    let mut nodes = Vec::new();
    let (mut entries, _) = measure(rest, &mut Location::new(), &mut nodes);
    // Nodes come children first: a parent must come before its children where both save the same.
    nodes.reverse();
    let parents = parents(&nodes);
    let fits = |node: &Node| node.entries > 1 && node.chars <= METADATA_TEXT_CHARS_MAX && !node.location.is_empty();
    let mut order: Vec<usize> = (0..nodes.len()).filter(|index| fits(&nodes[*index])).collect();
    order.sort_by_key(|index| (nodes[*index].location.len() == 1, Reverse(nodes[*index].entries)));
    let mut is_saved = vec![false; nodes.len()];
    for index in order {
        if entries <= entries_max {
            break;
        }
        let has_saved_parent = || std::iter::successors(parents[index], |above| parents[*above]).any(|at| is_saved[at]);
        if has_saved_parent() {
            continue;
        }
        // Only whole sections, which come last, can have folded parts; these follow them.
        if nodes[index].location.len() == 1 {
            let inside = nodes[index + 1..].iter().take_while(|node| node.location.len() > 1).count();
            for part in index + 1..=index + inside {
                entries += if std::mem::take(&mut is_saved[part]) { nodes[part].entries - 1 } else { 0 };
            }
        }
        entries -= nodes[index].entries - 1;
        is_saved[index] = true;
    }
    nodes.into_iter().zip(is_saved).filter(|(_, is_saved)| *is_saved).map(|(node, _)| node.location).collect()
}

/// For each of the nodes, which come before what is in them, the one that it is in.
fn parents(nodes: &[Node]) -> Vec<Option<usize>> {
    let mut above: Vec<usize> = Vec::new();
    let parent = |(index, node): (usize, &Node)| {
        above.truncate(node.location.len());
        let parent = above.last().copied();
        above.push(index);
        parent
    };
    nodes.iter().enumerate().map(parent).collect()
}

/// Number of entries that a value makes if nothing is folded.
fn entries_of(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Object(map) => map.values().map(entries_of).sum(),
        Value::Array(list) if !is_list_of_scalars(value) => list.iter().map(entries_of).sum(),
        _ => 1,
    }
}

/// Number of entries and of characters of JSON; collects every map and list.
fn measure(value: &Value, location: &mut Location, nodes: &mut Vec<Node>) -> (usize, usize) {
    let (entries, chars) = match value {
        Value::Object(map) => map.iter().fold((0, 1), |(entries, chars), (key, value)| {
            let (more, length) = within(location, key.clone(), |at| measure(value, at, nodes));
            (entries + more, chars + key.chars().count() + "\"\":,".len() + length)
        }),
        Value::Array(list) => {
            let (entries, chars) = list.iter().enumerate().fold((0, 1), |(entries, chars), (index, value)| {
                let (more, length) = within(location, index.to_string(), |at| measure(value, at, nodes));
                (entries + more, chars + 1 + length)
            });
            (if is_list_of_scalars(value) { 1 } else { entries }, chars)
        }
        Value::Null => return (0, "null".len()),
        Value::String(text) => return (1, text.chars().count() + 2),
        scalar => return (1, json_bytes(scalar)),
    };
    nodes.push(Node { location: location.clone(), entries, chars });
    (entries, chars)
}

fn flatten(value: &Value, location: &mut Location, folded: &BTreeSet<Location>, entries: &mut Vec<Entry>) {
    let is_one = is_list_of_scalars(value) || folded.contains(location);
    match value {
        Value::Object(map) if !is_one => {
            for (key, value) in map {
                within(location, key.clone(), |at| flatten(value, at, folded, entries));
            }
        }
        Value::Array(list) if !is_one => {
            for (index, value) in list.iter().enumerate() {
                within(location, index.to_string(), |at| flatten(value, at, folded, entries));
            }
        }
        Value::Object(_) | Value::Array(_) => {
            entries.push(Entry { location: location.clone(), value: Value::String(value.to_string()) });
        }
        Value::Null => {}
        scalar => entries.push(Entry { location: location.clone(), value: scalar.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLENTY: usize = 100_000;

    fn at(path: &str) -> Location {
        path.split('.').map(str::to_owned).collect()
    }

    fn collect(record: &Value, leftovers: &Leftovers<'_>) -> Value {
        Value::Object(leftovers.collect(record, PLENTY).0)
    }

    #[test]
    fn what_is_left_is_flat_with_dotted_keys() {
        let record = json!({
            "a": {"b": 1, "c": null, "d": {}, "e/f": "x"}, "list": [{"k": true}, {"k": false}], "texts": ["p", "q"],
            "taken": "no", "empty": ""
        });
        let leftovers = Leftovers { without: [at("taken")].into(), ..Leftovers::default() };
        let expected = json!({
            "a.b": 1, "a.e_f": "x", "list.0.k": true, "list.1.k": false, "texts": "[\"p\",\"q\"]", "empty": ""
        });
        assert_eq!(collect(&record, &leftovers), expected);
    }

    #[test]
    fn credentials_are_marked_and_lifted_keys_give_way() {
        let record = json!({"secret": {"x": "hunter2"}, "metadata": {"kind": 1, "free": 2}, "kind": 3, "cut": "mine"});
        let leftovers = Leftovers {
            leave_out: [(at("secret"), "credential")].into(),
            lift: vec![at("metadata")],
            add: vec![("added".to_owned(), json!("yes"))],
            ..Leftovers::default()
        };
        let expected = json!({
            "secret": "[left out: credential, 15 bytes]", "kind": 3, "metadata.kind": 1, "free": 2, "cut..2": "mine",
            "added": "yes"
        });
        assert_eq!(collect(&record, &leftovers), expected);
    }

    #[test]
    fn long_texts_are_cut_with_a_mark_at_a_character() {
        let cut = cut_text("é".repeat(600), METADATA_TEXT_CHARS_MAX);
        assert!(cut.chars().count() <= METADATA_TEXT_CHARS_MAX, "{}", cut.chars().count());
        let kept = cut.chars().filter(|c| *c == 'é').count();
        assert!(cut.ends_with(&format!("…[cut, {} bytes]", 1_200 - 2 * kept)), "{cut}");
        assert_eq!(cut_text("é".repeat(500), METADATA_TEXT_CHARS_MAX), "é".repeat(500));
    }

    #[test]
    fn too_many_fields_are_folded_before_any_is_lost() {
        let tags: Vec<Value> = (0..20).map(|n| json!({"key": format!("k{n}"), "value": n})).collect();
        let fields: Map<String, Value> = (0..30).map(|n| (format!("f{n:02}"), json!(n))).collect();
        let record = json!({"request": {"tags": tags[..10], "more": tags[10..]}, "fields": fields});
        let metadata = collect(&record, &Leftovers::default());
        let map = metadata.as_object().unwrap();
        assert!(map.len() <= METADATA_KEYS_MAX, "{}", map.len());
        assert!(!map.contains_key(CUT_KEY));
        let folded = map["request.more"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(folded).unwrap(), record["request"]["more"]);
        assert_eq!(map["fields.f29"], 29);
    }

    #[test]
    fn fields_that_cannot_be_folded_share_texts() {
        let fields: Map<String, Value> = (0..200).map(|n| (format!("field{n:03}"), json!(n))).collect();
        let metadata = collect(&json!({ "section": fields, "more.1": "taken" }), &Leftovers::default());
        let map = metadata.as_object().unwrap();
        assert!(map.len() < METADATA_KEYS_MAX && !map.contains_key(CUT_KEY), "{metadata}");
        assert_eq!(map["more.1"], "taken");
        let packs = map.iter().filter(|(key, _)| key.starts_with("more.") && *key != "more.1");
        let mut found: Map<String, Value> = map.clone();
        for (_, pack) in packs {
            assert!(pack.as_str().unwrap().chars().count() <= METADATA_TEXT_CHARS_MAX);
            found.extend(serde_json::from_str::<Map<String, Value>>(pack.as_str().unwrap()).unwrap());
        }
        assert!((0..200).all(|n| found[&format!("section.field{n:03}")] == n));
    }

    #[test]
    fn what_does_not_fit_is_left_out_from_the_least_important_end_and_told() {
        let mut fields: Map<String, Value> = (0..80).map(|n| (format!("f{n:02}"), json!("x".repeat(400)))).collect();
        fields.insert("zz".to_owned(), json!("important"));
        let record = Value::Object(fields);
        let leftovers = Leftovers { first: vec![at("zz")], ..Leftovers::default() };
        let (metadata, _) = leftovers.collect(&record, PLENTY);
        assert_eq!(metadata.len(), METADATA_KEYS_MAX);
        assert_eq!(metadata["zz"], "important");
        assert!(
            metadata[CUT_KEY].as_str().unwrap().starts_with("32 fields left out: f48, f49"),
            "{}",
            metadata[CUT_KEY]
        );
        let (small, _) = leftovers.collect(&record, 1_000);
        assert_eq!(small.len(), 1 + 2 + 1);
        assert!(Value::Object(small).to_string().len() < 1_000 + 600);
    }

    #[test]
    fn long_keys_keep_both_ends_and_stay_apart() {
        let long = |last: &str| format!("{}.{last}", "section".repeat(12));
        let record = json!({"a": {long("x"): 1}, "b": {long("x"): 2}});
        let metadata = collect(&record, &Leftovers::default());
        let keys: Vec<&String> = metadata.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 2);
        assert!(keys.iter().all(|key| key.len() <= METADATA_KEY_CHARS_MAX), "{keys:?}");
    }
}
