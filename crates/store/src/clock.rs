//! Where time and randomness come from. Everything else in the workspace is given a [`Clock`] and an [`Entropy`]; the
//! ambient ones are reached here and nowhere else, so that a test can hold both in its hand.

use std::time::Duration;

use actarium_core::row::Micros;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z. May jump in either direction.
    fn now(&self) -> Micros;

    /// Time since some fixed moment; never goes backwards. Only differences mean anything.
    fn elapsed(&self) -> Duration;
}

/// Gives random bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Panics
    /// If the system has no randomness to give: nothing that needs a key could go on.
    fn fill(&self, bytes: &mut [u8]);
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// The clock of the machine.
    #[allow(clippy::disallowed_methods)] // The one place where the ambient clock is read.
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place where the ambient clock is read.
    fn now(&self) -> Micros {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => since.as_micros() as Micros,
            Err(before) => -(before.duration().as_micros() as Micros),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The operating system's random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(clippy::disallowed_methods)] // The one place where ambient randomness is taken.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
