//! The phrase: what reads as what, what is refused and where, and that what is printed reads back.

use proptest::prelude::*;

use super::*;

fn parsed(phrase: &str) -> Filter {
    Filter::parse(phrase).unwrap_or_else(|error| panic!("{phrase}: {error}"))
}

/// Reads the phrase and prints it again.
fn canonical(phrase: &str) -> String {
    parsed(phrase).to_string()
}

fn refused(phrase: &str) -> PhraseError {
    Filter::parse(phrase).expect_err(phrase)
}

#[test]
fn the_phrase_of_the_documentation_reads_as_it_should() {
    let phrase = r#"actor:ada@example.com action:component.* -outcome:success project:payments ip:10.0.0.0/8 "release candidate" orders"#;
    let expected = Filter::And(vec![
        Term::Actor("ada@example.com".into()).into(),
        Term::Action(ActionPattern::Under("component".into())).into(),
        Filter::Not(Box::new(Term::Outcome(Outcome::Success).into())),
        Term::Target { kind: Some("project".into()), value: "payments".into() }.into(),
        Term::Ip("10.0.0.0/8".parse().unwrap()).into(),
        Term::Words(vec!["release".into(), "candidate".into()]).into(),
        Term::Words(vec!["orders".into()]).into(),
    ]);
    assert_eq!(parsed(phrase), expected);
    assert_eq!(canonical(phrase), phrase);
}

