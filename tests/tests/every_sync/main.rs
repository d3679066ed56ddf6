//! Every sync that the programs make is needed, and its absence is noticed. The stories have the real programs do everything
//! that lasts, on the disk that forgets, which writes down each step. From that are made what a power cut may leave at many
//! moments, with every sync in place and with each left out in turn: the first must all hold what was promised by then, and
//! of the second one must not. A sync that is taken out of the program is seen by the first, since both look at the same
//! moments. Where leaving one out is harmless, `HARMLESS` says why, and the test holds that too.

mod beside;
mod first_start;
mod lives;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use actarium_tests::program;
use actarium_tests::replay::{Functions, Story, Verdict};

use service::Holds;

/// Syncs without which nothing that was promised is lost, or not in each run.
struct Harmless {
    /// What is in the name of the place.
    parts: &'static [&'static str],
    /// Why nothing is lost without it.
    reason: &'static str,
    /// Whether each run makes it and loses nothing without it; else runs differ in that, by what falls together in time.
    certain: bool,
}

const ONE_AT_A_TIME: &str = "what it writes need not last by itself; it is synced so that a power cut tears one transaction at most, by which \
                             a start tells what it left from damage, and that shows where a part of it is lost and what follows is there";

const HARMLESS: &[Harmless] = &[
    Harmless {
        parts: &["syncs by", "SqliteBackend", "::establish"],
        reason: "the first start makes it anew from the key files, and answers nobody before a later commit",
        certain: false,
    },
    Harmless { parts: &["syncs by", "SqliteBackend", "::keep_checkpoints"], reason: ONE_AT_A_TIME, certain: false },
    Harmless {
        parts: &["fsync-dir", "pagerWalFrames"],
        reason: "the folder was synced after the log's file was made, when that of the segments was opened",
        certain: true,
    },
    Harmless {
        parts: &["fsync-dir", "walCheckpoint"],
        reason: "another connection to the same log has done it before",
        certain: true,
    },
    Harmless {
        parts: &["fsync actarium.db-wal", "walCheckpoint"],
        reason: "commits have synced the log but for writes that need not last; SQLite alone could leave it out, as it belongs \
                 to one call with the sync of the database",
        certain: false,
    },
    Harmless {
        parts: &["fsync actarium.db-wal", "pagerWalFrames"],
        reason: "it is the head of a log that begins anew, and matters where the power goes in the midst of the first \
                 write after it, if that write is large; that of commits, in the same function, is held to by the places that commit",
        certain: false,
    },
    Harmless { parts: &["syncs by", "SqliteBackend", "_lease"], reason: ONE_AT_A_TIME, certain: false },
    Harmless { parts: &["syncs by", "SqliteBackend", "::collect"], reason: ONE_AT_A_TIME, certain: false },
    Harmless { parts: &["syncs by", "write::collect_dropped"], reason: ONE_AT_A_TIME, certain: false },
    Harmless { parts: &["syncs by", "write::end_leases"], reason: ONE_AT_A_TIME, certain: false },
    // Where it ends the leases of a process that was killed.
    Harmless { parts: &["syncs by", "SqliteBackend::open+"], reason: ONE_AT_A_TIME, certain: false },
];

fn harmless(place: &str) -> Option<&'static Harmless> {
    HARMLESS.iter().find(|harmless| harmless.parts.iter().all(|part| place.contains(part)))
}

type Telling = fn() -> Story<Holds>;

/// What is told as a story of its own. In the later ones only what the earlier did not show is left out.
const STORIES: [(&str, Telling); 8] = [
    ("commands", beside::commands),
    ("witness", beside::witness),
    ("broken off", lives::broken_off),
    ("rotated", beside::rotated),
    ("exports", lives::exports),
    ("upkeep", lives::upkeep),
    ("ordinary", lives::ordinary),
    ("demo", beside::demo),
];

