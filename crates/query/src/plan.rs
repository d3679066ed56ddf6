//! What is sought, compiled for one source: it says of a row yes, no or perhaps from codes and indexes alone, and names the
//! few rows that can be found, where there are few.

use actarium_core::filter::{Filter, Term, target_readings};
use actarium_core::row::Column;
use actarium_core::text;
use actarium_store::segment::{BLOCK_ROWS, ID_COLUMNS, NO_CODE, Part, Places, Segment, ShortMatch, TermTable};

use crate::QueryError;
use crate::sought::Sought;
use crate::source::{Dictionary, Source, SourceColumn};

/// Dictionaries up to this size are tested text by text; larger ones through their words.
const SMALL_DICTIONARY: usize = 64;

/// What a plan knows of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    No,
    Perhaps,
    Yes,
}

/// A filter compiled for one source.
pub enum Plan<'s> {
    Everything,
    Nothing,
    /// The row has one of these codes.
    Codes {
        dictionary: Dictionary<'s>,
        codes: CodeSet,
    },
    /// The row is one of these, ascending.
    Rows(Vec<u32>),
    /// The row is perhaps found if it is in one of these blocks, ascending.
    Blocks(Vec<u32>),
    /// Only the row's texts can say.
    Unknown,
    All(Vec<Plan<'s>>),
    Any(Vec<Plan<'s>>),
    Not(Box<Plan<'s>>),
}

/// A set of codes of one dictionary.
pub struct CodeSet {
    bits: Vec<u64>,
    codes: Vec<u32>,
}

impl CodeSet {
    /// These codes of so many, each once.
    pub fn of(codes: Vec<u32>, distinct: usize) -> Self {
        let mut bits = vec![0u64; distinct.div_ceil(64)];
        for &code in &codes {
            bits[code as usize / 64] |= 1 << (code % 64);
        }
        Self { bits, codes }
    }

    #[inline]
    fn has(&self, code: u32) -> bool {
        code != NO_CODE && self.bits[code as usize / 64] & (1 << (code % 64)) != 0
    }
}

impl<'s> Plan<'s> {
    /// Compiles what is sought for a source.
    pub fn of(sought: Sought<'_>, source: &Source<'s>) -> Result<Self, QueryError> {
        let seen = Self::of_scope(sought.scope, source)?;
        if matches!(seen, Self::Nothing) {
            return Ok(seen);
        }
        Ok(match (seen, Self::compile(sought.filter, source)?) {
            (_, Self::Nothing) => Self::Nothing,
            (Self::Everything, found) => found,
            (seen, Self::Everything) => seen,
            (seen, found) => Self::All(vec![seen, found]),
        })
    }

    /// Compiles a filter for a source.
    fn compile(filter: &Filter, source: &Source<'s>) -> Result<Self, QueryError> {
        Ok(match filter {
            Filter::All => Self::Everything,
            Filter::And(parts) => {
                let mut plans = Vec::with_capacity(parts.len());
                for part in parts {
                    match Self::compile(part, source)? {
                        Self::Nothing => return Ok(Self::Nothing),
                        Self::Everything => {}
                        plan => plans.push(plan),
                    }
                }
                Self::all(plans)
            }
            Filter::Or(parts) => {
                let mut plans = Vec::with_capacity(parts.len());
                for part in parts {
                    plans.push(Self::compile(part, source)?);
                }
                Self::any(plans)
            }
            Filter::Not(inner) => match Self::compile(inner, source)? {
                Self::Everything => Self::Nothing,
                Self::Nothing => Self::Everything,
                plan => Self::Not(Box::new(plan)),
            },
            Filter::Term(term) => Self::term(term, source)?,
        })
    }

    fn all(mut plans: Vec<Self>) -> Self {
        match plans.len() {
            0 => Self::Everything,
            1 => plans.remove(0),
            _ => Self::All(plans),
        }
    }

    pub fn any(plans: Vec<Self>) -> Self {
        let mut kept = Vec::with_capacity(plans.len());
        for plan in plans {
            match plan {
                Self::Everything => return Self::Everything,
                Self::Nothing => {}
                plan => kept.push(plan),
            }
        }
        match kept.len() {
            0 => Self::Nothing,
            1 => kept.remove(0),
            _ => Self::Any(kept),
        }
    }

    fn term(term: &Term, source: &Source<'s>) -> Result<Self, QueryError> {
        if let Some(seq) = match term {
            Term::Seq(seq) => Some(*seq),
            Term::Id(id) => Some(id.seq()),
            _ => None,
        } {
            let row = seq.checked_sub(source.first_seq()).filter(|row| *row < source.rows() as u64);
            // The id's other bits still have to be compared.
            let found = row.map_or(Self::Nothing, |row| Self::Rows(vec![row as u32]));
            return Ok(if matches!(term, Term::Id(_)) { Self::all(vec![found, Self::Unknown]) } else { found });
        }
        let mut plans = Vec::new();
        let mut in_texts = false;
        for &column in term.columns() {
            match source.column(column)? {
                SourceColumn::Absent => {}
                SourceColumn::Dictionary(dictionary) => plans.push(Self::codes(term, column, source, dictionary)?),
                SourceColumn::Parts { whole } => {
                    let Source::Segment(segment) = source else { unreachable!("only segments have parts") };
                    plans.push(Self::parts(term, column, segment)?);
                    in_texts |= whole;
                }
                SourceColumn::Plain => match Self::looked_up(term, column, source)? {
                    Some(rows) => plans.push(if rows.is_empty() { Self::Nothing } else { Self::Rows(rows) }),
                    None => in_texts = true,
                },
            }
        }
        if in_texts {
            plans.push(Self::texts(term, source)?);
        }
        Ok(Self::any(plans))
    }

    /// The rows of a column with a text per row that a filter leads to; `None` if none does.
    fn looked_up(term: &Term, column: Column, source: &Source<'s>) -> Result<Option<Vec<u32>>, QueryError> {
        let Source::Segment(segment) = source else { return Ok(None) };
        if let Term::Ip(network) = term {
            let is_one = network.prefix_len() == network.max_prefix_len();
            let address = network.addr();
            // An address in the spelling of another family is found by no other.
            let is_canonical = address.to_canonical() == address;
            return Ok(if is_one && is_canonical { segment.rows_with_address(address)? } else { None });
        }
        let Some((id, exactly)) = id_wanted(term, column) else { return Ok(None) };
        Ok(Some(segment.rows_with_id(column, &id, exactly)?))
    }

    fn codes(term: &Term, column: Column, source: &Source<'s>, dictionary: Dictionary<'s>) -> Result<Self, QueryError> {
        let distinct = dictionary.codes_count();
        // The words of an actor do not hold the session ids further down.
        let indexed =
            text::SEARCHED.contains(&column) && !matches!((term, column), (Term::SessionId(_), Column::Actor));
        let places = if distinct <= SMALL_DICTIONARY || !indexed {
            Places::Anywhere
        } else {
            match source {
                Source::Tail(_) => places_of(term, dictionary.terms(column)),
                Source::Segment(segment) => match segment.terms(column)? {
                    Some(terms) => places_of(term, &terms),
                    None => Places::Anywhere,
                },
            }
        };
        Ok(Self::codes_at(term, column, dictionary, places))
    }

    /// The codes among `places` whose texts have the property.
    fn codes_at(term: &Term, column: Column, dictionary: Dictionary<'s>, places: Places) -> Self {
        let distinct = dictionary.codes_count();
        let matches = |code: &u32| term.matches_column(column, dictionary.values.value(*code as usize));
        let codes: Vec<u32> = match places {
            Places::Nowhere => Vec::new(),
            Places::These(codes) => {
                codes.into_iter().filter(|code| (*code as usize) < distinct).filter(matches).collect()
            }
            Places::Anywhere => (0..distinct as u32).filter(matches).collect(),
        };
        if codes.is_empty() {
            return Self::Nothing;
        }
        let codes = CodeSet::of(codes, distinct);
        Self::Codes { dictionary, codes }
    }

    /// The rows that are found in a column's parts alone; those whose text is kept whole are not among them.
    fn parts(term: &Term, column: Column, segment: &'s Segment) -> Result<Self, QueryError> {
        if column == Column::Message {
            return Self::short_messages(term, segment);
        }
        let mut plans = Vec::new();
        for part in [Part::TargetsFirst, Part::TargetsRest] {
            // What is asked of the first target is not asked of the others.
            if part == Part::TargetsRest && matches!(term, Term::Resource(_)) {
                continue;
            }
            if let Some(dictionary) = segment.part(part)? {
                let places = match segment.part_terms(part)? {
                    Some(terms) if dictionary.codes_count() > SMALL_DICTIONARY => places_of(term, &terms),
                    _ => Places::Anywhere,
                };
                plans.push(Self::codes_at(term, column, Dictionary::Segment(dictionary), places));
            }
        }
        Ok(Self::any(plans))
    }

    fn short_messages(term: &Term, segment: &'s Segment) -> Result<Self, QueryError> {
        let (Term::Words(phrase), Some(dictionary)) = (term, segment.part(Part::MessageShort)?) else {
            return Ok(Self::Nothing);
        };
        let Some(words) = segment.short_words()? else { return Ok(Self::Nothing) };
        let codes_that = |wanted: ShortMatch| {
            let codes = words.iter().enumerate().filter(|(_, words)| words.holds(phrase) == wanted);
            let codes: Vec<u32> = codes.map(|(code, _)| code as u32).collect();
            if codes.is_empty() {
                return Self::Nothing;
            }
            let codes = CodeSet::of(codes, words.len());
            Self::Codes { dictionary: Dictionary::Segment(dictionary.clone()), codes }
        };
        let perhaps = match codes_that(ShortMatch::Perhaps) {
            Self::Nothing => Self::Nothing,
            plan => Self::All(vec![plan, Self::Unknown]),
        };
        Ok(Self::any(vec![codes_that(ShortMatch::Yes), perhaps]))
    }

    fn texts(term: &Term, source: &Source<'s>) -> Result<Self, QueryError> {
        let Source::Segment(segment) = source else { return Ok(Self::Unknown) };
        let searched = |column: &Column| text::SEARCHED.contains(column);
        let indexed = term.columns().iter().all(searched) && !matches!(term, Term::SessionId(_));
        let Some(terms) = segment.text_terms()?.filter(|_| indexed) else { return Ok(Self::Unknown) };
        Ok(match places_of(term, &terms) {
            Places::Nowhere => Self::Nothing,
            Places::These(blocks) => Self::Blocks(blocks),
            Places::Anywhere => Self::Unknown,
        })
    }

    /// What is known of a row.
    pub fn verdict(&self, row: u32) -> Verdict {
        let known = |yes: bool| if yes { Verdict::Yes } else { Verdict::No };
        match self {
            Self::Everything => Verdict::Yes,
            Self::Nothing => Verdict::No,
            Self::Codes { dictionary, codes } => known(codes.has(dictionary.codes[row as usize])),
            Self::Rows(rows) => known(rows.binary_search(&row).is_ok()),
            Self::Blocks(blocks) => match blocks.binary_search(&(row / BLOCK_ROWS as u32)) {
                Ok(_) => Verdict::Perhaps,
                Err(_) => Verdict::No,
            },
            Self::Unknown => Verdict::Perhaps,
            Self::All(plans) => {
                let mut verdict = Verdict::Yes;
                for plan in plans {
                    match plan.verdict(row) {
                        Verdict::No => return Verdict::No,
                        Verdict::Perhaps => verdict = Verdict::Perhaps,
                        Verdict::Yes => {}
                    }
                }
                verdict
            }
            Self::Any(plans) => {
                let mut verdict = Verdict::No;
                for plan in plans {
                    match plan.verdict(row) {
                        Verdict::Yes => return Verdict::Yes,
                        Verdict::Perhaps => verdict = Verdict::Perhaps,
                        Verdict::No => {}
                    }
                }
                verdict
            }
            Self::Not(plan) => match plan.verdict(row) {
                Verdict::Yes => Verdict::No,
                Verdict::No => Verdict::Yes,
                Verdict::Perhaps => Verdict::Perhaps,
            },
        }
    }

    /// At most how many rows are found, if the plan can name them one by one.
    pub fn named_rows(&self) -> Option<usize> {
        match self {
            Self::Nothing => Some(0),
            Self::Codes { dictionary, codes } => {
                let postings = dictionary.postings();
                Some(codes.codes.iter().map(|code| postings.rows(*code).len()).sum())
            }
            Self::Rows(rows) => Some(rows.len()),
            Self::Blocks(blocks) => Some(blocks.len() * BLOCK_ROWS),
            Self::All(plans) => plans.iter().filter_map(Self::named_rows).min(),
            Self::Any(plans) => plans.iter().map(Self::named_rows).sum(),
            Self::Everything | Self::Unknown | Self::Not(_) => None,
        }
    }

    /// Appends the rows that [`Plan::named_rows`] counted, in no order and perhaps twice; `rows` is the source's number
    /// of rows.
    pub fn name_rows(&self, rows: usize, named: &mut Vec<u32>) {
        match self {
            Self::Codes { dictionary, codes } => {
                let postings = dictionary.postings();
                codes.codes.iter().for_each(|code| named.extend_from_slice(postings.rows(*code)));
            }
            Self::Rows(found) => named.extend_from_slice(found),
            Self::Blocks(blocks) => {
                for block in blocks {
                    let first = *block as usize * BLOCK_ROWS;
                    named.extend((first..(first + BLOCK_ROWS).min(rows)).map(|row| row as u32));
                }
            }
            Self::All(plans) => {
                let fewest = plans.iter().filter(|plan| plan.named_rows().is_some());
                if let Some(plan) = fewest.min_by_key(|plan| plan.named_rows()) {
                    plan.name_rows(rows, named);
                }
            }
            Self::Any(plans) => plans.iter().for_each(|plan| plan.name_rows(rows, named)),
            Self::Nothing | Self::Everything | Self::Unknown | Self::Not(_) => {}
        }
    }
}

/// The id that a term asks for in a column of ids, and whether case and separators count.
fn id_wanted(term: &Term, column: Column) -> Option<(String, bool)> {
    if !ID_COLUMNS.contains(&column) {
        return None;
    }
    match term {
        Term::RequestId(id) | Term::TraceId(id) | Term::ExternalId(id) | Term::SessionId(id) => {
            Some((id.clone(), true))
        }
        Term::Words(words) => Some((words.join(" "), false)),
        _ => None,
    }
}

/// Where the words lie that every text found by the term must hold.
fn places_of(term: &Term, terms: &TermTable) -> Places {
    let of = |text: &str| {
        let words = text::words(text);
        terms.places_of_all(words.iter().map(String::as_str))
    };
    match term {
        Term::Actor(wanted) | Term::SessionId(wanted) | Term::RequestId(wanted) => of(wanted),
        Term::TraceId(wanted) | Term::ExternalId(wanted) => of(wanted),
        Term::Target { kind: Some(_), value } => of(value),
        Term::Target { kind: None, value } => {
            target_readings(value).map(|(_, wanted)| of(wanted)).fold(Places::Nowhere, either)
        }
        Term::Metadata { key, value } => of(key).and(of(value)),
        Term::Words(words) => terms.places_of_all(words.iter().map(String::as_str)),
        _ => Places::Anywhere,
    }
}

fn either(a: Places, b: Places) -> Places {
    match (a, b) {
        (Places::Nowhere, other) | (other, Places::Nowhere) => other,
        (Places::Anywhere, _) | (_, Places::Anywhere) => Places::Anywhere,
        (Places::These(mut a), Places::These(b)) => {
            a.extend(b);
            a.sort_unstable();
            a.dedup();
            Places::These(a)
        }
    }
}
