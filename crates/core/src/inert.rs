//! Texts of others as they are shown to people: nothing in them does something to a terminal or hides what stands beside it.

/// A text whose control characters, bidirectional and invisible ones too, are shown and do nothing.
pub fn inert(text: &str) -> String {
    if !text.chars().any(is_harmful) {
        return text.to_owned();
    }
    let shown = |character: char| {
        if is_harmful(character) { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(shown).collect()
}

/// JSON that says the same, with [`inert`]'s characters escaped as JSON does.
pub fn inert_json(json: &str) -> String {
    if !json.chars().any(is_harmful) {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if is_harmful(character) {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(character);
        }
    }
    text
}

/// Whether a character does something to a terminal, to the order of what is shown, or is not seen.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_something_is_shown_and_does_nothing() {
        assert_eq!(inert("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\n\\u{202e}c");
        assert_eq!(inert("Größe 東"), "Größe 東");
        assert_eq!(inert_json("\"\u{202e}é\""), "\"\\u202eé\"");
    }
}
