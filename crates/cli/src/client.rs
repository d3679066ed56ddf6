//! Speaking to a server: where it is, the credential, retries, and answers as values.
//!
//! It knows no command and prints nothing but that it tries again.

use std::cell::Cell;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::typestate::WithBody;
use ureq::{Agent, Body, RequestBuilder};

use crate::credentials::Credentials;
use crate::failure::{Failure, Refusal};

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
pub const TOKEN_VARIABLE: &str = "ACTARIUM_TOKEN";

/// Environment variable with the server's address, where no option gives it.
const URL_VARIABLE: &str = "ACTARIUM_URL";

/// Where the server is if nothing says so.
const URL_DEFAULT: &str = "http://127.0.0.1:8470";

/// What a personal access token begins with; its id follows.
const PERSONAL_TOKEN_PREFIX: &str = "act_pat_";

/// What the operator's token begins with.
const OPERATOR_TOKEN_PREFIX: &str = "act_op_";

/// What the name of a session's cookie ends with.
const SESSION_COOKIE: &str = "actarium_session";

/// Where the server is and who is asking.
#[derive(Args, Clone, Debug)]
pub struct ServerArguments {
    /// The server's address [env: ACTARIUM_URL] [default: http://127.0.0.1:8470]
    // The environment is asked below: what it gives would stand in the usage that errors show, as if it had to be given.
    #[arg(long, global = true, help_heading = "Connection", value_name = "URL")]
    url: Option<String>,
    /// The bearer token [env: ACTARIUM_TOKEN]
    // Likewise, and an option that is given counts before it, and `--token-file` is no contradiction.
    #[arg(long, global = true, help_heading = "Connection", value_name = "TOKEN")]
    token: Option<String>,
    /// A file that holds the token
    #[arg(long, global = true, help_heading = "Connection", value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

impl ServerArguments {
    /// The server's address, in the one form under which its credential is kept.
    ///
    /// # Errors
    /// For what is no address of a server.
    pub fn address(&self) -> Result<String, Failure> {
        let of_environment = || std::env::var(URL_VARIABLE).ok();
        let url = self.url.clone().or_else(of_environment).unwrap_or_else(|| URL_DEFAULT.to_owned());
        let scheme = ["http://", "https://"].into_iter().find(|scheme| url.starts_with(scheme));
        let rest = scheme.map(|scheme| url[scheme.len()..].trim_end_matches('/'));
        let Some((scheme, rest)) = scheme.zip(rest.filter(|rest| !rest.is_empty())) else {
            return Err(Failure::Usage(format!(
                "`{url}` is no address of a server, such as {URL_DEFAULT}; {URL_VARIABLE} or --url gives it"
            )));
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(format!("{scheme}{}{path}", host.to_ascii_lowercase()))
    }

    /// Whether an option gives a token.
    pub fn gives_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// The token that an option gives.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn token_of_options(&self) -> Result<Option<String>, Failure> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(file)) => Some(
                std::fs::read_to_string(file)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?,
            ),
            (None, None) => None,
        };
        Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }
}

