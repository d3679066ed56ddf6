//! The binary `actarium`: the service, and a client of its API for people and scripts.
//!
//! Data goes to stdout, everything else to stderr. Each group of commands has a file of its own; none of them knows how
//! events are stored.

mod client;
mod export;
mod failure;
mod import;
mod manage;
mod record;
mod search;
mod serve;
mod show;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 the server cannot be reached or is not available ·
4 no or bad credential, or not permitted · 130 interrupted";

/// The audit log of a platform: who did what, to what, when, from where, and with what outcome.
#[derive(Parser)]
#[command(name = "actarium", version, after_help = EXIT_CODES, propagate_version = true)]
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
    /// Organizations: create, list
    #[command(subcommand)]
    Org(manage::OrgCommand),
    /// On-premises keys, which may write events of one organization: create, list, revoke
    #[command(subcommand)]
    Key(manage::KeyCommand),
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
    /// What the catalog knows of actions
    Catalog(manage::CatalogArguments),
    /// Load the demo organization into a data folder that no server has open
    Demo(serve::DemoArguments),
    /// What only the operator does
    #[command(subcommand)]
    Admin(manage::AdminCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  actarium completions bash > /etc/bash_completion.d/actarium\n  actarium completions zsh > ~/.zfunc/_actarium"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
        Command::Org(command) => manage::org(&client()?, command),
        Command::Key(command) => manage::key(&client()?, command),
        Command::Emit(emit) => record::emit(&client()?, emit),
        Command::Import(import) => import::import(&client()?, import),
        Command::Search(search) => search::search(&client()?, search),
        Command::Tail(tail) => search::tail(&client()?, tail),
        Command::Export(export) => export::export(&client()?, export),
        Command::Catalog(catalog) => manage::catalog(catalog),
        Command::Admin(command) => manage::admin(&client()?, command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "actarium", &mut script);
            show::write_stdout(&script)
        }
    }
}