/// How often the stories are told again for places that were not noticed.
const RETOLD_MAX: usize = 3;

/// The most images that are told of which do not hold with every sync in place.
const LOSSES_SHOWN_MAX: usize = 10;

fn look(image: &Path, promise: Option<&Holds>) -> Result<(), String> {
    promise.map_or(Ok(()), |promise| promise(image))
}

/// What is known of the places, over all stories: what the absence of each did, or how often it was looked for in vain.
#[derive(Default)]
struct Findings {
    noticed: BTreeMap<String, String>,
    unnoticed: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Findings {
    /// Places that have to be noticed and are not yet.
    fn missing(&self) -> BTreeSet<String> {
        let unnoticed = self.unnoticed.keys().filter(|place| !self.noticed.contains_key(*place));
        unnoticed.filter(|place| harmless(place).is_none()).cloned().collect()
    }

    /// Tells a story and leaves out each place, or each of those that are wanted.
    fn of_story(&mut self, name: &str, story: Telling, functions: &Functions, wanted: Option<&BTreeSet<String>>) {
        let mut written = story().written();
        if name == "demo" {
            written.looked_at_from("demo.password.new");
        }
        if let Err(lost) = written.hold(&look) {
            let lost: Vec<&str> = lost.lines().take(LOSSES_SHOWN_MAX).collect();
            let said = format!("{name}: with every sync in place: {}", lost.join("\n"));
            println!("{said}");
            self.wrong.push(said);
            return;
        }
        let held = written.looks();
        let places = written.places(functions);
        for (place, steps) in &places {
            if self.noticed.contains_key(place) || wanted.is_some_and(|wanted| !wanted.contains(place)) {
                continue;
            }
            match written.without(steps, &look) {
                Ok(Verdict::Noticed(loss)) => {
                    self.noticed.insert(place.clone(), format!("{name}: {loss}"));
                }
                Ok(Verdict::Unnoticed { images }) => *self.unnoticed.entry(place.clone()).or_default() += images,
                Err(wrong) => self.wrong.push(format!("{name}, {place}: {wrong}")),
            }
        }
        println!("{name}: {held} images hold, {} places sync, {} images in all", places.len(), written.looks());
    }
}

#[test]
fn leaving_out_any_sync_is_noticed() {
    let functions = Functions::of(&program::actarium());
    let only = std::env::var("STORY").ok();
    let mut found = Findings::default();
    let told: Vec<_> = STORIES
        .into_iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only.split(',').any(|only| only == *name)))
        .collect();
    for (name, story) in &told {
        found.of_story(name, *story, &functions, None);
    }
    // What falls together in time differs from run to run: what one did not show another may.
    for _ in 0..RETOLD_MAX {
        let missing = found.missing();
        if missing.is_empty() || !found.wrong.is_empty() {
            break;
        }
        println!("told again for {}", missing.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
        for (name, story) in &told {
            found.of_story(name, *story, &functions, Some(&missing));
        }
    }
    let mut unmet: BTreeSet<&str> =
        HARMLESS.iter().filter(|harmless| harmless.certain).map(|harmless| harmless.reason).collect();
    for (place, loss) in &found.noticed {
        println!("{place}: noticed, {loss}");
        if harmless(place).is_some_and(|harmless| harmless.certain) {
            found.wrong.push(format!("{place} is said to be harmless, but {loss}"));
        }
    }
    for (place, images) in found.unnoticed.iter().filter(|(place, _)| !found.noticed.contains_key(*place)) {
        match harmless(place) {
            Some(Harmless { reason, .. }) => {
                unmet.remove(reason);
                println!("{place}: harmless in {images} images, {reason}");
            }
            None => found.wrong.push(format!("{place} may be left out without being noticed in {images} images")),
        }
    }
    if only.is_none() {
        found
            .wrong
            .extend(unmet.iter().map(|reason| format!("no sync is harmless for this reason any more: {reason}")));
    }
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
}
