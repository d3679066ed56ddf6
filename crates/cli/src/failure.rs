//! Why a command did not do what it should, and what the shell is told of it.

use std::fmt;
use std::process::ExitCode;

use serde_json::Value;

use crate::show::inert;

/// What a line about one event of a request begins with; its index, from 0, follows.
const EVENT_LINE: &str = "  event ";

/// Characters shown of an answer that is none of this service's.
const FOREIGN_CHARS_MAX: usize = 300;

/// What is told to whoever has no good credential.
const CREDENTIAL_HINT: &str = "`actarium login` gives a credential; so do ACTARIUM_TOKEN, --token-file and --token";

/// Exit code of a command that somebody interrupted.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// It was refused, or something is wrong with what it was given.
    Refused(String),
    /// It was called in a way that cannot work.
    Usage(String),
    /// The server cannot be reached, or cannot do it now.
    Unavailable(String),
    /// No or a bad credential, or not permitted.
    NotPermitted(String),
    /// Somebody pressed Ctrl-C.
    Interrupted(String),
    /// A check could not be made, which is no verdict on what was to be checked.
    Unchecked(String),
    /// A check came out other than well, and what it found has been written.
    Verdict(u8),
    /// Whoever reads stdout has gone: nothing to say.
    ReaderGone,
}

impl Failure {
    /// What the shell is told.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 3,
            Self::NotPermitted(_) | Self::Unchecked(_) => 4,
            Self::Interrupted(_) => EXIT_INTERRUPTED,
            Self::Verdict(code) => *code,
            Self::ReaderGone => 0,
        })
    }

    /// Whether there is nothing to say.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::ReaderGone | Self::Verdict(_))
    }

    /// The failure of a part of a file, told by the records of the file in place of the events of the request.
    pub fn of_part(self, file: &str, records_before: u64) -> Self {
        let Self::Refused(text) = self else { return self };
        let in_file = |line: &str| {
            let numbered = line.strip_prefix(EVENT_LINE).and_then(|rest| rest.split_once(' '));
            match numbered.and_then(|(index, rest)| Some((index.parse::<u64>().ok()?, rest))) {
                Some((index, rest)) => format!("  record {} {rest}", records_before + index + 1),
                None => line.to_owned(),
            }
        };
        let mut lines: Vec<String> = text.lines().map(in_file).collect();
        if lines.iter().any(|line| line.contains("event ")) {
            lines.push(format!("  (event 0 of the request is record {} of the file)", records_before + 1));
        }
        Self::Refused(format!("{}: {}", inert(file), lines.join("\n")))
    }

    /// The failure that an answer with problem details tells of.
    fn of_answer(status: u16, body: &str, problem: &Value) -> Self {
        let text = |name: &str| problem[name].as_str().unwrap_or_default();
        let mut lines = vec![match (text("title"), text("detail")) {
            ("", _) => {
                let said: String = body.trim().chars().take(FOREIGN_CHARS_MAX).collect();
                format!("the server answered {status}: {}", inert(&said))
            }
            (title, detail) if detail.is_empty() || detail.eq_ignore_ascii_case(title) => inert(title),
            (title, detail) => inert(&format!("{title}: {detail}")),
        }];
        for error in problem["errors"].as_array().into_iter().flatten() {
            let index = error["index"].as_u64();
            let event = index.map_or_else(|| "  ".to_owned(), |index| format!("{EVENT_LINE}{index} "));
            let pointer = error["pointer"].as_str().filter(|pointer| !pointer.is_empty());
            let place = pointer.map(|pointer| format!("{pointer} ")).unwrap_or_default();
            lines.push(inert(&format!("{event}{place}{}", error["detail"].as_str().unwrap_or_default())));
        }
        if let Some(instance) = problem["instance"].as_str() {
            lines.push(inert(&format!("  (request {instance})")));
        }
        let message = lines.join("\n");
        match status {
            401 | 403 => Self::NotPermitted(message),
            408 | 429 | 502..=504 => Self::Unavailable(message),
            _ => Self::Refused(message),
        }
    }
}

/// An answer that is a refusal, with what a command may tell refusals apart by; or no answer at all.
#[derive(Debug)]
pub struct Refusal {
    /// The status code; 0 where there was no answer.
    pub status: u16,
    /// What kind of problem it is: the last part of its `type`, or nothing.
    pub problem: String,
    /// What is told of it.
    pub failure: Failure,
}

impl Refusal {
    /// The refusal that an answer is.
    pub fn of_answer(status: u16, body: &str) -> Self {
        let problem: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let kind = problem["type"].as_str().and_then(|kind| kind.rsplit(['/', ':']).next()).unwrap_or_default();
        Self { status, problem: kind.to_owned(), failure: Failure::of_answer(status, body, &problem) }
    }

    /// What stands for an answer that did not come.
    pub fn unanswered(failure: Failure) -> Self {
        Self { status: 0, problem: String::new(), failure }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.failure {
            Failure::NotPermitted(text) if refusal.problem == "unauthenticated" => {
                Failure::NotPermitted(format!("{text}\n  {CREDENTIAL_HINT}"))
            }
            failure => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Usage(text) | Self::Unavailable(text) | Self::NotPermitted(text) => {
                write!(formatter, "actarium: {text}")
            }
            Self::Unchecked(text) => write!(formatter, "actarium: could not be checked: {text}"),
            Self::Interrupted(text) => write!(formatter, "actarium: interrupted. {text}"),
            Self::ReaderGone | Self::Verdict(_) => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Refused(error.to_string()) }
    }
}
