//! Checking a log where it lies: a running service, or the data folder of one that is stopped. What checks is the code of
//! `actarium-verify`; here is where it reads from.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::disclosure::PurgedEvent;
use actarium_core::erasure::ErasableParts;
use actarium_core::tlog::{SignedCheckpoint, TILE_WIDTH, TileAddress, TileKind, decode_bundle};
use actarium_server::app::OPERATOR_SLUG;
use actarium_store::{Engine, EngineOptions, Location, Organization, ReadError, Snapshot, SystemClock, SystemEntropy};
use actarium_verify::{Bundle, LogSource, Records, Report, Trust, VerifiedLog, is_same_log, verify_export, verify_log};

use crate::client::{Client, segment};
use crate::database_check::DatabaseCheck;
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

/// What a failure says, without the name of the program, which what comes of it has.
fn told(failure: Failure) -> String {
    let told = failure.to_string();
    told.strip_prefix("actarium: ").map_or_else(|| told.clone(), str::to_owned)
}

/// A log of a running service.
struct Served<'c> {
    client: &'c Client,
    org: &'c str,
    /// Why the service gave no answer, if that happened: nothing follows from it for the log.
    unanswered: Option<String>,
}

impl Served<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/v1/orgs/{}/{rest}", segment(self.org))
    }

    /// What a failure says; notes it if it is none of the log's.
    fn noted(&mut self, failure: Failure) -> String {
        let is_unanswered = matches!(failure, Failure::Unavailable(_) | Failure::NotPermitted(_));
        let text = told(failure);
        if is_unanswered {
            self.unanswered.get_or_insert_with(|| text.clone());
        }
        text
    }
}

impl LogSource for Served<'_> {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        let note = self.client.get_plain(&self.path("log/checkpoint"), &[]);
        note.map(String::into_bytes).map_err(|failure| self.noted(failure))
    }

    fn key(&mut self) -> Result<String, String> {
        self.client.get_plain(&self.path("log/key"), &[]).map_err(|failure| self.noted(failure))
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        let answer = self.client.get(&self.path("log/handovers"), &[]).map_err(|failure| self.noted(failure))?;
        let notes = answer["handovers"].as_array().ok_or("the answer has no hand-overs")?;
        Ok(notes.iter().filter_map(|note| note.as_str().map(str::to_owned)).collect())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        let path = self.path(&format!("log/{address}"));
        let stream = self.client.stream(&path, &[], "application/octet-stream", SILENCE_MAX);
        let mut bytes = Vec::new();
        let stream = stream.map_err(|failure| self.noted(failure))?;
        let read = stream.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| self.noted(Failure::Unavailable(format!("{address} was broken off: {error}"))))?;
        Ok(bytes)
    }
}

