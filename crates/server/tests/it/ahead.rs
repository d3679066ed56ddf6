//! A clock for tests of what time brings about.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_store::{Clock, SystemClock};

/// The machine's clock, set ahead.
pub struct Ahead {
    clock: SystemClock,
    /// Time and time elapsed at which it stands still.
    stood_at: Option<(Micros, Duration)>,
    micros: AtomicI64,
}

impl Ahead {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { clock: SystemClock::new(), stood_at: None, micros: AtomicI64::new(0) })
    }

    /// One that stands still but for being advanced.
    pub fn standing() -> Arc<Self> {
        let clock = SystemClock::new();
        let stood_at = Some((clock.now(), clock.elapsed()));
        Arc::new(Self { clock, stood_at, micros: AtomicI64::new(0) })
    }

    /// Sets it further ahead.
    pub fn advance(&self, time: Duration) {
        self.micros.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }

    /// Sets it back, by no more than it was set ahead.
    pub fn set_back(&self, time: Duration) {
        self.micros.fetch_sub(time.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Micros {
        let now = self.stood_at.map_or_else(|| self.clock.now(), |(now, _)| now);
        now + self.micros.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        let elapsed = self.stood_at.map_or_else(|| self.clock.elapsed(), |(_, elapsed)| elapsed);
        elapsed + Duration::from_micros(self.micros.load(Ordering::SeqCst) as u64)
    }
}
