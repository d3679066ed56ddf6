//! The binary `actarium`: the service, and a client of its API for people and scripts.
//!
//! Data goes to stdout, everything else to stderr. Each group of commands has a file of its own; none of them knows how
//! events are stored.

mod admin;
mod catalog;
mod client;
mod credentials;
mod database_check;
mod ending;
mod evidence;
mod export;
mod failure;
mod help;
mod import;
mod kept_exports;
mod legal_holds;
mod log;
mod login;
mod manage;
mod prompt;
mod record;
mod removals;
mod retention;
mod search;
mod serve;
mod setup;
mod show;
mod signing_in;
mod stop_signals;
mod verify_log;
mod witness;

use std::process::ExitCode;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::Failure;
use manage::{groups, identity, invitations, keys, organizations, roles, sessions, tokens, users};

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 the server cannot be reached or is not available · \
4 no or bad credential, or not permitted · 130 interrupted";

/// The audit log of a platform: who did what, to what, when, from where, and with what outcome.
#[derive(Parser)]
#[command(name = "actarium", version, after_help = EXIT_CODES, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    server: client::ServerArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service on a data folder
    Serve(Box<serve::ServeArguments>),
    /// The first start: make an organization and its first administrator (operator)
    Setup(setup::SetupArguments),
    /// Sign in on this machine, for all commands that follow
    Login(login::LoginArguments),
    /// Sign out on this machine
    Logout(login::LogoutArguments),
    /// Organizations: create, list, show, update, rename
    #[command(subcommand)]
    Org(organizations::OrgCommand),
    /// Users of an organization: list, add, show, update, remove, what they may do, their sessions
    #[command(subcommand)]
    User(users::UserCommand),
    /// Groups of users: create, list, show, update, delete, members, roles
    #[command(subcommand)]
    Group(groups::GroupCommand),
    /// Roles, which groups have: create, list, show, update, delete
    #[command(subcommand)]
    Role(roles::RoleCommand),
    /// What roles can be made of
    Permissions(roles::PermissionsArguments),
    /// Invitations: create, list, resend, revoke
    #[command(subcommand)]
    Invite(invitations::InviteCommand),
    /// On-premises keys, which may write events of one organization: create, list, show, update, revoke
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Personal access tokens, for one's own programs: create, list, revoke
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Who one is, and where one is signed in: whoami, list, revoke
    #[command(subcommand)]
    Session(sessions::SessionCommand),
    /// Tokens with which identity providers keep users and groups by SCIM: create, list, revoke
    #[command(subcommand)]
    ScimToken(identity::ScimTokenCommand),
    /// Identity providers through which people sign in: list, show
    #[command(subcommand)]
    IdentityProvider(identity::IdentityProviderCommand),
    /// Record one event from options, or events from a file or stdin
    Emit(record::EmitArguments),
    /// Import records of other systems from files
    Import(import::ImportArguments),
    /// Find events, newest first
    Search(search::SearchArguments),
    /// Show events as they arrive
    Tail(search::TailArguments),
    /// Write everything that a search finds, oldest first
    Export(export::ExportArguments),
    /// Exports that the service makes in the background: make, list, get, delete
    #[command(subcommand)]
    Exports(kept_exports::ExportsCommand),
    /// How long records are kept: show, plan, set, run
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// Erase a person from the records: count, and ask for it
    Erase(removals::EraseArguments),
    /// Erasures that were asked for: list, show, approve, reject
    #[command(subcommand)]
    Erasure(removals::ErasureCommand),
    /// Redact the detail of records: count, and ask for it
    Redact(removals::RedactArguments),
    /// Redactions that were asked for: list, show, approve, reject
    #[command(subcommand)]
    Redaction(removals::RedactionCommand),
    /// What is kept whatever the retention says: list, place, release
    #[command(subcommand)]
    LegalHold(legal_holds::LegalHoldCommand),
    /// The log as what it proves: show, key, checkpoint, continue, rotate-key
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Prove that an event is in the log
    Prove(evidence::ProveArguments),
    /// Check an export, the proof of an event, a data folder or the log of a running service
    Verify(evidence::VerifyArguments),
    /// Run a witness, which signs other machines' checkpoints
    Witness(witness::WitnessArguments),
    /// What the catalog knows of actions
    Catalog(catalog::CatalogArguments),
    /// Load the demo organization into a data folder that no server has open
    Demo(serve::DemoArguments),
    /// What only the operator does
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  actarium completions bash > /etc/bash_completion.d/actarium\n  actarium completions zsh > ~/.zfunc/_actarium"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Commands that ask no server.
const OFFLINE_COMMANDS: [&str; 6] = ["serve", "witness", "catalog", "verify", "demo", "completions"];

