//! Copies of checkpoints at a place of the operator's choice, outside the data folder: whoever rolls the folder back, or rewrites
//! it with its own key, contradicts them. Each is put once and never replaced, so a place that locks objects can hold them.
//!
//! What is there is compared with the logs at every start, and nothing there is ever changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_core::tlog::SignedCheckpoint;
use actarium_store::{Organization, OrganizationId};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use parking_lot::Mutex;

use crate::app::App;
use crate::metrics::Exposition;

/// Ending of a copy's name.
const ENDING: &str = ".checkpoint";

/// What the operator says about copies.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// The folder; `None` for no copies.
    pub folder: Option<PathBuf>,
    /// Time between two copies of a log that grows.
    pub every: Duration,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { folder: None, every: Duration::from_secs(60 * 60) }
    }
}

/// The newest copy of a log's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Number of events.
    pub size: u64,
    /// When it was put there; `None` if that was before this start.
    pub at: Option<Micros>,
}

/// The place of the copies.
pub struct Copies {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
    every: Duration,
    newest: Mutex<HashMap<OrganizationId, Copied>>,
    made: AtomicU64,
    failed: AtomicU64,
}

impl Copies {
    /// Opens the place, if there is one; the folder is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(options: &CopyOptions) -> Result<Option<Self>, String> {
        let Some(folder) = options.folder.clone() else { return Ok(None) };
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| error.to_string())?;
        Ok(Some(Self {
            store: Arc::new(store),
            folder,
            every: options.every,
            newest: Mutex::default(),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    /// The newest copy of a log's checkpoints.
    pub fn newest(&self, organization: OrganizationId) -> Option<Copied> {
        self.newest.lock().get(&organization).copied()
    }

    /// Appends what is measured.
    pub fn write_metrics(&self, out: &mut Exposition) {
        let made = self.made.load(Relaxed);
        out.one("actarium_checkpoint_copies_total", "counter", "Checkpoints that were copied elsewhere.", made);
        let help = "Checkpoints that could not be copied.";
        out.one("actarium_checkpoint_copy_failures_total", "counter", help, self.failed.load(Relaxed));
    }

    /// Puts a checkpoint there, unless there is one of this log and size.
    async fn put(&self, origin: &str, size: u64, note: &str) -> Result<(), String> {
        let place = Place::from(format!("{origin}/{size:020}{ENDING}"));
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&place, PutPayload::from(note.as_bytes().to_vec()), options).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
        // A folder's files are left to the operating system until they are synced.
        let file = self.folder.join(place.as_ref());
        let synced = tokio::task::spawn_blocking(move || sync(&file)).await;
        synced.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// The newest checkpoint of this origin that is there.
    async fn last(&self, origin: &str) -> Result<Option<String>, String> {
        let listed = self.store.list_with_delimiter(Some(&Place::from(origin))).await;
        let listed = listed.map_err(|error| error.to_string())?;
        let names = listed.objects.into_iter().map(|object| object.location);
        let Some(newest) = names.filter(|name| name.as_ref().ends_with(ENDING)).max() else { return Ok(None) };
        let got = self.store.get(&newest).await.map_err(|error| error.to_string())?;
        let bytes = got.bytes().await.map_err(|error| error.to_string())?;
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| format!("{newest} is not UTF-8"))
    }
}

fn sync(file: &Path) -> std::io::Result<()> {
    std::fs::File::open(file)?.sync_all()?;
    file.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

/// Compares the newest copy of every log's checkpoints with the log. One that is not of it stops its writes.
pub async fn compare(app: &Arc<App>) {
    let Some(copies) = &app.copies else { return };
    for organization in app.engine.organizations() {
        let key = app.engine.verifier_key(organization.id);
        let read = match copies.last(key.name()).await {
            Ok(Some(note)) => SignedCheckpoint::parse(note.as_bytes()).map_err(|error| error.to_string()),
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        let keys = app.engine.verifier_keys(organization.id);
        let signed =
            read.and_then(|signed| signed.verify_by_one_of(&keys).map(|_| signed).map_err(|error| error.to_string()));
        let size = match signed {
            Ok(signed) => match contradiction(app, &organization, &signed).await {
                Some(detail) => {
                    app.engine.stop_writes(organization.id, &detail);
                    continue;
                }
                None => signed.checkpoint.size,
            },
            Err(detail) => {
                copies.failed.fetch_add(1, Relaxed);
                tracing::error!(organization = %organization.slug, detail, "the newest copy of a checkpoint cannot be used");
                continue;
            }
        };
        copies.newest.lock().insert(organization.id, Copied { size, at: None });
    }
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

/// Copies the newest checkpoint of every log that has grown.
pub async fn copy_all(app: &App) {
    let Some(copies) = &app.copies else { return };
    for organization in app.engine.organizations() {
        let Some(published) = app.engine.published(organization.id) else { continue };
        if copies.newest(organization.id).is_some_and(|newest| newest.size >= published.size) {
            continue;
        }
        let key = app.engine.verifier_key(organization.id);
        let note = app.engine.with_cosignatures(organization.id, published.size, &published.note);
        match copies.put(key.name(), published.size, &note).await {
            Ok(()) => {
                copies.made.fetch_add(1, Relaxed);
                let copied = Copied { size: published.size, at: Some(app.clock.now()) };
                copies.newest.lock().insert(organization.id, copied);
            }
            Err(detail) => {
                copies.failed.fetch_add(1, Relaxed);
                tracing::error!(organization = %organization.slug, detail, "a checkpoint could not be copied; it is tried again");
            }
        }
    }
}

/// Copies again and again, until it is aborted.
pub async fn keep_up(app: Arc<App>) {
    let Some(every) = app.copies.as_ref().map(|copies| copies.every) else { return };
    loop {
        copy_all(&app).await;
        tokio::time::sleep(every).await;
    }
}
