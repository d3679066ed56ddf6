//! What the routes do, one file per kind of thing. Each handler gets a call that was let through and checked, and gives
//! back an answer or a problem; none decides about access.

pub mod accepting;
pub mod assignments;
pub mod counts;
pub mod export;
pub mod exports;
pub mod groups;
pub mod identity_providers;
pub mod ingest;
pub mod invitations;
pub mod keys;
pub mod legal_holds;
pub mod listing;
pub mod log;
pub mod naming;
pub mod oidc;
pub mod oidc_joining;
pub mod organizations;
pub mod proof;
pub mod proof_export;
pub mod proving;
pub mod record;
pub mod removals;
pub mod retention;
pub mod roles;
pub mod saved_searches;
pub mod scim;
pub mod scim_tokens;
pub mod search;
pub mod second_factor;
pub mod service;
pub mod session;
pub mod sessions;
pub mod tail;
pub mod tokens;
pub mod users;
