//! A small client of the public API. Must not retry or interpret: the tests do.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

/// How long a request may take before the test counts it as unanswered.
const ANSWER_SECONDS_MAX: u64 = 60;

/// Speaks to one server with one credential.
#[derive(Clone, Debug)]
pub struct Client {
    /// `http://host:port`.
    pub url: String,
    /// The bearer token.
    pub token: String,
    agent: ureq::Agent,
}

/// A status, its headers and body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// One header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The JSON, when the status is the one wanted.
    ///
    /// # Panics
    /// When it is another.
    #[must_use]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}

impl Client {
    /// For a server and a credential.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .build();
        Self { url: url.to_owned(), token: token.to_owned(), agent: config.into() }
    }

    /// One request.
    ///
    /// # Errors
    /// When there was no whole answer: the server may or may not have acted.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, ureq::Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body).expect("a request"))?;
        let bytes = response.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Ok(Answer { status: response.status().as_u16(), headers: headers.collect(), bytes })
    }

    /// GET.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        let answer = self.send("GET", path, &[], Vec::new());
        answer.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// When there was no whole answer.
    pub fn try_post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, ureq::Error> {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send("POST", path, &all, body.to_string().into_bytes())
    }

    /// POST of JSON.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, &[], body).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// Makes an organization, unless it is there.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn organization(&self, slug: &str) {
        let answer = self.post("/v1/orgs", &serde_json::json!({"slug": slug, "name": slug}));
        assert!(matches!(answer.status, 201 | 409), "{}", answer.text());
    }
}