/// The commands and options. Those that ask no server do not show the options of the connection.
fn command() -> clap::Command {
    let hidden = |(name, long): (&'static str, &'static str)| {
        let none = |_: &str| Err::<String, _>("this command asks no server");
        Arg::new(name).long(long).value_name("VALUE").hide(true).value_parser(none)
    };
    let connection = [("url", "url"), ("token", "token"), ("token_file", "token-file")];
    let command = OFFLINE_COMMANDS.into_iter().fold(Arguments::command(), |command, offline| {
        command.mut_subcommand(offline, |offline| offline.args(connection.map(hidden)))
    });
    help::unwrapped(command)
}

fn main() -> ExitCode {
    let matches = command().try_get_matches().unwrap_or_else(|error| help::exit_with(&error));
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = run(arguments);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                eprintln!("{failure}");
            }
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = || client::Client::new(&arguments.server);
    match arguments.command {
        Command::Serve(serve) => serve::serve(*serve),
        Command::Demo(demo) => serve::demo(demo),
        Command::Setup(setup) => setup::setup(&arguments.server, &setup),
        Command::Login(login) => login::login(&arguments.server, &login),
        Command::Logout(logout) => login::logout(&arguments.server, &logout),
        Command::Org(command) => organizations::org(&client()?, command),
        Command::User(command) => users::user(&client()?, command),
        Command::Group(command) => groups::group(&client()?, command),
        Command::Role(command) => roles::role(&client()?, command),
        Command::Permissions(permissions) => roles::permissions(&client()?, &permissions),
        Command::Invite(command) => invitations::invite(&client()?, command),
        Command::Key(command) => keys::key(&client()?, command),
        Command::Token(command) => tokens::token(&client()?, command),
        Command::Session(command) => sessions::session(&client()?, command),
        Command::ScimToken(command) => identity::scim_token(&client()?, command),
        Command::IdentityProvider(command) => identity::identity_provider(&client()?, command),
        Command::Emit(emit) => record::emit(&client()?, emit),
        Command::Import(import) => import::import(&client()?, import),
        Command::Search(search) => search::search(&client()?, search),
        Command::Tail(tail) => search::tail(&client()?, tail),
        Command::Export(export) => export::export(&client()?, export),
        Command::Exports(command) => kept_exports::exports(&client()?, command),
        Command::Retention(command) => retention::retention(&client()?, command),
        Command::Erase(arguments) => removals::erase(&client()?, &arguments),
        Command::Erasure(command) => removals::erasure(&client()?, command),
        Command::Redact(arguments) => removals::redact(&client()?, &arguments),
        Command::Redaction(command) => removals::redaction(&client()?, command),
        Command::LegalHold(command) => legal_holds::legal_hold(&client()?, command),
        // Works on a folder that no service has open.
        Command::Log(log::LogCommand::Continue(arguments)) => log::continue_log(&arguments),
        Command::Log(log::LogCommand::RotateKey(arguments)) => log::rotate_key(&arguments),
        Command::Log(command) => log::log(&client()?, command),
        Command::Prove(prove) => evidence::prove(&client()?, &prove),
        Command::Verify(verify) => evidence::verify(&verify),
        Command::Witness(arguments) => witness::witness(&arguments),
        Command::Catalog(catalog) => catalog::catalog(catalog),
        Command::Admin(command) => admin::admin(&client()?, command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "actarium", &mut script);
            show::write_stdout(&script)
        }
    }
}
