//! What the layers below report, as problems for clients. Details of the machine go to the log, not into answers.

use std::sync::Arc;

use actarium_core::event::{Excess, Refusal};
use actarium_core::limits::VIOLATIONS_REPORTED_MAX;
use actarium_store::{AppendError, Conflicting, FirstSeen, ReadError};

use crate::app::App;
use crate::problem::{ErrorItem, Kind, Position, Problem};

/// Seconds after which a full disk is worth another try.
const FULL_RETRY_AFTER_SECONDS: u32 = 30;
/// Seconds after which a store that failed is worth another try.
const UNAVAILABLE_RETRY_AFTER_SECONDS: u32 = 5;

/// Most characters of a pointer in an answer: keys that somebody sends may be as long as a body.
const POINTER_CHARS_MAX: usize = 1024;

/// Runs work of the store that takes long and blocks, on a thread of its own. `doing` says what it is for.
///
/// # Errors
/// 503 if the store could not do it now, with the reason in the log; 500 for a fault of this program.
pub async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    doing: &'static str,
    work: impl FnOnce(&App) -> Result<T, String> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    let result = tokio::task::spawn_blocking(move || work(&app)).await;
    let result = result.map_err(|_| Problem::new(Kind::Internal, format!("{doing} failed")))?;
    result.map_err(|detail| {
        tracing::error!(detail, doing, "the store could not go on");
        Problem::new(Kind::Unavailable, format!("{doing} is not possible now; what was done stays done"))
    })
}

/// Why nothing was recorded.
pub fn append_problem(error: AppendError) -> Problem {
    let sentence = error.to_string();
    match error {
        AppendError::Overloaded { retry_after } => {
            let seconds = retry_after.as_secs().max(1) as u32;
            Problem::new(Kind::Overloaded, "too much is waiting to be recorded; nothing of this was")
                .retry_after(seconds)
        }
        AppendError::Full => {
            let detail = "the disk is full; nothing of this was recorded";
            Problem::new(Kind::Unavailable, detail).retry_after(FULL_RETRY_AFTER_SECONDS)
        }
        AppendError::Unavailable { detail } => {
            tracing::error!(%detail, "the journal is not available");
            let detail = "the journal could not make this durable; send it again with the same keys";
            Problem::new(Kind::Unavailable, detail).retry_after(UNAVAILABLE_RETRY_AFTER_SECONDS)
        }
        AppendError::Closed => Problem::new(Kind::Unavailable, "the service is shutting down").retry_after(5),
        AppendError::UnknownOrganization => Problem::new(Kind::NotFound, "there is no such organization"),
        AppendError::Damaged { organization, detail } => {
            tracing::warn!(organization, %detail, "refused: the log takes no writes");
            let detail = "the organization's log is damaged or contradicts what was published of it, and takes no writes until its \
                          operator has put it right; trying again does not help";
            Problem::new(Kind::Unavailable, detail).retry_after(60)
        }
        AppendError::ClockBehind { .. } => Problem::new(Kind::Unavailable, sentence).retry_after(30),
        AppendError::Conflict { events } => {
            let detail = match events.len() {
                1 => "an event repeats an external_id with other content".to_owned(),
                count if count <= VIOLATIONS_REPORTED_MAX => {
                    format!("{count} events repeat an external_id with other content")
                }
                count => format!(
                    "{count} events repeat an external_id with other content; the first {VIOLATIONS_REPORTED_MAX} are listed"
                ),
            };
            let mut problem = Problem::new(Kind::Conflict, detail);
            problem.errors = events.iter().take(VIOLATIONS_REPORTED_MAX).map(conflict_item).collect();
            problem
        }
        AppendError::KeyConflict => {
            Problem::new(Kind::Conflict, "the Idempotency-Key was used before with another body")
        }
        AppendError::DirectoryConflict { .. } => {
            Problem::new(Kind::Conflict, "it was changed by somebody else at the same moment")
        }
        AppendError::OrganizationExists { .. } => Problem::new(Kind::Conflict, sentence),
        AppendError::TooLarge { .. } => Problem::new(Kind::TooLarge, sentence),
        AppendError::Invalid { .. } => Problem::new(Kind::InvalidContent, sentence),
    }
}

