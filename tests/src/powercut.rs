//! A folder on a disk that forgets what was not synced, over the shim in `tests/powercut`. Must not know what is stored in it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::program;

/// How the power goes, and what the disk pretends not to have been asked.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// With a seed, any part of what was not synced may survive a cut by command or at a point; without, nothing does.
    pub survivors: Option<u64>,
    /// Syncs that are left out: `KIND:PATTERN;…`.
    pub ignore: Option<String>,
    /// The point at which the power goes: `before|after:KIND:PATTERN:N`.
    pub at: Option<String>,
    /// How long each sync takes, in microseconds.
    pub sync_microseconds: u64,
    /// Whether everything that is done is written down ([`Disk::trace`]).
    pub trace: bool,
}

impl Cut {
    /// The power stays on, and everything that is done is written down.
    #[must_use]
    pub fn traced() -> Self {
        Self { trace: true, ..Self::default() }
    }
}

/// A disk with a folder on it, of which each life of the process under test is a generation: it works on `living()`, and
/// `restore()` makes what was durable the next living folder.
#[derive(Debug)]
pub struct Disk {
    base: TempDir,
    generation: u32,
    /// The shadow that the living folder goes on from, when the power stayed on between two lives.
    power_stayed_on: Option<PathBuf>,
}

impl Disk {
    /// An empty one.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let base = tempfile::Builder::new().prefix("actarium-powercut-").tempdir().expect("a temporary folder");
        let disk = Self { base, generation: 0, power_stayed_on: None };
        fs::create_dir_all(disk.living()).expect("a folder to watch");
        disk
    }

    fn generation_folder(&self) -> PathBuf {
        self.base.path().join(self.generation.to_string())
    }

    /// What the process under test works on: the watched folder.
    #[must_use]
    pub fn living(&self) -> PathBuf {
        self.generation_folder().join("living")
    }

    fn shadow(&self) -> PathBuf {
        self.generation_folder().join("shadow")
    }

    /// What a power cut leaves, at this moment.
    #[must_use]
    pub fn durable(&self) -> PathBuf {
        self.shadow().join("tree")
    }

    /// Where the shim writes down what this generation does, if it is told to.
    #[must_use]
    pub fn trace(&self) -> PathBuf {
        self.generation_folder().join("trace")
    }

    /// Puts a command under the shim. One process per generation.
    ///
    /// # Panics
    /// When the generation was used before.
    pub fn watch(&self, command: &mut Command, cut: &Cut) {
        fs::create_dir(self.shadow()).expect("one process per generation");
        let commands = self.generation_folder().join("commands");
        mknodat(CWD, &commands, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe for commands");
        command.env("LD_PRELOAD", program::shim());
        command.env("POWERCUT_ROOT", self.living()).env("POWERCUT_SHADOW", self.shadow());
        command.env("POWERCUT_LOG", self.generation_folder().join("log")).env("POWERCUT_COMMANDS", commands);
        command.env("POWERCUT_SYNC_MICROSECONDS", cut.sync_microseconds.to_string());
        if let Some(shadow) = &self.power_stayed_on {
            command.env("POWERCUT_DURABLE", shadow);
        }
        if cut.trace {
            command.env("POWERCUT_TRACE", self.trace());
        }
        if let Some(seed) = cut.survivors {
            command.env("POWERCUT_SEED", seed.to_string());
        }
        if let Some(ignore) = &cut.ignore {
            command.env("POWERCUT_IGNORE", ignore);
        }
        if let Some(at) = &cut.at {
            command.env("POWERCUT_AT", at);
        }
    }

    /// Tells the shim something: `cut`, `audit`, `at POINT`, `ignore RULES`, `fail RULES`, `fail`, `told TEXT`; it holds when this
    /// returns, but for `cut`, after which there is nobody to say so. False when no process listens any more.
    ///
    /// # Panics
    /// When the shim does not obey within ten seconds.
    #[must_use]
    pub fn command(&self, text: &str) -> bool {
        let obeyed = || self.log().iter().filter(|line| line.starts_with("obeyed ")).count();
        let before = obeyed();
        if !self.tell(text) {
            return false;
        }
        if text == "cut" {
            return true;
        }
        for _ in 0..5000 {
            if obeyed() > before {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the shim does not obey: {text}");
    }

    fn tell(&self, text: &str) -> bool {
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let pipe = fs::OpenOptions::new()
            .write(true)
            .custom_flags(nonblocking)
            .open(self.generation_folder().join("commands"));
        pipe.is_ok_and(|mut pipe| pipe.write_all(format!("{text}\n").as_bytes()).is_ok())
    }

    /// Why the power went, when the shim itself did it.
    #[must_use]
    pub fn cut_reason(&self) -> Option<String> {
        fs::read_to_string(self.shadow().join("cut")).ok()
    }

    /// What the process did to names and which syncs it made, in order: `KIND PATH`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.generation_folder().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Compares what the process did to the living folder with what the shim saw of it: the differences. To be asked when
    /// the process is quiet.
    ///
    /// # Panics
    /// When the shim does not answer within ten seconds.
    #[must_use]
    pub fn audit(&self) -> Vec<String> {
        let answer = self.shadow().join("audit");
        let _ = fs::remove_file(&answer);
        assert!(self.command("audit"), "no process to audit");
        for _ in 0..1000 {
            if let Ok(text) = fs::read_to_string(&answer) {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                assert!(lines.pop().is_some_and(|last| last.starts_with("files ")), "a whole answer: {text}");
                lines.extend(self.log().into_iter().filter(|line| line.starts_with("unseen-")));
                lines.sort();
                return lines;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the shim does not answer");
    }

    /// After the process is gone: what was durable becomes the living folder of the next generation.
    ///
    /// # Panics
    /// When the folders cannot be copied.
    pub fn restore(&mut self) {
        let durable = self.durable();
        let old = self.generation_folder();
        self.generation += 1;
        fs::create_dir(self.generation_folder()).expect("a folder for the next generation");
        copy_folder(&durable, &self.living());
        self.power_stayed_on = None;
        self.forget_older();
        let _ = fs::remove_dir_all(old.join("living"));
    }

    /// After the process is gone while the power stayed on: the living folder is as it was, and what of it was durable
    /// still is no more than that.
    ///
    /// # Panics
    /// When the folder cannot be moved.
    pub fn go_on(&mut self) {
        let (living, shadow) = (self.living(), self.shadow());
        self.generation += 1;
        fs::create_dir(self.generation_folder()).expect("a folder for the next generation");
        fs::rename(living, self.living()).expect("the living folder goes on");
        self.power_stayed_on = Some(shadow);
        self.forget_older();
    }

    /// The generation before the last is of no use to anybody; the last one explains a failure.
    fn forget_older(&self) {
        if let Some(older) = self.generation.checked_sub(2) {
            let _ = fs::remove_dir_all(self.base.path().join(older.to_string()));
        }
    }

    /// For the message of a failed assertion: why the power went, the last calls, and the files that were left.
    #[must_use]
    pub fn account(&self) -> String {
        let mut text = format!("cut: {}\n", self.cut_reason().unwrap_or_default().replace('\n', " "));
        let log = self.log();
        for line in &log[log.len().saturating_sub(40)..] {
            let _ = writeln!(text, "  {line}");
        }
        text
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

/// Copies a folder with everything in it; modes included.
///
/// # Panics
/// When something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap_or_else(|error| panic!("making {}: {error}", to.display()));
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("listing {}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap_or_else(|error| panic!("copying {}: {error}", source.display()));
        }
    }
}