/// Checks the log of a running service: its entries and tiles, and the events themselves, if one may export them.
///
/// # Errors
/// [`Failure::Unchecked`] where the service gave no answer: that is no verdict.
pub fn served(url: &str, org: &str, trust: &Trust) -> Result<Report, Failure> {
    let client = Client::at(url)?;
    let mut log = Served { client: &client, org, unanswered: None };
    let verified = verify_log(&mut log, trust);
    if let Some(detail) = log.unanswered.take() {
        return Err(Failure::Unchecked(detail));
    }
    let mut verified = verified.map_err(Failure::Refused)?;
    let mut query = vec![("first_seq".to_owned(), "0".to_owned())];
    // Others the service has no proof for; what is wrong with them is told of the entries.
    let (origin, size) = (&verified.checkpoint.origin, verified.checkpoint.size);
    let anchors = trust.anchors.iter().map(|anchor| &anchor.checkpoint);
    let anchors = anchors.filter(|anchor| is_same_log(&anchor.origin, origin) && (1..=size).contains(&anchor.size));
    query.extend(anchors.map(|anchor| ("anchor".to_owned(), anchor.size.to_string())));
    match client.stream(&log.path("export/proof"), &query, "*/*", SILENCE_MAX) {
        Ok(mut stream) => {
            let file = tempfile::NamedTempFile::new().map_err(|error| Failure::Refused(error.to_string()))?;
            std::io::copy(&mut stream, &mut file.as_file())
                .map_err(|error| Failure::Unchecked(format!("the export was broken off: {error}")))?;
            let bundle = Bundle::open(file.path()).map_err(|error| Failure::Refused(error.to_string()))?;
            let events = verify_export(&bundle, trust).map_err(|error| Failure::Refused(error.to_string()))?;
            verified.report.take_over(events);
            let of_export = bundle.read("checkpoint").ok().flatten();
            let of_export = of_export.and_then(|note| Some(SignedCheckpoint::parse(&note).ok()?.checkpoint.size));
            if let Some(later) =
                of_export.and_then(|size| size.checked_sub(verified.checkpoint.size)).filter(|later| *later > 0)
            {
                verified.report.statements.push(format!(
                    "the events were read after the entries: {} recorded in between, that of reading them among them",
                    if later == 1 { "1 was".to_owned() } else { format!("{later} were") }
                ));
            }
        }
        Err(Failure::NotPermitted(detail)) => {
            let unread = format!("the events themselves: they may not be exported with this credential ({detail})");
            verified.report.undecided.push(unread);
            verified.without_events(trust);
        }
        Err(failure @ Failure::Unavailable(_)) => return Err(Failure::Unchecked(told(failure))),
        Err(failure) => return Err(failure),
    }
    Ok(verified.report)
}

/// A log of a data folder. Its entries are made from the events and their salts, as they lie there.
struct Kept {
    engine: Arc<Engine>,
    organization: Arc<Organization>,
    /// Whether its newest checkpoint is not its own.
    is_unpublished: bool,
}

impl LogSource for Kept {
    fn checkpoint(&mut self) -> Result<Vec<u8>, String> {
        let id = self.organization.id;
        let head = self.engine.head(id).map_err(|error| error.to_string())?;
        let published = self.engine.published(id).filter(|published| published.size == head.size);
        if let Some(published) = published {
            return Ok(self.engine.with_cosignatures(id, published.size, &published.note).into_bytes());
        }
        // A service that was killed has not published its end. Signed here it says what is compared, and vouches for nothing.
        self.is_unpublished = true;
        self.engine.sign_checkpoint(id, head).map(|note| note.as_bytes().to_vec()).map_err(|error| error.to_string())
    }

    fn last_published(&mut self) -> Result<Option<Option<String>>, String> {
        if !self.is_unpublished {
            return Ok(None);
        }
        let published = self.engine.published(self.organization.id);
        Ok(Some(published.map(|published| published.note.to_string())))
    }

    fn key(&mut self) -> Result<String, String> {
        Ok(self.engine.verifier_key(self.organization.id).to_string())
    }

    fn handovers(&mut self) -> Result<Vec<String>, String> {
        Ok(self.engine.handovers().to_vec())
    }

    fn cosigned(&mut self) -> Result<Vec<String>, String> {
        let kept = self.engine.kept_cosigned(self.organization.id, 1, CHECKPOINTS_COMPARED_MAX);
        kept.map(|notes| notes.into_values().collect()).map_err(|error| error.to_string())
    }

    fn tile(&mut self, address: &TileAddress) -> Result<Vec<u8>, String> {
        let tile = self.engine.tile(self.organization.id, address).map_err(|error| error.to_string())?;
        tile.ok_or_else(|| "the folder has not as much of it".to_owned())
    }
}

