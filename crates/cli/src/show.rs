//! What people see: aligned columns that fit the terminal, and texts that cannot do anything to it.

use std::io::{IsTerminal, Write};

use actarium_core::catalog::{Catalog, Facts};
pub use actarium_core::inert::{inert, inert_json};
use serde_json::Value;
use serde_json::value::RawValue;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::failure::Failure;

/// Width where there is no terminal to ask.
const WIDTH_DEFAULT: usize = 120;

/// A terminal below this is narrow: what can be left out is.
const NARROW_BELOW: usize = 100;

/// Cells between two columns.
const COLUMN_GAP: usize = 2;

/// Narrowest that a column is cut to.
const COLUMN_CHARS_MIN: usize = 12;

/// Whether stdout is a terminal with little room in a line.
pub fn is_narrow() -> bool {
    terminal_width().is_some_and(|width| width < NARROW_BELOW)
}

/// Writes to stdout.
pub fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Writes a line of text to stdout.
pub fn line(text: &str) -> Result<(), Failure> {
    write_stdout(format!("{}\n", inert(text)).as_bytes())
}

/// Writes a value as one line of JSON to stdout. On a terminal it is escaped so that it does nothing there; it says the same.
pub fn json_line(value: &Value) -> Result<(), Failure> {
    let json = value.to_string();
    let shown = if std::io::stdout().is_terminal() { inert_json(&json) } else { json };
    write_stdout(format!("{shown}\n").as_bytes())
}

/// Tells something that is no data, on stderr.
pub fn note(text: &str) {
    eprintln!("{}", inert(text));
}

/// A time of the API to the second, for columns that say that it is UTC; an empty text for none.
pub fn moment(at: &Value) -> String {
    let at = inert(at.as_str().unwrap_or_default());
    at.get(..19).map_or(at.clone(), |second| second.replace('T', " "))
}

/// Rows under titles, aligned. On a terminal that they do not fit, the widest columns are cut, but not the first, ids and times;
/// then the line is.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|title| (*title).to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| inert(cell)).collect());
    }

    pub fn print(&self) -> Result<(), Failure> {
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns).map(width).collect();
        let limit = terminal_width();
        if let Some(limit) = limit {
            let titles = &self.rows[0];
            let is_exact =
                |column: usize| column == 0 || titles[column].ends_with("(UTC)") || EXACT.contains(&&*titles[column]);
            fit(&mut widths, limit, is_exact);
        }
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| cut(cell, limit.map(|_| *width))).collect();
            text.push_str(&cut(&aligned(&cells, &widths), limit));
            text.push('\n');
        }
        write_stdout(text.as_bytes())
    }
}

/// What is known of one thing: a name and a value on each line, the values aligned. What is not there has no line.
#[derive(Default)]
pub struct Details {
    lines: Vec<(&'static str, String)>,
}

impl Details {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.lines.push((name, inert(&value)));
        }
        self
    }

    pub fn print(&self) -> Result<(), Failure> {
        let width = self.lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        let lines: String = self.lines.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect();
        write_stdout(lines.as_bytes())
    }
}

/// Titles of columns that are of no use in part.
const EXACT: [&str; 3] = ["ID", "PERMISSION", "STATUS"];

/// Narrows the widest columns, all to the same width, until a line fits or they are as narrow as can be read.
fn fit(widths: &mut [usize], limit: usize, is_exact: impl Fn(usize) -> bool) {
    let between = COLUMN_GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + between > limit {
        let others = widths.iter_mut().enumerate().filter(|(column, _)| !is_exact(*column)).map(|(_, width)| width);
        let Some(widest) = others.max_by_key(|width| **width).filter(|width| **width > COLUMN_CHARS_MIN) else {
            return;
        };
        *widest -= 1;
    }
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        text.push_str(cell);
        if index + 1 < cells.len() {
            text.extend(std::iter::repeat_n(' ', (width + COLUMN_GAP).saturating_sub(cell.width())));
        }
    }
    text
}

/// The terminal's width in characters, if stdout is one.
fn terminal_width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let asked = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    Some(asked.filter(|width| *width >= 40).unwrap_or(WIDTH_DEFAULT))
}

/// The text, or as much of it as takes `limit` cells of a terminal with a mark at its end.
fn cut(text: &str, limit: Option<usize>) -> String {
    let Some(limit) = limit.filter(|limit| text.width() > *limit) else { return text.to_owned() };
    let mut cells = 0;
    let fitting = text.chars().take_while(|character| {
        cells += character.width().unwrap_or(0);
        cells < limit
    });
    fitting.chain(['…']).collect()
}

/// Events as aligned lines, some at a time: the widths of the first lines hold for those that follow. Or as JSON, one a
/// line, as the API wrote them.
pub struct EventLines {
    json: bool,
    narrow: bool,
    widths: Vec<usize>,
    started: bool,
}

/// Widest that a column of people or addresses becomes.
const COLUMN_CHARS_MAX: usize = 32;

/// The same on a narrow terminal.
const COLUMN_CHARS_MAX_NARROW: usize = 16;

/// The columns of events on a narrow terminal: without addresses.
const TITLES_NARROW: [&str; 4] = ["TIME (UTC)", "OUTCOME", "ACTOR", "WHAT"];

/// Characters of a time up to the minute.
const MINUTE_CHARS: usize = 16;

impl EventLines {
    /// No lines yet.
    pub fn new(json: bool) -> Self {
        Self { json, narrow: is_narrow(), widths: Vec::new(), started: false }
    }

