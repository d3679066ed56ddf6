//! Which of the forms that a route can give a client accepts (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// The form to answer with: the one the client prefers, of equals the first of `offered`; the first without an
/// `Accept` header. Nothing, for a route whose answers have no form, is the empty text.
///
/// # Errors
/// 406 if the client accepts none of them.
pub fn choose(headers: &HeaderMap, offered: &[&'static str]) -> Result<&'static str, Problem> {
    let Some(first) = offered.first() else { return Ok("") };
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accepted.iter().all(|value| value.trim().is_empty()) {
        return Ok(first);
    }
    let ranges: Vec<Range<'_>> = accepted.iter().flat_map(|value| value.split(',')).filter_map(range).collect();
    let mut best: Option<(&'static str, u32)> = None;
    for form in offered {
        let weight = weight_of(form, &ranges);
        if weight > 0 && best.is_none_or(|(_, best_weight)| weight > best_weight) {
            best = Some((form, weight));
        }
    }
    best.map(|(form, _)| form).ok_or_else(|| {
        Problem::new(Kind::NotAcceptable, format!("this answers with {}; the client accepts none", offered.join(", ")))
    })
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Thousandths.
    weight: u32,
}

fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';');
    let (kind, subtype) = parts.next()?.trim().split_once('/')?;
    let weight = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1.0), |(_, value)| value.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)))?;
    Some(Range { kind, subtype, weight: (weight * 1000.0) as u32 })
}

/// The weight of the most specific range that the form is in.
fn weight_of(form: &str, ranges: &[Range<'_>]) -> u32 {
    let (kind, subtype) = form.split_once('/').unwrap_or((form, ""));
    let specificity = |range: &Range<'_>| match (range.kind, range.subtype) {
        ("*", "*") => Some(1),
        (one, "*") if one.eq_ignore_ascii_case(kind) => Some(2),
        (one, other) if one.eq_ignore_ascii_case(kind) && other.eq_ignore_ascii_case(subtype) => Some(3),
        _ => None,
    };
    ranges
        .iter()
        .filter_map(|range| specificity(range).map(|specific| (specific, range.weight)))
        .max_by_key(|(specific, weight)| (*specific, *weight))
        .map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [&str; 2] = ["application/json", "text/event-stream"];

    fn chosen(accept: &str) -> Result<&'static str, Kind> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        choose(&headers, &OFFERED).map_err(|problem| problem.kind)
    }

    #[test]
    fn the_preferred_form_is_chosen() {
        assert_eq!(choose(&HeaderMap::new(), &OFFERED).unwrap(), "application/json");
        assert_eq!(chosen("*/*"), Ok("application/json"));
        assert_eq!(chosen("text/event-stream"), Ok("text/event-stream"));
        assert_eq!(chosen("application/*;q=0.1, text/event-stream"), Ok("text/event-stream"));
        assert_eq!(chosen("text/*, application/json;q=0"), Ok("text/event-stream"));
        assert_eq!(chosen("*/*, application/json;q=0.5"), Ok("text/event-stream"));
        assert_eq!(chosen("text/html"), Err(Kind::NotAcceptable));
        assert_eq!(chosen("text/event-stream;q=0"), Err(Kind::NotAcceptable));
        assert_eq!(choose(&HeaderMap::new(), &[]).unwrap(), "");
    }
}
