//! `actarium serve` as a child process on a free port of the loopback. Must not outlive the test, and must never have
//! panicked unnoticed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::Client;
use crate::powercut::{Cut, Disk};
use crate::program;

/// How long a start may take in a debug build on a busy machine.
const START_SECONDS_MAX: u64 = 60;
/// How long a stop may take.
const STOP_SECONDS_MAX: u64 = 60;

/// Arguments with which small runs are sealed and merged all the time, as large ones are in weeks.
pub const BRISK: &[&str] =
    &["--seal-rows=600", "--seal-small-rows=50", "--seal-settle-millis=200", "--seal-target-rows=4000"];
/// Further ones with which the write-ahead log is written over again and again, as it is under a load of many commits.
const LOG_WRITTEN_OVER: &[&str] = &["--wal-bytes=131072"];

/// How to start a server.
pub struct Start<'a> {
    /// The data folder.
    pub data: PathBuf,
    /// Further arguments of `actarium serve`.
    pub arguments: Vec<String>,
    /// The disk it runs on, when its folder lies on one that forgets.
    pub disk: Option<(&'a Disk, Cut)>,
    /// Further environment.
    pub environment: Vec<(String, String)>,
}

impl<'a> Start<'a> {
    /// On an ordinary folder.
    #[must_use]
    pub fn on(data: &Path) -> Self {
        Self { data: data.to_path_buf(), arguments: Vec::new(), disk: None, environment: Vec::new() }
    }

    /// On a disk that forgets; the data folder is `data` in it, made by the server itself.
    #[must_use]
    pub fn on_disk(disk: &'a Disk, cut: Cut) -> Self {
        Self { disk: Some((disk, cut)), ..Self::on(&disk.living().join("data")) }
    }

    /// With further arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Sealing, merging and writing over its write-ahead log all the time.
    #[must_use]
    pub fn in_motion(self) -> Self {
        self.with(BRISK).with(LOG_WRITTEN_OVER)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it ends before it listens: with what status, and what it said.
    pub fn try_now(self) -> Result<Server, Ended> {
        Server::start(&self)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn now(self) -> Server {
        self.try_now().unwrap_or_else(|ended| panic!("the server did not start: {ended:?}"))
    }
}

/// A server that ended before it listened.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// A running server.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The operator's token.
    pub token: String,
    /// The data folder.
    pub data: PathBuf,
    logs: TempDir,
    gone: bool,
}

impl Server {
    fn start(start: &Start<'_>) -> Result<Self, Ended> {
        let logs = tempfile::tempdir().expect("a temporary folder");
        let log = fs::File::create(logs.path().join("stderr")).expect("a file for the log");
        let mut command = Command::new(program::actarium());
        command.arg("serve").arg("--data-dir").arg(&start.data).args(["--listen", "127.0.0.1:0"]);
        command.args(&start.arguments).envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        if let Some((disk, cut)) = &start.disk {
            disk.watch(&mut command, cut);
        }
        let mut child = command.spawn().expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = sender.send(url.trim().to_owned());
                }
            }
        });
        let mut server =
            Self { child, url: String::new(), token: String::new(), data: start.data.clone(), logs, gone: false };
        match receiver.recv_timeout(Duration::from_secs(START_SECONDS_MAX)) {
            Ok(url) => server.url = url,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let status = server.child.wait().expect("its status");
                server.gone = true;
                return Err(Ended { status, stderr: server.stderr() });
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                panic!("not listening after {START_SECONDS_MAX} s:\n{}", server.stderr());
            }
        }
        let token = fs::read_to_string(start.data.join("operator.token")).unwrap_or_default();
        token.trim().clone_into(&mut server.token);
        Ok(server)
    }

    /// A client with the operator's token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url, &self.token)
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.logs.path().join("stderr")).unwrap_or_default()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        !self.gone && matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL.
    ///
    /// # Panics
    /// When it had panicked before.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.wait_gone();
    }

    /// Waits for a process that somebody else ends: the shim. False when it has not ended in time.
    #[must_use]
    pub fn ended_within(&mut self, limit: Duration) -> bool {
        for _ in 0..limit.as_millis() / 5 {
            if !self.is_running() {
                self.gone = true;
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// SIGTERM, as a service manager stops it.
    ///
    /// # Panics
    /// When it does not end with status 0.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        assert!(self.ended_within(Duration::from_secs(STOP_SECONDS_MAX)), "does not stop:\n{}", self.stderr());
        let status = self.child.wait().expect("its status");
        assert!(status.success(), "stopped with {status}:\n{}", self.stderr());
        self.wait_gone();
    }

    fn wait_gone(&mut self) {
        let _ = self.child.wait();
        self.gone = true;
        let log = self.stderr();
        assert!(!log.contains("panicked"), "the server panicked:\n{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.gone {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let log = self.stderr();
        if std::thread::panicking() {
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server's last words:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        } else {
            assert!(!log.contains("panicked"), "the server panicked:\n{log}");
        }
    }
}