#[test]
fn phrases_have_one_canonical_spelling() {
    for (given, expected) in [
        ("", ""),
        ("  \t ", ""),
        ("*", ""),
        ("* orders", "orders"),
        ("-*", "-*"),
        ("orders -*", "-*"),
        ("a OR -*", "a"),
        ("a OR *", ""),
        ("Orders", "orders"),
        ("usr_12", "\"usr 12\""),
        ("\"orders\"", "orders"),
        ("or", "or"),
        ("\"OR\"", "or"),
        ("a AND b", "a b"),
        ("a b OR c d", "a b OR c d"),
        ("(a b) OR (c d)", "a b OR c d"),
        ("a (b OR c) d", "a (b OR c) d"),
        ("a (b (c d))", "a b c d"),
        ("a OR (b OR (c OR a))", "a OR b OR c"),
        ("NOT a", "-a"),
        ("--a", "a"),
        ("-(-a)", "a"),
        ("NOT (a OR b)", "-(a OR b)"),
        ("-(a b)", "-(a b)"),
        ("-\"a b\"", "-\"a b\""),
        ("actor:ada OR actor:bob", "actor:ada,bob"),
        ("actor:(ada OR bob)", "actor:ada,bob"),
        ("actor:(ada bob)", "actor:ada actor:bob"),
        ("actor:(ada,bob -eve)", "actor:ada,bob -actor:eve"),
        ("actor:(ada OR NOT (eve mallory))", "actor:ada OR -(actor:eve actor:mallory)"),
        ("actor:ada,bob OR outcome:denied", "actor:ada OR actor:bob OR outcome:denied"),
        ("-outcome:success,unknown x", "-outcome:success,unknown x"),
        ("Actor:ada", "actor:ada"),
        ("actor:\"Ada Lovelace\"", "actor:\"Ada Lovelace\""),
        ("actor:\"ada\"", "actor:ada"),
        ("actor:OR", "actor:OR"),
        ("actor:(\"OR\")", "actor:OR"),
        ("actor:-x", "actor:-x"),
        ("actor:(\"-x\" -y)", "actor:-x -actor:y"),
        ("actor:system:serviceaccount:ci:bot", "actor:system:serviceaccount:ci:bot"),
        ("actor:C:\\x", "actor:C:\\x"),
        (r#"actor:"a \"b\" \\c""#, r#"actor:"a \"b\" \\c""#),
        ("actor:\"\"", "actor:\"\""),
        ("action:Component.Promote", "action:component.promote"),
        ("action:component.*,*.delete,project.create", "action:component.*,*.delete,project.create"),
        ("outcome:DENIED", "outcome:denied"),
        ("actor_type:agent,api_key", "actor_type:agent,api_key"),
        ("target:role:admin", "target:role:admin"),
        ("target:role:\"admin\"", "target:role:\"admin\""),
        ("target:project:\"payments\"", "project:payments"),
        ("target:AWS::S3::Bucket:\"arn:aws:s3:::logs\"", "target:AWS::S3::Bucket:\"arn:aws:s3:::logs\""),
        ("component:checkout environment:production", "component:checkout environment:production"),
        ("ip:10.1.2.3/8", "ip:10.0.0.0/8"),
        ("ip:10.1.2.3/32", "ip:10.1.2.3"),
        ("ip:::ffff:10.1.2.3", "ip:10.1.2.3"),
        ("ip:::ffff:10.0.0.0/104", "ip:10.0.0.0/8"),
        ("ip:2001:DB8::/32,10.1.2.3", "ip:2001:db8::/32,10.1.2.3"),
        ("metadata.build.number:17", "metadata.build.number:17"),
        ("METADATA.Key:\"\"", "metadata.Key:\"\""),
        ("id:01942F3A-7B5C-7123-8000-000000ABCDEF", "id:01942f3a-7b5c-7123-8000-000000abcdef"),
        ("seq:0042", "seq:42"),
    ] {
        assert_eq!(canonical(given), expected, "of {given}");
        assert_eq!(parsed(expected), parsed(given), "of {given}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    // Phrase, character (from 1) and length of the place, part of the reason.
    for (phrase, column, length, reason) in [
        ("ä actr:ada", 3, 4, "did you mean `actor`?"),
        ("https://example.com", 1, 5, "quotes"),
        (":x", 1, 1, "no field"),
        ("metadata:b", 1, 8, "metadata.KEY:"),
        ("metadata.ü:b", 1, 10, "key of the metadata"),
        ("metadata.:b", 1, 9, "key of the metadata"),
        ("actor:", 7, 0, "a value is missing"),
        ("actor: ada", 7, 0, "a value is missing"),
        ("actor:ada,", 11, 0, "a value is missing"),
        ("actor:,ada", 7, 0, "a value is missing"),
        ("actor:()", 8, 1, "a term is missing before"),
        ("()", 2, 1, "a term is missing before"),
        ("(a", 1, 1, "never closed"),
        ("actor:(a", 7, 1, "never closed"),
        ("a)", 2, 1, "closes nothing"),
        ("a OR", 5, 0, "missing at the end"),
        ("OR a", 1, 2, "between two terms"),
        ("a AND AND b", 7, 3, "between two terms"),
        ("NOT", 4, 0, "missing at the end"),
        ("a - b", 3, 1, "right before"),
        ("a -", 3, 1, "right before"),
        ("ä \"b", 3, 2, "never closed"),
        ("\"a\\n\"", 3, 2, "stands before"),
        ("\"a\\", 1, 3, "never closed"),
        ("\"a\"b", 4, 1, "blank is missing"),
        ("f(x)", 2, 1, "blank is missing"),
        ("(a)b", 4, 1, "blank is missing"),
        ("a\"b\"", 2, 1, "must begin"),
        ("actor:a\"b\"", 8, 1, "must begin"),
        ("actor:x:\"b\"", 7, 5, "must begin"),
        ("target:1:\"b\"", 8, 1, "type of target"),
        ("ord*", 1, 4, "whole"),
        ("actor:ada*", 7, 4, "`action:` only"),
        ("***", 1, 3, "whole"),
        ("--", 2, 1, "right before"),
        ("!!", 1, 2, "no word"),
        ("\"\"", 1, 2, "no word"),
        ("action:component", 8, 9, "did you mean `component.*`"),
        ("action:*", 8, 1, "joined by dots"),
        ("action:a.*.b", 8, 5, "joined by dots"),
        ("action:a..b", 8, 4, "joined by dots"),
        ("outcome:sucess", 9, 6, "did you mean `success`?"),
        ("actor_type:robot", 12, 5, "type of actor"),
        ("ip:10.0.0", 4, 6, "not an IP address"),
        ("ip:10.0.0.0/33", 4, 11, "not an IP address"),
        ("id:42", 4, 2, "not the id of an event"),
        ("seq:-1", 5, 2, "whole number"),
        ("seq:+1", 5, 2, "whole number"),
        ("seq:18446744073709551616", 5, 20, "whole number"),
    ] {
        let error = refused(phrase);
        assert!(error.detail.contains(reason), "{phrase}: {error}");
        assert_eq!((error.column, error.length), (column, length), "{phrase}: {error}");
        assert_eq!(phrase[..error.offset].chars().count() + 1, error.column, "{phrase}");
        assert_eq!(phrase.chars().skip(column - 1).take(length).collect::<String>(), error.found, "{phrase}");
    }
}

#[test]
fn an_error_lists_what_is_allowed() {
    let error = refused("outcome:maybe");
    assert_eq!(error.allowed, ["success", "failure", "denied", "unknown"]);
    assert_eq!(
        error.to_string(),
        "there is no such outcome, at character 9; allowed: success, failure, denied, unknown"
    );
    assert_eq!(refused("foo:x").allowed.len(), Field::ALL.len());
}

#[test]
fn every_field_is_read_by_its_name_and_explained() {
    for field in Field::ALL {
        let (help, example) = field.help();
        assert!(!help.is_empty());
        assert_eq!(canonical(example), example);
        let name = example.split_once(':').unwrap().0;
        assert!(name == field.name() || field == Field::Metadata && name.starts_with("metadata."), "{example}");
    }
}

#[test]
fn bounds_hold_on_both_sides() {
    let words = |count: usize| vec!["a"; count].join(" OR b");
    assert!(Filter::parse(&(0..TERMS_MAX).map(|n| format!("w{n} ")).collect::<String>()).is_ok());
    let error = refused(&(0..=TERMS_MAX).map(|n| format!("w{n} ")).collect::<String>());
    assert!(error.detail.contains("more than 128 terms"), "{error}");
    assert!(words(3).len() < PHRASE_BYTES_MAX);

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(NESTING_MAX)).is_ok());
    assert!(refused(&nested(NESTING_MAX + 1)).detail.contains("deeper than 16"));
    assert!(Filter::parse(&format!("{}a", "-".repeat(NESTING_MAX))).is_ok());
    assert!(refused(&format!("{}a", "NOT ".repeat(NESTING_MAX + 1))).detail.contains("deeper than 16"));

    let long = |bytes: usize| format!("actor:{}", "x".repeat(bytes - 6));
    assert!(Filter::parse(&long(PHRASE_BYTES_MAX)).is_ok());
    assert!(refused(&long(PHRASE_BYTES_MAX + 1)).detail.contains("4097 bytes, of at most 4096"));
    // Its canonical form would need two quotes more and could not be read back.
    let grows = format!("{} a_b", long(PHRASE_BYTES_MAX - 4));
    assert!(refused(&grows).detail.contains("4098 bytes in its shortest form"), "{}", refused(&grows));
}

#[test]
fn parameters_narrow_and_their_repeats_widen() {
    let mut parameters = SearchParameters::new();
    for (name, value) in [
        ("actor", "ada, the first"),
        ("outcome", "denied"),
        ("actor", "b*b"),
        ("target", "role:admin"),
        ("project", "payments"),
        ("action", "component.*"),
        ("q", "orders OR carts"),
        ("outcome", "failure"),
    ] {
        assert!(SearchParameters::accepts(name));
        parameters.add(name, value).unwrap();
    }
    let expected = r#"actor:"ada, the first","b*b" outcome:denied,failure target:role:admin project:payments action:component.* (orders OR carts)"#;
    let filter = parameters.filter().unwrap();
    assert_eq!(filter.to_string(), expected);
    assert_eq!(filter, parsed(expected));
    assert_eq!(SearchParameters::new().filter(), Ok(Filter::All));
}

#[test]
fn parameters_are_refused_by_name() {
    let mut parameters = SearchParameters::new();
    let error = parameters.add("actors", "ada").unwrap_err();
    assert!(error.error.allowed.contains(&"actor".to_owned()), "{error}");
    assert!(!SearchParameters::accepts("id"));
    assert_eq!(parameters.add("ip", "x").unwrap_err().parameter, "ip");
    assert_eq!(parameters.add("q", "a (").unwrap_err().error.column, 4);
    assert!(parameters.add("actor", "").is_err());
    for number in 0..=TERMS_MAX {
        parameters.add("seq", &number.to_string()).unwrap();
    }
    assert!(parameters.filter().unwrap_err().to_string().contains("129 terms"));
    let mut deep = SearchParameters::new();
    deep.add("actor", "ada").unwrap();
    deep.add("q", &format!("{}a OR b{}", "-(a ".repeat(8), ")".repeat(8))).unwrap();
    assert!(deep.filter().is_ok());
}

#[test]
fn a_filter_is_its_phrase_in_json() {
    let filter = parsed("actor:\"Ada L\" -orders");
    let json = serde_json::to_string(&filter).unwrap();
    assert_eq!(json, r#""actor:\"Ada L\" -orders""#);
    assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), filter);
    assert!(serde_json::from_str::<Filter>("\"actor:\"").is_err());
}

