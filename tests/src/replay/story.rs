//! Lives of a program on one folder, what was promised when, and whether what power cuts leave holds it. Must not know what is
//! promised.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::moments::{Moment, moments};
use super::places::{Functions, syncs_by_place};
use super::state::{Loss, State};
use super::trace::{Op, Trace};
use crate::Disk;

/// The most images that are looked at until a sync that is left out counts as unnoticed.
const IMAGES_WITHOUT_MAX: usize = 60;
/// Images that are made in one go through the trace.
const IMAGES_AT_ONCE: usize = 6;
/// Images that are looked at side by side: a look mostly waits for a start.
const LOOKS_AT_ONCE: usize = 4;

/// What was done on a disk in some lives, and what was promised meanwhile.
#[derive(Debug)]
pub struct Story<P> {
    /// The disk that it happens on.
    pub disk: Disk,
    trace: Trace,
    promises: Vec<P>,
    /// The first step before which the power goes.
    from: usize,
}

impl<P> Default for Story<P> {
    fn default() -> Self {
        Self { disk: Disk::new(), trace: Trace::default(), promises: Vec::new(), from: 0 }
    }
}

impl<P> Story<P> {
    /// Does something that ends with an answer of the program, on which somebody may rely from then on: see
    /// [`Self::promised`].
    ///
    /// # Panics
    /// When the program does not run.
    pub fn while_told<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let number = self.promises.len();
        assert!(self.disk.command(&format!("told begun {number}")), "the program runs");
        let done = work();
        assert!(self.disk.command(&format!("told ended {number}")), "the program runs");
        done
    }

    /// What is relied on since the last answer.
    pub fn promised(&mut self, promise: P) {
        self.promises.push(promise);
    }

    /// A promise that holds from the end of the present life on, to which the program came by itself.
    ///
    /// # Panics
    /// When what was written down gives something else than what the shim holds for durable.
    pub fn ended_with(&mut self, promise: P) {
        let durable = self.disk.durable();
        self.life_ended();
        let nothing = BTreeSet::new();
        let mut state = State::new(&self.trace.ops, &nothing);
        state.go_to(self.trace.ops.len());
        state.image(Loss::Everything).assert_is(&durable);
        for what in ["begun", "ended"] {
            self.trace.ops.push(Op::Told(format!("{what} {}", self.promises.len())));
        }
        self.promises.push(promise);
    }

    /// The process is gone, and the next one will find the folder as it is.
    pub fn life_ended(&mut self) {
        self.trace.add(&self.disk.trace(), &self.disk.log());
        self.disk.go_on();
    }

    /// Has the power go only from here on: what was done before is not the program's.
    pub fn begins_here(&mut self) {
        self.from = self.trace.ops.len();
    }

    /// All of it, once its last life has ended.
    #[must_use]
    pub fn written(self) -> Written<P> {
        let mut told = vec![0; self.promises.len()];
        let mut answered = 0;
        for (step, op) in self.trace.ops.iter().enumerate() {
            let Op::Told(what) = op else { continue };
            match what.split_once(' ') {
                // Answers of an earlier request say nothing of this one.
                Some(("begun", _)) => answered = 0,
                Some(("ended", number)) => {
                    let number: usize = number.parse().expect("the number of a promise");
                    told[number] = if answered > 0 { answered } else { step };
                }
                _ => answered = step,
            }
        }
        Written {
            trace: self.trace,
            from: self.from,
            told,
            promises: self.promises,
            held: Mutex::default(),
            looks: AtomicUsize::new(0),
        }
    }
}

/// A story that is over.
#[derive(Debug)]
pub struct Written<P> {
    trace: Trace,
    /// The first step before which the power goes.
    from: usize,
    /// The step with which each promise was made.
    told: Vec<usize>,
    promises: Vec<P>,
    /// Images that hold what they should, and how many promises.
    held: Mutex<HashMap<[u8; 32], usize>>,
    looks: AtomicUsize,
}

