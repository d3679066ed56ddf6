//! Signing in as a person: for `login`, and for the few commands that the service keeps to sessions.
//!
//! The session lasts as long as the command. No password is kept, shown, or taken from an argument.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::prompt;
use crate::show;

/// Who signs in.
#[derive(Args, Debug)]
#[command(next_help_heading = "Signing in")]
pub struct SignInArguments {
    /// E-mail address; asked for if not given
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// A file that holds the password; asked for if not given. `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Signs in, does something within the session, and signs out.
///
/// # Errors
/// What is wrong with the credentials, or went wrong with what was to be done.
pub fn within_session<T>(
    client: &Client,
    arguments: &SignInArguments,
    run: impl FnOnce(&Client, &Value) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (session, own) = sign_in(client, arguments)?;
    let done = run(&session, &own);
    if let Err(failure) = session.delete("/v1/session") {
        show::note(&format!("the session of this command stays open until it runs out: {failure}"));
    }
    done
}

fn sign_in(client: &Client, arguments: &SignInArguments) -> Result<(Client, Value), Failure> {
    if is_readable_on_the_way(client.url()) {
        show::note(&format!("{}: without TLS, the password can be read on its way", client.url()));
    }
    let email = match &arguments.email {
        Some(email) => email.clone(),
        None => match Credentials::load()?.of(client.url()) {
            Some(stored) => stored.email.clone(),
            None => prompt::ask("E-mail address", "--email")?,
        },
    };
    let question = format!("Password of {} at {}", show::inert(&email), client.url());
    let password = match &arguments.password_file {
        Some(file) => prompt::secret_of_file(file, &question)?,
        None => prompt::ask_secret(&question, "--password-file")?,
    };
    let mut body = json!({"email": email, "password": password});
    if let Some(signed_in) = client.sign_in(&body)? {
        return Ok(signed_in);
    }
    let code = prompt::ask("Code of the authenticator, or a recovery code", "a further line of stdin")?;
    body["code"] = Value::String(code);
    let again = client.sign_in(&body)?;
    again.ok_or_else(|| Failure::NotPermitted("the code was not taken".to_owned()))
}

/// Whether somebody between here and the server could read what is sent: plain HTTP, but not on this machine.
fn is_readable_on_the_way(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !(loopback || host == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_on_its_way_is_known() {
        for safe in [
            "https://a.example",
            "http://127.0.0.1:8470",
            "http://localhost:1",
            "http://[::1]:8470/x",
            "http://127.9.9.9",
        ] {
            assert!(!is_readable_on_the_way(safe), "{safe}");
        }
        for open in ["http://a.example", "http://10.0.0.1:8470", "http://[2001:db8::1]:80", "http://localhost.example"]
        {
            assert!(is_readable_on_the_way(open), "{open}");
        }
    }
}
