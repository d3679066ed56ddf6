//! Reads a phrase by recursive descent. Must not guess: what it cannot read is an error with its place.
//!
//! ```text
//! phrase   = [ any ]
//! any      = all { "OR" all }
//! all      = one { [ "AND" ] one }
//! one      = ( "-" | "NOT" ) one | "(" any ")" | "*" | word | "\"" text "\"" | field ":" values
//! values   = value { "," value } | "(" any, with values in place of terms ")"
//! ```

use std::borrow::Cow;

use super::error::{PhraseError, Problem};
use super::field::{Field, Value, is_target_type};
use super::lexer::{Expecting, Fault, Kind, Lexer, Token};
use super::{Filter, NESTING_MAX, PHRASE_BYTES_MAX, TERMS_MAX, Term};
use crate::text;

pub(super) fn parse(phrase: &str) -> Result<Filter, PhraseError> {
    let whole = |problem| PhraseError::new(phrase, 0, phrase.len(), problem);
    if phrase.len() > PHRASE_BYTES_MAX {
        let detail = format!("the phrase has {} bytes, of at most {PHRASE_BYTES_MAX}", phrase.len());
        return Err(whole(Problem::new(detail)));
    }
    let mut parser = Parser { lexer: Lexer::new(phrase), depth: 0, terms: 0 };
    let filter = parser.phrase().map_err(|(start, end, problem)| PhraseError::new(phrase, start, end, problem))?;
    within_bytes(&filter).map_err(whole)?;
    Ok(filter)
}

/// Refuses a filter whose own phrase would be refused as too long, so that every filter can be written and read back.
pub(super) fn within_bytes(filter: &Filter) -> Result<(), Problem> {
    let printed = filter.to_string().len();
    if printed <= PHRASE_BYTES_MAX {
        return Ok(());
    }
    Err(Problem::new(format!("the search has {printed} bytes in its shortest form, of at most {PHRASE_BYTES_MAX}")))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
    terms: usize,
}

/// The field whose values are read, within its parentheses.
#[derive(Clone, Copy)]
struct Within<'a> {
    field: Field,
    key: Option<&'a str>,
}

impl<'a> Parser<'a> {
    fn phrase(&mut self) -> Result<Filter, Fault> {
        if self.lexer.peek(Expecting::Term)?.kind == Kind::End {
            return Ok(Filter::All);
        }
        let filter = self.any(None)?;
        let token = self.lexer.next(Expecting::Term)?;
        match token.kind {
            Kind::End => Ok(filter),
            _ => Err(fault(&token, Problem::new("this `)` closes nothing"))),
        }
    }

    fn any(&mut self, within: Option<Within<'_>>) -> Result<Filter, Fault> {
        let mut parts = vec![self.all(within)?];
        while self.lexer.peek(expecting(within))?.kind == Kind::Or {
            self.lexer.next(expecting(within))?;
            parts.push(self.all(within)?);
        }
        Ok(Filter::or(parts))
    }

    fn all(&mut self, within: Option<Within<'_>>) -> Result<Filter, Fault> {
        let mut parts = vec![self.one(within)?];
        loop {
            match self.lexer.peek(expecting(within))?.kind {
                Kind::End | Kind::Close | Kind::Or => return Ok(Filter::and(parts)),
                Kind::And => drop(self.lexer.next(expecting(within))?),
                _ => {}
            }
            parts.push(self.one(within)?);
        }
    }

    fn one(&mut self, within: Option<Within<'_>>) -> Result<Filter, Fault> {
        let token = self.lexer.next(expecting(within))?;
        match &token.kind {
            Kind::Minus | Kind::Not => Ok(self.nested(&token, |parser| parser.one(within))?.negated()),
            Kind::Open => self.nested(&token, |parser| parser.parenthesised(&token, within)),
            Kind::Field(name) => self.field(name, &token),
            Kind::Bare(_) | Kind::Quoted { .. } => match within {
                Some(within) => self.values(within, token),
                None => self.words(&token),
            },
            Kind::Or | Kind::And => {
                let operator = &self.lexer.phrase()[token.start..token.end];
                let detail = format!("`{operator}` stands between two terms (in quotes or lower case it is a word)");
                Err(fault(&token, Problem::new(detail)))
            }
            Kind::Close => Err(fault(&token, Problem::new("a term is missing before this `)`"))),
            Kind::End => Err(fault(&token, Problem::new("a term is missing at the end"))),
        }
    }

