//! Reads the structured columns of a stored event (`actor`, `targets`, `changes`, `metadata`) without building a tree:
//! texts are borrowed from the column wherever they have no escape.
//!
//! The texts are canonical JSON that `event` has made: no white space, known fields. What is not so is not repaired:
//! a reader answers `None` and visits nothing further, and never panics. Must not validate and must not change texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// An actor at one depth of delegation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredActor<'a> {
    /// `type`.
    pub kind: Cow<'a, str>,
    /// `id`.
    pub id: Cow<'a, str>,
    /// `name`.
    pub name: Option<Cow<'a, str>>,
    /// `email`.
    pub email: Option<Cow<'a, str>>,
    /// `session_id`; that of depth 0 is in a column of its own.
    pub session_id: Option<Cow<'a, str>>,
    /// `metadata`, as canonical JSON.
    pub metadata: Option<&'a str>,
    /// `on_behalf_of`, as canonical JSON: the next depth.
    pub on_behalf_of: Option<&'a str>,
}

impl<'a> StoredActor<'a> {
    /// Reads the outermost actor of the text; `None` if the text is not an object.
    pub fn read(text: &'a str) -> Option<Self> {
        let mut actor = StoredActor::default();
        Reader::new(text).fields(&mut |key, value| {
            match key {
                "type" => actor.kind = value.string()?,
                "id" => actor.id = value.string()?,
                "name" => actor.name = Some(value.string()?),
                "email" => actor.email = Some(value.string()?),
                "session_id" => actor.session_id = Some(value.string()?),
                "metadata" => actor.metadata = Some(value.skip()?),
                "on_behalf_of" => actor.on_behalf_of = Some(value.skip()?),
                _ => drop(value.skip()?),
            }
            Some(())
        })?;
        Some(actor)
    }
}

/// The actor of an `actor` column and those it acts on behalf of, outermost first.
pub fn actors(text: &str) -> impl Iterator<Item = StoredActor<'_>> {
    let mut next = Some(text);
    std::iter::from_fn(move || {
        let actor = StoredActor::read(next?)?;
        next = actor.on_behalf_of;
        Some(actor)
    })
}

/// One target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredTarget<'a> {
    /// `type`.
    pub kind: Cow<'a, str>,
    /// `id`.
    pub id: Cow<'a, str>,
    /// `name`.
    pub name: Option<Cow<'a, str>>,
    /// `metadata`, as canonical JSON.
    pub metadata: Option<&'a str>,
}

/// The targets of a `targets` column in order.
pub fn targets(text: &str) -> impl Iterator<Item = StoredTarget<'_>> {
    elements(text).map_while(|mut element| {
        let mut target = StoredTarget::default();
        element.fields(&mut |key, value| {
            match key {
                "type" => target.kind = value.string()?,
                "id" => target.id = value.string()?,
                "name" => target.name = Some(value.string()?),
                "metadata" => target.metadata = Some(value.skip()?),
                _ => drop(value.skip()?),
            }
            Some(())
        })?;
        Some(target)
    })
}

/// One change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredChange<'a> {
    /// `path`.
    pub path: Cow<'a, str>,
    /// `before`, as canonical JSON.
    pub before: Option<&'a str>,
    /// `after`, as canonical JSON.
    pub after: Option<&'a str>,
}

/// The changes of a `changes` column in order.
pub fn changes(text: &str) -> impl Iterator<Item = StoredChange<'_>> {
    elements(text).map_while(|mut element| {
        let mut change = StoredChange::default();
        element.fields(&mut |key, value| {
            match key {
                "path" => change.path = value.string()?,
                "before" => change.before = Some(value.skip()?),
                "after" => change.after = Some(value.skip()?),
                _ => drop(value.skip()?),
            }
            Some(())
        })?;
        Some(change)
    })
}

/// Calls `f` with each key and the text of each value of a `metadata` column, or of the metadata of an actor or target:
/// strings without their escapes, numbers and booleans as they are spelled.
pub fn metadata<'a>(text: &'a str, f: &mut dyn FnMut(&str, Cow<'a, str>)) {
    let _ = Reader::new(text).fields(&mut |key, value| {
        match value.peek()? {
            b'"' => f(key, value.string()?),
            _ => f(key, Cow::Borrowed(value.skip()?)),
        }
        Some(())
    });
}

/// The texts of a `metadata` column by key; what one value could not hold and goes on under `key.2`, `key.3` and so on is
/// put together again.
pub fn whole_texts(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    metadata(text, &mut |key, value| drop(values.insert(key.to_owned(), value.into_owned())));
    let mut whole = BTreeMap::new();
    for key in values.keys() {
        let is_part = key.rsplit_once('.').is_some_and(|(of, number)| {
            number.parse::<u32>().is_ok_and(|number| number >= 2) && values.contains_key(of)
        });
        if is_part {
            continue;
        }
        let parts = (2..).map_while(|number: u32| values.get(&format!("{key}.{number}")));
        whole.insert(key.clone(), std::iter::once(&values[key]).chain(parts).map(String::as_str).collect());
    }
    whole
}

