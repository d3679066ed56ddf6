//! What all reading routes share: criteria out of parameters, a turn on a thread that may block, giving up when the
//! client has gone, and the record of the search.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::filter::{Filter, ParameterError, SearchParameters};
use actarium_core::masking::Masking;
use actarium_core::row::Micros;
use actarium_core::time;
use actarium_query::{NamedHold, QueryError, Stop, TimeRange};
use actarium_store::segment::Tier;
use actarium_store::{Organization, OrganizationId, Snapshot};
use sha2::{Digest, Sha256};

use crate::access::Right;
use crate::directory::governance::LegalHold;
use crate::directory::{Effective, Kept};
use crate::dispatch::Call;
use crate::failures::read_problem;
use crate::limits;
use crate::parameters::{Parameters, invalid};
use crate::problem::{Kind, Position, Problem};
use crate::recorder::{OwnRecord, audit_log};
use crate::retention::as_hold;
use crate::shares::Shares;

/// The time range of a search that does not say: the past 24 hours.
const DEFAULT_RANGE_MICROS: Micros = 24 * 60 * 60 * 1_000_000;

/// The criteria of a search.
#[derive(Clone, Debug)]
pub struct Criteria {
    /// When the events happened.
    pub range: TimeRange,
    /// Which events.
    pub filter: Filter,
}

/// Reads the criteria of a request.
///
/// # Errors
/// 400 with what cannot be read and where.
pub fn criteria(parameters: &Parameters, now: Micros) -> Result<Criteria, Problem> {
    Ok(Criteria { range: range(parameters, now)?, filter: filter(parameters)? })
}

/// Reads the filter of a request.
///
/// # Errors
/// 400 with what cannot be read and where.
pub fn filter(parameters: &Parameters) -> Result<Filter, Problem> {
    let mut search = SearchParameters::new();
    for (name, value) in parameters.iter().filter(|(name, _)| SearchParameters::accepts(name)) {
        search.add(name, value).map_err(parameter_problem)?;
    }
    search.filter().map_err(parameter_problem)
}

/// The criteria of a page behind the first. The range is that of the first page, whose relative times were resolved
/// then: resolved now, they may even contradict each other.
///
/// # Errors
/// 400 with what cannot be read and where.
pub fn criteria_of_later_page(parameters: &Parameters, now: Micros, pinned: TimeRange) -> Result<Criteria, Problem> {
    times(parameters, now)?;
    Ok(Criteria { range: pinned, filter: filter(parameters)? })
}

fn range(parameters: &Parameters, now: Micros) -> Result<TimeRange, Problem> {
    let (from, to) = times(parameters, now)?;
    let to = to.unwrap_or(Micros::MAX);
    let from = from.unwrap_or_else(|| to.min(now).saturating_sub(DEFAULT_RANGE_MICROS));
    if from > to {
        return Err(invalid("from", "lies after `to`"));
    }
    Ok(TimeRange { from, to })
}

/// `from` and `to` as they stand in a request.
///
/// # Errors
/// 400 for what is no time.
pub fn times(parameters: &Parameters, now: Micros) -> Result<(Option<Micros>, Option<Micros>), Problem> {
    let at = |name: &str| {
        let parsed = parameters.one(name).map(|text| time::parse_search_time(text, now));
        parsed.transpose().map_err(|error| invalid(name, &format!("is not a time: {error}")))
    };
    Ok((at("from")?, at("to")?))
}

fn parameter_problem(error: ParameterError) -> Problem {
    let ParameterError { parameter, error } = error;
    if parameter == "q" {
        let at =
            Position { line: None, column: Some(error.column), offset: Some(error.offset), length: Some(error.length) };
        return Problem::new(Kind::InvalidPhrase, error.to_string()).at(at);
    }
    if parameter.is_empty() {
        return Problem::new(Kind::InvalidParameter, format!("the criteria together: {}", error.detail));
    }
    let allowed = match error.allowed.as_slice() {
        [] => String::new(),
        list => format!("; allowed: {}", list.join(", ")),
    };
    invalid(&parameter, &format!("{}{allowed}", error.detail))
}

/// Why a query has no answer.
pub fn query_problem(error: QueryError) -> Problem {
    let sentence = error.to_string();
    match error {
        QueryError::Cancelled => Problem::new(Kind::RequestTimeout, "the client went away"),
        QueryError::TooSlow | QueryError::TooLarge(_) => Problem::new(Kind::QueryTooCostly, sentence).retry_after(30),
        QueryError::Cursor(_) => invalid("cursor", &sentence),
        QueryError::Request(_) => Problem::new(Kind::InvalidParameter, sentence),
        QueryError::Segment(error) if error.is_passing() => {
            tracing::error!(%error, "a segment cannot be read at present");
            Problem::new(Kind::Unavailable, "a part of the log cannot be read at present").retry_after(5)
        }
        QueryError::Segment(error) => {
            tracing::error!(%error, "a segment cannot be read");
            Problem::new(
                Kind::Internal,
                "a part of the organization's log is damaged or missing; its operator has to look",
            )
        }
    }
}

