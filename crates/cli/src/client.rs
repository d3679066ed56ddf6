//! Speaking to a server: where it is, the credential, retries, and answers as values.

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

/// Where the server is and who is asking.
#[derive(Args, Clone, Debug)]
pub struct ServerArguments {
    /// The server's address
    #[arg(long, global = true, env = "ACTARIUM_URL", default_value = "http://127.0.0.1:8470", value_name = "URL")]
    url: String,
    /// The bearer token
    #[arg(long, global = true, env = "ACTARIUM_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// A file that holds the token
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

/// A client of one server.
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// What is sent.
pub struct Payload<'a> {
    pub content_type: &'a str,
    pub content_encoding: Option<&'a str>,
    pub bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    pub fn json(bytes: &'a [u8]) -> Self {
        Self { content_type: "application/json", content_encoding: None, bytes }
    }
}

impl Client {
    /// A client as the arguments say.
    pub fn new(arguments: &ServerArguments) -> Result<Self, Failure> {
        let token = match (&arguments.token, &arguments.token_file) {
            (Some(token), _) => Some(token.trim().to_owned()),
            (None, Some(file)) => {
                let token = std::fs::read_to_string(file)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                Some(token.trim().to_owned())
            }
            (None, None) => None,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(120)))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), url: arguments.url.trim_end_matches('/').to_owned(), token })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for something.
    pub fn get(&self, path: &str, query: &[(String, String)]) -> Result<Value, Failure> {
        self.answer(|| self.try_get(path, query, "application/json"))
    }

    /// Asks for something that comes as a stream.
    pub fn stream(
        &self,
        path: &str,
        query: &[(String, String)],
        accept: &str,
    ) -> Result<impl Read + Send + 'static + use<>, Failure> {
        let response = self.retried(|| self.try_get(path, query, accept))?;
        Ok(response.into_body().into_reader())
    }

    /// Sends something.
    pub fn post(&self, path: &str, query: &[(String, String)], payload: &Payload<'_>) -> Result<Value, Failure> {
        self.answer(|| {
            let mut request =
                self.agent.post(format!("{}{path}", self.url)).header("content-type", payload.content_type);
            if let Some(encoding) = payload.content_encoding {
                request = request.header("content-encoding", encoding);
            }
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.query_pairs(pairs(query)).send(payload.bytes)
        })
    }

    /// Removes something.
    pub fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.answer(|| {
            let mut request = self.agent.delete(format!("{}{path}", self.url));
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.call()
        })
    }

    fn try_get(&self, path: &str, query: &[(String, String)], accept: &str) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(format!("{}{path}", self.url)).header("accept", accept);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.query_pairs(pairs(query)).call()
    }

    fn answer(&self, send: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Value, Failure> {
        let mut response = self.retried(send)?;
        let text =
            response.body_mut().with_config().limit(1 << 30).read_to_string().map_err(|error| self.broken(&error))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .map_err(|error| Failure::Unavailable(format!("{} does not answer JSON: {error}", self.url)))
    }

    /// Sends, and again when the server says that it cannot take it now and nothing was recorded.
    fn retried(&self, send: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut response = send().map_err(|error| self.broken(&error))?;
            let status = response.status().as_u16();
            if status < 400 {
                return Ok(response);
            }
            let after =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            let text = response.body_mut().read_to_string().unwrap_or_default();
            match after {
                Some(seconds) if status == 503 && tries < TRIES_MAX => {
                    let seconds = seconds.max(1 << (tries - 1)).min(WAIT_SECONDS_MAX);
                    eprintln!("the server is busy; trying again in {seconds} s");
                    std::thread::sleep(Duration::from_secs(seconds));
                }
                _ => return Err(Failure::of_answer(status, &text)),
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
