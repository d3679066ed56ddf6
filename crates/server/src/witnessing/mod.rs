//! The witnesses that this service has its logs' checkpoints signed by: who they are, and how each log stands with each of
//! them. Asking is done in the background (`work`, `client`) and holds up nothing; what they signed is kept by the store.
//!
//! A witness that has signed what a log has not got shows that the log is older than what it published: such a log takes no
//! more writes. Nothing here repairs that.

mod client;
pub mod work;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_core::tlog::{KeyKind, VerifierKey};
use actarium_store::{Engine, Organization, OrganizationId, StoredCosignature};
use axum::http::Uri;
use parking_lot::Mutex;
use ureq::tls::RootCerts;

use crate::metrics::Exposition;
use client::WitnessClient;

/// Witnesses that may be named.
pub const WITNESSES_MAX: usize = 16;

/// Where a witness is and by which key its signatures are known: `https://witness.example.com=name+id+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessAddress {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Its verifier key.
    pub key: VerifierKey,
}

impl FromStr for WitnessAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (url, key) = text.split_once('=').ok_or("must be an address, =, and the witness's verifier key")?;
        let uri: Uri = url.parse().map_err(|_| format!("{url} is no URL"))?;
        let is_http = matches!(uri.scheme_str(), Some("https" | "http"));
        let has_more =
            uri.query().is_some() || uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
        if !is_http || has_more {
            return Err(format!("{url} must be an https:// or http:// address without user and query"));
        }
        let key = VerifierKey::parse(key.trim()).map_err(|error| error.to_string())?;
        if key.kind() != KeyKind::Witness {
            return Err("the key is a log's, not a witness's (type 4)".to_owned());
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key })
    }
}

impl fmt::Display for WitnessAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.url, self.key)
    }
}

/// What the operator says about witnesses.
#[derive(Clone, Debug)]
pub struct WitnessOptions {
    /// The witnesses.
    pub witnesses: Vec<WitnessAddress>,
    /// A PEM file of the certificates that theirs are checked against, instead of the public ones.
    pub roots: Option<PathBuf>,
    /// Time between two looks at what has grown.
    pub every: Duration,
}

impl Default for WitnessOptions {
    fn default() -> Self {
        Self { witnesses: Vec::new(), roots: None, every: Duration::from_secs(10) }
    }
}

/// How a log stands with a witness, beside what the witness has signed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The last request was answered with a signature.
    Signed,
    /// It did not answer, or not as a witness does.
    Unreachable(String),
    /// It does not sign for this log: it does not know it, or not its key.
    Refused(String),
    /// It has signed what the log has not got.
    Contradicts(String),
}

/// How a log stands with a witness, as the API tells it.
#[derive(Clone, Debug)]
pub struct Status {
    /// The witness's verifier key.
    pub key: VerifierKey,
    /// The newest signature.
    pub signed: Option<StoredCosignature>,
    /// `current`, `behind`, `never`, `unreachable`, `refused` or `contradicts`.
    pub state: &'static str,
    /// What the witness said, or why it said nothing.
    pub detail: Option<String>,
}

/// One witness.
pub(crate) struct Known {
    pub address: WitnessAddress,
    /// Name and id of its key, under which the store keeps its signatures.
    pub id: String,
    /// Held while it is being asked.
    pub turn: Mutex<()>,
    pub standings: Mutex<HashMap<OrganizationId, Standing>>,
    pub signed: AtomicU64,
    pub failed: AtomicU64,
    pub last_signed_at: Mutex<Option<Micros>>,
}

/// The witnesses of this service.
pub struct Witnesses {
    pub(crate) known: Vec<Known>,
    pub(crate) client: WitnessClient,
    pub(crate) every: Duration,
}

