//! Which searches tell of a person: who looks for somebody writes a part of their name, their address or where they came from,
//! and that stands in the record of the search. Only the values that a phrase looks for are compared, so that nobody's name
//! is found in `action:component.deploy`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actarium_core::filter::{Filter, Term};
use actarium_core::text;
use ipnet::IpNet;

/// Shortest word of ASCII that names somebody by itself; `de` and `J.` do not.
const WORD_CHARS_MIN: usize = 3;

/// Shortest word that may be meant as the beginning of a name, or of which a name is the beginning.
const BEGINNING_CHARS_MIN: usize = 4;

/// Narrowest and widest networks that may be meant for one address in them.
const NETWORK_BITS_MIN: (u8, u8) = (16, 48);

/// Words of names and addresses that are everybody's (RFC 2142 has some of them).
const COMMON: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "agent",
    "and",
    "audit",
    "billing",
    "bot",
    "contact",
    "dev",
    "dr",
    "hello",
    "help",
    "info",
    "mail",
    "mr",
    "mrs",
    "noreply",
    "office",
    "operator",
    "ops",
    "platform",
    "postmaster",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "system",
    "team",
    "test",
    "the",
    "user",
    "webmaster",
    "www",
];

/// Words of many user agents.
const AGENTS: &[&str] = &[
    "applewebkit",
    "chrome",
    "compatible",
    "curl",
    "firefox",
    "gecko",
    "http",
    "https",
    "intel",
    "khtml",
    "like",
    "linux",
    "macintosh",
    "mobile",
    "mozilla",
    "python",
    "requests",
    "safari",
    "version",
    "windows",
];

/// Whether a search names somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tells {
    /// It does not.
    Nothing,
    /// It may: by the beginning of a name, the domain of an address, a user agent, a network, or a word that is everybody's.
    Perhaps,
    /// It does.
    Names,
}

/// By what a person is named in a search.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// Names, addresses and what stands before their `@`, and ids, each whole.
    phrases: Vec<Vec<String>>,
    /// Words of names.
    words: BTreeSet<String>,
    ips: BTreeSet<IpAddr>,
    /// Words that may be meant for them.
    hints: BTreeSet<String>,
}

impl Naming {
    /// By these names, e-mail addresses, IP addresses and ids, as an erasure keeps them.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n String>) -> Self {
        let mut naming = Self::default();
        for name in names {
            naming.add(name);
        }
        naming
    }

    /// These user agents may name them, too.
    #[must_use]
    pub fn with_user_agents<'n>(mut self, user_agents: impl IntoIterator<Item = &'n String>) -> Self {
        let words = user_agents.into_iter().flat_map(|agent| text::words(agent));
        let is_own = |word: &String| {
            word.chars().count() >= BEGINNING_CHARS_MIN
                && word.chars().any(char::is_alphabetic)
                && !AGENTS.contains(&word.as_str())
        };
        self.hints.extend(words.filter(is_own));
        self
    }

    fn add(&mut self, name: &str) {
        self.phrases.push(text::words(name));
        if let Ok(ip) = name.parse::<IpAddr>() {
            self.ips.insert(ip.to_canonical());
        } else if let Some((local, domain)) = name.rsplit_once('@') {
            let local = text::words(local);
            match &local[..] {
                [word] if !names_by_itself(word) => drop(self.hints.insert(word.clone())),
                _ => self.phrases.push(local),
            }
            let labels = domain.rsplit_once('.').map_or(domain, |(labels, _)| labels);
            let labels = text::words(labels).into_iter();
            self.hints.extend(labels.filter(|label| label.chars().count() >= BEGINNING_CHARS_MIN));
        } else if name.contains(|sign: char| sign.is_whitespace() || sign == ',') {
            // An id has none of these, and is looked for whole alone.
            for word in text::words(name) {
                if names_by_itself(&word) {
                    self.words.insert(word)
                } else {
                    self.hints.insert(word)
                };
            }
        }
    }

    /// Whether a search phrase names them. What is no phrase is taken as words.
    pub fn told_by(&self, phrase: &str) -> Tells {
        match Filter::parse(phrase) {
            Ok(filter) => self.told_by_filter(&filter),
            Err(_) => self.told_by_words(&text::words(phrase)),
        }
    }

    fn told_by_filter(&self, filter: &Filter) -> Tells {
        match filter {
            Filter::All => Tells::Nothing,
            Filter::And(filters) | Filter::Or(filters) => {
                filters.iter().map(|filter| self.told_by_filter(filter)).max().unwrap_or(Tells::Nothing)
            }
            Filter::Not(filter) => self.told_by_filter(filter),
            Filter::Term(term) => self.told_by_term(term),
        }
    }

    fn told_by_term(&self, term: &Term) -> Tells {
        match term {
            Term::Words(words) => self.told_by_words(words),
            Term::Ip(network) => self.told_by_network(network),
            Term::Actor(value)
            | Term::Target { value, .. }
            | Term::Metadata { value, .. }
            | Term::RequestId(value)
            | Term::TraceId(value)
            | Term::SessionId(value)
            | Term::ExternalId(value) => match self.is_named_in(&text::words(value)) {
                true => Tells::Names,
                false => Tells::Nothing,
            },
            Term::ActorType(_)
            | Term::Action(_)
            | Term::Outcome(_)
            | Term::Resource(_)
            | Term::Source(_)
            | Term::Surface(_)
            | Term::Id(_)
            | Term::Seq(_) => Tells::Nothing,
        }
    }

    fn told_by_words(&self, words: &[String]) -> Tells {
        let begins = |short: &String, long: &String| {
            short.chars().count() >= BEGINNING_CHARS_MIN && long.starts_with(short.as_str())
        };
        let may_be_meant = |word: &String| {
            self.hints.contains(word) || self.words.iter().any(|name| begins(word, name) || begins(name, word))
        };
        match (self.is_named_in(words), words.iter().any(may_be_meant)) {
            (true, _) => Tells::Names,
            (false, true) => Tells::Perhaps,
            (false, false) => Tells::Nothing,
        }
    }

    fn is_named_in(&self, words: &[String]) -> bool {
        let has = |phrase: &Vec<String>| {
            !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase.as_slice())
        };
        words.iter().any(|word| self.words.contains(word)) || self.phrases.iter().any(has)
    }

    fn told_by_network(&self, network: &IpNet) -> Tells {
        let bits_min = if matches!(network, IpNet::V4(_)) { NETWORK_BITS_MIN.0 } else { NETWORK_BITS_MIN.1 };
        match self.ips.iter().any(|ip| network.contains(ip)) {
            true if network.prefix_len() == network.max_prefix_len() => Tells::Names,
            true if network.prefix_len() >= bits_min => Tells::Perhaps,
            _ => Tells::Nothing,
        }
    }
}

