//! Room that is kept for the day when the disk is full: a file that goes then, so that what is changed in the directory, above all
//! what is revoked, can still be made durable. Events get none of it: they are refused until there is room for the file again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, fallocate};

/// Bytes that are kept: some thousand changes, which the journal writes over one another when it is checkpointed.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// Time between two tries to get the room back.
const RETRY_TIME: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There never was room for it, or the file system keeps none: a full disk refuses everybody.
    Never,
    Kept,
    /// It is gone, and was last tried to be had again then.
    Spent(Duration),
}

/// The file, or its absence.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    state: Mutex<State>,
}

impl Reserve {
    /// One that is not kept yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::new(State::Never) }
    }

    /// Begins to keep it, if there is room.
    pub fn keep(&self) {
        match self.take_room() {
            Ok(()) => *self.state.lock() = State::Kept,
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "no room is kept for revocations on a full disk");
            }
        }
    }

    /// Gives the room away, because the disk is full. Whether there was some.
    pub fn spend(&self, now: Duration) -> bool {
        let mut state = self.state.lock();
        if *state != State::Kept || std::fs::remove_file(&self.path).is_err() {
            return false;
        }
        tracing::error!("the disk is full: changes of the directory use the room kept for them, events are refused");
        *state = State::Spent(now);
        true
    }

    /// Whether events may be written: not between the moment when it was spent and the one when there is room for it again.
    pub fn lets_events_in(&self, now: Duration) -> bool {
        let mut state = self.state.lock();
        let State::Spent(tried_at) = *state else { return true };
        if now.saturating_sub(tried_at) < RETRY_TIME {
            return false;
        }
        *state = if self.take_room().is_ok() { State::Kept } else { State::Spent(now) };
        *state == State::Kept
    }

    /// Makes the file, with as much beside it for events to begin with: it would be spent at once otherwise.
    fn take_room(&self) -> io::Result<()> {
        let made = self.allocate();
        if made.is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
        made
    }

    fn allocate(&self) -> io::Result<()> {
        let file: File = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        if file.metadata()?.len() == RESERVE_BYTES {
            // It was left by the run before, which may have been copied without what it holds.
            return Ok(fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)?);
        }
        fallocate(&file, FallocateFlags::empty(), 0, 2 * RESERVE_BYTES)?;
        file.set_len(RESERVE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_spent_once_and_had_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path().join("reserve"));
        let second = Duration::from_secs(1);
        assert!(!reserve.spend(second) && reserve.lets_events_in(second), "there is none yet");
        reserve.keep();
        assert_eq!(std::fs::metadata(&reserve.path).unwrap().len(), RESERVE_BYTES);
        assert!(reserve.lets_events_in(second));
        assert!(reserve.spend(second) && !reserve.spend(second));
        assert!(!reserve.path.exists());
        assert!(!reserve.lets_events_in(second + RETRY_TIME / 2));
        assert!(reserve.lets_events_in(second + RETRY_TIME));
        assert!(reserve.path.exists() && reserve.spend(3 * second));
    }
}
