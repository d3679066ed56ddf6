//! Checking a log where it lies: a running service, or the data folder of one that is stopped. What checks is the code of
//! `actarium-verify`; here is where it reads from.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actarium_core::erasure::{ErasableParts, Ledger};
use actarium_core::tlog::{SignedCheckpoint, TileAddress};
use actarium_store::{Engine, EngineOptions, Location, Organization, ReadError, Snapshot, SystemClock, SystemEntropy};
use actarium_verify::{Bundle, LogSource, Report, Trust, VerifiedLog, report_removals, verify_export, verify_log};

use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::manage::counted;

/// The database by which a data folder is known.
const DATABASE_FILE: &str = "actarium.db";
/// How long the server may work on the next piece.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);
/// Most bytes of a file of a log.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Checkpoints of a folder that are compared.
const CHECKPOINTS_COMPARED_MAX: usize = 1_000_000;

/// Whether a path is a data folder.
pub fn is_data_folder(path: &Path) -> bool {
    path.join(DATABASE_FILE).is_file()
}

/// A log of a running service.
struct Served<'c> {
    client: &'c Client,
    org: &'c str,
}

impl Served<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/v1/orgs/{}/{rest}", segment(self.org))
    }
}

impl LogSource for Served<'_> {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        let note = self.client.get_plain(&self.path("log/checkpoint"), &[]).map_err(|failure| failure.to_string())?;
        Ok(note.into_bytes())
    }

    fn key(&mut self) -> Result<String, String> {
        self.client.get_plain(&self.path("log/key"), &[]).map_err(|failure| failure.to_string())
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        let answer = self.client.get(&self.path("log/handovers"), &[]).map_err(|failure| failure.to_string())?;
        let notes = answer["handovers"].as_array().ok_or("the answer has no hand-overs")?;
        Ok(notes.iter().filter_map(|note| note.as_str().map(str::to_owned)).collect())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        let path = self.path(&format!("log/{address}"));
        let stream = self.client.stream(&path, &[], "application/octet-stream", SILENCE_MAX);
        let mut bytes = Vec::new();
        let stream = stream.map_err(|failure| failure.to_string())?;
        stream.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

/// Checks the log of a running service: its entries and tiles, and the events themselves, if one may export them.
pub fn served(url: &str, org: &str, trust: &Trust) -> Result<Report, Failure> {
    let client = Client::at(url)?;
    let mut log = Served { client: &client, org };
    let VerifiedLog { checkpoint, mut report } = verify_log(&mut log, trust).map_err(Failure::Refused)?;
    let query: Vec<(String, String)> =
        trust.anchors.iter().map(|anchor| ("anchor".to_owned(), anchor.checkpoint.size.to_string())).collect();
    match client.stream(&log.path("export/proof"), &query, "*/*", SILENCE_MAX) {
        Ok(mut stream) => {
            let file = tempfile::NamedTempFile::new().map_err(|error| Failure::Refused(error.to_string()))?;
            std::io::copy(&mut stream, &mut file.as_file())
                .map_err(|error| Failure::Unavailable(format!("the export was broken off: {error}")))?;
            let bundle = Bundle::open(file.path()).map_err(|error| Failure::Refused(error.to_string()))?;
            let events = verify_export(&bundle, trust).map_err(|error| Failure::Refused(error.to_string()))?;
            report.take_over(events);
            let of_export = bundle.read("checkpoint").ok().flatten();
            let of_export = of_export.and_then(|note| Some(SignedCheckpoint::parse(&note).ok()?.checkpoint.size));
            if let Some(later) = of_export.and_then(|size| size.checked_sub(checkpoint.size)).filter(|later| *later > 0)
            {
                report.statements.push(format!(
                    "the events were read after the entries: {} recorded in between, that of reading them among them",
                    if later == 1 { "1 was".to_owned() } else { format!("{later} were") }
                ));
            }
        }
        Err(Failure::NotPermitted(detail)) => {
            report
                .undecided
                .push(format!("the events themselves: they may not be exported with this credential ({detail})"));
        }
        Err(failure) => return Err(failure),
    }
    Ok(report)
}

/// A log of a data folder. Its entries are made from the events and their salts, as they lie there.
struct Kept {
    engine: Arc<Engine>,
    organization: Arc<Organization>,
}

impl LogSource for Kept {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        let id = self.organization.id;
        let head = self.engine.head(id).map_err(|error| error.to_string())?;
        let published = self.engine.published(id).filter(|published| published.size == head.size);
        if let Some(published) = published {
            return Ok(self.engine.with_cosignatures(id, published.size, &published.note).into_bytes());
        }
        // A service that was killed has not published its end.
        self.engine.sign_checkpoint(id, head).map(|note| note.as_bytes().to_vec()).map_err(|error| error.to_string())
    }

    fn key(&mut self) -> Result<String, String> {
        Ok(self.engine.verifier_key(self.organization.id).to_string())
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        Ok(self.engine.handovers().to_vec())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        let tile = self.engine.tile(self.organization.id, address).map_err(|error| error.to_string())?;
        tile.ok_or_else(|| "the folder has not as much of it".to_owned())
    }
}

