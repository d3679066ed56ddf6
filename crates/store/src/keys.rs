//! The keys of a data folder: the master key that wraps salts' keys, and the log's signing key.

/// The name of a log that was not given one.
pub const LOG_NAME_DEFAULT: &str = "actarium.local";
