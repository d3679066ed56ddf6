//! The service as its clients see it: the real stack, started on a free port over a folder of its own, spoken to in HTTP.

#![allow(clippy::disallowed_methods, reason = "a test measures how long it waited")]

mod access;
mod account_ends;
mod accounts;
mod ahead;
mod client;
mod console;
mod directory;
mod errors;
mod export;
mod exports;
mod guessing;
mod identity_providers;
mod invitations;
mod isolation;
mod keys;
mod known_passwords;
mod log;
mod mail_server;
mod masking;
mod names;
mod oidc;
mod openapi;
mod own_affairs;
mod own_records;
mod permissions;
mod person;
mod reach;
mod reads_wait;
mod recording;
mod removals;
mod retention;
mod revocation;
mod saved_searches;
mod scim;
mod scim_tokens;
mod searching;
mod second_proof;
mod service;
mod session;
mod snapshot;
mod tailing;
mod tamper;
mod walk;
