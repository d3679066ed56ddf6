//! `actarium setup`: the first start. An organization and its first administrator, by one command that may be repeated.
//!
//! It looks what is there and makes what is missing. What is there it does not change: no name, no password.

use std::path::PathBuf;

use actarium_store::{Entropy, SystemEntropy};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Client, ServerArguments, segment};
use crate::failure::Failure;
use crate::manage::{OrgArgument, name, text, users};
use crate::prompt;
use crate::show;

/// The group whose members may do everything.
const ADMINISTRATORS: &str = "admin";

/// What a made password is made of: no two that look alike. 32 of them, so that a byte gives each with the same chance.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Groups of characters of a made password, and characters of each: 120 bits.
const PASSWORD_GROUPS: usize = 4;
const PASSWORD_GROUP_CHARS: usize = 6;

/// Make an organization and its first administrator.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium setup --org acme --name 'Acme Inc.' --email ada@example.com --person-name 'Ada Lovelace' --data-dir data
  actarium setup --org acme --email ada@example.com --password-file first-password

The operator's token is --token or --token-file, else operator.token of --data-dir, else ACTARIUM_TOKEN. On a terminal the
administrator's password is asked for; elsewhere, or if it is left empty, one is made and printed, this once. Called again,
it tells what is there and makes what is missing.")]
pub struct SetupArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// What people read of the organization; the slug if not given
    #[arg(long)]
    name: Option<String>,
    /// The administrator's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// What the administrator is called; the part of the address before the @ if not given
    #[arg(long, value_name = "NAME")]
    person_name: Option<String>,
    /// A file that holds the administrator's first password; `-` is stdin, and asks on a terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The data folder of the server, in which the operator's token is
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print what was made and what was there as JSON
    #[arg(long)]
    json: bool,
}

/// What became of one part.
struct Part {
    value: Value,
    is_new: bool,
}

pub fn setup(server: &ServerArguments, arguments: &SetupArguments) -> Result<(), Failure> {
    let client = client(server, arguments)?;
    let organization = organization(&client, arguments)?;
    let (user, password) = administrator(&client, arguments)?;
    if arguments.json {
        let mut all = json!({
            "organization": organization.value, "organization_created": organization.is_new,
            "user": user.value, "user_created": user.is_new,
        });
        if let Some(password) = &password {
            all["password"] = json!(password);
        }
        show::json_line(&all)?;
    } else if let Some(password) = &password {
        show::note("the first password of this administrator is below; it is shown this once, and is theirs to change");
        show::line(password)?;
    }
    if user.value["active"] == false {
        return Err(Failure::Refused(format!(
            "{} is not active; `actarium user update --org {} {} --active` lets them in again",
            arguments.email, arguments.org.org, arguments.email
        )));
    }
    show::note(&format!("{} signs in with: actarium login --url {}", arguments.email, client.url()));
    Ok(())
}

fn client(server: &ServerArguments, arguments: &SetupArguments) -> Result<Client, Failure> {
    let Some(folder) = arguments.data_dir.as_ref().filter(|_| !server.gives_token()) else {
        return Client::new(server);
    };
    let file = folder.join("operator.token");
    let token = std::fs::read_to_string(&file).map_err(|error| {
        Failure::Usage(format!("{}: {error}; the server makes it when it starts on the folder", file.display()))
    })?;
    Ok(Client::of(server.address()?, Some(token.trim().to_owned())))
}

fn organization(client: &Client, arguments: &SetupArguments) -> Result<Part, Failure> {
    let slug = &arguments.org.org;
    if let Some(known) = client.find(&format!("/v1/orgs/{}", segment(slug)))? {
        show::note(&format!("organization {slug} ({}) is there", name(&known)));
        return Ok(Part { value: known, is_new: false });
    }
    let called = arguments.name.as_ref().unwrap_or(slug);
    let made = client.make("/v1/orgs", &json!({"slug": slug, "name": called}))?;
    show::note(&format!("organization {slug} ({called}) is made"));
    Ok(Part { value: made, is_new: true })
}

/// The administrator, with the password if one was made here.
fn administrator(client: &Client, arguments: &SetupArguments) -> Result<(Part, Option<String>), Failure> {
    let (org, email) = (&arguments.org, &arguments.email);
    let Some(known) = users::with_email(client, org, email)? else { return new_administrator(client, arguments) };
    let is_administrator =
        known["groups"].as_array().is_some_and(|groups| groups.iter().any(|group| text(group, "id") == ADMINISTRATORS));
    if is_administrator {
        show::note(&format!("{email} is an administrator of {}; their password is as it was", org.org));
        return Ok((Part { value: known, is_new: false }, None));
    }
    let id = text(&known, "id");
    client.make(&org.path(&format!("groups/{ADMINISTRATORS}/members")), &json!({ "user": id }))?;
    show::note(&format!("{email} was a user of {} and is an administrator now; their password is as it was", org.org));
    Ok((Part { value: client.get(&org.path_of("users", &id), &[])?, is_new: false }, None))
}

fn new_administrator(client: &Client, arguments: &SetupArguments) -> Result<(Part, Option<String>), Failure> {
    let (org, email) = (&arguments.org, &arguments.email);
    let called = arguments.person_name.clone();
    let called = called.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let mut body = json!({"email": email, "name": called, "groups": [ADMINISTRATORS]});
    let elsewhere = users::elsewhere(client, org, email)?;
    let (password, is_made) = first_password(arguments)?;
    body["password"] = json!(password);
    let made = client.make(&org.path("users"), &body)?;
    // An account of the person's own; one that another organization made is that one's alone.
    if elsewhere.contains(&text(&made, "id")) {
        let note = format!("{email} has an account, and is made an administrator of {} with its password", org.org);
        show::note(&note);
        return Ok((Part { value: made, is_new: true }, None));
    }
    show::note(&format!("{email} is made an administrator of {}", org.org));
    Ok((Part { value: made, is_new: true }, is_made.then_some(password)))
}

/// The first password, and whether it was made here.
fn first_password(arguments: &SetupArguments) -> Result<(String, bool), Failure> {
    let question = format!("First password of {}", show::inert(&arguments.email));
    if let Some(file) = &arguments.password_file {
        return Ok((prompt::secret_of_file(file, &question)?, false));
    }
    if !prompt::is_somebody_there() {
        return Ok((made_password(&arguments.email), true));
    }
    match prompt::ask_new_secret(&question, "one is made")? {
        Some(password) => Ok((password, false)),
        None => Ok((made_password(&arguments.email), true)),
    }
}

/// A password that nobody can guess.
fn made_password(email: &str) -> String {
    let local_part = email.split('@').next().unwrap_or_default().to_lowercase();
    loop {
        let mut random = [0; PASSWORD_GROUPS * PASSWORD_GROUP_CHARS];
        SystemEntropy.fill(&mut random);
        let groups: Vec<String> = random.chunks(PASSWORD_GROUP_CHARS).map(group).collect();
        let password = groups.join("-");
        // The service takes none with the account's name in it; an address of one letter or two is no such name.
        if local_part.len() < 3 || !password.contains(&local_part) {
            return password;
        }
    }
}

fn group(random: &[u8]) -> String {
    random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_password_is_long_and_never_the_same() {
        let made: std::collections::BTreeSet<String> = (0..100).map(|_| made_password("abc@example.com")).collect();
        assert_eq!(made.len(), 100);
        for password in made {
            assert_eq!(password.len(), PASSWORD_GROUPS * (PASSWORD_GROUP_CHARS + 1) - 1, "{password}");
            assert!(!password.contains("abc"), "{password}");
        }
    }
}
