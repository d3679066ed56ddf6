//! Search phrases as they are recorded: who looks for a credential that leaked writes it into the search.

use super::{Masking, mark, says_nothing, texts, tokens};
use crate::filter::{Filter, Term};

impl Masking {
    /// The phrase of a filter with the credentials in it masked.
    pub fn phrase(&self, filter: &Filter) -> String {
        self.filter(filter).to_string()
    }

    fn filter(&self, filter: &Filter) -> Filter {
        let each = |filters: &[Filter]| filters.iter().map(|filter| self.filter(filter)).collect();
        match filter {
            Filter::All => Filter::All,
            Filter::And(filters) => Filter::And(each(filters)),
            Filter::Or(filters) => Filter::Or(each(filters)),
            Filter::Not(filter) => Filter::Not(Box::new(self.filter(filter))),
            Filter::Term(term) => Filter::Term(self.term(term)),
        }
    }

    fn term(&self, term: &Term) -> Term {
        let mut term = term.clone();
        match &mut term {
            Term::Words(words) => {
                if let Some(at) = tokens::begins_in_words(words).filter(|_| self.forms) {
                    words.truncate(at);
                    words.extend(["masked", "token"].map(str::to_owned));
                }
            }
            Term::Metadata { key, value } => {
                if let Some(rule) = self.key_rule(key).filter(|_| !says_nothing(value)) {
                    *value = mark(rule.name);
                } else {
                    self.mask(value);
                }
            }
            Term::Actor(value)
            | Term::Target { value, .. }
            | Term::RequestId(value)
            | Term::TraceId(value)
            | Term::SessionId(value)
            | Term::ExternalId(value)
            | Term::Resource(value)
            | Term::Source(value)
            | Term::Surface(value) => self.mask(value),
            Term::ActorType(_) | Term::Action(_) | Term::Outcome(_) | Term::Ip(_) | Term::Id(_) | Term::Seq(_) => {}
        }
        term
    }

    fn mask(&self, value: &mut String) {
        if let Some(masked) = texts::masked(self, value) {
            *value = masked;
        }
    }
}
