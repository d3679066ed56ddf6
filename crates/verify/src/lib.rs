//! Checks exports of an audit log without the service that made them, and logs wherever they are served: nothing but files, a
//! public key, and what the reader kept from before. No network, no clock; the program `actarium-verify` is this library with a command line.
//!
//! What must not happen here: trusting anything in an export that is not tied to the checkpoint's signature. The manifest
//! is a table of contents; what it says is compared, never believed.

mod asked;
mod bundle;
mod events;
mod export;
mod log;
mod manifest;
mod positions;
mod proof;
mod purges;
mod records;
mod report;
mod trust;

use std::path::Path;

pub use asked::{AskedQuery, AskedQueryError};
pub use bundle::{Bundle, BundleError};
pub use export::verify_export;
pub use log::{LogSource, VerifiedLog, verify_log};
pub use manifest::{FORMAT, FileEntry, Kind, Manifest, ManifestQuery, SeqRange, TreeAt};
pub use proof::verify_proof;
pub use records::Records;
pub use report::{Coverage, Finding, Report};
pub use trust::{Seen, Trust, TrustError, is_same_log};

/// Checks what lies at a path: an export, as folder or archive, or the proof of an event.
///
/// # Errors
/// If it cannot be read, or is something else; what is wrong with it is in the report.
pub fn verify_path(path: &Path, trust: &Trust) -> Result<Report, BundleError> {
    let io = |source| BundleError::Io { path: path.display().to_string(), source };
    let is_named_so = path.extension().is_some_and(|ending| ending == "tlog-proof") && !path.is_dir();
    if is_named_so || (path.is_file() && begins_as_proof(path).map_err(io)?) {
        // What is no text is found to be no proof.
        let bytes = std::fs::read(path).map_err(io)?;
        return Ok(verify_proof(&String::from_utf8_lossy(&bytes), trust));
    }
    verify_export(&Bundle::open(path)?, trust)
}

/// The same, of an export that was asked for with this query, if one is given: one whose manifest names another is wrong. With
/// `damage_in_report` an export that is cut or too large is no error but wrong in the report: a program gets all from one place.
///
/// # Errors
/// As [`verify_path`], and if a query is given and it names none, as the proof of an event.
pub fn verify_asked(
    path: &Path,
    trust: &Trust,
    asked: Option<&AskedQuery>,
    damage_in_report: bool,
) -> Result<Report, BundleError> {
    let report = verify_path(path, trust).and_then(|report| match asked {
        Some(asked) => compared_with_query(report, path, asked),
        None => Ok(report),
    });
    report.or_else(|error| error.as_report().filter(|_| damage_in_report).ok_or(error))
}

fn compared_with_query(mut report: Report, path: &Path, asked: &AskedQuery) -> Result<Report, BundleError> {
    if report.query.is_none() && report.is_sound() {
        let detail = "it is the proof of one event, which no query found: --query, --from and --to are for exports";
        return Err(BundleError::Foreign { path: path.display().to_string(), detail: detail.to_owned() });
    }
    report.compare_query(asked);
    Ok(report)
}

fn begins_as_proof(path: &Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut beginning = Vec::new();
    std::fs::File::open(path)?.take(64).read_to_end(&mut beginning)?;
    Ok(proof::is_proof(&beginning))
}
