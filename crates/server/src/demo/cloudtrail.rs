//! The real CloudTrail events of the demo, with their times moved to just before now.
//!
//! Only `eventTime` is changed, and each record says what it was. `demo/SOURCES.md` names origin and licence.

use actarium_core::row::Micros;
use actarium_core::time::{self, MINUTE, SECOND};

/// The key under which each record holds its original `eventTime`.
pub const SHIFTED_FROM_KEY: &str = "actariumDemoShiftedFrom";
/// How long before now the newest event happened.
const NEWEST_BEFORE_NOW: Micros = 4 * MINUTE;
/// Bytes of the events at the most, decompressed.
const EVENTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// `2023-07-10T11:42:18Z`
const TIME_BYTES: usize = 20;

const COMPRESSED: &[u8] = include_bytes!("../../../../demo/cloudtrail-invictus.jsonl.zst");

/// The records as they are, one JSON object per line.
pub(super) fn original() -> String {
    let bytes = zstd::bulk::decompress(COMPRESSED, EVENTS_BYTES_MAX).expect("the file that is compiled in is whole");
    String::from_utf8(bytes).expect("the file that is compiled in is UTF-8")
}

/// The records with their times moved by one whole number of seconds, one JSON object per line.
pub(super) fn shifted(now: Micros) -> Vec<u8> {
    let original = original();
    let newest = original.lines().map(|line| parsed(event_time(line).1)).max().unwrap_or(0);
    let offset = (now - NEWEST_BEFORE_NOW - newest).div_euclid(SECOND) * SECOND;
    let mut shifted = Vec::with_capacity(original.len() + original.lines().count() * 60);
    for line in original.lines() {
        let (place, was) = event_time(line);
        let moved = time::to_text(parsed(was) + offset);
        shifted.extend_from_slice(&line.as_bytes()[..place]);
        // Whole seconds, spelled as the original is.
        shifted.extend_from_slice(&moved.as_bytes()[..TIME_BYTES - 1]);
        shifted.extend_from_slice(format!("Z\",\"{SHIFTED_FROM_KEY}\":\"{was}").as_bytes());
        shifted.extend_from_slice(&line.as_bytes()[place + TIME_BYTES..]);
        shifted.push(b'\n');
    }
    shifted
}

/// Where a record's own time stands, and the time. It is the first of that name: only `eventVersion` and `userIdentity`
/// come before it, and neither has one. (A test compares with a JSON parser.)
fn event_time(line: &str) -> (usize, &str) {
    const KEY: &str = "\"eventTime\":\"";
    let place = line.find(KEY).expect("every record has a time") + KEY.len();
    (place, &line[place..place + TIME_BYTES])
}

fn parsed(text: &str) -> Micros {
    time::parse(text).expect("every record has a readable time")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn moves_every_time_by_the_same_and_nothing_else() {
        let now = time::parse("2026-11-23T09:27:30.123456Z").unwrap();
        let original = original();
        let shifted = String::from_utf8(shifted(now)).unwrap();
        assert_eq!(original.lines().count(), 2_900);
        assert_eq!(shifted.lines().count(), 2_900);
        let mut offsets = Vec::new();
        let mut newest = 0;
        for (before, after) in original.lines().zip(shifted.lines()) {
            let before: Value = serde_json::from_str(before).unwrap();
            let mut after: Value = serde_json::from_str(after).unwrap();
            let was = after.as_object_mut().unwrap().remove(SHIFTED_FROM_KEY).unwrap();
            assert_eq!(was, before["eventTime"]);
            let at = parsed(after["eventTime"].as_str().unwrap());
            offsets.push(at - parsed(was.as_str().unwrap()));
            newest = newest.max(at);
            after["eventTime"] = was;
            assert_eq!(before, after);
        }
        offsets.dedup();
        assert_eq!(offsets.len(), 1);
        assert_eq!(offsets[0] % SECOND, 0);
        assert_eq!(time::to_text(newest), "2026-11-23T09:23:30.000000Z");
    }
}
