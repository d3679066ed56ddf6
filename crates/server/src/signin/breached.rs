//! The most common breached passwords: a small list that ships with the program (`breached.txt`, with its origin).
//! It knows what is on the list and nothing of what follows from it.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Characters of the shortest password on the list.
pub const LISTED_CHARS_MIN: usize = 6;
/// Characters of the longest password on the list.
pub const LISTED_CHARS_MAX: usize = 20;

static LISTED: LazyLock<HashSet<&'static [u8]>> = LazyLock::new(|| {
    let lines = include_str!("breached.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(str::as_bytes).collect()
});

/// Characters of the longest listed password that stands anywhere in a lower-case text; 0 if none does.
pub fn longest_within(text: &str) -> usize {
    let bytes = text.as_bytes();
    let longest_at = |start: usize| {
        let chars_max = LISTED_CHARS_MAX.min(bytes.len() - start);
        (LISTED_CHARS_MIN..=chars_max).rev().find(|chars| LISTED.contains(&bytes[start..start + chars]))
    };
    (0..bytes.len()).filter_map(longest_at).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_lower_case_and_within_its_bounds() {
        let lines: Vec<_> = include_str!("breached.txt").lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 10_000);
        assert!(lines.is_sorted_by(|left, right| left < right));
        for line in &lines {
            assert!((LISTED_CHARS_MIN..=LISTED_CHARS_MAX).contains(&line.len()), "{line}");
            assert!(line.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{line}");
        }
        assert_eq!(lines.iter().map(|line| line.len()).max(), Some(LISTED_CHARS_MAX));
    }

    #[test]
    fn the_longest_listed_part_is_found_wherever_it_stands() {
        assert_eq!(longest_within("password"), 8);
        assert_eq!(longest_within("x9password7"), 8);
        assert_eq!(longest_within("qwertyuiop!"), 10);
        assert_eq!(longest_within("kvmt#2ßxw"), 0);
        assert_eq!(longest_within(""), 0);
    }
}
