//! Mail, handed to the operator's mail server (RFC 5321, RFC 6409). It sends what it is given to one address and knows
//! neither invitations nor people; whether it matters that a mail was not delivered is the caller's to say.
//!
//! Texts of people stand in a mail's subject and body. The subject is encoded by the library that writes the message, and
//! an address is read before it is written, so that neither can add a header or a recipient.

pub mod invitation;
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use actarium_core::row::Micros;
use actarium_store::{Clock, Entropy};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, SmtpTransport, Transport};
use tokio::sync::Semaphore;

pub use server::{MailServer, Security};

use crate::limits;
use crate::token;

/// How mail is sent.
#[derive(Clone)]
pub struct MailOptions {
    /// The mail server.
    pub server: MailServer,
    /// The password of the server's user; needed if it has one.
    pub password: Option<String>,
    /// Whom mails come from: `audit@example.com` or `Audit log <audit@example.com>`.
    pub from: MailSender,
    /// A PEM file of the certificates that the server's is checked against, instead of the public ones.
    pub roots: Option<PathBuf>,
}

impl std::fmt::Debug for MailOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("MailOptions");
        shown.field("server", &self.server).field("from", &self.from).field("roots", &self.roots);
        shown.finish_non_exhaustive()
    }
}

/// Whom mails come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSender(Mailbox);

impl std::str::FromStr for MailSender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            |_| "must be an address such as audit@example.com or \"Audit log <audit@example.com>\"".to_owned();
        text.parse().map(Self).map_err(refused)
    }
}

/// Why mail can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A user without a password, or the other way round.
    #[error("the mail server needs both a user, in its URL, and a password, or neither")]
    Credentials,
    /// The certificates can't be read.
    #[error("{path}: {detail}")]
    Roots {
        /// Their file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// TLS can't be set up.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(String),
}

/// Why a mail was not delivered to the mail server, in a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(String);

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address of whom it is for.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says: plain text, lines ending in `\n`.
    pub text: String,
}

/// Checks an address that mail is to be sent to.
///
/// # Errors
/// What is allowed.
pub fn sendable(text: &str) -> Result<(), String> {
    crate::form::email(text)?;
    let parsed: Result<Address, _> = text.parse();
    parsed.map(drop).map_err(|_| "must be an e-mail address that mail can be sent to, such as ada@example.com".into())
}

/// Sends mail.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    turns: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Mailer {
    /// One that sends through the operator's server. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn new(options: &MailOptions, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, MailError> {
        let (server, from) = (&options.server, options.from.0.clone());
        let tls = match server.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(tls_parameters(options)?),
            Security::Tls => Tls::Wrapper(tls_parameters(options)?),
        };
        let mut transport = SmtpTransport::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(limits::MAIL_STEP_TIME_MAX));
        match (&server.user, &options.password) {
            (Some(user), Some(password)) => {
                transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
            }
            (None, None) => {}
            _ => return Err(MailError::Credentials),
        }
        let turns = Arc::new(Semaphore::new(limits::MAILS_AT_ONCE_MAX));
        Ok(Self { transport: transport.build(), from, turns, clock, entropy })
    }

    /// Hands a mail over to the mail server.
    ///
    /// # Errors
    /// [`Undelivered`]; it may have been delivered all the same if the server took it and did not say so in time.
    pub async fn send(&self, mail: &Mail) -> Result<(), Undelivered> {
        let message = self.message(mail)?;
        let (turns, transport) = (self.turns.clone(), self.transport.clone());
        let sending = async move {
            let turn = turns.acquire_owned().await.map_err(|_| Undelivered("the service is shutting down".into()))?;
            let sending = tokio::task::spawn_blocking(move || {
                // Kept until the connection is over, even if nobody waits for it any more.
                let _turn = turn;
                transport.send(&message).map(drop)
            });
            let sent = sending.await.map_err(|_| Undelivered("sending failed".into()))?;
            sent.map_err(|error| Undelivered(said(&error)))
        };
        let late = |_| Undelivered(format!("it took longer than {} s", limits::MAIL_TIME_MAX.as_secs()));
        tokio::time::timeout(limits::MAIL_TIME_MAX, sending).await.map_err(late)?
    }

    fn message(&self, mail: &Mail) -> Result<Message, Undelivered> {
        let unwritable = |error: String| Undelivered(format!("the mail cannot be written: {error}"));
        let to: Address = mail.to.parse().map_err(|_| unwritable("no mail can be sent to the address".into()))?;
        let mut random = [0; token::ID_RANDOM_BYTES];
        self.entropy.fill(&mut random);
        let id = format!("<{}@{}>", token::id("mail", &random), self.from.email.domain());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&mail.subject))
            .date(UNIX_EPOCH + since_1970(self.clock.now()))
            .message_id(Some(id))
            // Nobody is to be told by return that somebody is on holiday (RFC 3834, section 5).
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone());
        message.map_err(|error| unwritable(error.to_string()))
    }
}