/// Ends work on another thread when the future that waits for it is dropped.
pub struct CancelOnDrop(pub Stop);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Waits for a turn of the organization's, then runs a query on a thread that may block. When the future is dropped, because the client went
/// away, the query gives up.
///
/// # Errors
/// 503 if no turn comes in time, and what the query returns.
pub async fn run<T: Send + 'static>(
    turns: &Shares,
    organization: OrganizationId,
    time_max: Duration,
    query: impl FnOnce(&Stop) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let waiting = tokio::time::timeout(limits::QUERY_TIME_MAX, turns.take(Some(organization), 1));
    let Ok(turn) = waiting.await else {
        return Err(Problem::new(Kind::Overloaded, "too many queries are running; try again"));
    };
    let stop = Stop::after(time_max);
    let cancelling = CancelOnDrop(stop.clone());
    let result = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        query(&stop)
    })
    .await;
    drop(cancelling);
    result.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "the query failed")))
}

/// The organization's log as it stands. Blocks.
///
/// # Errors
/// If it cannot be read.
pub fn snapshot(engine: &actarium_store::Engine, organization: &Organization) -> Result<Snapshot, Problem> {
    match engine.snapshot_in_memory(organization.id) {
        Some(snapshot) => Ok(snapshot),
        None => engine.snapshot(organization.id).map_err(read_problem),
    }
}

/// Whether a time range reaches into the archive.
pub fn reaches_archive(snapshot: &Snapshot, range: TimeRange) -> bool {
    snapshot.segments.iter().map(|segment| segment.summary()).any(|summary| {
        summary.tier == Tier::Archive && summary.occurred.1 >= range.from && summary.occurred.0 < range.to
    })
}

/// The legal holds that a caller is told of beside the events that they hold: all of the organization's, or none.
pub fn holds_shown(call: &Call, may: &Effective, organization: &Organization) -> Vec<NamedHold> {
    if !may.organization.holds(Right::LegalHoldsView) {
        return Vec::new();
    }
    let named = |hold: &Arc<Kept<LegalHold>>| NamedHold { id: hold.id.clone(), hold: as_hold(hold) };
    call.app.directory.read(|state| state.governance(organization.id).holds().map(named).collect())
}

/// Remembers a search, so that what is counted for it is no search of its own: the counts of the same filter, and of a field
/// that it asks something of, the values that might be chosen instead. Whether it is a new one.
pub fn remember_search(call: &Call, organization: &Organization, filter: &Filter) -> bool {
    let recorder = &call.app.recorder;
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let fields = parts.iter().enumerate().filter_map(|(index, part)| part.field().map(|field| (index, field)));
    for (index, field) in fields.take(limits::SEARCH_MENUS_REMEMBERED_MAX) {
        let rest = parts.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, part)| part.clone());
        recorder.is_new_search(menu_key(call, organization, &Filter::and(rest), field));
    }
    recorder.is_new_search(search_key(call, organization, filter))
}

/// The key of counting the values of one field under a filter that asks nothing of it.
pub fn menu_key(call: &Call, organization: &Organization, filter: &Filter, field: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(search_key(call, organization, filter));
    digest.update(field.as_bytes());
    digest.finalize().into()
}

/// What makes two requests of the same caller the same search, whatever page or count they ask for. Relative times
/// count as they stand, so that a search of the past day stays the same search.
pub fn search_key(call: &Call, organization: &Organization, filter: &Filter) -> [u8; 32] {
    let time = |name: &str| call.parameters.one(name).unwrap_or("").to_owned();
    let mut digest = Sha256::new();
    for part in [call.caller.sender(), filter.to_string(), time("from"), time("to")] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.update(organization.id.0);
    digest.finalize().into()
}

/// The record of a search: who looked for what. A credential that was looked for is masked, also where only its words are
/// left of it.
pub fn search_record(call: &Call, organization: &Organization, filter: &Filter, action: &'static str) -> OwnRecord {
    let mut record = OwnRecord::of_request(action, &call.caller, &call.context, audit_log(&organization.slug));
    if *filter != Filter::All {
        record = record.with_whole("q", &Masking::standard().phrase(filter));
    }
    for name in ["from", "to"] {
        if let Some(text) = call.parameters.one(name) {
            record = record.with(name, text);
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// What every reading route does when its client's connection ends: its future is dropped.
    #[tokio::test]
    async fn a_query_ends_and_gives_its_turn_back_when_nobody_waits_for_it() {
        let turns = Shares::new(1);
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        let organization = OrganizationId([7; 16]);
        let query = run(&turns, organization, Duration::from_secs(60), move |stop| {
            started.send(()).unwrap();
            let error = loop {
                match stop.check() {
                    Ok(()) => std::thread::sleep(Duration::from_millis(1)),
                    Err(error) => break error,
                }
            };
            ended.send(matches!(error, QueryError::Cancelled)).unwrap();
            Err::<(), _>(query_problem(error))
        });
        tokio::select! {
            _ = query => unreachable!("it goes on until it is stopped"),
            started = has_started => started.unwrap(),
        }
        assert!(has_ended.recv_timeout(Duration::from_secs(30)).unwrap(), "cancelled, not out of time");
        let next = run(&turns, organization, Duration::from_secs(60), |_| Ok(5)).await;
        assert_eq!(next.map_err(|problem| problem.detail.to_string()), Ok(5), "the turn is free again");
    }
}
