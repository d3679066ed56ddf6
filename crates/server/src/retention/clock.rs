//! Whether the clock is believed. What is purged is gone for good, and the clock says what is due: one that was set wrong, once,
//! would take everything. So nothing is archived or purged by itself while the clock is far ahead of what the service last
//! saw, until the operator has the retention carried out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actarium_core::row::Micros;
use actarium_core::time;

use super::DAY_MICROS;
use crate::access::Standing;
use crate::app::App;
use crate::directory::governance::{RETENTION_ID, RetentionClock};
use crate::directory::{Edit, change};
use crate::problem::Problem;

/// Most days from one look at the clock to the next that are believed.
pub const CLOCK_AHEAD_DAYS_MAX: u32 = 30;

/// Whether a time is believed after another one was seen.
fn follows(seen: Micros, now: Micros) -> bool {
    now.saturating_sub(seen) <= Micros::from(CLOCK_AHEAD_DAYS_MAX) * DAY_MICROS
}

/// Looks at the clock. Whether it is believed; then what it says is noted, for the next look.
///
/// # Errors
/// 503 if it cannot be noted.
pub async fn look(app: &Arc<App>) -> Result<bool, Problem> {
    let now = app.clock.now();
    let noted = app.directory.read(|state| {
        let clock = state.governance(app.operator_organization.id).clock();
        clock.map(|clock| clock.document.seen_at)
    });
    // Before the first look: the newest record from before this start.
    let seen = noted.or(app.retention.recorded_before).unwrap_or(now);
    let believed = follows(seen, now);
    app.retention.waits_for_clock.store(!believed, Ordering::Relaxed);
    if believed {
        note(app, now).await?;
    } else {
        tracing::error!(
            now = time::to_text(now),
            seen = time::to_text(seen),
            "the clock is more than {CLOCK_AHEAD_DAYS_MAX} days ahead of what was seen last: nothing is archived or purged. If it is \
             right, say so by `actarium retention run`; else set it right"
        );
    }
    Ok(believed)
}

/// Believes the clock: the operator has the retention carried out by it.
///
/// # Errors
/// 503 if it cannot be noted.
pub async fn confirm(app: &Arc<App>) -> Result<(), Problem> {
    note(app, app.clock.now()).await?;
    app.retention.waits_for_clock.store(false, Ordering::Relaxed);
    Ok(())
}

/// Notes what the clock says, once a day.
async fn note(app: &Arc<App>, now: Micros) -> Result<(), Problem> {
    let of = app.operator_organization.id;
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        let noted = state.governance(of).clock();
        if noted.is_none_or(|clock| (now - clock.document.seen_at).abs() >= DAY_MICROS) {
            edit.put(Some(of), RETENTION_ID, noted.map(|clock| &**clock), &RetentionClock { seen_at: now })?;
        }
        Ok((edit, ()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_believed_and_more_is_not() {
        let seen = 1_780_000_000_000_000;
        let month = Micros::from(CLOCK_AHEAD_DAYS_MAX) * DAY_MICROS;
        assert!(follows(seen, seen) && follows(seen, seen + month) && follows(seen, seen - 10 * month));
        assert!(!follows(seen, seen + month + 1) && !follows(seen, Micros::MAX));
    }
}
