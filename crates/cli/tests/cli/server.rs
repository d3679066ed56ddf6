//! A real server on a free port, and commands against it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_actarium");

pub struct Server {
    pub child: Child,
    pub url: String,
    pub token: String,
    folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url =
            line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("printed {line:?}")).to_owned();
        let token = fs::read_to_string(data.join("operator.token")).unwrap().trim().to_owned();
        Self { child, url, token, folder }
    }

    pub fn with_organization(slug: &str) -> Self {
        let server = Self::start();
        server.done(&["org", "create", slug, "--name", "An Organization"]);
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("ACTARIUM_URL", &self.url).env("ACTARIUM_TOKEN", &self.token);
        command.env("XDG_STATE_HOME", self.path("state"));
        command.env("XDG_CONFIG_HOME", self.path("config")).env_remove("ACTARIUM_ORG");
        command
    }

    /// Somebody whose commands have no credential but what they sign in for.
    pub fn person(&self, email: &str) -> Person<'_> {
        Person { server: self, email: email.to_owned(), configuration: self.path(&format!("config-{email}")) }
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that does what it should.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "stdout is for data alone");
        stderr(&output)
    }

    pub fn fed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Somebody at a machine of their own.
pub struct Person<'s> {
    pub server: &'s Server,
    pub email: String,
    pub configuration: PathBuf,
}

/// A password that the service takes.
pub const PASSWORD: &str = "violet-umbrella-71-quay";

impl Person<'_> {
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.server.command(arguments);
        command.env_remove("ACTARIUM_TOKEN").env("XDG_CONFIG_HOME", &self.configuration).env("ACTARIUM_ORG", "acme");
        command
    }

    pub fn fed(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // Who needs no answer may be gone before it comes.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What a command prints that does what it should.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}: {arguments:?}: {}", self.email, stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command tells that is refused.
    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}: {arguments:?}: {}", self.email, stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "stdout is for data alone");
        stderr(&output)
    }

    /// The one JSON object that a command prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.done(&[arguments, &["--json"]].concat());
        let mut lines = json_lines(&printed);
        assert_eq!(lines.len(), 1, "{arguments:?}: {printed}");
        lines.remove(0)
    }

    pub fn login(&self) {
        let output = self.fed(&["login", "--email", &self.email], &format!("{PASSWORD}\n"));
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }

    /// The token that is kept.
    pub fn token(&self) -> String {
        let file = std::fs::read_to_string(self.configuration.join("actarium/credentials.toml")).unwrap();
        let line = file.lines().find_map(|line| line.strip_prefix("token = ")).unwrap_or_else(|| panic!("{file}"));
        line.trim_matches('"').to_owned()
    }
}
