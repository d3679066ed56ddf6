//! A fuzzer that needs nothing but stable Rust: changes inputs of a corpus by a seeded generator and gives them to a target.
//!
//! A target panics where a rule is broken, and answers with a number that stands for what happened; an input with a new
//! number joins the pool, so that refusals lead to further refusals. Included by tests (`#[path]`); must not know targets.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a run lasts where `FUZZ_SECONDS` does not say.
const SECONDS_DEFAULT: u64 = 2;
/// Most inputs kept for mutation.
const POOL_INPUTS_MAX: usize = 4_096;
/// The longest input that is made, in bytes.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// An input that takes longer than this is as bad as a panic.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// Most tries to make a failing input smaller.
const SHRINK_TRIES_MAX: usize = 2_000;

/// Something to be fuzzed.
pub struct Target {
    /// Its name, and that of its folder of inputs.
    pub name: &'static str,
    /// Panics if a rule is broken; else a number that stands for what happened.
    pub run: fn(&[u8]) -> u64,
    /// Pieces of text that inputs are made of.
    pub dictionary: &'static [&'static str],
}

/// Runs the target on its corpus, then on changed inputs until the time is over.
///
/// `FUZZ_SECONDS` says how long, `FUZZ_SEED` repeats a run.
///
/// # Panics
/// If the target does, with the seed and the place of the input that made it.
pub fn fuzz(folder: &Path, target: &Target) {
    let seconds = from_environment("FUZZ_SECONDS").unwrap_or(SECONDS_DEFAULT);
    let seed = from_environment("FUZZ_SEED").unwrap_or_else(clock_seed);
    println!("{}: FUZZ_SEED={seed} for {seconds} s", target.name);
    let mut pool = corpus(&folder.join("seeds").join(target.name));
    assert!(!pool.is_empty(), "no inputs for {}", target.name);
    let mut seen: HashSet<u64> = pool.iter().map(|input| checked(folder, target, input, seed)).collect();
    let mut random = Random(seed);
    let mut runs = 0u64;
    let began = now();
    while began.elapsed() < Duration::from_secs(seconds) {
        let mut input = pool[random.below(pool.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &pool, target.dictionary, &mut random);
        }
        input.truncate(INPUT_BYTES_MAX);
        let outcome = checked(folder, target, &input, seed);
        runs += 1;
        if seen.insert(outcome) && pool.len() < POOL_INPUTS_MAX {
            pool.push(input);
        }
    }
    println!("{}: {runs} inputs, {} outcomes", target.name, seen.len());
}

/// A number for an outcome that is told in words: digits do not make a difference, or every offset would be new.
pub fn outcome(words: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.chars().filter(|character| !character.is_ascii_digit()).take(400).for_each(|c| c.hash(&mut hasher));
    hasher.finish()
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

// The seed is printed, and the clock decides nothing but when to stop.
#[allow(clippy::disallowed_methods)]
fn clock_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64)
}

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

fn corpus(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a readable input")).collect()
}

/// Runs the target on one input; a panic or a long wait ends the run with the input saved.
fn checked(folder: &Path, target: &Target, input: &[u8], seed: u64) -> u64 {
    let began = now();
    let failure = match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(outcome) if began.elapsed() <= INPUT_TIME_MAX => return outcome,
        Ok(_) => format!("took {:?}", began.elapsed()),
        Err(payload) => payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a panic without a message".to_owned()),
    };
    let smaller = shrunk(target, input);
    let crashes = folder.join("crashes");
    std::fs::create_dir_all(&crashes).expect("a folder for crashes");
    let mut hasher = DefaultHasher::new();
    smaller.hash(&mut hasher);
    let path = crashes.join(format!("{}-{:016x}", target.name, hasher.finish()));
    std::fs::write(&path, &smaller).expect("a saved input");
    panic!("{} failed (FUZZ_SEED={seed}) on {}: {failure}", target.name, path.display());
}

/// A smaller input that still makes the target panic, or the same.
fn shrunk(target: &Target, input: &[u8]) -> Vec<u8> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    let mut smallest = input.to_vec();
    let mut tries = 0;
    let mut size = if fails(input) { smallest.len() / 2 } else { 0 };
    while size > 0 {
        let mut at = 0;
        while at < smallest.len() && tries < SHRINK_TRIES_MAX {
            let mut candidate = smallest.clone();
            candidate.drain(at..(at + size).min(smallest.len()));
            tries += 1;
            match fails(&candidate) {
                true => smallest = candidate,
                false => at += size,
            }
        }
        size /= 2;
    }
    set_hook(hook);
    smallest
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound, 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }
}

/// Numbers on which readers of numbers trip.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "01",
    "1e400",
    "1e-400",
    "0.1",
    "9007199254740992",
    "9007199254740993",
    "-9223372036854775809",
    "18446744073709551616",
    "1e17",
    "5e-324",
    "0.30000000000000004",
];

/// Bytes on which readers of text trip.
const BYTES: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x91\xa9",
    b"\xcc\x81",
    b"\xc4\xb0",
    b"\r\n",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"\\",
    b"\"",
];

fn mutate(input: &mut Vec<u8>, pool: &[Vec<u8>], dictionary: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(12) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 => insert(input, at, BYTES[random.below(BYTES.len())]),
        3 => replace_number(input, at, NUMBERS[random.below(NUMBERS.len())]),
        4 | 5 if !dictionary.is_empty() => insert(input, at, dictionary[random.below(dictionary.len())].as_bytes()),
        6 => {
            let end = (at + 1 + random.below(16)).min(input.len());
            input.drain(at.min(end)..end);
        }
        7 => {
            let end = (at + 1 + random.below(64)).min(input.len());
            let copy = input[at.min(end)..end].to_vec();
            insert(input, random.below(input.len() + 1), &copy);
        }
        8 => {
            let other = &pool[random.below(pool.len())];
            let from = random.below(other.len() + 1);
            let end = (from + random.below(256)).min(other.len());
            insert(input, at, &other[from..end]);
        }
        9 => input.truncate(at),
        10 if !dictionary.is_empty() => {
            let piece = dictionary[random.below(dictionary.len())].as_bytes();
            insert(input, at, &piece.repeat(1 + random.below(200)));
        }
        _ => {
            let other = random.below(input.len() + 1);
            if at < input.len() && other < input.len() {
                input.swap(at, other);
            }
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let at = at.min(input.len());
    input.splice(at..at, bytes.iter().copied());
}

/// Puts the number in place of the first run of digits behind the place.
fn replace_number(input: &mut Vec<u8>, at: usize, number: &str) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|offset| at + offset) else {
        return insert(input, at, number.as_bytes());
    };
    let end =
        input[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(input.len(), |offset| start + offset);
    input.splice(start..end, number.bytes());
}