fn conflict_item(conflicting: &Conflicting) -> ErrorItem {
    let detail =
        format!("the external_id was used with other content by {}", first_seen(conflicting.first, |index| index));
    ErrorItem { index: Some(conflicting.index), pointer: Some("/external_id".into()), detail }
}

/// What an event in conflict repeats, in words; `place` gives the number that the sender knows an event of the batch by.
pub fn first_seen(first: FirstSeen, place: impl Fn(usize) -> usize) -> String {
    match first {
        FirstSeen::Recorded { seq } => format!("the event with seq {seq}"),
        FirstSeen::SameBatch { index } => format!("event {} of this batch", place(index)),
    }
}

/// Why a log cannot be read.
pub fn read_problem(error: ReadError) -> Problem {
    match error {
        ReadError::UnknownOrganization => Problem::new(Kind::NotFound, "there is no such organization"),
        ReadError::Unavailable { detail } => {
            tracing::error!(%detail, "a log cannot be read at present");
            Problem::new(Kind::Unavailable, "a part of the log cannot be read at present")
                .retry_after(UNAVAILABLE_RETRY_AFTER_SECONDS)
        }
        ReadError::Damaged { organization, detail } => {
            tracing::error!(organization, %detail, "the log is damaged");
            let detail = "a part of the organization's log is damaged or missing; its operator has to look";
            Problem::new(Kind::Internal, detail)
        }
    }
}

/// Why the events of a body are not taken.
pub fn refusal_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unreadable { position, pointer, detail } => {
            let at = Position {
                line: Some(position.line),
                column: Some(position.column),
                offset: Some(position.offset),
                length: None,
            };
            let sentence = format!("line {}, column {}: {detail}", position.line, position.column);
            let mut problem = Problem::new(Kind::MalformedBody, sentence).at(at);
            if let Some(pointer) = pointer {
                problem = problem.with_error(shown_pointer(pointer), detail);
            }
            problem
        }
        Refusal::Invalid { violations, more } => {
            let total = violations.len() + more;
            let listed = violations.len();
            let sentence = match more {
                0 if total == 1 => "nothing was recorded: one value is against the rules".to_owned(),
                0 => format!("nothing was recorded: {total} values are against the rules"),
                _ => {
                    format!("nothing was recorded: {total} values are against the rules; the first {listed} are listed")
                }
            };
            let mut problem = Problem::new(Kind::InvalidEvent, sentence);
            problem.errors = violations
                .into_iter()
                .map(|violation| ErrorItem {
                    index: Some(violation.index),
                    detail: violation.sentence(),
                    pointer: Some(shown_pointer(violation.pointer)),
                })
                .collect();
            problem
        }
        Refusal::TooLarge(excess) => {
            let mut problem = Problem::new(Kind::TooLarge, excess.to_string());
            if let Excess::EventBytes { index, .. } = excess {
                let detail = excess.to_string();
                problem.errors.push(ErrorItem { index: Some(index), pointer: Some(String::new()), detail });
            }
            problem
        }
        Refusal::Empty => Problem::new(Kind::InvalidEvent, "there is no event in the body"),
    }
}

/// The pointer, or its beginning with a mark.
fn shown_pointer(pointer: String) -> String {
    match pointer.char_indices().nth(POINTER_CHARS_MAX) {
        None => pointer,
        Some((end, _)) => format!("{}…", &pointer[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_grow_with_the_keys_that_were_sent() {
        let body = format!(r#"{{"action":"a.b","{}":1}}"#, "é".repeat(1 << 20));
        let intake = actarium_core::event::Intake::new("api", "operator", 0);
        let form = actarium_core::event::BodyForm::Json;
        let refusal = actarium_core::event::decode(body.as_bytes(), form, &intake, &Default::default()).unwrap_err();
        let problem = refusal_problem(refusal);
        assert!(
            problem.errors.iter().any(|error| error.pointer.as_deref().is_some_and(|pointer| pointer.ends_with('…')))
        );
        assert!(problem.render("req-1").len() < 8 * POINTER_CHARS_MAX);
    }
}
