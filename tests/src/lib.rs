//! What the end-to-end tests share: the real binary as a child process, a client, load that keeps account of what was
//! acknowledged, and the power-cut shim. Must not link any of the product's crates: what is tested is the program and its
//! public API.

pub mod client;
pub mod evidence;
pub mod ledger;
pub mod load;
pub mod mount;
pub mod powercut;
pub mod program;
pub mod random;
pub mod replay;
pub mod server;
pub mod walk;

pub use client::{Answer, Client};
pub use ledger::Ledger;
pub use powercut::{Cut, Disk};
pub use random::Random;
pub use server::{Server, Start};