impl Kept {
    /// Every checkpoint that was published and is kept is one of this tree, and signed by a key of the log.
    fn compare_published(&self, verified: &mut VerifiedLog, trust: &Trust) -> Result<(), Failure> {
        let id = self.organization.id;
        let broken = |error: String| Failure::Refused(error);
        let kept = self.engine.kept_checkpoints(id, 1, CHECKPOINTS_COMPARED_MAX);
        let kept = kept.map_err(|error| broken(error.to_string()))?;
        let (mut same, mut wrong) = (Vec::new(), Vec::new());
        for stored in &kept {
            let place = format!("checkpoint kept of {} events", stored.size);
            let signed = match SignedCheckpoint::parse(stored.note.as_bytes()) {
                Ok(signed) if signed.checkpoint.size == stored.size => signed,
                Ok(_) => {
                    wrong.push((place, "it is kept under another size than it signs".to_owned()));
                    continue;
                }
                Err(error) => {
                    wrong.push((place, error.to_string()));
                    continue;
                }
            };
            let rewritten = || "the log does not begin with the events that it signed then: rewritten".to_owned();
            let root = self.engine.root_at(id, stored.size).map_err(|error| error.to_string());
            let same_root = root.and_then(|root| (root == signed.checkpoint.root).then_some(()).ok_or_else(rewritten));
            match same_root.and_then(|()| verified.check_kept(&signed)) {
                Ok(()) => same.push(signed),
                Err(problem) => wrong.push((place, problem)),
            }
        }
        verified.take_kept(&same, trust);
        let report = &mut verified.report;
        wrong.into_iter().for_each(|(place, problem)| report.find(place, problem));
        let are = if same.len() == 1 { "is" } else { "are" };
        report
            .statements
            .push(format!("{} kept from before {are} of this log", counted(same.len() as u64, "checkpoint")));
        Ok(())
    }
}

impl Kept {
    /// Every segment gives what its database says of it.
    fn prove_segments(&self, report: &mut Report) {
        let mut from_seq = 0;
        loop {
            match self.engine.scrub(self.organization.id, from_seq) {
                Ok(Some(scrubbed)) => from_seq = scrubbed.end_seq,
                Ok(None) => return,
                Err(wrong) => return report.find(format!("events from {from_seq} on"), wrong),
            }
        }
    }

    /// What the log tells of itself and of the database, from all events that are left.
    fn records(&self, report: &mut Report) -> Result<(Records, DatabaseCheck), Failure> {
        let broken = |error: ReadError| Failure::Refused(error.to_string());
        let snapshot = self.engine.snapshot(self.organization.id).map_err(broken)?;
        let (mut records, mut database) = (Records::default(), DatabaseCheck::default());
        let (mut wrong, mut next) = (Vec::new(), 0);
        for living in living(&snapshot).chain(std::iter::once(snapshot.size..snapshot.size)) {
            if living.start > next {
                records.purged_range(next..living.start, self.recorded_at(living.start - 1)?);
                database.note_purged();
            }
            next = living.end;
            let read = self.engine.for_each_disclosed(&snapshot, living, &mut |event| {
                let noted =
                    records.note((event.seq, event.recorded_at), &event.row, ErasableParts::erased_of(&event.row));
                wrong.extend(noted.err().map(|problem| (event.seq, problem)));
                database.note(event.seq, &event.row);
            });
            read.map_err(broken)?;
        }
        wrong.into_iter().for_each(|(seq, problem)| report.find(format!("event {seq}"), problem));
        Ok((records, database))
    }

    /// When an event was recorded of which nothing else is left.
    fn recorded_at(&self, seq: u64) -> Result<i64, Failure> {
        let id = self.organization.id;
        let size = self.engine.head(id).map_err(|error| Failure::Refused(error.to_string()))?.size;
        let index = seq / TILE_WIDTH;
        let width = (size - index * TILE_WIDTH).min(TILE_WIDTH);
        let bundle = self.engine.tile(id, &TileAddress { kind: TileKind::Entries, index, width });
        let bundle = bundle.map_err(|error| Failure::Refused(error.to_string()))?;
        let entries = bundle.as_deref().and_then(|bundle| decode_bundle(bundle).ok()).unwrap_or_default();
        let entry = entries.get((seq % TILE_WIDTH) as usize).and_then(|entry| PurgedEvent::of_entry(seq, entry));
        entry.map(|event| event.recorded_at).ok_or_else(|| Failure::Refused(format!("event {seq} has no entry")))
    }
}

/// The ranges of a log whose events are left, in order; between them they were purged.
fn living(snapshot: &Snapshot) -> impl Iterator<Item = Range<u64>> {
    let sealed = snapshot.segments.iter().map(|segment| segment.summary().first_seq..segment.end_seq());
    sealed.chain(snapshot.tail.iter().map(|batch| batch.rows.first_seq..batch.rows.end_seq()))
}