/// What came of leaving out a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A promise is broken, or the start is refused.
    Noticed(String),
    /// No image that was looked at differs in what it holds.
    Unnoticed {
        /// How many images were looked at.
        images: usize,
    },
}

/// Says what is wrong with an image, of which so much was promised.
pub type Look<'l, P> = dyn Fn(&Path, Option<&P>) -> Result<(), String> + Sync + 'l;

#[derive(Clone, Copy, Debug)]
struct Job {
    moment: Moment,
    digest: [u8; 32],
    promises: usize,
}

impl<P: Sync> Written<P> {
    /// Has the power go only after something has this name: before, it is another story.
    ///
    /// # Panics
    /// When nothing has it.
    pub fn looked_at_from(&mut self, wanted: &str) {
        let is_named = |op: &Op| matches!(op, Op::Name { name, .. } if name == wanted);
        self.from = self.trace.ops.iter().position(is_named).expect("something has the name");
    }

    /// How many images were looked at.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    /// The syncs by the places in the program that they go through, as steps for [`Self::without`].
    #[must_use]
    pub fn places(&self, functions: &Functions) -> BTreeMap<String, Vec<usize>> {
        syncs_by_place(functions, &self.trace, self.from)
    }

    /// Images that differ from all that are known to hold, each at the moment at which the most was promised.
    fn jobs(&self, ignored: &BTreeSet<usize>) -> Vec<Job> {
        let held = self.held.lock().expect("no look panicked");
        let mut state = State::new(&self.trace.ops, ignored);
        let mut found: HashMap<[u8; 32], Job> = HashMap::new();
        for moment in moments(&self.trace, ignored, &self.told) {
            if moment.step < self.from {
                continue;
            }
            state.go_to(moment.step);
            let promises = self.told.partition_point(|step| *step < moment.step);
            let digest = state.image(moment.loss).digest();
            if held.get(&digest).is_none_or(|known| *known < promises) {
                found.insert(digest, Job { moment, digest, promises });
            }
        }
        let mut jobs: Vec<Job> = found.into_values().collect();
        jobs.sort_unstable_by_key(|job| job.moment);
        jobs
    }

