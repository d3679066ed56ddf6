//! Events as lines of CSV (RFC 4180, UTF-8, `\r\n`), for spreadsheets.
//!
//! A cell that a spreadsheet would take for a formula, because it begins with `=`, `+`, `-`, `@`, the wide form of one of
//! these, a tab or a line break, gets an apostrophe in front, so that what somebody put into a name cannot run on the auditor's machine. Who
//! needs the exact texts takes NDJSON.

use actarium_core::erasure::ErasableParts;
use actarium_core::event::OWN_SOURCE;
use actarium_core::render::Placed;
use actarium_core::row::{Column, RowView};
use actarium_core::time;
use serde_json::Value;

/// The columns, as the first line names them.
pub const COLUMNS: [&str; 30] = [
    "id",
    "seq",
    "recorded_at",
    "occurred_at",
    "action",
    "outcome",
    "reason",
    "actor_type",
    "actor_id",
    "actor_name",
    "actor_email",
    "on_behalf_of",
    "session_id",
    "target_type",
    "target_id",
    "target_name",
    "targets",
    "ip",
    "user_agent",
    "request_id",
    "trace_id",
    "surface",
    "http",
    "message",
    "changes",
    "metadata",
    "source",
    "external_id",
    "sender",
    "erased",
];

/// What a text begins with that a spreadsheet takes for a formula (OWASP, "CSV Injection").
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Appends the first line.
pub fn push_header(out: &mut Vec<u8>) {
    let mut line = Line::new(out);
    COLUMNS.iter().for_each(|name| line.cell(name));
    line.end();
}

/// Appends an event.
pub fn push_event(out: &mut Vec<u8>, placed: &Placed<'_>, row: &RowView<'_>) {
    let json = |column| row.get(column).and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
    let (actor, targets) = (json(Column::Actor), json(Column::Targets));
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or("").to_owned();
    let on_behalf_of = match &actor["on_behalf_of"] {
        Value::Null => String::new(),
        inner => inner.to_string(),
    };
    let occurred_at = row.occurred_at.unwrap_or(placed.recorded_at);
    let mut line = Line::new(out);
    line.cell(&String::from_utf8_lossy(&placed.id().to_text()));
    line.cell(&placed.seq.to_string());
    line.cell(&time::to_text(placed.recorded_at));
    line.cell(&time::to_text(occurred_at));
    line.column(row, Column::Action);
    line.column(row, Column::Outcome);
    line.column(row, Column::Reason);
    for key in ["type", "id", "name", "email"] {
        line.cell(&text(&actor, key));
    }
    line.cell(&on_behalf_of);
    line.column(row, Column::SessionId);
    for key in ["type", "id", "name"] {
        line.cell(&text(&targets[0], key));
    }
    for column in [
        Column::Targets,
        Column::Ip,
        Column::UserAgent,
        Column::RequestId,
        Column::TraceId,
        Column::Surface,
        Column::Http,
        Column::Message,
        Column::Changes,
        Column::Metadata,
        Column::Source,
        Column::ExternalId,
    ] {
        line.column(row, column);
    }
    // What Actarium records itself nobody has sent.
    let sender = row.get(Column::Sender).filter(|_| row.get(Column::Source) != Some(OWN_SOURCE));
    line.cell(sender.unwrap_or(""));
    line.cell(&ErasableParts::erased_of(row).to_text());
    line.end();
}

struct Line<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Line<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    fn column(&mut self, row: &RowView<'_>, column: Column) {
        self.cell(row.get(column).unwrap_or(""));
    }

    fn cell(&mut self, text: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        let guarded = text.starts_with(FORMULA_STARTS);
        let quoted = guarded || text.contains(['"', ',', '\r', '\n']);
        if !quoted {
            return self.out.extend_from_slice(text.as_bytes());
        }
        self.out.push(b'"');
        if guarded {
            self.out.push(b'\'');
        }
        self.out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        self.out.push(b'"');
    }

    fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> String {
        let mut out = Vec::new();
        let mut line = Line::new(&mut out);
        texts.iter().for_each(|text| line.cell(text));
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_needed_and_formulas_defused() {
        assert_eq!(cells(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(cells(&["a,b", "say \"hi\"", "x\ny"]), "\"a,b\",\"say \"\"hi\"\"\",\"x\ny\"\r\n");
        assert_eq!(cells(&["＝1", "＋1", "－1", "＠x", "\n=1"]), "\"'＝1\",\"'＋1\",\"'－1\",\"'＠x\",\"'\n=1\"\r\n");
        assert_eq!(cells(&["=1+1", "+1", "-1", "@x", "\t=1"]), "\"'=1+1\",\"'+1\",\"'-1\",\"'@x\",\"'\t=1\"\r\n");
    }

    #[test]
    fn a_line_has_as_many_cells_as_the_header() {
        let mut row = RowView::EMPTY;
        row.texts[Column::Action as usize] = Some("a.b");
        row.texts[Column::Actor as usize] = Some(r#"{"type":"user","id":"u1","name":"=cmd"}"#);
        row.texts[Column::Targets as usize] = Some(r#"[{"type":"t","id":"1"}]"#);
        let placed = Placed { slug: "o", opaque_id: &[1; 16], seq: 3, recorded_at: 0 };
        row.erased[2] = Some(&[7; 32]);
        let mut out = Vec::new();
        push_event(&mut out, &placed, &row);
        let line = String::from_utf8(out).unwrap();
        assert!(line.ends_with(",personal\r\n"), "{line}");
        assert!(line.contains(",3,1970-01-01T00:00:00.000000Z,1970-01-01T00:00:00.000000Z,a.b,,,user,u1,\"'=cmd\","));
        let mut header = Vec::new();
        push_header(&mut header);
        let commas = |text: &str| {
            let mut inside = false;
            text.chars()
                .filter(|c| {
                    inside ^= *c == '"';
                    *c == ',' && !inside
                })
                .count()
        };
        assert_eq!(commas(&line), commas(&String::from_utf8(header).unwrap()));
    }
}
