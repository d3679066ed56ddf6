//! An event as it is shown to somebody who is to verify it: of each part its salt and canonical text, or its hash alone.
//!
//! One line of JSON, the same in proofs and exports (`docs/EVIDENCE.md`). It computes what the log's entry must be; whether
//! the log has that entry is a matter of proofs.

use crate::canonical::{ENTRY_BYTES, PART_NAMES, PartsDamaged, commit, entry, from_parts, part_hash};
use crate::hash::Hash;
use crate::hex::{from_hex, to_hex};
use crate::id::SEQ_END;
use crate::json::{self, Json, push_i64, push_string};
use crate::row::{EncodedRows, Micros, RowView};
use crate::salt::{PARTS, Salt};
use crate::time::TIME_MAX;
use crate::tree::leaf_hash;

/// A part of an event, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownPart {
    /// Its salt and its canonical text.
    Whole {
        /// The salt.
        salt: Salt,
        /// The text.
        text: Vec<u8>,
    },
    /// Its hash: it is there and not shown.
    Withheld(Hash),
    /// Its hash: it was removed, with its salt.
    Erased(Hash),
}

impl ShownPart {
    /// The hash that stands for the part in the event's commit.
    pub fn hash(&self) -> Hash {
        match self {
            ShownPart::Whole { salt, text } => part_hash(salt, text),
            ShownPart::Withheld(hash) | ShownPart::Erased(hash) => *hash,
        }
    }

    /// The text, if it is shown.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            ShownPart::Whole { text, .. } => Some(text),
            ShownPart::Withheld(_) | ShownPart::Erased(_) => None,
        }
    }
}

/// An event with what its log entry is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Its sequence number: the index of its leaf.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// The commit as it is claimed; the parts must give it.
    pub commit: Hash,
    /// Its parts by number.
    pub parts: [ShownPart; PARTS],
}

/// A line that is no disclosure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event with its parts: {0}")]
pub struct DisclosureDamaged(String);

fn push_hex(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    out.extend_from_slice(format!("\"{name}\":\"").as_bytes());
    out.extend_from_slice(to_hex(bytes).as_bytes());
    out.push(b'"');
}

impl Disclosure {
    /// Appends it as one JSON object without white space.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"seq\":");
        push_i64(out, self.seq as i64);
        out.extend_from_slice(b",\"recorded_at\":");
        push_i64(out, self.recorded_at);
        out.push(b',');
        push_hex(out, "commit", &self.commit);
        out.extend_from_slice(b",\"parts\":[");
        for (number, part) in self.parts.iter().enumerate() {
            out.extend_from_slice(if number == 0 { b"{" } else { b",{" });
            match part {
                ShownPart::Whole { salt, text } => {
                    push_hex(out, "salt", salt);
                    out.extend_from_slice(b",\"text\":");
                    // Canonical texts are JSON, and so UTF-8.
                    push_string(out, &String::from_utf8_lossy(text));
                }
                ShownPart::Withheld(hash) => push_hex(out, "hash", hash),
                ShownPart::Erased(hash) => push_hex(out, "erased", hash),
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }

    /// Reads what [`Disclosure::push_json`] makes. Nothing of it is verified by that.
    ///
    /// # Errors
    /// What is missing or of another form.
    pub fn parse(line: &[u8]) -> Result<Self, DisclosureDamaged> {
        let damaged = |detail: &str| DisclosureDamaged(detail.to_owned());
        let value = json::parse(line).map_err(|error| DisclosureDamaged(error.to_string()))?;
        let Json::Object(fields) = &value else { return Err(damaged("it is not an object")) };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        if fields.len() != 4 {
            return Err(damaged("its fields are not seq, recorded_at, commit and parts"));
        }
        let number = |name: &str| match field(name) {
            Some(Json::Int(number)) if *number >= 0 => Ok(*number),
            _ => Err(DisclosureDamaged(format!("{name} is not a number from 0 up"))),
        };
        let (seq, recorded_at) = (number("seq")? as u64, number("recorded_at")?);
        if seq >= SEQ_END || recorded_at > TIME_MAX {
            return Err(damaged("seq is not below 2^40, or recorded_at lies behind the year 9999"));
        }
        let commit = match field("commit") {
            Some(Json::Str(text)) => from_hex(text),
            _ => None,
        };
        let commit = commit.ok_or_else(|| damaged("commit is not 64 hexadecimal digits"))?;
        let Some(Json::Array(parts)) = field("parts") else { return Err(damaged("parts is not an array")) };
        let parts: Vec<ShownPart> = parts.iter().zip(PART_NAMES).map(read_part).collect::<Result<_, _>>()?;
        let parts = parts.try_into().map_err(|_| damaged("an event has four parts"))?;
        Ok(Self { seq, recorded_at, commit, parts })
    }

    /// The commit that its parts give.
    pub fn commit_of_parts(&self) -> Hash {
        commit(&self.parts.each_ref().map(ShownPart::hash))
    }

    /// The log entry with the commit that it claims.
    pub fn entry(&self) -> [u8; ENTRY_BYTES] {
        entry(self.recorded_at, &self.commit)
    }

    /// The leaf hash with the commit that it claims.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.entry())
    }