    /// Looks at every image with every sync in place: those that do not hold what was promised.
    ///
    /// # Errors
    /// What is wrong with which.
    pub fn hold(&self, look: &Look<'_, P>) -> Result<(), String> {
        let nothing = BTreeSet::new();
        let jobs = self.jobs(&nothing);
        let wrong = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for worker in 0..LOOKS_AT_ONCE {
                let (jobs, nothing, wrong) = (&jobs, &nothing, &wrong);
                scope.spawn(move || {
                    let mut state = State::new(&self.trace.ops, nothing);
                    for job in jobs.iter().skip(worker).step_by(LOOKS_AT_ONCE) {
                        state.go_to(job.moment.step);
                        if let Err(what) = self.look_at(&state, *job, look) {
                            let said = format!("{}: {what}", self.named(job.moment));
                            wrong.lock().expect("no look panicked").push(said);
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().expect("no look panicked");
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Whether leaving out some syncs is noticed, in an image that holds when they are made.
    ///
    /// # Errors
    /// When the same image does not hold with every sync in place either.
    pub fn without(&self, steps: &[usize], look: &Look<'_, P>) -> Result<Verdict, String> {
        let ignored: BTreeSet<usize> = steps.iter().copied().collect();
        let jobs = most_telling_first(self.jobs(&ignored));
        let mut images = 0;
        for some in jobs[..jobs.len().min(IMAGES_WITHOUT_MAX)].chunks(IMAGES_AT_ONCE) {
            let mut in_order = some.to_vec();
            in_order.sort_unstable_by_key(|job| job.moment);
            let mut state = State::new(&self.trace.ops, &ignored);
            for job in in_order {
                state.go_to(job.moment.step);
                images += 1;
                if let Err(what) = self.look_at(&state, job, look) {
                    let said = format!("{}: {what}", self.named(job.moment));
                    return self.holds_otherwise(job, look).map(|()| Verdict::Noticed(said));
                }
            }
        }
        Ok(Verdict::Unnoticed { images })
    }

    fn holds_otherwise(&self, job: Job, look: &Look<'_, P>) -> Result<(), String> {
        let nothing = BTreeSet::new();
        let mut state = State::new(&self.trace.ops, &nothing);
        state.go_to(job.moment.step);
        let digest = state.image(job.moment.loss).digest();
        self.look_at(&state, Job { digest, ..job }, look)
            .map_err(|what| format!("with every sync in place, {}: {what}", self.named(job.moment)))
    }

    fn look_at(&self, state: &State<'_>, job: Job, look: &Look<'_, P>) -> Result<(), String> {
        let known = self.held.lock().expect("no look panicked").get(&job.digest).copied();
        if known.is_some_and(|known| known >= job.promises) {
            return Ok(());
        }
        self.looks.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().expect("a temporary folder");
        state.image(job.moment.loss).write(folder.path());
        look(folder.path(), job.promises.checked_sub(1).map(|last| &self.promises[last]))?;
        let mut held = self.held.lock().expect("no look panicked");
        held.entry(job.digest).and_modify(|known| *known = job.promises.max(*known)).or_insert(job.promises);
        Ok(())
    }

    /// A moment in words.
    fn named(&self, moment: Moment) -> String {
        let before = match self.trace.ops.get(moment.step) {
            Some(Op::Sync(sync)) => format!("before {} {}", sync.kind, sync.path),
            Some(Op::Told(what)) => format!("before {what}"),
            Some(_) => "between two calls".to_owned(),
            None => "at the end".to_owned(),
        };
        let takes = match moment.loss {
            Loss::Everything => "takes all that is not synced".to_owned(),
            Loss::Of(object) => format!("takes what is not synced of {}", self.name_of(object)),
            Loss::OlderHalfOf(object) => {
                format!("takes the older half of what is not synced of {}", self.name_of(object))
            }
        };
        format!("step {}, {before}, the power {takes}", moment.step)
    }

    fn name_of(&self, object: usize) -> String {
        let mut names = self.trace.ops.iter().filter_map(|op| match op {
            Op::Name { name, object: Some(named), .. } if *named == object => Some(name.clone()),
            _ => None,
        });
        names.next_back().unwrap_or_else(|| "the watched folder".to_owned())
    }
}

/// What loses everything first, then what loses one thing; each spread over the time.
fn most_telling_first(jobs: Vec<Job>) -> Vec<Job> {
    let mut kinds: BTreeMap<u8, Vec<Job>> = BTreeMap::new();
    for job in jobs {
        let kind = match job.moment.loss {
            Loss::Everything => 0,
            Loss::Of(_) => 1,
            Loss::OlderHalfOf(_) => 2,
        };
        kinds.entry(kind).or_default().push(job);
    }
    let mut queues: Vec<std::collections::VecDeque<Job>> =
        kinds.into_values().map(|jobs| spread(jobs).into()).collect();
    let mut ordered = Vec::new();
    while queues.iter().any(|queue| !queue.is_empty()) {
        for queue in &mut queues {
            ordered.extend(queue.pop_front());
        }
    }
    ordered
}

/// The last, the middle, the quarters, and so on.
fn spread(jobs: Vec<Job>) -> Vec<Job> {
    let bits = usize::BITS - jobs.len().leading_zeros();
    let mut numbered: Vec<(usize, Job)> = jobs.into_iter().rev().enumerate().collect();
    numbered.sort_by_key(|(number, _)| number.reverse_bits() >> (usize::BITS - bits.max(1)));
    numbered.into_iter().map(|(_, job)| job).collect()
}
