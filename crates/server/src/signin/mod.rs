//! Signing in: passwords, second factors, how often may be tried, sessions and what the browser holds of them.
//!
//! `password`, `breached`, `throttle`, `totp`, `recovery`, `session` and `uses` hold the rules and know no directory.
//! Nothing here may decide what a person may do: that is `access`.

pub mod breached;
pub mod password;
pub mod recovery;
pub mod session;
pub mod throttle;
pub mod totp;
pub mod uses;
