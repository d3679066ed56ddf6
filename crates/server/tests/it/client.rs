//! A service to test and a client that shows everything of an answer: status, headers, body, trailers. It speaks
//! HTTP/1.1 by hand, so that a test can also send what a good client never would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actarium_server::{ServerOptions, serve_with};
use actarium_store::{Clock, EngineOptions, SystemClock, SystemEntropy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How long an answer may take before the test fails.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A service that runs until it is stopped or dropped.
pub struct Service {
    pub address: SocketAddr,
    pub token: String,
    folder: Option<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    /// Starts on an empty folder.
    pub fn start() -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), |_| {})
    }

    /// Starts on a folder, with options changed.
    pub fn start_on(folder: TempDir, change: impl FnOnce(&mut ServerOptions)) -> Self {
        Self::start_at(folder, Arc::new(SystemClock::new()), change)
    }

    /// Starts on a folder with a clock of the test's.
    pub fn start_at(folder: TempDir, clock: Arc<dyn Clock>, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let mut options = ServerOptions::new(EngineOptions::new(folder.path()));
        change(&mut options);
        let (listening, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let shutdown = async {
                    let _ = stopped.await;
                };
                serve_with(options, clock, Arc::new(SystemEntropy), listening, shutdown).await.unwrap();
            });
        });
        let address = address.blocking_recv().expect("the service starts");
        let token = std::fs::read_to_string(folder.path().join("operator.token")).unwrap().trim().to_owned();
        Self { address, token, folder: Some(folder), stop: Some(stop), thread: Some(thread) }
    }

    /// Its data folder.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Stops it in good order and gives the folder back.
    pub fn stop(mut self) -> TempDir {
        self.end();
        self.folder.take().unwrap()
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the service ended with a panic");
        }
    }

    /// A request with the operator's token.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        self.anonymous(method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    /// A request without a credential.
    pub fn anonymous(&self, method: &str, path: &str) -> Request<'_> {
        let (host, method, path) = ("test".into(), method.into(), path.into());
        Request { service: self, host, method, path, headers: Vec::new(), body: Vec::new() }
    }

    /// `GET` with the operator's token.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// Creates an organization.
    pub fn organization(&self, slug: &str) {
        let answer = self.request("POST", "/v1/orgs").json(&json!({"slug": slug, "name": slug})).send();
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Makes a key of an organization; gives its id and secret.
    pub fn key(&self, slug: &str) -> (String, String) {
        let path = format!("/v1/orgs/{slug}/on-prem-keys");
        let answer = self.request("POST", &path).json(&json!({"name": "CI"})).send();
        assert_eq!(answer.status, 201, "{answer:?}");
        let json = answer.json();
        (json["id"].as_str().unwrap().into(), json["secret"].as_str().unwrap().into())
    }

    /// Records events as the operator.
    pub fn record(&self, slug: &str, events: &Value) -> Answer {
        self.request("POST", &format!("/v1/orgs/{slug}/events")).json(events).send()
    }

    /// The events that a search finds, with what follows `?`.
    pub fn find(&self, slug: &str, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/orgs/{slug}/events?{query}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["events"].as_array().unwrap().clone()
    }

    /// Tries until the search finds as many events, which own records come to a moment after the request.
    pub fn find_count(&self, slug: &str, query: &str, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        for _ in 0..100 {
            found = self.find(slug, query);
            if found.len() == count {
                return found;
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        panic!("{query} finds {} events instead of {count}: {found:#?}", found.len());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

/// An event like those of a platform.
pub fn event(action: &str, id: &str) -> Value {
    json!({
        "action": action,
        "actor": {"type": "user", "id": "u-1", "name": "Ada Example", "email": "ada@example.com"},
        "targets": [{"type": "component", "id": id}, {"type": "project", "id": "payments"}],
        "context": {"ip": "10.1.2.3", "request_id": format!("req-{id}")},
        "message": format!("release candidate of {id}"),
    })
}

/// A request in the making.
pub struct Request<'s> {
    service: &'s Service,
    host: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    pub fn bearer(mut self, token: &str) -> Self {
        self.headers.retain(|(name, _)| name != "authorization");
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub fn body(mut self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media)
    }

    /// Sends it; gives the connection on which the answer comes.
    pub fn open(&self) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.service.address).unwrap();
        stream.set_read_timeout(Some(ANSWER_TIME_MAX)).unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.host);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.headers.iter().any(|(name, _)| name == "content-length") && !self.body.is_empty() {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        head += "connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // A service that refuses a body early may close before it has all of it.
        let _ = stream.write_all(&self.body);
        BufReader::new(stream)
    }

    /// Sends it and reads the whole answer.
    pub fn send(&self) -> Answer {
        let mut reader = self.open();
        let mut answer = Answer::head(&mut reader);
        if self.method != "HEAD" {
            answer.read_body(&mut reader);
        }
        answer
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
    pub trailers: BTreeMap<String, String>,
    /// Whether the body came to its proper end.
    pub whole: bool,
}

impl Answer {
    pub fn head(reader: &mut impl BufRead) -> Self {
        let status_line = line(reader);
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let (headers, cookies) = fields(reader);
        Self { status, headers, cookies, body: Vec::new(), trailers: BTreeMap::new(), whole: false }
    }

    /// Reads what follows the head.
    pub fn read_body(&mut self, reader: &mut impl BufRead) {
        if self.headers.get("transfer-encoding").map(String::as_str) == Some("chunked") {
            while let Some(piece) = chunk(reader) {
                if piece.is_empty() {
                    self.trailers = fields(reader).0;
                    self.whole = true;
                    return;
                }
                self.body.extend(piece);
            }
            return;
        }
        let length = self.headers.get("content-length").map_or(0, |text| text.parse().unwrap());
        self.body = vec![0; length];
        self.whole = reader.read_exact(&mut self.body).is_ok();
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem's name, after checking that it is a whole one.
    pub fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert_eq!(json["instance"], self.headers["x-request-id"].as_str());
        assert!(json["title"].is_string() && json["detail"].is_string());
        let name = json["type"].as_str().unwrap().strip_prefix("https://actarium.dev/problems/").unwrap();
        name.to_owned()
    }
}

/// One chunk; none if the connection ends before it.
pub fn chunk(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let size = line(reader);
    let size = usize::from_str_radix(&size, 16).ok()?;
    let mut piece = vec![0; size];
    reader.read_exact(&mut piece).ok()?;
    if size > 0 {
        line(reader);
    }
    Some(piece)
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    let _ = reader.read_line(&mut line);
    line.trim_end_matches(['\r', '\n']).to_owned()
}

/// The fields of a head or trailer, and all cookies among them.
fn fields(reader: &mut impl BufRead) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut fields, mut cookies) = (BTreeMap::new(), Vec::new());
    loop {
        let line = line(reader);
        let Some((name, value)) = line.split_once(':') else { return (fields, cookies) };
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if name == "set-cookie" {
            cookies.push(value.to_owned());
        }
        // Of several cookies the first: the session's.
        fields.entry(name).or_insert_with(|| value.to_owned());
    }
}

/// A file beside the tests.
pub fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}