    /// The event, without what is not shown, and with what was erased marked so.
    ///
    /// # Errors
    /// If the fact is not shown, or a text is not the canonical one.
    pub fn row(&self) -> Result<EncodedRows, PartsDamaged> {
        let [fact, identity, personal, detail] = self.parts.each_ref().map(ShownPart::text);
        let missing = || PartsDamaged { part: PART_NAMES[0], problem: "it is not shown".to_owned() };
        let rows = from_parts(fact.ok_or_else(missing)?, identity, personal, detail)?;
        let hashes = self.parts.each_ref().map(|part| match part {
            ShownPart::Erased(hash) => Some(hash),
            _ => None,
        });
        if hashes.iter().all(Option::is_none) {
            return Ok(rows);
        }
        let mut with_hashes = EncodedRows::new();
        with_hashes.push(&RowView { erased: hashes, ..rows.row(0) });
        Ok(with_hashes)
    }
}

fn read_part((value, name): (&Json<'_>, &str)) -> Result<ShownPart, DisclosureDamaged> {
    let damaged = || {
        DisclosureDamaged(format!(
            "the {name} part is neither salt (32 hexadecimal digits) and text, nor a hash, nor the hash of what was erased"
        ))
    };
    let Json::Object(fields) = value else { return Err(damaged()) };
    let texts: Vec<(&str, &str)> = fields
        .iter()
        .filter_map(|(key, value)| match value {
            Json::Str(text) => Some((&**key, &**text)),
            _ => None,
        })
        .collect();
    let part = match texts[..] {
        [("salt", salt), ("text", text)] => {
            from_hex(salt).map(|salt| ShownPart::Whole { salt, text: text.as_bytes().to_vec() })
        }
        [("hash", hash)] => from_hex(hash).map(ShownPart::Withheld),
        [("erased", hash)] => from_hex(hash).map(ShownPart::Erased),
        _ => None,
    };
    part.filter(|_| texts.len() == fields.len()).ok_or_else(damaged)
}

/// What is left of a purged event: its time and commit, which give its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgedEvent {
    /// Its sequence number.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// The commit to its parts.
    pub commit: Hash,
}

impl PurgedEvent {
    /// What a log entry says; `None` if it is none.
    pub fn of_entry(seq: u64, bytes: &[u8]) -> Option<Self> {
        let recorded_at = Micros::try_from(u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?)).ok()?;
        let commit = bytes.get(9..)?.try_into().ok()?;
        (entry(recorded_at, &commit) == *bytes).then_some(Self { seq, recorded_at, commit })
    }

    /// Adds `{"purged":…,"recorded_at":…,"commit":"…"}`.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        let (seq, recorded_at, commit) = (self.seq, self.recorded_at, to_hex(&self.commit));
        let text = format!("{{\"purged\":{seq},\"recorded_at\":{recorded_at},\"commit\":\"{commit}\"}}");
        out.extend_from_slice(text.as_bytes());
    }

    /// Its leaf in the tree.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&entry(self.recorded_at, &self.commit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Canonicalizer;
    use crate::row::Column;
    use crate::salt::EpochKey;

    fn disclosed() -> Disclosure {
        let mut row = RowView { occurred_at: Some(7), ..RowView::EMPTY };
        row.texts[Column::Action as usize] = Some("component.deploy");
        row.texts[Column::Outcome as usize] = Some("success");
        row.texts[Column::Source as usize] = Some("api");
        row.texts[Column::Actor as usize] = Some(r#"{"type":"user","id":"ada","name":"Ada \"L\""}"#);
        row.texts[Column::Targets as usize] = Some(r#"[{"type":"component","id":"c"}]"#);
        let parts = Canonicalizer::new().parts(&row, 9).unwrap();
        let salts = EpochKey([3; 32]).salts(5);
        let mut number = 0;
        let parts = parts.texts.map(|text| {
            number += 1;
            ShownPart::Whole { salt: salts[number - 1], text }
        });
        let mut disclosure = Disclosure { seq: 5, recorded_at: 9, commit: [0; 32], parts };
        disclosure.commit = disclosure.commit_of_parts();
        disclosure
    }

    fn json(disclosure: &Disclosure) -> String {
        let mut line = Vec::new();
        disclosure.push_json(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn it_reads_back_whole_and_in_part() {
        let mut disclosure = disclosed();
        let commit = disclosure.commit;
        for _ in 0..2 {
            assert_eq!(Disclosure::parse(json(&disclosure).as_bytes()), Ok(disclosure.clone()));
            assert_eq!(disclosure.commit_of_parts(), commit, "what is not shown still stands in the commit");
            disclosure.row().unwrap();
            disclosure.parts[2] = ShownPart::Erased(disclosure.parts[2].hash());
            disclosure.parts[3] = ShownPart::Withheld(disclosure.parts[3].hash());
        }
        disclosure.parts[0] = ShownPart::Withheld(disclosure.parts[0].hash());
        assert!(disclosure.row().is_err(), "nothing is known without the fact");
    }

    #[test]
    fn what_is_of_another_form_is_refused() {
        let good = json(&disclosed());
        for (from, to) in [
            ("\"seq\":5", "\"seq\":-5"),
            ("\"seq\":5", "\"seq\":\"5\""),
            ("\"seq\":5", "\"seq\":5,\"more\":1"),
            ("\"salt\":\"", "\"salt\":\"0"),
            ("\"salt\":", "\"salz\":"),
            ("\"commit\":\"", "\"commit\":\"Z"),
            ("\"parts\":[{", "\"parts\":[{\"x\":1,"),
            ("\"parts\":[", "\"parts\":[[],"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert!(Disclosure::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Disclosure::parse(&good.as_bytes()[..good.len() - 1]).is_err(), "it has no end");
        let three = good.rfind(",{\"salt\"").unwrap();
        assert!(Disclosure::parse(format!("{}]}}", &good[..three]).as_bytes()).is_err());
    }
}