impl Witnesses {
    /// These witnesses; `roots` are the certificates that theirs are checked against, if not the public ones.
    pub fn new(options: &WitnessOptions, roots: Option<RootCerts>) -> Self {
        let known = |address: &WitnessAddress| Known {
            id: format!("{}+{}", address.key.name(), address.key.id_text()),
            address: address.clone(),
            turn: Mutex::default(),
            standings: Mutex::default(),
            signed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            last_signed_at: Mutex::default(),
        };
        let known = options.witnesses.iter().map(known).collect();
        Self { known, client: WitnessClient::new(roots), every: options.every }
    }

    /// How a log with a checkpoint of this size stands with each witness. `kept`: what the store has of their signatures.
    pub fn status(&self, organization: OrganizationId, size: u64, kept: &[StoredCosignature]) -> Vec<Status> {
        let status = |known: &Known| {
            let signed = kept.iter().find(|kept| kept.witness == known.id).cloned();
            let reached = signed.as_ref().map(|signed| signed.size);
            let by_size = match reached {
                Some(reached) if reached >= size => "current",
                Some(_) => "behind",
                None => "never",
            };
            let (state, detail) = match known.standings.lock().get(&organization) {
                None | Some(Standing::Signed) => (by_size, None),
                Some(Standing::Unreachable(detail)) => ("unreachable", Some(detail.clone())),
                Some(Standing::Refused(detail)) => ("refused", Some(detail.clone())),
                Some(Standing::Contradicts(detail)) => ("contradicts", Some(detail.clone())),
            };
            Status { key: known.address.key.clone(), signed, state, detail }
        };
        self.known.iter().map(status).collect()
    }
}

impl Witnesses {
    /// Appends what is measured of the witnesses.
    pub fn write_metrics(&self, engine: &Engine, out: &mut Exposition) {
        let label = |known: &Known| format!("witness=\"{}\"", known.address.key.name().replace(['"', '\\'], "_"));
        let family = |out: &mut Exposition, (name, kind, help): (&str, &str, &str), value: &dyn Fn(&Known) -> u64| {
            out.family(name, kind, help);
            self.known.iter().for_each(|known| out.sample(name, &label(known), value(known)));
        };
        let signed = ("actarium_witness_signatures_total", "counter", "Checkpoints that a witness signed.");
        family(out, signed, &|known| known.signed.load(Relaxed));
        let failed =
            ("actarium_witness_failures_total", "counter", "Requests that a witness did not answer by signing.");
        family(out, failed, &|known| known.failed.load(Relaxed));
        let last =
            ("actarium_witness_last_signed_seconds", "gauge", "When a witness signed last, in seconds since 1970.");
        family(out, last, &|known| {
            let at = known.last_signed_at.lock().unwrap_or_default();
            u64::try_from(at / 1_000_000).unwrap_or(0)
        });
        let behind =
            ("actarium_witness_logs_behind", "gauge", "Logs whose newest checkpoint a witness has not signed.");
        family(out, behind, &|known| {
            let is_behind = |organization: &Arc<Organization>| {
                let kept = engine.newest_cosignatures(organization.id);
                let size = kept.iter().find(|kept| kept.witness == known.id).map_or(0, |kept| kept.size);
                engine.published(organization.id).is_some_and(|published| published.size > size)
            };
            engine.organizations().iter().filter(|organization| is_behind(organization)).count() as u64
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_an_address_and_a_key() {
        let key = VerifierKey::new("w.example/1", KeyKind::Witness, [3; 32]).unwrap();
        let read: WitnessAddress = format!("https://w.example:8471/a/={key}").parse().unwrap();
        assert_eq!((read.url.as_str(), &read.key), ("https://w.example:8471/a", &key));
        assert_eq!(read.to_string().parse(), Ok(read));
        let log = VerifierKey::new("log.example", KeyKind::Log, [3; 32]).unwrap();
        for bad in [
            format!("https://w.example={log}"),
            format!("w.example={key}"),
            format!("ftp://w.example={key}"),
            format!("https://me@w.example={key}"),
            format!("https://w.example?{key}"),
            "https://w.example=abc".to_owned(),
            "https://w.example".to_owned(),
        ] {
            assert!(bad.parse::<WitnessAddress>().is_err(), "{bad}");
        }
    }
}