fn verify_kept(log: &mut Kept, trust: &Trust) -> Result<Report, Failure> {
    let mut verified = verify_log(log, trust).map_err(Failure::Refused)?;
    match log.engine.segments_beyond_head(log.organization.id) {
        Ok(beyond) => beyond.into_iter().for_each(|path| {
            let problem = "it holds events beyond the end of the log: the database is older than its segments";
            verified.report.find(format!("segment {path}"), problem);
        }),
        Err(detail) => {
            verified.report.undecided.push(format!("whether there are segments beyond the log's end: {detail}"))
        }
    }
    if verified.report.is_sound() {
        log.compare_published(&mut verified, trust)?;
        log.prove_segments(&mut verified.report);
    }
    if verified.report.is_sound() {
        let (records, database) = log.records(&mut verified.report)?;
        verified.judge(&records, (&log.organization.slug, "the database"), trust);
        let compared = database.compare(&log.engine, &log.organization, &mut verified.report);
        compared.map_err(|error| Failure::Refused(error.to_string()))?;
    }
    Ok(verified.report)
}

/// A data folder, with what of it lies elsewhere.
pub struct DataFolder<'f> {
    /// Where it is.
    pub path: &'f Path,
    /// The place of the archive, if it is not in the folder.
    pub archive: Option<&'f Location>,
    /// The file of the key that signs, if it is not in the folder.
    pub log_key: Option<&'f Path>,
}

/// Checks the logs of a data folder that no service has open, all of them or one. Nothing in it is changed.
pub fn folder(folder: &DataFolder<'_>, org: Option<&str>, trust: &Trust) -> Result<Report, Failure> {
    let options = EngineOptions {
        read_only: true,
        log_key: folder.log_key.map(Path::to_owned),
        archive: folder.archive.cloned(),
        ..EngineOptions::new(folder.path)
    };
    let engine = Engine::open(options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let engine = engine.map_err(|error| Failure::Refused(error.to_string()))?;
    let all = engine.organizations();
    let wanted: Vec<_> = all.into_iter().filter(|one| org.is_none_or(|org| org == one.slug)).collect();
    if wanted.is_empty() {
        return Err(Failure::Refused(format!(
            "there is no organization `{}` in {}",
            org.unwrap_or_default(),
            folder.path.display()
        )));
    }
    if wanted.len() > 1 && (trust.key.is_some() || !trust.anchors.is_empty()) {
        return Err(Failure::Usage("a key and anchors are of one log: say which by --org".to_owned()));
    }
    let (damaged, missed) = (engine.damaged(), engine.missed_checkpoints());
    let mut report = Report::default();
    if org.is_none() && engine.organization(OPERATOR_SLUG).is_none() {
        let detail =
            "the database does not have it, and every folder has one from its first start on: it was taken away";
        report.find(format!("organization {OPERATOR_SLUG}"), detail);
    }
    for organization in wanted {
        let slug = organization.slug.clone();
        let mut log = Kept { engine: engine.clone(), organization, is_unpublished: false };
        let mut found = match damaged.iter().find(|(of, _)| *of == slug) {
            Some((_, detail)) => {
                let mut found = Report::default();
                found.find("log", detail.clone());
                found
            }
            None => verify_kept(&mut log, trust)?,
        };
        if let Some((_, detail)) = missed.iter().find(|(of, _)| *of == slug) {
            found
                .undecided
                .push(format!("{slug}: {detail}; a checkpoint that was kept elsewhere, given as --anchor, decides it"));
        }
        let all = found.findings.iter_mut().chain(&mut found.missing);
        all.for_each(|finding| finding.place = format!("{slug}, {}", finding.place));
        // A log goes by an opaque name, which says nobody's.
        found.statements.iter_mut().for_each(|statement| *statement = format!("{slug}: {statement}"));
        report.take_over(found);
    }
    engine.shutdown();
    Ok(report)
}
