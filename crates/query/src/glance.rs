//! A quick look at an unsealed row's texts: whether a filter can find it at all. It may say yes too often, never no too
//! often.

use actarium_core::filter::{Filter, Term};
use actarium_core::row::RowView;
use memchr::{memchr, memchr2_iter};

/// Whether the filter may find the row.
pub fn may_match(filter: &Filter, row: &RowView<'_>) -> bool {
    match filter {
        Filter::All | Filter::Not(_) => true,
        Filter::And(parts) => parts.iter().all(|part| may_match(part, row)),
        Filter::Or(parts) => parts.iter().any(|part| may_match(part, row)),
        Filter::Term(term) => term_may_match(term, row),
    }
}

fn term_may_match(term: &Term, row: &RowView<'_>) -> bool {
    let held = |word: &str| {
        let texts = term.columns().iter().filter_map(|column| row.get(*column));
        !word.is_ascii() || texts.into_iter().any(|text| !is_plain(text) || holds(text.as_bytes(), word.as_bytes()))
    };
    match term {
        Term::Words(words) => words.iter().all(|word| held(word)),
        Term::Actor(text) | Term::Target { kind: Some(_), value: text } => !is_plain(text) || held(text),
        _ => true,
    }
}

/// Whether every character stands for itself: nothing beyond ASCII, whose case is not simple, and nothing escaped.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && memchr(b'\\', text.as_bytes()).is_none()
}

/// Whether the word is somewhere in the bytes, without regard to the case of ASCII letters.
fn holds(bytes: &[u8], word: &[u8]) -> bool {
    // The rarest character is looked for, and the others around it are compared.
    let Some((at, rarest)) = word.iter().enumerate().min_by_key(|(_, byte)| commonness(**byte)) else { return true };
    let (low, high) = (rarest.to_ascii_lowercase(), rarest.to_ascii_uppercase());
    memchr2_iter(low, high, bytes).any(|found| {
        found
            .checked_sub(at)
            .and_then(|start| bytes.get(start..start + word.len()))
            .is_some_and(|place| place.eq_ignore_ascii_case(word))
    })
}

fn commonness(byte: u8) -> usize {
    const FROM_RARE: &[u8] = b"zqjxkvwybgfhpmudlcrsnotiae";
    FROM_RARE.iter().position(|known| *known == byte.to_ascii_lowercase()).map_or(10, |rank| rank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_what_is_not_there_is_missed() {
        assert!(holds(b"Promoted Orders-API", b"orders"));
        assert!(holds(b"ORDERS", b"orders"));
        assert!(!holds(b"Promoted", b"orders"));
        assert!(!holds(b"rders", b"orders"));
        assert!(!holds(b"order", b"orders"));
    }
}