impl Kept {
    /// Every checkpoint that was published and is kept is one of this tree.
    fn compare_published(&self, report: &mut Report) -> Result<(), Failure> {
        let id = self.organization.id;
        let broken = |error: String| Failure::Refused(error);
        let kept = self.engine.kept_checkpoints(id, 1, CHECKPOINTS_COMPARED_MAX);
        let kept = kept.map_err(|error| broken(error.to_string()))?;
        let mut same = 0;
        for stored in &kept {
            let place = format!("checkpoint kept of {} events", stored.size);
            let signed = match SignedCheckpoint::parse(stored.note.as_bytes()) {
                Ok(signed) if signed.checkpoint.size == stored.size => signed,
                Ok(_) => {
                    report.find(place, "it is kept under another size than it signs");
                    continue;
                }
                Err(error) => {
                    report.find(place, error.to_string());
                    continue;
                }
            };
            match self.engine.root_at(id, stored.size) {
                Ok(root) if root == signed.checkpoint.root => same += 1,
                Ok(_) => report.find(place, "the log does not begin with the events that it signed then: rewritten"),
                Err(error) => report.find(place, error.to_string()),
            }
        }
        let are = if same == 1 { "is" } else { "are" };
        report.statements.push(format!("{} kept from before {are} of this log", counted(same, "checkpoint")));
        Ok(())
    }
}

impl Kept {
    /// Every part that is gone from an event is listed by the record of an erasure or redaction.
    fn compare_removals(&self, report: &mut Report) -> Result<(), Failure> {
        let broken = |error: ReadError| Failure::Refused(error.to_string());
        let snapshot = self.engine.snapshot(self.organization.id).map_err(broken)?;
        let first = first_behind_the_purged(&snapshot);
        let (mut ledger, mut wrong) = (Ledger::default(), Vec::new());
        let read = self.engine.for_each_disclosed(&snapshot, first..snapshot.size, &mut |event| {
            let noted = ledger.note(event.seq, &event.row, ErasableParts::erased_of(&event.row));
            wrong.extend(noted.err().map(|problem| (event.seq, problem)));
        });
        read.map_err(broken)?;
        wrong.into_iter().for_each(|(seq, problem)| report.find(format!("event {seq}"), problem));
        report_removals(&ledger, report);
        if snapshot.segments.first().is_some_and(|segment| segment.summary().first_seq < first) {
            report
                .undecided
                .push(format!("parts erased before event {first}: what lists them may have been purged since"));
        }
        Ok(())
    }
}

/// The first event behind everything that was purged: what holds keep in between may have lost parts by records that are gone.
fn first_behind_the_purged(snapshot: &Snapshot) -> u64 {
    let mut first = 0;
    let mut next = 0;
    for segment in snapshot.segments.iter() {
        if segment.summary().first_seq > next {
            first = segment.summary().first_seq;
        }
        next = segment.end_seq();
    }
    match snapshot.tail.first() {
        Some(batch) if batch.rows.first_seq > next => batch.rows.first_seq,
        Some(_) => first,
        // Nothing is left.
        None if next < snapshot.size => snapshot.size,
        None => first,
    }
}

/// Checks the logs of a data folder that no service has open, all of them or one. Nothing in it is changed.
pub fn folder(path: &Path, archive: Option<&Location>, org: Option<&str>, trust: &Trust) -> Result<Report, Failure> {
    let log_key = std::env::var_os("ACTARIUM_LOG_KEY").map(PathBuf::from);
    let options = EngineOptions { read_only: true, log_key, archive: archive.cloned(), ..EngineOptions::new(path) };
    let engine = Engine::open(options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let engine = engine.map_err(|error| Failure::Refused(error.to_string()))?;
    let all = engine.organizations();
    let wanted: Vec<_> = all.into_iter().filter(|one| org.is_none_or(|org| org == one.slug)).collect();
    if wanted.is_empty() {
        return Err(Failure::Refused(format!(
            "there is no organization `{}` in {}",
            org.unwrap_or_default(),
            path.display()
        )));
    }
    if wanted.len() > 1 && (trust.key.is_some() || !trust.anchors.is_empty()) {
        return Err(Failure::Usage("a key and anchors are of one log: say which by --org".to_owned()));
    }
    let damaged = engine.damaged();
    let mut report = Report::default();
    for organization in wanted {
        let slug = organization.slug.clone();
        let mut log = Kept { engine: engine.clone(), organization };
        let mut found = match damaged.iter().find(|(of, _)| *of == slug) {
            Some((_, detail)) => {
                let mut found = Report::default();
                found.find("log", detail.clone());
                found
            }
            None => verify_log(&mut log, trust).map_err(Failure::Refused)?.report,
        };
        if found.is_sound() {
            log.compare_published(&mut found)?;
            log.compare_removals(&mut found)?;
        }
        found.findings.iter_mut().for_each(|finding| finding.place = format!("{slug}, {}", finding.place));
        // A log goes by an opaque name, which says nobody's.
        found.statements.iter_mut().for_each(|statement| *statement = format!("{slug}: {statement}"));
        report.take_over(found);
    }
    engine.shutdown();
    Ok(report)
}