/// Calls `f` with every key, string, number and boolean of a JSON text, at every depth, in order.
pub fn leaves(text: &str, f: &mut dyn FnMut(&str)) {
    let mut reader = Reader::new(text);
    while let Some(byte) = reader.peek() {
        match byte {
            b'"' => match reader.string() {
                Some(string) => f(&string),
                None => return,
            },
            b'{' | b'}' | b'[' | b']' | b',' | b':' => reader.at += 1,
            _ => match reader.bare() {
                "null" => {}
                scalar => f(scalar),
            },
        }
    }
}

/// The elements of an array, each with a reader of its own.
fn elements(text: &str) -> impl Iterator<Item = Reader<'_>> {
    let mut reader = Reader::new(text);
    let mut more = reader.eat(b'[') && reader.peek() != Some(b']');
    std::iter::from_fn(move || {
        if !more {
            return None;
        }
        let element = reader.skip()?;
        more = reader.eat(b',');
        Some(Reader::new(element))
    })
}

/// A place in a canonical JSON text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Reader { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Reads an object; `f` gets each key and must read its value.
    fn fields(&mut self, f: &mut dyn FnMut(&str, &mut Reader<'a>) -> Option<()>) -> Option<()> {
        if !self.eat(b'{') {
            return None;
        }
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            if !self.eat(b':') {
                return None;
            }
            f(&key, self)?;
            if !self.eat(b',') {
                return self.eat(b'}').then_some(());
            }
        }
    }

    /// Reads a string and resolves its escapes.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        if !self.eat(b'"') {
            return None;
        }
        let rest = self.text.get(self.at..)?;
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if rest.as_bytes()[end] == b'"' {
            self.at += end + 1;
            return Some(Cow::Borrowed(&rest[..end]));
        }
        let mut unescaped = String::with_capacity(rest.len().min(end + 64));
        let mut from = 0;
        let mut at = end;
        loop {
            unescaped.push_str(&rest[from..at]);
            if rest.as_bytes()[at] == b'"' {
                self.at += at + 1;
                return Some(Cow::Owned(unescaped));
            }
            let (character, length) = escape(&rest[at..])?;
            unescaped.push(character);
            from = at + length;
            at = from + rest[from..].bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
        }
    }

    /// Passes over any value and gives its text.
    fn skip(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return None,
                b',' | b':' => self.at += 1,
                _ => drop(self.bare()),
            }
            if depth == 0 {
                return self.text.get(start..self.at);
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    fn bare(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let structural = |byte: u8| matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"');
        let length = rest.bytes().position(structural).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

/// The character of the escape at the start of the text, and the escape's length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let character = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b't' => '\t',
        b'n' => '\n',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'u' => {
            let code = u32::from_str_radix(text.get(2..6)?, 16).ok()?;
            // Canonical JSON escapes control characters only, so there are no surrogate pairs to join.
            return Some((char::from_u32(code)?, 6));
        }
        _ => return None,
    };
    Some((character, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_actors_at_every_depth() {
        let text = r#"{"type":"agent","id":"a\"1","name":"Bot","metadata":{"k":[1,"}"]},"on_behalf_of":{"type":"user","id":"u","email":"u@example.com","session_id":"s"}}"#;
        let found: Vec<_> = actors(text).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].id, "a\"1");
        assert_eq!(found[0].metadata, Some(r#"{"k":[1,"}"]}"#));
        assert_eq!(found[1].email.as_deref(), Some("u@example.com"));
        assert_eq!(found[1].session_id.as_deref(), Some("s"));
    }

    #[test]
    fn reads_targets_and_changes() {
        let found: Vec<_> =
            targets(r#"[{"type":"component","id":"c","name":"Ürö\n"},{"type":"project","id":""}]"#).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name.as_deref(), Some("Ürö\n"));
        assert_eq!(found[1].kind, "project");
        assert_eq!(targets("[]").count(), 0);
        let found: Vec<_> = changes(r#"[{"path":"/a","before":null,"after":{"x":[true]}}]"#).collect();
        assert_eq!(found[0].before, Some("null"));
        assert_eq!(found[0].after, Some(r#"{"x":[true]}"#));
    }

    #[test]
    fn leaves_are_keys_and_scalars_but_not_null() {
        let mut seen = Vec::new();
        leaves(r#"{"a":[1.5,"x\\y",{"b":null}],"c":false}"#, &mut |leaf| seen.push(leaf.to_owned()));
        assert_eq!(seen, ["a", "1.5", "x\\y", "b", "c", "false"]);
    }

    #[test]
    fn damaged_text_ends_the_reading() {
        for text in [
            "",
            "{",
            "{\"type\"",
            "{\"type\":}",
            "[{\"type\":\"a\"",
            "[,]",
            "\"\\",
            "{\"id\":\"\\u12\"}",
            "{\"id\":\"\\uD8ü\"}",
            "]]",
        ] {
            actors(text).count();
            targets(text).count();
            changes(text).count();
            metadata(text, &mut |_, _| {});
            leaves(text, &mut |_| {});
        }
    }
}