#[test]
fn the_page_about_searching_says_what_is_read() {
    let page = include_str!("../../../../docs/SEARCH.md");
    let mut examples = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let last_cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        for phrase in last_cell.split('`').skip(1).step_by(2).filter(|phrase| *phrase != "AND") {
            assert!(Filter::parse(phrase).is_ok(), "{phrase}");
            examples += 1;
        }
    }
    assert!(examples >= 25, "{examples} examples");
    for field in Field::ALL {
        assert!(page.contains(&format!("`{}`", field.name())), "{field:?}");
    }
    let error = refused("actr:ada").to_string();
    assert!(page.contains(&error[..error.find("action").unwrap()]), "{error}");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9@.:_/-]{1,12}",
        "[ \"\\\\(),*:a-\u{e4}\u{2003}\n-]{0,8}",
        Just("OR".to_owned()),
        Just("NOT".to_owned()),
        "\\PC{0,6}",
        any::<String>().prop_map(|text| text.chars().take(6).collect()),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let kind = || proptest::option::of(prop_oneof![Just("project".to_owned()), "[A-Za-z][A-Za-z0-9_.:/-]{0,6}"]);
    let network = (any::<std::net::IpAddr>(), 0u8..=128).prop_map(|(address, bits)| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, bits.min(most)).unwrap()
    });
    prop_oneof![
        text().prop_map(Term::Actor),
        proptest::sample::select(ActorType::ALL).prop_map(Term::ActorType),
        "[a-zA-Z0-9_]{1,4}(\\.[a-z_]{1,4}){1,2}".prop_map(|text| Term::Action(ActionPattern::Exact(text))),
        "[a-z0-9_]{1,4}(\\.[a-z_]{1,4}){0,1}".prop_map(|text| Term::Action(ActionPattern::Under(text))),
        "[a-z0-9_]{1,4}(\\.[a-z_]{1,4}){0,1}".prop_map(|text| Term::Action(ActionPattern::Verb(text))),
        proptest::sample::select(Outcome::ALL).prop_map(Term::Outcome),
        (kind(), text()).prop_map(|(kind, value)| Term::Target { kind, value }),
        text().prop_map(Term::Resource),
        network.prop_map(Term::Ip),
        any::<u32>()
            .prop_map(|v4| Term::Ip(IpNet::new(std::net::Ipv4Addr::from(v4).to_ipv6_mapped().into(), 120).unwrap())),
        text().prop_map(Term::RequestId),
        text().prop_map(Term::TraceId),
        text().prop_map(Term::SessionId),
        text().prop_map(Term::ExternalId),
        text().prop_map(Term::Source),
        text().prop_map(Term::Surface),
        ("[A-Za-z0-9_.-]{1,6}", text()).prop_map(|(key, value)| Term::Metadata { key, value }),
        (0u64..1 << 40, 0i64..4_000_000_000_000_000).prop_map(|(seq, at)| Term::Id(EventId::new(&[3; 16], seq, at))),
        any::<u64>().prop_map(Term::Seq),
        proptest::collection::vec(text(), 0..4).prop_map(Term::Words),
    ]
}

/// Any filter, not in normal form.
fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![1 => Just(Filter::All), 9 => term().prop_map(Filter::Term)];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_printed_reads_back(filter in filter()) {
        let normal = filter.normalised();
        let printed = normal.to_string();
        prop_assume!(printed.len() <= PHRASE_BYTES_MAX);
        let read = Filter::parse(&printed);
        prop_assert_eq!(read.as_ref(), Ok(&normal), "printed: {}", printed);
        prop_assert_eq!(read.unwrap().normalised(), normal);
    }

    #[test]
    fn any_text_is_read_or_refused_within_itself(phrase in prop_oneof![
        any::<String>(),
        "([a-z]{1,3}|actor:|target:|action:|ip:|metadata\\.k:|\"|\\\\|\\(|\\)|,|-|\\*| |OR|AND|NOT|ä){0,24}",
    ]) {
        match Filter::parse(&phrase) {
            Ok(filter) => {
                prop_assert_eq!(filter.clone().normalised(), filter.clone());
                prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
            }
            Err(error) => {
                prop_assert!(phrase.is_char_boundary(error.offset));
                prop_assert!(error.column + error.length <= phrase.chars().count() + 1);
                prop_assert!(!error.detail.is_empty());
            }
        }
    }
}
