//! Which images of a trace are looked at. The same rules hold with every sync in place and with some left out, so that a sync
//! that is missing from the program is seen where one that is ignored was. Must not know what is in the files.

use std::collections::BTreeSet;

use super::state::Loss;
use super::trace::{Op, Trace};

/// The most moments that are looked at of the time in which one file or folder holds something unsynced.
const MOMENTS_MAX: usize = 6;

/// A possible end: the power goes before this step and takes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The step before which it goes.
    pub step: usize,
    /// What it takes.
    pub loss: Loss,
}

/// A time in which a file or folder holds something unsynced: from the step that changed it to the one that syncs it.
#[derive(Debug)]
struct Window {
    object: usize,
    from: usize,
    to: usize,
}

/// Steps in order at which the power may go so that it makes a difference to something else than one file.
#[derive(Debug, Default)]
struct Steps {
    /// Before each sync that did something, and after each name that went.
    turns: Vec<usize>,
    /// Before each sync that did something, and at the end.
    syncs: Vec<usize>,
    windows: Vec<Window>,
}

fn steps_of(trace: &Trace, ignored: &BTreeSet<usize>) -> Steps {
    let mut steps = Steps::default();
    // Whether it is made anew at each start, and since when it holds something unsynced.
    let mut dirty: Vec<(bool, Option<usize>)> = Vec::new();
    for (step, op) in trace.ops.iter().enumerate() {
        let changed = match op {
            Op::New { .. } => {
                dirty.push((false, None));
                continue;
            }
            Op::Write { object, .. } | Op::Size { object, .. } => *object,
            Op::Name { folder, name, object } => {
                // SQLite makes it anew at each start, from the log.
                if let Some(object) = object.filter(|_| name.ends_with("-shm")) {
                    dirty[object].0 = true;
                }
                if object.is_none() {
                    steps.turns.push(step + 1);
                }
                *folder
            }
            Op::Move { folder, .. } => *folder,
            Op::Sync(sync) => {
                if let Some(from) = dirty[sync.object].1.take_if(|_| !ignored.contains(&step)) {
                    steps.turns.push(step);
                    steps.syncs.push(step);
                    steps.windows.push(Window { object: sync.object, from, to: step });
                }
                continue;
            }
            Op::Told(_) => continue,
        };
        dirty[changed].1.get_or_insert(step);
    }
    let end = trace.ops.len();
    steps.syncs.push(end);
    for (object, (is_rebuilt, since)) in dirty.iter().enumerate() {
        if let Some(from) = since.filter(|_| !is_rebuilt) {
            steps.windows.push(Window { object, from, to: end });
        }
    }
    steps
}

/// Some of these, evenly, with the last one.
fn spread(all: &[usize]) -> impl Iterator<Item = usize> {
    let count = all.len().min(MOMENTS_MAX);
    (1..=count).map(move |nth| all[nth * all.len() / count - 1])
}

/// The moments at which the power may go, when these steps' syncs do nothing. `told` are the steps after which others rely on
/// something.
#[must_use]
pub fn moments(trace: &Trace, ignored: &BTreeSet<usize>, told: &[usize]) -> Vec<Moment> {
    let steps = steps_of(trace, ignored);
    let mut turns: Vec<usize> = steps.turns.iter().copied().chain(told.iter().map(|step| step + 1)).collect();
    turns.sort_unstable();
    turns.dedup();
    // Just before the next sync, when the most was promised of what is durable then.
    let mut moments: Vec<Moment> =
        steps.syncs.iter().map(|step| Moment { step: *step, loss: Loss::Everything }).collect();
    for window in &steps.windows {
        let first = turns.partition_point(|step| *step <= window.from);
        let last = turns.partition_point(|step| *step < window.to);
        let within: Vec<usize> = turns[first..last].iter().copied().chain([window.to]).collect();
        moments.extend(spread(&within).map(|step| Moment { step, loss: Loss::Of(window.object) }));
        moments.push(Moment { step: window.to, loss: Loss::OlderHalfOf(window.object) });
    }
    moments.sort_unstable();
    moments.dedup();
    moments
}