/// The token of the environment.
pub fn token_of_environment() -> Option<String> {
    std::env::var(TOKEN_VARIABLE).ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// How a client shows who it is.
#[derive(Clone)]
enum Credential {
    None,
    Token(String),
    /// A session: the cookie, and what changes with it must carry.
    Session {
        cookie: String,
        csrf_token: String,
    },
}

/// A client of one server.
pub struct Client {
    agent: Agent,
    url: String,
    credential: Credential,
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

    fn send(
        &self,
        mut request: RequestBuilder<WithBody>,
        answer_time_max: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        request = request.header("content-type", self.content_type);
        if let Some(encoding) = self.content_encoding {
            request = request.header("content-encoding", encoding);
        }
        if let Some(key) = &self.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        request.config().timeout_recv_response(Some(answer_time_max)).build().send(self.bytes)
    }
}

impl Client {
    /// A client with the credential that the arguments give, else the environment, else that of `actarium login`.
    pub fn new(arguments: &ServerArguments) -> Result<Self, Failure> {
        let url = arguments.address()?;
        let token = match arguments.token_of_options()?.or_else(token_of_environment) {
            Some(token) => Some(token),
            None => Credentials::load()?.of(&url).map(|stored| stored.token.clone()),
        };
        Ok(Self::of(url, token))
    }

    /// A client of the server at an address, with the credential of the environment, else that of `actarium login`.
    pub fn at(url: &str) -> Result<Self, Failure> {
        Self::new(&ServerArguments { url: Some(url.to_owned()), token: None, token_file: None })
    }

    /// A client of a server with a token, or with no credential.
    pub fn of(url: String, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_recv_response(Some(ANSWER_TIME_MAX))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .build();
        let credential = token.map_or(Credential::None, Credential::Token);
        Self { agent: config.into(), url, credential, reached: Cell::new(false) }
    }

    /// Signs in: a client within the session that begins, and what the server says of it. `None` if a code of the second
    /// factor is needed.
    pub fn sign_in(&self, body: &Value) -> Result<Option<(Self, Value)>, Failure> {
        let sent = body.to_string();
        let payload = Payload::json(sent.as_bytes());
        let sending = || payload.send(self.agent.post(self.address("/v1/session")), ANSWER_TIME_MAX);
        let response = match self.retried(false, sending) {
            Ok(response) => response,
            Err(refusal) if refusal.problem == "second-factor-required" => return Ok(None),
            // Without the hint that one should sign in.
            Err(refusal) => return Err(refusal.failure),
        };
        let cookie = session_cookie(response.headers());
        let own = self.value(&self.text(response)?)?;
        let Some((cookie, csrf_token)) = cookie.zip(own["csrf_token"].as_str().map(str::to_owned)) else {
            return Err(Failure::Unavailable(format!("{} answers with no session", self.url)));
        };
        let credential = Credential::Session { cookie, csrf_token };
        let session = Self { agent: self.agent.clone(), url: self.url.clone(), credential, reached: Cell::new(true) };
        Ok(Some((session, own)))
    }

    /// The id of the personal access token that it comes with.
    pub fn personal_token_id(&self) -> Option<&str> {
        let Credential::Token(token) = &self.credential else { return None };
        personal_token_id(token)
    }

    /// Whether it comes with the operator's token.
    pub fn is_operator(&self) -> bool {
        matches!(&self.credential, Credential::Token(token) if token.starts_with(OPERATOR_TOKEN_PREFIX))
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for something.
    pub fn get(&self, path: &str, query: &[(String, String)]) -> Result<Value, Failure> {
        self.value(&self.get_text(path, query)?)
    }

    /// Asks for something that may not be there.
    pub fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.retried(true, || self.try_get(path, &[], "application/json", None)) {
            Ok(response) => Ok(Some(self.value(&self.text(response)?)?)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Asks for something, and gives the answer as it was written.
    pub fn get_text(&self, path: &str, query: &[(String, String)]) -> Result<String, Failure> {
        self.text(self.retried(true, || self.try_get(path, query, "application/json", None))?)
    }

    /// Asks for a text that is no JSON.
    pub fn get_plain(&self, path: &str, query: &[(String, String)]) -> Result<String, Failure> {
        self.text(self.retried(true, || self.try_get(path, query, "text/plain", None))?)
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
            let request = self.authorized(self.agent.post(self.address(path))).query_pairs(pairs(query));
            payload.send(request, answer_time_max)
        });
        self.value(&self.text(response?)?)
    }

    /// Sends a value that makes something.
    pub fn make(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.post(path, &[], &Payload::json(body.to_string().as_bytes()))
    }

    /// Changes something.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let sent = body.to_string();
        let payload = Payload::json(sent.as_bytes());
        // The same change twice is the same change.
        let response =
            self.retried(true, || payload.send(self.authorized(self.agent.patch(self.address(path))), ANSWER_TIME_MAX));
        self.value(&self.text(response?)?)
    }

    /// Gives something anew.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let sent = body.to_string();
        let payload = Payload::json(sent.as_bytes());
        let response =
            self.retried(true, || payload.send(self.authorized(self.agent.put(self.address(path))), ANSWER_TIME_MAX));
        self.value(&self.text(response?)?)
    }

    /// Removes something.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        self.delete_with(path, &[])
    }

    /// Removes something, with parameters.
    pub fn delete_with(&self, path: &str, query: &[(String, String)]) -> Result<(), Failure> {
        self.retried(true, || self.authorized(self.agent.delete(self.address(path))).query_pairs(pairs(query)).call())?;
        Ok(())
    }

    fn try_get(
        &self,
        path: &str,
        query: &[(String, String)],
        accept: &str,
        silence_max: Option<Duration>,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = self.authorized(self.agent.get(self.address(path)).header("accept", accept));
        request.query_pairs(pairs(query)).config().timeout_per_read(silence_max).build().call()
    }

    fn authorized<Kind>(&self, request: RequestBuilder<Kind>) -> RequestBuilder<Kind> {
        match &self.credential {
            Credential::None => request,
            Credential::Token(token) => request.header("authorization", format!("Bearer {token}")),
            Credential::Session { cookie, csrf_token } => {
                request.header("cookie", cookie).header("x-csrf-token", csrf_token)
            }
        }
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
    ) -> Result<Response<Body>, Refusal> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (refusal, after_seconds) = match send() {
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
                    (Refusal::of_answer(status, &text), after.filter(|_| status == 503))
                }
                Err(error) => {
                    (Refusal::unanswered(self.broken(&error)), (repeatable && self.reached.get()).then_some(0))
                }
            };
            match after_seconds {
                // Who is told to wait longer than this is told that it will not be soon.
                Some(seconds) if tries < TRIES_MAX && seconds <= WAIT_SECONDS_MAX => {
                    let seconds = seconds.max(1 << (tries - 1)).min(WAIT_SECONDS_MAX);
                    eprintln!("{}\ntrying again in {seconds} s", refusal.failure);
                    std::thread::sleep(Duration::from_secs(seconds));
                }
                _ => return Err(refusal),
            }
        }
    }

    fn broken(&self, error: &ureq::Error) -> Failure {
        let told = error.to_string();
        // The first bytes of an answer in plain text are no TLS record.
        if self.url.starts_with("https://") && told.contains("InvalidContentType") {
            let plain = self.url.replacen("https://", "http://", 1);
            return Failure::Unavailable(format!("{} does not speak TLS; try {plain}", self.url));
        }
        let hint = if matches!(error, ureq::Error::ConnectionFailed | ureq::Error::Io(_)) {
            "; is it running? ACTARIUM_URL or --url says where it is"
        } else {
            ""
        };
        Failure::Unavailable(format!("{} cannot be reached: {told}{hint}", self.url))
    }
}

