//! Signing in through an organization's OpenID Connect provider: authorization code with PKCE.
//!
//! The files are rules without I/O (`addresses`, `endpoint`, `discovery`, `jws`, `id_token`, `person`, `attempt`,
//! `admission`, `refusal`), but for `fetch`, which asks providers over HTTP, and `issuers`, which remembers their
//! answers. `handlers::oidc` binds them to requests, `handlers::identity_providers` to what organizations configure.
//! Nothing here may make a session or say what somebody may do.

pub mod addresses;
pub mod admission;
pub mod attempt;
pub mod discovery;
pub mod endpoint;
pub mod fetch;
pub mod id_token;
pub mod issuers;
pub mod jws;
pub mod person;
pub mod refusal;
