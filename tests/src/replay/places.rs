//! Where in the program a sync is asked for: the functions of our own that lead to it, found in the program's table of symbols.
//! A small function may stand for its caller: the compiler puts it there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::trace::{Op, Sync, Trace};

/// Functions of a program by where they begin.
#[derive(Debug)]
pub struct Functions {
    by_address: BTreeMap<u64, String>,
}

impl Functions {
    /// Of this program.
    ///
    /// # Panics
    /// When `nm`, which comes with the C compiler that the shim needs, cannot read it.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        let output = Command::new("nm").args(["--demangle", "--defined-only"]).arg(program).output();
        let output = output.expect("nm, which comes with the C compiler, is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let function = |line: &str| {
            let (address, rest) = line.split_once(' ')?;
            let (kind, name) = rest.split_once(' ')?;
            let is_code = matches!(kind, "t" | "T" | "w" | "W");
            is_code.then_some((u64::from_str_radix(address, 16).ok()?, short(name)))
        };
        let by_address: BTreeMap<u64, String> = text.lines().filter_map(function).collect();
        assert!(by_address.values().any(|name| is_ours(name)), "{} has no symbols", program.display());
        Self { by_address }
    }

    /// The function that a call returns into, and where in it.
    fn at(&self, address: u64) -> (&str, u64) {
        self.by_address.range(..address).next_back().map_or(("", 0), |(begin, name)| (name, address - begin))
    }

    /// The places that a sync goes through, of which each could be taken out alone: where SQLite makes it, the reason why it
    /// does; and each of our calls up to the first in a function that is not there for syncing alone.
    #[must_use]
    pub fn places(&self, trace: &Trace, sync: &Sync) -> Vec<String> {
        let (mut ours, mut why) = (Vec::new(), Vec::new());
        for address in trace.sites.get(&sync.site).into_iter().flatten() {
            let (name, offset) = self.at(*address);
            if is_ours(name) {
                ours.push(format!("{name}+{offset:#x}"));
                if !name.starts_with("actarium_store::folder::") {
                    break;
                }
            } else if says_why(name) && why.is_empty() && ours.is_empty() {
                why.push(format!("{name}+{offset:#x}"));
            }
        }
        let kind = &sync.kind;
        let path = class_of(&sync.path);
        let caller = |call: &String| format!("syncs by {call}");
        match (why.first(), ours.split_first()) {
            (None, Some((innermost, callers))) => {
                std::iter::once(format!("{kind} by {innermost}")).chain(callers.iter().map(caller)).collect()
            }
            (Some(why), _) => {
                let file = path.rsplit('/').next().unwrap_or_default();
                std::iter::once(format!("{kind} {file} by {why}")).chain(ours.iter().map(caller)).collect()
            }
            (None, None) => vec![format!("{kind} {path} by nobody known")],
        }
    }
}

/// Without the number that the compiler adds.
fn short(name: &str) -> String {
    match name.rsplit_once("::h") {
        Some((front, hash)) if hash.len() == 16 => front.to_owned(),
        _ => name.to_owned(),
    }
}

fn is_ours(name: &str) -> bool {
    name.trim_start_matches(['<', '&']).starts_with("actarium")
}

/// Whether a function of SQLite tells why it syncs, and does not only as it is told.
fn says_why(name: &str) -> bool {
    const WHY: [&str; 6] =
        ["walFrames", "walCheckpoint", "pagerWalFrames", "CommitPhaseOne", "syncJournal", "vdbeCommit"];
    WHY.iter().any(|part| name.contains(part))
}

/// A path with what differs from run to run replaced by `*`.
#[must_use]
pub fn class_of(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        let varies = stem.len() >= 16
            && stem
                .rsplit('_')
                .next()
                .is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
        if varies { part.replacen(stem, "*", 1) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The syncs of a trace, from a step on, by the places they go through, as steps.
#[must_use]
pub fn syncs_by_place(functions: &Functions, trace: &Trace, from: usize) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (step, op) in trace.ops.iter().enumerate().skip(from) {
        let Op::Sync(sync) = op else { continue };
        for place in functions.places(trace, sync) {
            found.entry(place).or_default().push(step);
        }
    }
    found
}