fn tls_parameters(options: &MailOptions) -> Result<TlsParameters, MailError> {
    let mut parameters = TlsParameters::builder(options.server.host.clone());
    if let Some(path) = &options.roots {
        let unreadable = |detail: String| MailError::Roots { path: path.display().to_string(), detail };
        let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let roots = Certificate::from_pem(&pem).map_err(|error| unreadable(error.to_string()))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(roots);
    } else {
        parameters = parameters.certificate_store(CertificateStore::WebpkiRoots);
    }
    parameters.build_rustls().map_err(|error| MailError::Tls(error.to_string()))
}

/// What went wrong, as it may be told: bounded, in one line.
fn said(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    if let Some(source) = error.source().map(ToString::to_string).filter(|source| !text.contains(source.as_str())) {
        text = format!("{text}: {source}");
    }
    one_line(&text).chars().take(limits::MAIL_ANSWER_CHARS_MAX).collect()
}

/// A text without anything that could end a line.
fn one_line(text: &str) -> String {
    let blank = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().map(blank).collect::<String>().trim().to_owned()
}

fn since_1970(now: Micros) -> Duration {
    Duration::from_micros(u64::try_from(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actarium_store::{SystemClock, SystemEntropy};

    fn mailer(url: &str, password: Option<&str>) -> Result<Mailer, MailError> {
        let options = MailOptions {
            server: url.parse().unwrap(),
            password: password.map(str::to_owned),
            from: "Audit log <audit@example.com>".parse().unwrap(),
            roots: None,
        };
        assert!(!format!("{options:?}").contains("hunter2"));
        Mailer::new(&options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy))
    }

    #[test]
    fn a_user_and_a_password_come_together() {
        assert!(mailer("smtps://mail.example.com", None).is_ok());
        assert!(mailer("smtps://ada@mail.example.com", Some("hunter2")).is_ok());
        assert!(matches!(mailer("smtps://ada@mail.example.com", None), Err(MailError::Credentials)));
        assert!(matches!(mailer("smtps://mail.example.com", Some("hunter2")), Err(MailError::Credentials)));
    }

    #[test]
    fn no_text_of_anybody_adds_a_header_or_a_recipient() {
        let mailer = mailer("smtp://127.0.0.1:2525", None).unwrap();
        let subject = "Invitation to A\r\nBcc: eve@example.com\r\n\r\n<b>body</b> Zoë\u{2028}\u{85}x".to_owned();
        let text = "Hello\n.\nQUIT\n\nBcc: eve@example.com\n".to_owned();
        let message = mailer.message(&Mail { to: "ada@example.com".into(), subject, text }).unwrap();
        assert_eq!(message.envelope().to().len(), 1);
        let written = String::from_utf8(message.formatted()).unwrap();
        let (head, _) = written.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        let expected = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type"];
        assert_eq!(names[..7], expected, "{head}");
        assert!(names[7..].iter().all(|name| ["MIME-Version", "Content-Transfer-Encoding"].contains(name)), "{head}");
    }

    #[test]
    fn addresses_that_would_be_more_than_one_are_none() {
        for good in ["ada@example.com", "ada+log@sub.example.com", "zoë@example.com"] {
            assert_eq!(sendable(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ada",
            "ada@example.com, eve@example.com",
            "ada@example.com>,<eve@example.com",
            "<ada@example.com>",
            "ada@example.com\r\nRCPT TO:<eve@example.com>",
            "Ada <ada@example.com>",
            "ada@exam ple.com",
        ] {
            assert!(sendable(bad).is_err(), "{bad:?}");
        }
        assert!("Audit log <audit@example.com>".parse::<MailSender>().is_ok());
        assert!("audit".parse::<MailSender>().is_err());
    }
}
