//! `actarium login` and `actarium logout`: a token of one's own for this machine, kept in a file and used by all commands.
//!
//! Signing in makes a personal access token and ends the session; who signs in through an identity provider hands over a
//! token that they made elsewhere.

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ServerArguments, personal_token_id, segment, token_of_environment};
use crate::credentials::{Credentials, Stored};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::manage::{text, tokens};
use crate::prompt;
use crate::show;
use crate::signing_in::{SignInArguments, within_session};

/// Characters of a token's name.
const NAME_CHARS_MAX: usize = 128;

/// Sign in on this machine.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium login --url https://audit.example.com
  actarium login --email ada@example.com --password-file password --expires 30d
  actarium login --token-stdin < token          a token made elsewhere, for who signs in through an identity provider

Asks for e-mail address, password and, where there is one, the code of the second factor. Makes a personal access token,
keeps it in ${XDG_CONFIG_HOME:-~/.config}/actarium/credentials.toml (mode 0600), one for each server, and signs out. It is
used where neither --token, --token-file nor ACTARIUM_TOKEN gives another. Without a terminal, answers are lines of stdin.")]
pub struct LoginArguments {
    #[command(flatten)]
    sign_in: SignInArguments,
    /// What the token is called; the machine's name if not given
    #[arg(long)]
    name: Option<String>,
    /// When it ends, at most a year from now: 12h, 90d, 4w, 2027-01-31 or RFC 3339
    #[arg(long, value_name = "WHEN", default_value = "90d", value_parser = Ending::read)]
    expires: Ending,
    /// An area or a permission that it is held to; repeatable; all of its owner's if not given
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    /// Read a personal access token from stdin and keep it, instead of making one
    #[arg(long, conflicts_with_all = ["email", "password_file", "name", "permission"])]
    token_stdin: bool,
}

pub fn login(server: &ServerArguments, arguments: &LoginArguments) -> Result<(), Failure> {
    let url = server.address()?;
    // Before anything is asked: whether it could be kept.
    let mut credentials = Credentials::load()?;
    let given = if arguments.token_stdin {
        Some(prompt::ask_secret("Personal access token", "a line of stdin")?.trim().to_owned())
    } else {
        server.token_of_options()?
    };
    let stored = match given {
        Some(token) => checked(&url, token)?,
        None => made(&url, arguments)?,
    };
    let before = credentials.of(&url).cloned();
    let until = until(stored.expires_at.as_deref());
    let email = stored.email.clone();
    let kept = credentials.keep(&url, stored.clone()).map(|path| path.display().to_string());
    let path = kept.inspect_err(|_| {
        // A token that nobody holds is of no use.
        if stored.made_by_login {
            let _ = revoke(&url, &stored);
        }
    })?;
    if let Some(before) = before.filter(|before| before.made_by_login && before.token != stored.token) {
        let _ = revoke(&url, &before);
    }
    show::note(&format!("signed in to {url} as {email}{until}; the token is in {path}"));
    if token_of_environment().is_some() {
        show::note("ACTARIUM_TOKEN is set, and counts before it");
    }
    Ok(())
}

fn until(expires_at: Option<&str>) -> String {
    expires_at.map(|at| format!(", until {} UTC", show::moment(&Value::from(at)))).unwrap_or_default()
}

/// A token made through a session of the person.
fn made(url: &str, arguments: &LoginArguments) -> Result<Stored, Failure> {
    let name = arguments.name.clone().unwrap_or_else(default_name);
    let body = tokens::wanted(&name, arguments.expires, &arguments.permission, &[]);
    within_session(&Client::of(url.to_owned(), None), &arguments.sign_in, |session, own| {
        let made = session.make("/v1/tokens", &body)?;
        Ok(Stored {
            email: text(&own["user"], "email"),
            token: text(&made, "secret"),
            expires_at: made["expires_at"].as_str().map(str::to_owned),
            made_by_login: true,
        })
    })
}

/// A token made elsewhere, if it is good.
fn checked(url: &str, token: String) -> Result<Stored, Failure> {
    if personal_token_id(&token).is_none() {
        return Err(Failure::Usage(
            "what was given is no personal access token, which begins with act_pat_ and is the only kind that is kept"
                .to_owned(),
        ));
    }
    let own = Client::of(url.to_owned(), Some(token.clone())).get("/v1/session", &[])?;
    let expires_at = own["expires_at"].as_str().map(str::to_owned);
    Ok(Stored { email: text(&own["user"], "email"), token, expires_at, made_by_login: false })
}

fn default_name() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let readable: String = machine.trim().chars().filter(|character| !character.is_control()).collect();
    let name = if readable.is_empty() { "actarium login".to_owned() } else { format!("actarium login on {readable}") };
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn revoke(url: &str, stored: &Stored) -> Result<(), Failure> {
    let Some(id) = personal_token_id(&stored.token) else { return Ok(()) };
    Client::of(url.to_owned(), Some(stored.token.clone())).delete(&format!("/v1/tokens/{}", segment(id)))
}

/// Sign out on this machine.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium logout --url https://audit.example.com
  actarium logout --forget          when the server is gone

A token that `actarium login` made is revoked. One that was handed over is forgotten here only, unless --revoke: other
programs may use it.")]
pub struct LogoutArguments {
    /// Revoke the token although it was made elsewhere
    #[arg(long)]
    revoke: bool,
    /// Revoke nothing, only forget the token here
    #[arg(long, conflicts_with = "revoke")]
    forget: bool,
}

pub fn logout(server: &ServerArguments, arguments: &LogoutArguments) -> Result<(), Failure> {
    let url = server.address()?;
    let mut credentials = Credentials::load()?;
    let Some(stored) = credentials.of(&url).cloned() else {
        show::note(&format!("nobody is signed in to {url}"));
        return Ok(());
    };
    let mut told = "the token stays good";
    if (stored.made_by_login || arguments.revoke) && !arguments.forget {
        told = match revoke(&url, &stored) {
            Ok(()) => "the token is revoked",
            // It ran out, or was revoked before.
            Err(Failure::NotPermitted(_)) => "the token was good no more",
            Err(Failure::Unavailable(text)) => {
                let hint = "the token is kept, for it could not be revoked; --forget forgets it all the same";
                return Err(Failure::Unavailable(format!("{text}\n  {hint}")));
            }
            Err(failure) => return Err(failure),
        };
    }
    credentials.forget(&url)?;
    show::note(&format!("signed out of {url}; {told}"));
    Ok(())
}