/// The id of a personal access token; `None` for any other credential.
pub fn personal_token_id(token: &str) -> Option<&str> {
    let (id, _) = token.strip_prefix(PERSONAL_TOKEN_PREFIX)?.split_once('_')?;
    Some(id)
}

/// The session's cookie as it is to be sent back.
fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let set = headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|value| value.split(';').next());
    let named = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name.trim().ends_with(SESSION_COOKIE));
    pairs.find(named).map(|pair| pair.trim().to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Option<String> {
        ServerArguments { url: Some(url.to_owned()), token: None, token_file: None }.address().ok()
    }

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(address("https://Audit.Example.com/").as_deref(), Some("https://audit.example.com"));
        assert_eq!(address("http://127.0.0.1:8470//").as_deref(), Some("http://127.0.0.1:8470"));
        assert_eq!(address("https://EXAMPLE.com/Audit/").as_deref(), Some("https://example.com/Audit"));
        for none in ["", "http://", "https:///", "ftp://example.com", "example.com"] {
            assert_eq!(address(none), None, "{none}");
        }
    }

    #[test]
    fn the_cookie_of_a_session_is_found() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", "other=1; Path=/".parse().unwrap());
        headers.append("set-cookie", "__Host-actarium_session=act_ses_x; Path=/; HttpOnly".parse().unwrap());
        assert_eq!(session_cookie(&headers).as_deref(), Some("__Host-actarium_session=act_ses_x"));
        assert_eq!(session_cookie(&HeaderMap::new()), None);
    }

    #[test]
    fn a_personal_token_has_its_id_in_it() {
        assert_eq!(personal_token_id("act_pat_abc_secret"), Some("abc"));
        assert_eq!(personal_token_id("act_key_abc_secret"), None);
    }
}
