//! Ending a query early: because the caller went away, or because it took too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::QueryError;

/// Tells a running query when to give up. Clones share the signal.
#[derive(Clone, Debug)]
pub struct Stop {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Never stops by itself.
    pub fn never() -> Self {
        Self { cancelled: Arc::default(), deadline: None }
    }

    /// Stops after this time.
    #[allow(clippy::disallowed_methods, reason = "only a duration is measured")]
    pub fn after(limit: Duration) -> Self {
        Self { cancelled: Arc::default(), deadline: Instant::now().checked_add(limit) }
    }

    /// Makes the query give up at its next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether to go on; a query asks every few thousand rows.
    ///
    /// # Errors
    /// [`QueryError::Cancelled`] or [`QueryError::TooSlow`].
    #[allow(clippy::disallowed_methods, reason = "only a duration is measured")]
    pub fn check(&self) -> Result<(), QueryError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(QueryError::TooSlow);
        }
        Ok(())
    }
}
