//! Speaking to a server: where it is, the credential, retries, and answers as values.

use std::cell::Cell;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::failure::Failure;

/// Tries of a request that the server cannot take now.
const TRIES_MAX: u32 = 6;

/// Longest wait between two tries.
const WAIT_SECONDS_MAX: u64 = 30;

/// How long connecting may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long an answer may take to begin; the server gives up on a request before.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// How long an answer to work without a bound, such as sealing, may take to begin.
const LONG_ANSWER_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// Bytes of an answer that is no stream.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Environment variable with the credential, where no option gives one.
const TOKEN_VARIABLE: &str = "ACTARIUM_TOKEN";

/// Where the server is and who is asking.
#[derive(Args, Clone, Debug)]
pub struct ServerArguments {
    /// The server's address
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "ACTARIUM_URL",
        default_value = "http://127.0.0.1:8470",
        value_name = "URL"
    )]
    url: String,
    /// The bearer token [env: ACTARIUM_TOKEN]
    // The environment is asked below: an option that is given counts before it, and `--token-file` is no contradiction.
    #[arg(long, global = true, help_heading = "Connection", value_name = "TOKEN")]
    token: Option<String>,
    /// A file that holds the token
    #[arg(long, global = true, help_heading = "Connection", value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

/// A client of one server.
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
    /// Whether the server has answered before: then a broken connection may be a restart.
    reached: Cell<bool>,
}

/// What is sent.
pub struct Payload<'a> {
    pub content_type: &'a str,
    pub content_encoding: Option<&'a str>,
    pub idempotency_key: Option<String>,
    /// Whether the server tells the same content when it comes again, so that it may be sent again when nobody knows
    /// what became of it.
    pub repeatable: bool,
    pub bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    pub fn json(bytes: &'a [u8]) -> Self {
        Self {
            content_type: "application/json",
            content_encoding: None,
            idempotency_key: None,
            repeatable: false,
            bytes,
        }
    }
}

impl Client {
    /// A client as the arguments say.
    pub fn new(arguments: &ServerArguments) -> Result<Self, Failure> {
        let host = ["http://", "https://"].iter().find_map(|scheme| arguments.url.strip_prefix(scheme));
        if host.is_none_or(|host| host.trim_matches('/').is_empty()) {
            return Err(Failure::Usage(format!(
                "`{}` is no address of a server, such as http://127.0.0.1:8470; ACTARIUM_URL or --url gives it",
                arguments.url
            )));
        }
        let token = match (&arguments.token, &arguments.token_file) {
            (Some(token), _) => Some(token.trim().to_owned()),
            (None, Some(file)) => {
                let token = std::fs::read_to_string(file)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                Some(token.trim().to_owned())
            }
            (None, None) => std::env::var(TOKEN_VARIABLE).ok().map(|token| token.trim().to_owned()),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_recv_response(Some(ANSWER_TIME_MAX))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            url: arguments.url.trim_end_matches('/').to_owned(),
            token: token.filter(|token| !token.is_empty()),
            reached: Cell::new(false),
        })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for something.
    pub fn get(&self, path: &str, query: &[(String, String)]) -> Result<Value, Failure> {
        self.value(&self.get_text(path, query)?)
    }

    /// Asks for something, and gives the answer as it was written.
    pub fn get_text(&self, path: &str, query: &[(String, String)]) -> Result<String, Failure> {
        self.text(self.retried(true, || self.try_get(path, query, "application/json", None))?)
    }

    /// Asks for something that comes as a stream, of which every `silence_max` something is to come.
    pub fn stream(
        &self,
        path: &str,
        query: &[(String, String)],
        accept: &str,
        silence_max: Duration,
    ) -> Result<impl Read + Send + 'static + use<>, Failure> {
        let response = self.retried(false, || self.try_get(path, query, accept, Some(silence_max)))?;
        Ok(response.into_body().into_reader())
    }

    /// Sends something.
    pub fn post(&self, path: &str, query: &[(String, String)], payload: &Payload<'_>) -> Result<Value, Failure> {
        self.post_within(ANSWER_TIME_MAX, path, query, payload)
    }

    /// Sends something whose answer may take long.
    pub fn post_patiently(
        &self,
        path: &str,
        query: &[(String, String)],
        payload: &Payload<'_>,
    ) -> Result<Value, Failure> {
        self.post_within(LONG_ANSWER_TIME_MAX, path, query, payload)
    }

    fn post_within(
        &self,
        answer_time_max: Duration,
        path: &str,
        query: &[(String, String)],
        payload: &Payload<'_>,
    ) -> Result<Value, Failure> {
        let response = self.retried(payload.repeatable, || {
            let mut request = self.agent.post(self.address(path)).header("content-type", payload.content_type);
            if let Some(encoding) = payload.content_encoding {
                request = request.header("content-encoding", encoding);
            }
            if let Some(key) = &payload.idempotency_key {
                request = request.header("idempotency-key", key);
            }
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let request = request.query_pairs(pairs(query));
            request.config().timeout_recv_response(Some(answer_time_max)).build().send(payload.bytes)
        });
        self.value(&self.text(response?)?)
    }

    /// Removes something.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        self.retried(true, || {
            let mut request = self.agent.delete(self.address(path));
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.call()
        })
        .map(|_| ())
    }

    fn try_get(
        &self,
        path: &str,
        query: &[(String, String)],
        accept: &str,
        silence_max: Option<Duration>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(self.address(path)).header("accept", accept);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.query_pairs(pairs(query)).config().timeout_per_read(silence_max).build().call()
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn text(&self, mut response: Response<Body>) -> Result<String, Failure> {
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        text.map_err(|error| self.broken(&error))
    }

    fn value(&self, text: &str) -> Result<Value, Failure> {
        let none = text.is_empty().then_some(Ok(Value::Null));
        let read = none.unwrap_or_else(|| serde_json::from_str(text));
        read.map_err(|error| Failure::Unavailable(format!("{} does not answer JSON: {error}", self.url)))
    }

    /// Sends, and again when the server says that it cannot take it now and nothing was recorded; what is `repeatable`
    /// also when the connection to a server that has answered before breaks.
    fn retried(
        &self,
        repeatable: bool,
        send: impl Fn() -> Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (failure, after_seconds) = match send() {
                Ok(response) if response.status().as_u16() < 400 => {
                    self.reached.set(true);
                    return Ok(response);
                }
                Ok(mut response) => {
                    self.reached.set(true);
                    let after =
                        response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    let status = response.status().as_u16();
                    let text = response.body_mut().read_to_string().unwrap_or_default();
                    (Failure::of_answer(status, &text), after.filter(|_| status == 503))
                }
                Err(error) => (self.broken(&error), (repeatable && self.reached.get()).then_some(0)),
            };
            match after_seconds {
                Some(seconds) if tries < TRIES_MAX => {
                    let seconds = seconds.max(1 << (tries - 1)).min(WAIT_SECONDS_MAX);
                    eprintln!("{failure}\ntrying again in {seconds} s");
                    std::thread::sleep(Duration::from_secs(seconds));
                }
                _ => return Err(failure),
            }
        }
    }

    fn broken(&self, error: &ureq::Error) -> Failure {
        let hint = if matches!(error, ureq::Error::ConnectionFailed | ureq::Error::Io(_)) {
            "; is it running? ACTARIUM_URL or --url says where it is"
        } else {
            ""
        };
        Failure::Unavailable(format!("{} cannot be reached: {error}{hint}", self.url))
    }
}

fn pairs(query: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// A part of a path, escaped.
pub fn segment(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
