//! The answer to a phrase that cannot be read: where, why, and what would be allowed.

/// A phrase that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{detail}, at character {column}{}", allowed_list(.allowed))]
pub struct PhraseError {
    /// Where, in bytes from the start of the phrase.
    pub offset: usize,
    /// Where, in characters (Unicode scalar values) from the start, counted from 1.
    pub column: usize,
    /// How many characters are concerned, from `column` on; 0 at the end of the phrase.
    pub length: usize,
    /// What stands there.
    pub found: String,
    /// What would be allowed instead; empty where it cannot be listed.
    pub allowed: Vec<String>,
    /// Why, as a clause without a full stop.
    pub detail: String,
}

impl PhraseError {
    /// An error about `phrase[offset..end]`; both must be character boundaries.
    pub(super) fn new(phrase: &str, offset: usize, end: usize, problem: Problem) -> Self {
        const FOUND_CHARS_MAX: usize = 64;
        let found = phrase.get(offset..end).unwrap_or_default();
        PhraseError {
            offset,
            column: phrase.get(..offset).unwrap_or_default().chars().count() + 1,
            length: found.chars().count(),
            found: found.chars().take(FOUND_CHARS_MAX).collect(),
            allowed: problem.allowed,
            detail: problem.detail,
        }
    }
}

fn allowed_list(allowed: &[String]) -> String {
    if allowed.is_empty() { String::new() } else { format!("; allowed: {}", allowed.join(", ")) }
}

/// Why something cannot be read, before it is known where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub detail: String,
    pub allowed: Vec<String>,
}

impl Problem {
    pub fn new(detail: impl Into<String>) -> Self {
        Problem { detail: detail.into(), allowed: Vec::new() }
    }

    pub fn allowing<'a>(mut self, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        self.allowed = allowed.into_iter().map(str::to_owned).collect();
        self
    }
}

/// The one of the names that is close enough to be what was meant.
pub(super) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const GIVEN_CHARS_MAX: usize = 32;
    let given: Vec<char> = given.chars().map(|character| character.to_ascii_lowercase()).collect();
    if given.len() > GIVEN_CHARS_MAX {
        return None;
    }
    let distance_max = (given.len() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (edit_distance(&given, name), name))
        .filter(|(distance, name)| *distance <= distance_max && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours between the two.
fn edit_distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &to) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(from != to);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && from == right[column - 1] && left[row - 1] == to {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}
