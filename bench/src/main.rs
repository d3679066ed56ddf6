//! Seeded generator of realistic events, the load and the questions that the comparison puts on Actarium over HTTP, and
//! the floor that the machine sets. It must not link the server: it knows the public API and nothing else;
//! of the verifier it has the library.

use anyhow::Result;
use clap::{Parser, Subcommand};

mod event;
mod floor;
mod generate;
mod http;
mod load;
mod query;
mod replay;
mod rng;
mod singles;
mod verify;
mod words;
mod world;

/// Measures Actarium.
#[derive(Parser)]
#[command(name = "actarium-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write events of a seed as files of request bodies.
    Generate(generate::Options),
    /// Send generated events to a server.
    Load(load::Options),
    /// Send single events from many clients.
    Singles(singles::Options),
    /// Ask a server the questions that belong to the events.
    Query(query::Options),
    /// Repeat real CloudTrail records with shifted times and new ids.
    Replay(replay::Options),
    /// Measure the disk and the processor.
    Floor(floor::Options),
    /// Measure the verifier's work on hashes.
    Verify(verify::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Generate(options) => generate::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Singles(options) => singles::run(&options),
        Command::Query(options) => query::run(&options),
        Command::Replay(options) => replay::run(&options),
        Command::Floor(options) => floor::run(&options),
        Command::Verify(options) => verify::run(&options),
    }
}
