//! Copies of checkpoints at a place of the operator's choice, outside the data folder: whoever rolls the folder back, or rewrites
//! it with its own key, contradicts them. Each is put once and never replaced, so a place that locks objects can hold them.
//!
//! What is there is compared with the logs at every start, and nothing there is ever changed. A log that could not be
//! compared yet, because the place was away, is before the next copy of it is put.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_core::time;
use actarium_core::tlog::SignedCheckpoint;
use actarium_store::storage::{ObjectLock, Put};
use actarium_store::{Location, Organization, OrganizationId, Storage};
use parking_lot::Mutex;

use crate::app::App;
use crate::metrics::Exposition;

/// Ending of a copy's name.
const ENDING: &str = ".checkpoint";
/// Time until it is tried again when the place could not be used.
const RETRY_EVERY: Duration = Duration::from_secs(60);
/// Longest that copies are locked: a hundred years.
pub const LOCK_DAYS_MAX: u32 = 36_500;
/// Logs of which no copy could be made after which the others wait too: what does not answer need not be asked for each.
const FAILURES_OF_PASS_MAX: usize = 3;
const DAY_MICROS: Micros = 24 * 60 * 60 * 1_000_000;

/// What the operator says about copies.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// The place; `None` for no copies.
    pub place: Option<Location>,
    /// Time between two copies of a log that grows.
    pub every: Duration,
    /// Days for which a bucket is asked to let nobody change or delete a copy; `None`: as the bucket does by itself.
    pub lock_days: Option<u32>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { place: None, every: Duration::from_secs(60 * 60), lock_days: None }
    }
}

/// The newest copy of a log's checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Number of events.
    pub size: u64,
    /// When it was put there; `None` if that was before this start.
    pub at: Option<Micros>,
    /// The lock that it is under, as far as that is known.
    pub lock: Option<ObjectLock>,
}

/// The place of the copies.
pub struct Copies {
    storage: Storage,
    every: Duration,
    lock_days: Option<u32>,
    newest: Mutex<HashMap<OrganizationId, Copied>>,
    /// Logs that were compared with what is there.
    compared: Mutex<HashSet<OrganizationId>>,
    made: AtomicU64,
    unlocked: AtomicU64,
    failed: AtomicU64,
    /// Why the last use of the place failed, if it did.
    failing: Mutex<Option<String>>,
}

impl Copies {
    /// Opens the place, if there is one; a folder is made if it is not there. Blocks.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(options: &CopyOptions) -> Result<Option<Self>, String> {
        let Some(place) = &options.place else {
            return match options.lock_days {
                None => Ok(None),
                Some(_) => Err("there is none, so nothing in it can be locked; name a bucket".to_owned()),
            };
        };
        if options.lock_days.is_some() && place.folder().is_some() {
            return Err(format!("{place}: a folder locks nothing; name a bucket that has object lock"));
        }
        Ok(Some(Self {
            storage: Storage::open(place).map_err(|error| error.to_string())?,
            every: options.every,
            lock_days: options.lock_days,
            newest: Mutex::default(),
            compared: Mutex::default(),
            made: AtomicU64::new(0),
            unlocked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failing: Mutex::default(),
        }))
    }

    /// The newest copy of a log's checkpoints.
    pub fn newest(&self, organization: OrganizationId) -> Option<Copied> {
        self.newest.lock().get(&organization).cloned()
    }

    /// Why the last use of the place failed, if it did.
    pub fn failing(&self) -> Option<String> {
        self.failing.lock().clone()
    }

    /// Appends what is measured.
    pub fn write_metrics(&self, out: &mut Exposition) {
        let made = self.made.load(Relaxed);
        out.one("actarium_checkpoint_copies_total", "counter", "Checkpoints that were copied elsewhere.", made);
        let help = "Checkpoints that were copied to a bucket and are seen to be under no object lock.";
        out.one("actarium_checkpoint_copies_unlocked_total", "counter", help, self.unlocked.load(Relaxed));
        let help = "Checkpoints that could not be copied.";
        out.one("actarium_checkpoint_copy_failures_total", "counter", help, self.failed.load(Relaxed));
        let help = "Whether the last use of the place that checkpoints are copied to failed.";
        out.one("actarium_checkpoint_copies_failing", "gauge", help, u8::from(self.failing().is_some()));
    }

    /// Keeps in mind whether the place could be used.
    fn noted<T>(&self, result: Result<T, String>) -> Result<T, String> {
        *self.failing.lock() = result.as_ref().err().cloned();
        if result.is_err() {
            self.failed.fetch_add(1, Relaxed);
        }
        result
    }

    /// Puts a checkpoint there, unless there is one of this log and size. The lock that it is under, if it is seen.
    async fn put(&self, origin: &str, size: u64, note: &str, now: Micros) -> Result<Option<ObjectLock>, String> {
        let name = format!("{origin}/{size:020}{ENDING}");
        let until = self.lock_days.map(|days| to_seconds(now + Micros::from(days) * DAY_MICROS));
        let (storage, note) = (self.storage.clone(), note.as_bytes().to_vec());
        let put = move || -> Result<(Put, Option<ObjectLock>), String> {
            let put = storage.put_new(&name, note, until.as_deref()).map_err(|error| error.to_string())?;
            // Whoever may put is perhaps not allowed to see the lock.
            Ok((put, storage.lock_of(&name).unwrap_or_default()))
        };
        let done = tokio::task::spawn_blocking(put).await.map_err(|error| error.to_string()).and_then(|put| put);
        let (put, lock) = self.noted(done)?;
        if put == Put::Done && self.storage.is_remote() && lock.is_none() {
            self.unlocked.fetch_add(1, Relaxed);
            if self.lock_days.is_some() {
                tracing::warn!(origin, size, "a copied checkpoint was to be locked and is not seen to be");
            }
        }
        Ok(lock)
    }

    /// The newest checkpoint of this origin that is there.
    async fn last(&self, origin: &str) -> Result<Option<String>, String> {
        let (storage, origin) = (self.storage.clone(), origin.to_owned());
        let read = move || -> Result<Option<String>, String> {
            let names = storage.list(&origin).map_err(|error| error.to_string())?;
            // Those of later generations are below.
            let own = |name: &String| name.rsplit_once('/').is_some_and(|(folder, _)| folder == origin);
            let newest = names.into_iter().filter(|name| name.ends_with(ENDING) && own(name)).max();
            let Some(newest) = newest else { return Ok(None) };
            let bytes = storage.read(&newest).map_err(|error| error.to_string())?;
            Ok(Some(String::from_utf8(bytes).map_err(|_| format!("{newest} is not UTF-8"))?))
        };
        let read = tokio::task::spawn_blocking(read).await;
        self.noted(read.map_err(|error| error.to_string()).and_then(|read| read))
    }
}