    /// Appends the lines of some events. On a terminal, JSON is escaped so that it does nothing there; it says the same.
    pub fn print(&mut self, events: &[Box<RawValue>]) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        if self.json {
            let on_terminal = std::io::stdout().is_terminal();
            let shown = |json: &str| if on_terminal { inert_json(json) } else { json.to_owned() };
            let text: String = events.iter().map(|event| shown(event.get()) + "\n").collect();
            return write_stdout(text.as_bytes());
        }
        let titles: &[&str] =
            if self.narrow { &TITLES_NARROW } else { &["TIME (UTC)", "OUTCOME", "ACTOR", "ADDRESS", "WHAT"] };
        let titles = titles.iter().map(|title| (*title).to_owned()).collect();
        let of = |event: &RawValue| serde_json::from_str(event.get()).unwrap_or(Value::Null);
        let mut rows: Vec<Vec<String>> = events.iter().map(|event| row(&of(event), self.narrow)).collect();
        if !std::mem::replace(&mut self.started, true) {
            rows.insert(0, titles);
            self.widths = vec![0; rows[0].len()];
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let limit = terminal_width();
        let text: String = rows.iter().map(|row| cut(&aligned(row, &self.widths), limit) + "\n").collect();
        write_stdout(text.as_bytes())
    }
}

/// What a line says of an event. On a narrow terminal the time is to the minute, and the sentence does not begin with the actor,
/// who stands before it.
fn row(event: &Value, narrow: bool) -> Vec<String> {
    let text = |value: &Value| inert(value.as_str().unwrap_or_default());
    let at = moment(&event["occurred_at"]);
    let actor = &event["actor"];
    let who = [&actor["name"], &actor["email"], &actor["id"]].into_iter().find(|value| value.is_string());
    let chars_max = if narrow { COLUMN_CHARS_MAX_NARROW } else { COLUMN_CHARS_MAX };
    let short = |text: String| cut(&text, Some(chars_max));
    let facts = Facts::of_json(event);
    let mut what = inert(&Catalog::builtin().describe(&facts));
    // Some sentences say the reason themselves.
    let reason = event["reason"].as_str().map(inert).filter(|reason| !what.contains(reason.as_str()));
    if let Some(reason) = reason {
        what = format!("{what} ({reason})");
    }
    let erased: Vec<&str> = event["erased"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !erased.is_empty() {
        what = format!("{what} [erased: {}]", inert(&erased.join(", ")));
    }
    let nobody = if erased.contains(&"identity") { "erased".to_owned() } else { String::new() };
    let who = who.map_or(nobody, text);
    let outcome = text(&event["outcome"]);
    if narrow {
        let minute = at.get(..MINUTE_CHARS).map_or(at.clone(), str::to_owned);
        let rest = what.strip_prefix(&who).and_then(|rest| rest.strip_prefix(' ')).filter(|_| !who.is_empty());
        return vec![minute, outcome, short(who.clone()), rest.unwrap_or(&what).to_owned()];
    }
    vec![at, outcome, short(who), short(text(&event["context"]["ip"])), what]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_do_nothing() {
        assert_eq!(inert("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\n\\u{202e}c");
        assert_eq!(inert("Größe 東"), "Größe 東");
        assert_eq!(inert("a\u{61c}b\u{2028}c\u{e0041}"), "a\\u{61c}b\\u{2028}c\\u{e0041}");
    }

    #[test]
    fn escaped_json_says_the_same() {
        let json = serde_json::json!({"name": "a\u{9b}31m\u{202e}b\u{e0041}", "plain": "Größe"}).to_string();
        let shown = inert_json(&json);
        assert_eq!(shown, r#"{"name":"a\u009b31m\u202eb\udb40\udc41","plain":"Größe"}"#);
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&shown), value(&json));
    }

    #[test]
    fn what_was_erased_is_said() {
        let mut event = serde_json::json!({"action": "component.deploy", "actor": {"type": "user"}, "outcome": "success",
            "targets": [{"type": "component"}], "erased": ["identity", "personal"]});
        let shown = row(&event, false);
        assert_eq!(shown[2], "erased");
        assert!(shown[4].ends_with("[erased: identity, personal]"), "{shown:?}");
        event.as_object_mut().unwrap().remove("erased");
        assert!(!row(&event, false).concat().contains("erased"));
    }

    #[test]
    fn on_a_narrow_terminal_the_sentence_has_room() {
        let event = serde_json::json!({
            "occurred_at": "2026-11-23T11:26:37.000001Z", "action": "component.deploy", "outcome": "denied", "reason": "frozen",
            "actor": {"type": "user", "id": "u-1", "name": "Ada"}, "targets": [{"type": "component", "id": "orders"}],
            "context": {"ip": "192.0.2.1"},
        });
        let line = ["2026-11-23 11:26", "denied", "Ada", "was denied deploying orders (frozen)"];
        assert_eq!(row(&event, true), line);
        assert_eq!(row(&event, false)[4], "Ada was denied deploying orders (frozen)");
        let mut widths = [20, 17, 200, 60];
        fit(&mut widths, 80, |column| column < 2);
        assert_eq!((widths[0], widths[1], widths.iter().sum::<usize>()), (20, 17, 80 - 6));
        assert!(widths[2] >= 18 && widths[3] >= 18, "{widths:?}");
        let mut fitting = [5, 6];
        fit(&mut fitting, 80, |column| column == 0);
        assert_eq!(fitting, [5, 6]);
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(aligned(&["a".into(), "b".into()], &[3, 1]), "a    b");
        assert_eq!(cut("abcdef", Some(4)), "abc…");
        assert_eq!(cut("abcd", Some(4)), "abcd");
        // Wide characters take two cells.
        assert_eq!(cut("東京都庁", Some(6)), "東京…");
        assert_eq!(aligned(&["東".into(), "b".into()], &[3, 1]), "東   b");
    }
}
