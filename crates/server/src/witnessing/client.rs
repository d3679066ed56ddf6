//! Asking a witness over HTTP, within bounds. Blocks; callers are on a thread that may. What it answers is read here and
//! believed nowhere: signatures are verified by who asked.

use actarium_core::tlog::{SignatureLine, TREE_SIZE_FORM};
use actarium_store::witness::origin_digest;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::limits;

/// What a witness answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Signatures.
    Signed(Vec<SignatureLine>),
    /// The size of the last checkpoint that it signed, which is another one than the request says.
    Size(u64),
    /// It does not sign, by this status.
    Refused(u16, String),
}

/// Asks witnesses.
pub(crate) struct WitnessClient {
    agent: Agent,
}

impl WitnessClient {
    pub fn new(roots: Option<RootCerts>) -> Self {
        let mut tls = TlsConfig::builder();
        if let Some(roots) = roots {
            tls = tls.root_certs(roots);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(limits::WITNESS_CONNECT_TIME_MAX))
            .timeout_global(Some(limits::WITNESS_ANSWER_TIME_MAX))
            .user_agent(concat!("actarium/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        Self { agent: config.into() }
    }

    /// Sends a checkpoint.
    ///
    /// # Errors
    /// In words, if there is no answer, or none that a witness gives.
    pub fn add_checkpoint(&self, url: &str, request: &str) -> Result<Answer, String> {
        let sent = self.agent.post(format!("{url}/add-checkpoint")).content_type("text/plain; charset=utf-8");
        let mut response = sent.send(request).map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let is_size = response.headers().get("content-type").is_some_and(|form| {
            form.to_str().is_ok_and(|form| form.split(';').next().is_some_and(|form| form.trim() == TREE_SIZE_FORM))
        });
        let body = response.body_mut().with_config().limit(limits::WITNESS_ANSWER_BYTES_MAX).read_to_string();
        let body = body.map_err(|error| error.to_string())?;
        match status {
            200 => {
                let lines: Result<Vec<_>, _> = body.lines().map(SignatureLine::parse).collect();
                Ok(Answer::Signed(lines.map_err(|error| format!("its answer holds no signature: {error}"))?))
            }
            409 if is_size => {
                let size = body.trim_end_matches('\n').parse().map_err(|_| "its answer holds no size".to_owned())?;
                Ok(Answer::Size(size))
            }
            400 | 403 | 404 | 409 | 422 => Ok(Answer::Refused(status, shown(&body))),
            _ => Err(format!("it answered with status {status}: {}", shown(&body))),
        }
    }

    /// The checkpoint that it signed last of a log with this origin, if it is a witness that shows it.
    pub fn last_checkpoint(&self, url: &str, origin: &str) -> Option<String> {
        let mut response = self.agent.get(format!("{url}/{}/checkpoint", origin_digest(origin))).call().ok()?;
        let is_there = response.status().as_u16() == 200;
        let body = response.body_mut().with_config().limit(limits::WITNESS_ANSWER_BYTES_MAX).read_to_string();
        body.ok().filter(|_| is_there)
    }
}

/// What somebody else wrote, short and in one line.
fn shown(body: &str) -> String {
    let line = body.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(limits::WITNESS_SHOWN_CHARS_MAX).collect()
}