/// Whether a word of a name tells whose it is: it is no particle and not everybody's.
fn names_by_itself(word: &str) -> bool {
    (!word.is_ascii() || word.len() >= WORD_CHARS_MIN) && !COMMON.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming() -> Naming {
        let names = [
            "Wilhelmina de Featherstone",
            "wilhelmina.f@secretmail.example",
            "info@team.example",
            "203.0.113.77",
            "u_9",
        ];
        Naming::of(&names.map(str::to_owned)).with_user_agents(&["UniqueAgent/1 Mozilla".to_owned()])
    }

    #[test]
    fn a_search_by_a_part_of_the_name_or_address_names_somebody() {
        for phrase in [
            "featherstone",
            "Wilhelmina outcome:denied",
            "\"featherstone wilhelmina\"",
            "\"wilhelmina f\"",
            "-featherstone",
            "actor:WILHELMINA.F@other.example",
            "actor:wilhelmina.f@secretmail.example",
            "target:user:u_9",
            "metadata.customer:Featherstone",
            "ip:203.0.113.77",
            "ip:203.0.113.77/32",
            "ip:::ffff:203.0.113.77",
            "203.0.113.77",
            "action:component.deploy OR (outcome:denied featherstone)",
            "not:a (phrase featherstone",
        ] {
            assert_eq!(naming().told_by(phrase), Tells::Names, "{phrase}");
        }
    }

    #[test]
    fn what_may_be_meant_for_somebody_else_is_told_apart() {
        for phrase in ["secretmail", "uniqueagent", "ip:203.0.113.0/24", "feather", "featherstones", "de", "info"] {
            assert_eq!(naming().told_by(phrase), Tells::Perhaps, "{phrase}");
        }
        for phrase in [
            "",
            "mozilla",
            "ip:203.0.113.78",
            "ip:0.0.0.0/0",
            "actor:ada@secretmail.example",
            "u",
            "9",
            "wil",
            "outcome:denied",
        ] {
            assert_eq!(naming().told_by(phrase), Tells::Nothing, "{phrase}");
        }
        let deploy = Naming::of(&["Component Deploy".to_owned()]);
        assert_eq!(deploy.told_by("action:component.deploy resource:component"), Tells::Nothing);
        assert_eq!(deploy.told_by("deploy"), Tells::Names);
    }
}