/// A time without what is smaller than a second.
fn to_seconds(at: Micros) -> String {
    let text = time::to_text(at);
    format!("{}Z", &text[..19])
}

/// Compares the newest copy of every log's checkpoints with the log. One that is not of it stops its writes.
pub async fn compare(app: &Arc<App>) {
    let Some(copies) = &app.copies else { return };
    for organization in app.engine.organizations() {
        if let Err(detail) = compare_one(app, copies, &organization).await {
            tracing::error!(detail, "copies of checkpoints could not be read; the logs are compared with them later");
            // What does not answer need not be asked again for each log.
            return;
        }
    }
}

/// Compares the newest copy of a log's checkpoints with the log.
///
/// # Errors
/// If it could not be read: then it is not compared.
async fn compare_one(app: &Arc<App>, copies: &Copies, organization: &Arc<Organization>) -> Result<(), String> {
    let key = app.engine.verifier_key(organization.id);
    let last = copies.last(key.name()).await?;
    copies.compared.lock().insert(organization.id);
    let Some(note) = last else { return Ok(()) };
    let keys = app.engine.verifier_keys(organization.id);
    let signed = SignedCheckpoint::parse(note.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|signed| signed.verify_by_one_of(&keys).map(|_| signed).map_err(|error| error.to_string()));
    match signed {
        Ok(signed) => match contradiction(app, organization, &signed).await {
            Some(detail) => app.engine.stop_writes(organization.id, &detail),
            None => {
                let copied = Copied { size: signed.checkpoint.size, at: None, lock: None };
                copies.newest.lock().insert(organization.id, copied);
            }
        },
        Err(detail) => {
            copies.failed.fetch_add(1, Relaxed);
            tracing::error!(organization = %organization.slug, detail, "the newest copy of a checkpoint cannot be used");
        }
    }
    Ok(())
}

/// How a copy contradicts the log, if it does.
async fn contradiction(app: &Arc<App>, organization: &Arc<Organization>, copy: &SignedCheckpoint) -> Option<String> {
    let (size, root) = (copy.checkpoint.size, copy.checkpoint.root);
    let head = app.engine.head(organization.id).ok()?;
    if size > head.size {
        return Some(format!(
            "a checkpoint of {size} events was copied elsewhere, and the log ends at {}: it is older than what it published",
            head.size
        ));
    }
    let (engine, id) = (app.engine.clone(), organization.id);
    match tokio::task::spawn_blocking(move || engine.root_at(id, size)).await {
        Ok(Ok(found)) if found != root => Some(format!(
            "the checkpoint of {size} events that was copied elsewhere is not of this log: it has another history than the one \
             that was published"
        )),
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            tracing::warn!(organization = %organization.slug, %error, "a copy of a checkpoint could not be compared");
            None
        }
        Err(_) => None,
    }
}

/// Copies the newest checkpoint of every log that has grown. Whether the place could be used.
pub async fn copy_all(app: &Arc<App>) -> bool {
    let Some(copies) = &app.copies else { return true };
    let mut failures = 0;
    for organization in app.engine.organizations() {
        if let Err(detail) = copy_one(app, copies, &organization).await {
            tracing::error!(organization = %organization.slug, detail, "a checkpoint could not be copied; it is tried again");
            failures += 1;
            if failures == FAILURES_OF_PASS_MAX {
                break;
            }
        }
    }
    failures == 0
}

async fn copy_one(app: &Arc<App>, copies: &Copies, organization: &Arc<Organization>) -> Result<(), String> {
    if !copies.compared.lock().contains(&organization.id) {
        compare_one(app, copies, organization).await?;
    }
    let Some(published) = app.engine.published(organization.id) else { return Ok(()) };
    if copies.newest(organization.id).is_some_and(|newest| newest.size >= published.size) {
        return Ok(());
    }
    let key = app.engine.verifier_key(organization.id);
    let note = app.engine.with_cosignatures(organization.id, published.size, &published.note);
    let now = app.clock.now();
    let lock = copies.put(key.name(), published.size, &note, now).await?;
    copies.made.fetch_add(1, Relaxed);
    copies.newest.lock().insert(organization.id, Copied { size: published.size, at: Some(now), lock });
    Ok(())
}

/// Copies again and again, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    let Some(every) = app.copies.as_ref().map(|copies| copies.every) else { return };
    loop {
        let pause = if copy_all(&app).await { every } else { every.min(RETRY_EVERY) };
        tokio::time::sleep(pause).await;
    }
}
