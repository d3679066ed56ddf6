//! Signing in: passwords, second factors, how often may be tried, sessions and what the browser holds of them.
//!
//! `password`, `breached`, `throttle`, `device`, `totp`, `recovery`, `session` and `uses` hold the rules and know no directory;
//! `attempt` and `opening` bind them to it, for whichever way somebody signs in; `invitations` says which invitation holds;
//! `upkeep` writes down and clears away. Nothing here may decide what a person may
//! do: that is `access`.

pub mod attempt;
pub mod breached;
pub mod device;
pub mod invitations;
pub mod opening;
pub mod password;
pub mod recovery;
pub mod session;
pub mod throttle;
pub mod totp;
pub mod upkeep;
pub mod uses;