    /// Reads something one level deeper.
    fn nested(
        &mut self,
        token: &Token<'_>,
        read: impl FnOnce(&mut Self) -> Result<Filter, Fault>,
    ) -> Result<Filter, Fault> {
        if self.depth == NESTING_MAX {
            let detail = format!("parentheses and negations are nested deeper than {NESTING_MAX}");
            return Err(fault(token, Problem::new(detail)));
        }
        self.depth += 1;
        let filter = read(self)?;
        self.depth -= 1;
        Ok(filter)
    }

    /// What follows an opening parenthesis.
    fn parenthesised(&mut self, opening: &Token<'_>, within: Option<Within<'_>>) -> Result<Filter, Fault> {
        let filter = self.any(within)?;
        match self.lexer.next(expecting(within))?.kind {
            Kind::Close => {
                self.lexer.boundary()?;
                Ok(filter)
            }
            _ => Err(fault(opening, Problem::new("the parenthesis that opens here is never closed"))),
        }
    }

    /// What follows `field:`.
    fn field(&mut self, name: &str, token: &Token<'_>) -> Result<Filter, Fault> {
        let (field, key) =
            Field::named(name).map_err(|problem| (token.start, token.start + name.len().max(1), problem))?;
        let within = Within { field, key: key.as_deref() };
        let first = self.lexer.next(Expecting::Value)?;
        match &first.kind {
            Kind::Open => self.nested(&first, |parser| parser.parenthesised(&first, Some(within))),
            _ => self.values(within, first),
        }
    }

    /// One value, or several with commas between; the first is already read.
    fn values(&mut self, within: Within<'_>, first: Token<'a>) -> Result<Filter, Fault> {
        let mut parts = vec![self.value(within, first)?];
        while self.lexer.comma() {
            let next = self.lexer.next(Expecting::Value)?;
            parts.push(self.value(within, next)?);
        }
        self.lexer.boundary()?;
        Ok(Filter::or(parts))
    }

    fn value(&mut self, within: Within<'_>, token: Token<'a>) -> Result<Filter, Fault> {
        let value = match &token.kind {
            Kind::Bare(text) if !text.is_empty() => Value { text: Cow::Borrowed(*text), literal: false, kind: None },
            Kind::Quoted { kind: Some(kind), .. } if within.field == Field::Target && !is_target_type(kind) => {
                let detail =
                    "this is not a type of target, which has a letter first and then letters, digits and `_.:/-`";
                return Err((token.start, token.start + kind.len().max(1), Problem::new(detail)));
            }
            Kind::Quoted { text, kind } => Value { text: text.clone(), literal: true, kind: *kind },
            _ => {
                let detail = format!("a value is missing behind `{}` (an empty one is `\"\"`)", within.field.name());
                return Err((token.start, token.start, Problem::new(detail)));
            }
        };
        let term = within.field.term(within.key, &value).map_err(|problem| fault(&token, problem))?;
        self.counted(&token, term)
    }

    fn words(&mut self, token: &Token<'_>) -> Result<Filter, Fault> {
        let (text, quoted) = match &token.kind {
            Kind::Quoted { text, .. } => (text.as_ref(), true),
            Kind::Bare(text) => (*text, false),
            _ => ("", false),
        };
        self.lexer.boundary()?;
        if text == "*" && !quoted {
            return Ok(Filter::All);
        }
        if text.contains('*') && !quoted {
            let detail =
                "words are searched whole, `*` works in `action:` only; without the `*` the whole word is found";
            return Err(fault(token, Problem::new(detail).allowing(["action:component.*", "action:*.delete"])));
        }
        let words = text::words(text);
        if words.is_empty() {
            return Err(fault(token, Problem::new("there is no word in this: a letter or digit is needed")));
        }
        self.counted(token, Term::Words(words))
    }

    fn counted(&mut self, token: &Token<'_>, term: Term) -> Result<Filter, Fault> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(fault(token, Problem::new(format!("the phrase has more than {TERMS_MAX} terms"))));
        }
        Ok(Filter::Term(term))
    }
}

fn expecting(within: Option<Within<'_>>) -> Expecting {
    if within.is_some() { Expecting::GroupedValue } else { Expecting::Term }
}

fn fault(token: &Token<'_>, problem: Problem) -> Fault {
    (token.start, token.end, problem)
}
