//! Checks exports of an audit log without the service that made them, and logs wherever they are served: nothing but files, a
//! public key, and what the reader kept from before. No network, no clock; the program `actarium-verify` is this library with a command line.
//!
//! What must not happen here: trusting anything in an export that is not tied to the checkpoint's signature. The manifest
//! is a table of contents; what it says is compared, never believed.

mod bundle;
mod events;
mod export;
mod log;
mod manifest;
mod report;
mod trust;

pub use bundle::{Bundle, BundleError};
pub use events::report_removals;
pub use export::verify_export;
pub use log::{LogSource, VerifiedLog, verify_log};
pub use manifest::{FORMAT, FileEntry, Kind, Manifest, ManifestQuery, SeqRange, TreeAt};
pub use report::{Finding, Report};
pub use trust::{Seen, Trust, TrustError};
