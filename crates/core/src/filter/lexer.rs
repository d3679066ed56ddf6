//! Cuts a phrase into tokens, one at a time, as the parser asks: what a character means depends on whether a term or
//! the value of a field is expected. Must not know what fields there are.

use std::borrow::Cow;

use super::error::Problem;

/// What the parser expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expecting {
    /// A term: `field:`, a word, a quoted phrase, or an operator.
    Term,
    /// A value right behind `field:` or a comma.
    Value,
    /// A value within the parentheses of a field, or an operator.
    GroupedValue,
}

/// A token and where it lies in the phrase, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind<'a>,
    pub start: usize,
    pub end: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Open,
    Close,
    Minus,
    Or,
    And,
    Not,
    /// `field:`, without the colon.
    Field(&'a str),
    /// Unquoted text: a word, or a value.
    Bare(&'a str),
    /// Quoted text with its escapes resolved. `kind` is the text before the colon in `kind:"…"`, in values only.
    Quoted {
        text: Cow<'a, str>,
        kind: Option<&'a str>,
    },
    End,
}

/// Something that cannot be a token, where it is, and why.
pub(super) type Fault = (usize, usize, Problem);

/// A place in a phrase.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    phrase: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(phrase: &'a str) -> Self {
        Lexer { phrase, at: 0 }
    }

    /// The phrase.
    pub fn phrase(&self) -> &'a str {
        self.phrase
    }

    fn rest(&self) -> &'a str {
        &self.phrase[self.at..]
    }

    /// Passes over a comma between values.
    pub fn comma(&mut self) -> bool {
        let there = self.rest().starts_with(',');
        self.at += usize::from(there);
        there
    }

    /// Refuses anything but a blank, a closing parenthesis or the end behind a term or value.
    pub fn boundary(&self) -> Result<(), Fault> {
        match self.rest().chars().next() {
            None | Some(')') => Ok(()),
            Some(character) if character.is_whitespace() => Ok(()),
            Some(character) => {
                let detail = "a blank is missing here (text with parentheses or quotes in it goes in quotes)";
                Err((self.at, self.at + character.len_utf8(), Problem::new(detail)))
            }
        }
    }

    /// The next token, without moving past it.
    pub fn peek(&self, expecting: Expecting) -> Result<Token<'a>, Fault> {
        self.clone().next(expecting)
    }

    /// The next token.
    pub fn next(&mut self, expecting: Expecting) -> Result<Token<'a>, Fault> {
        if expecting != Expecting::Value {
            self.at += self.rest().len() - self.rest().trim_start().len();
        }
        let start = self.at;
        let kind = match self.rest().chars().next() {
            None => Kind::End,
            Some('(') => self.passed(1, Kind::Open),
            Some(')') => self.passed(1, Kind::Close),
            Some('"') => Kind::Quoted { text: self.quoted()?, kind: None },
            Some('-') if expecting != Expecting::Value => self.minus()?,
            Some(_) => self.run(expecting)?,
        };
        Ok(Token { kind, start, end: self.at })
    }

    fn passed(&mut self, length: usize, kind: Kind<'a>) -> Kind<'a> {
        self.at += length;
        kind
    }

    fn minus(&mut self) -> Result<Kind<'a>, Fault> {
        match self.rest()[1..].chars().next() {
            Some(next) if !next.is_whitespace() && next != ')' => Ok(self.passed(1, Kind::Minus)),
            _ => Err((self.at, self.at + 1, Problem::new("`-` must stand right before what it excludes"))),
        }
    }

    /// Unquoted text up to the next blank, parenthesis or quote, and in values the next comma.
    fn run(&mut self, expecting: Expecting) -> Result<Kind<'a>, Fault> {
        let in_value = expecting != Expecting::Term;
        let ends = |character: char| {
            character.is_whitespace() || matches!(character, '(' | ')' | '"') || (in_value && character == ',')
        };
        let rest = self.rest();
        let run = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if !in_value && let Some(colon) = run.find(':') {
            return Ok(self.passed(colon + 1, Kind::Field(&run[..colon])));
        }
        let before_quote = rest[run.len()..].starts_with('"');
        if in_value
            && before_quote
            && let Some(kind) = run.strip_suffix(':')
        {
            self.at += run.len();
            return Ok(Kind::Quoted { text: self.quoted()?, kind: Some(kind) });
        }
        if before_quote {
            let quote = self.at + run.len();
            let detail = "a quote must begin a term or value (write `\\\"` within quotes for a quote itself)";
            return Err((quote, quote + 1, Problem::new(detail)));
        }
        Ok(match run {
            "OR" if expecting != Expecting::Value => self.passed(run.len(), Kind::Or),
            "AND" if expecting != Expecting::Value => self.passed(run.len(), Kind::And),
            "NOT" if expecting != Expecting::Value => self.passed(run.len(), Kind::Not),
            _ => self.passed(run.len(), Kind::Bare(run)),
        })
    }

    /// Text in quotes; the quote is the next character.
    fn quoted(&mut self) -> Result<Cow<'a, str>, Fault> {
        let opening = self.at;
        let rest = &self.rest()[1..];
        let mut text = Cow::Borrowed("");
        let mut from = 0;
        let mut characters = rest.char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at = opening + 1 + offset + 1;
                    return Ok(joined(text, &rest[from..offset]));
                }
                '\\' => match characters.next() {
                    Some((escaped, '"' | '\\')) => {
                        text = joined(text, &rest[from..offset]);
                        from = escaped;
                    }
                    Some((escaped, other)) => {
                        let start = opening + 1 + offset;
                        let end = opening + 1 + escaped + other.len_utf8();
                        let problem = Problem::new("`\\` within quotes stands before `\"` or `\\` only");
                        return Err((start, end, problem.allowing(["\\\"", "\\\\"])));
                    }
                    None => break,
                },
                _ => {}
            }
        }
        Err((opening, self.phrase.len(), Problem::new("the quote that opens here is never closed")))
    }
}

/// The two texts one after the other, borrowed if the first is empty.
fn joined<'a>(text: Cow<'a, str>, more: &'a str) -> Cow<'a, str> {
    if text.is_empty() { Cow::Borrowed(more) } else { Cow::Owned(text.into_owned() + more) }
}
