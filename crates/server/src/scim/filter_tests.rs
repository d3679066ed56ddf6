//! Filters that are printed and read again are the same; what cannot be read is told with its place; nothing panics.

use super::*;
use crate::scim::schema::ResourceType;
use proptest::prelude::*;

const USERS: Scope<'static> = Scope::Resources(&[ResourceType::User]);

fn read(text: &str) -> Result<Filter, Refused> {
    parse(text, USERS)
}

/// The filter as a text, with parentheses around everything.
fn print(filter: &Filter) -> String {
    match filter {
        Filter::And(parts) => joined(parts, " and "),
        Filter::Or(parts) => joined(parts, " or "),
        Filter::Not(part) => format!("not ({})", print(part)),
        Filter::Present(named) => format!("{} pr", name(*named)),
        Filter::Compare { named, operator, value } => {
            format!("{} {} {}", name(*named), operator.word(), literal(value))
        }
        Filter::Values { named, filter } => format!("{}[{}]", name(*named), print(filter)),
    }
}

fn joined(parts: &[Filter], word: &str) -> String {
    let parts: Vec<_> = parts.iter().map(|part| format!("({})", print(part))).collect();
    parts.join(word)
}

fn name(named: Named) -> String {
    match named {
        Named::Unkept => "phoneNumbers".into(),
        Named::Kept { attribute, sub: None } => attribute.name.into(),
        Named::Kept { attribute, sub: Some(sub) } => format!("{}.{}", attribute.name, sub.name),
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Null => "null".into(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Text(text) => serde_json::to_string(text).unwrap(),
        Literal::Time(at) => format!("\"{}\"", time::to_text(*at)),
    }
}

fn comparison(name: &'static str) -> impl Strategy<Value = Filter> {
    let text = prop_oneof!["[a-z0-9 ]{0,6}", "[\"\\\\()\\[\\]äß.]{0,4}"];
    (0..Operator::ALL.len(), text).prop_map(move |(operator, text)| {
        let named = USERS.named(name).unwrap();
        let value = Literal::Text(text::fold(&text));
        Filter::Compare { named, operator: Operator::ALL[operator], value }
    })
}

fn leaf() -> impl Strategy<Value = Filter> {
    let named = |name: &str| USERS.named(name).unwrap();
    prop_oneof![
        comparison("userName"),
        comparison("name.familyName"),
        comparison("emails"),
        comparison("id"),
        Just(Filter::Present(named("title"))),
        Just(Filter::Present(Named::Unkept)),
        any::<bool>().prop_map(move |value| Filter::Compare {
            named: named("active"),
            operator: Operator::NotEqual,
            value: Literal::Boolean(value)
        }),
        (0i64..4_000_000_000_000_000).prop_map(move |at| Filter::Compare {
            named: named("meta.created"),
            operator: Operator::GreaterOrEqual,
            value: Literal::Time(at)
        }),
        "[a-z]{0,3}".prop_map(move |text| {
            let Named::Kept { attribute, .. } = named("emails") else { unreachable!() };
            let value = Scope::Values(attribute).named("value").unwrap();
            let compare = Filter::Compare { named: value, operator: Operator::StartsWith, value: Literal::Text(text) };
            Filter::Values { named: named("emails"), filter: Box::new(Filter::Not(Box::new(compare))) }
        }),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_printed_and_read_again_is_the_same(filter in any_filter()) {
        let text = print(&filter);
        prop_assert_eq!(read(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn what_is_true_of_logic_is_true_of_filters(
        (left, right) in (any_filter(), any_filter()),
        (user, active, title) in ("[a-zA-Z ]{0,3}", any::<bool>(), proptest::option::of("[a-z]{1,3}")),
    ) {
        let resource = serde_json::json!({
            "userName": user, "active": active, "title": title, "emails": [{"value": user}, {"value": "b"}],
            "meta": {"created": "1999-01-01T00:00:00Z"},
        });
        let resource = resource.as_object().unwrap();
        let holds = |text: &str| {
            crate::scim::evaluate::matches(&parse(text, USERS).unwrap_or_else(|why| panic!("{text}: {why}")), resource)
        };
        let (l, r) = (print(&left), print(&right));
        prop_assert_eq!(holds(&format!("({l}) and ({r})")), holds(&l) && holds(&r));
        prop_assert_eq!(holds(&format!("({l}) or ({r})")), holds(&l) || holds(&r));
        prop_assert_eq!(holds(&format!("not ({l})")), !holds(&l));
        // `and` binds closer than `or`.
        let mixed = format!("({l}) or ({r}) and ({l}) or ({r}) and not ({r})");
        prop_assert_eq!(holds(&mixed), holds(&l));
    }
}

#[test]
fn spaces_and_case_make_no_difference() {
    let plain = read(r#"userName eq "a" and not (title pr)"#).unwrap();
    assert_eq!(read(r#"  USERNAME   EQ  "A"   AND   NOT( Title  PR )  "#).unwrap(), plain);
    assert_eq!(read(r#"(userName eq "a")and(not(title pr))"#).unwrap(), plain);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (text, column) in [
        ("", 1),
        ("userName", 9),
        ("userName eq", 12),
        ("userName eq a", 13),
        ("userName is \"a\"", 10),
        ("userName eq \"a", 13),
        ("userName eq \"\\x\"", 13),
        ("userName eq \"a\" title pr", 17),
        ("userName eq \"a\" and", 20),
        ("usrName pr", 1),
        ("(userName pr", 13),
        ("userName pr)", 12),
        ("emails[type eq \"work\"", 22),
        ("emails[nothing pr]", 8),
        ("userName[value pr]", 10),
        ("name eq \"x\"", 9),
        ("active gt true", 11),
        ("active co \"t\"", 11),
        ("active eq \"yes\"", 11),
        ("userName eq 5", 13),
        ("userName eq true", 13),
        ("userName gt null", 13),
        ("meta.created gt \"yesterday\"", 17),
        ("ä pr", 1),
    ] {
        let refused = read(text).expect_err(text);
        assert_eq!(refused.scim_type, ScimType::InvalidFilter, "{text}");
        assert!(refused.detail.contains(&format!("at character {column}:")), "{text}: {}", refused.detail);
    }
}

#[test]
fn depth_terms_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(read(&nested(limits::SCIM_FILTER_DEPTH_MAX)).is_ok());
    assert!(read(&nested(limits::SCIM_FILTER_DEPTH_MAX + 1)).unwrap_err().detail.contains("nested deeper"));
    let terms = |count: usize| vec!["title pr"; count].join(" or ");
    assert!(read(&terms(limits::SCIM_FILTER_TERMS_MAX)).is_ok());
    assert!(read(&terms(limits::SCIM_FILTER_TERMS_MAX + 1)).unwrap_err().detail.contains("terms"));
    assert!(read(&format!("title eq \"{}\"", "x".repeat(limits::SCIM_FILTER_BYTES_MAX))).is_err());
}

#[test]
fn paths_of_changes_are_read() {
    let target = |text: &str| parse_target(text, USERS);
    assert!(target("userName").unwrap().filter.is_none());
    let work = target(r#"emails[type eq "work"].value"#).unwrap();
    assert_eq!(work.sub.unwrap().name, "value");
    assert!(work.filter.is_some());
    assert!(target(r#"emails[type eq "work"]"#).unwrap().sub.is_none());
    assert_eq!(target(r#"addresses[type eq "work"].region"#).unwrap().named, Named::Unkept);
    for text in ["", "x", "userName x", "emails[type eq \"work\"].x", "emails[type eq \"work\"]x", "emails[", "name.x"]
    {
        assert!(target(text).is_err(), "{text}");
    }
}
