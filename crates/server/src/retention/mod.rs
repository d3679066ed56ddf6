//! How long records are kept: what an organization may choose within the operator's bounds, when a choice takes effect, and
//! the job that carries it out (`work`). Time is the caller's; how segments move is the store's.

mod clock;
mod work;

use actarium_core::filter::{Filter, ParameterError, SearchParameters};
use actarium_core::row::Micros;
use actarium_store::{Hold, TierCuts};

use crate::directory::governance::{LegalHold, PendingRetention, RetentionDays, RetentionPolicy};

pub use clock::{CLOCK_AHEAD_DAYS_MAX, confirm as confirm_clock};
pub use work::{Progress, Work, keep_up, run};

/// Microseconds of a day.
const DAY_MICROS: Micros = 24 * 60 * 60 * 1_000_000;
/// Days until a shortened retention takes effect.
pub const SHORTENED_AFTER_DAYS: u32 = 30;
/// Most days of each time.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// The operator's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionOptions {
    /// Fewest days of each time.
    pub days_min: RetentionDays,
    /// For organizations that have not chosen; never fewer than `days_min`.
    pub days_default: RetentionDays,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        let year_each = RetentionDays { hot_days: 365, archive_days: 365 };
        Self { days_min: year_each, days_default: year_each }
    }
}

impl RetentionOptions {
    /// The policy in force at a time: the organization's, or what holds for those that have not chosen.
    pub fn policy_at(&self, chosen: Option<&RetentionPolicy>, now: Micros) -> RetentionPolicy {
        let (minimum, default) = (self.days_min, self.days_default);
        let usual = RetentionDays {
            hot_days: default.hot_days.max(minimum.hot_days),
            archive_days: default.archive_days.max(minimum.archive_days),
        };
        let mut policy = chosen.cloned().unwrap_or(RetentionPolicy { days: usual, locked: false, pending: None });
        if let Some(pending) = policy.pending.filter(|pending| pending.effective_at <= now) {
            policy = RetentionPolicy { days: pending.days, pending: None, ..policy };
        }
        policy
    }
}

/// The policy after a choice: what is longer holds at once, what is shorter after [`SHORTENED_AFTER_DAYS`].
///
/// # Errors
/// Which field is against the rules, and what is allowed.
pub fn choose(
    options: &RetentionOptions,
    before: &RetentionPolicy,
    wanted: RetentionDays,
    locked: bool,
    now: Micros,
) -> Result<RetentionPolicy, (&'static str, String)> {
    let minimum = options.days_min;
    for (field, days, least) in
        [("/hot_days", wanted.hot_days, minimum.hot_days), ("/archive_days", wanted.archive_days, minimum.archive_days)]
    {
        if !(least..=RETENTION_DAYS_MAX).contains(&days) {
            return Err((field, format!("must be {least} to {RETENTION_DAYS_MAX} days, by the operator's bounds")));
        }
    }
    if before.locked && !locked {
        return Err(("/locked", "is locked for good".into()));
    }
    let days = before.days;
    if locked && wanted.hot_days < days.hot_days {
        return Err(("/hot_days", format!("is locked: it can only be {} days or more", days.hot_days)));
    }
    if locked && wanted.total() < days.total() {
        let least = days.total() - wanted.hot_days.min(days.total());
        return Err(("/archive_days", format!("is locked: with these hot days it can only be {least} days or more")));
    }
    let hot_days = wanted.hot_days.max(days.hot_days);
    let now_days = RetentionDays { hot_days, archive_days: wanted.total().max(days.total()).saturating_sub(hot_days) };
    let effective_at = now + Micros::from(SHORTENED_AFTER_DAYS) * DAY_MICROS;
    // The same choice again does not begin its 30 days anew.
    let same = before.pending.filter(|pending| pending.days == wanted);
    let pending = (now_days != wanted).then(|| same.unwrap_or(PendingRetention { days: wanted, effective_at }));
    Ok(RetentionPolicy { days: now_days, locked, pending })
}

/// Until when events belong where: whole days in UTC, so that an event is kept for all of its days and a part of one more.
pub fn cuts(days: RetentionDays, now: Micros) -> TierCuts {
    let today = now.div_euclid(DAY_MICROS) * DAY_MICROS;
    let before = |days: u32| today - Micros::from(days) * DAY_MICROS;
    TierCuts { archive_before: before(days.hot_days), purge_before: before(days.total()) }
}

/// The filter of a legal hold.
///
/// # Errors
/// Which criterion cannot be read, and why.
pub fn filter_of(hold: &LegalHold) -> Result<Filter, ParameterError> {
    let mut parameters = SearchParameters::new();
    for (name, value) in [("q", &hold.q), ("actor", &hold.actor), ("target", &hold.target)] {
        if let Some(value) = value {
            parameters.add(name, value)?;
        }
    }
    parameters.filter()
}

/// A legal hold as the store takes it. One whose criteria cannot be read any more holds everything in its time: rather too much
/// than too little.
pub fn as_hold(hold: &LegalHold) -> Hold {
    let filter = filter_of(hold).unwrap_or_else(|error| {
        tracing::error!(error = error.error.detail, "a legal hold cannot be read; it holds everything in its time");
        Filter::All
    });
    Hold { filter, from: hold.from.unwrap_or(Micros::MIN), to: hold.to.unwrap_or(Micros::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_780_000_000_000_000;

    fn days(hot_days: u32, archive_days: u32) -> RetentionDays {
        RetentionDays { hot_days, archive_days }
    }

    fn policy(hot: u32, archive: u32) -> RetentionPolicy {
        RetentionPolicy { days: days(hot, archive), locked: false, pending: None }
    }

    #[test]
    fn longer_holds_at_once_and_shorter_after_thirty_days() {
        let options = RetentionOptions { days_min: days(30, 0), ..RetentionOptions::default() };
        let longer = choose(&options, &policy(365, 365), days(400, 400), false, NOW).unwrap();
        assert_eq!(longer, policy(400, 400));
        let shorter = choose(&options, &policy(365, 365), days(100, 50), false, NOW).unwrap();
        let effective_at = NOW + 30 * DAY_MICROS;
        assert_eq!(shorter.days, days(365, 365));
        assert_eq!(shorter.pending, Some(PendingRetention { days: days(100, 50), effective_at }));
        let again = choose(&options, &shorter, days(100, 50), false, NOW + DAY_MICROS).unwrap();
        assert_eq!(again, shorter, "the thirty days do not begin anew");
        assert_eq!(options.policy_at(Some(&shorter), effective_at - 1).days, days(365, 365));
        assert_eq!(options.policy_at(Some(&shorter), effective_at), policy(100, 50));
        let taken_back = choose(&options, &shorter, days(365, 365), false, NOW).unwrap();
        assert_eq!(taken_back, policy(365, 365));
        // Longer at hand and shorter in all: each in its time.
        let mixed = choose(&options, &policy(365, 365), days(500, 0), false, NOW).unwrap();
        assert_eq!((mixed.days, mixed.pending.unwrap().days), (days(500, 230), days(500, 0)));
    }

    #[test]
    fn a_locked_policy_only_grows_and_bounds_hold() {
        let options = RetentionOptions::default();
        let locked = choose(&options, &policy(365, 365), days(365, 400), true, NOW).unwrap();
        assert!(locked.locked);
        for (wanted, lock, field) in [
            (days(365, 399), true, "/archive_days"),
            (days(365, 400), false, "/locked"),
            (days(364, 500), true, "/hot_days"),
            (days(365, 36_501), true, "/archive_days"),
        ] {
            assert_eq!(choose(&options, &locked, wanted, lock, NOW).unwrap_err().0, field, "{wanted:?}");
        }
        assert_eq!(choose(&options, &locked, days(400, 365), true, NOW).unwrap().days, days(400, 365));
    }

    #[test]
    fn cuts_are_days_in_utc() {
        let cuts = cuts(days(1, 2), 10 * DAY_MICROS + 5);
        assert_eq!(cuts, TierCuts { archive_before: 9 * DAY_MICROS, purge_before: 7 * DAY_MICROS });
    }
}
