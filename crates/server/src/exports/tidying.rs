//! Taking kept exports away: those that are over, those with events that were purged or that an erasure or redaction
//! takes something of, and files that nobody lists.

use std::fs::File;
use std::io::{self, BufReader};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actarium_core::row::Micros;
use actarium_store::{Erasure, Organization, OrganizationId};
use serde_json::{Value, json};

use super::keeping::beside;
use super::runs::any_run;
use super::{PARTIAL, POSITIONS, Running, is_over};
use crate::access::Standing;
use crate::app::App;
use crate::directory::kept_export::{ExportState, KeptExport};
use crate::directory::removal::Removal;
use crate::directory::{Edit, Kept, State, change};
use crate::problem::{Kind, Problem};
use crate::queries::snapshot;
use crate::recorder::OwnRecord;
use crate::removals::{Naming, Tells, names_one_of};
use crate::serve::service_actor;

/// Pause between two looks whether what is to end has ended.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Takes away what is over, and the files of what is gone.
///
/// # Errors
/// If the directory or a file cannot be changed.
pub async fn tidy(app: &Arc<App>) -> Result<(), Problem> {
    let _none_is_begun_meanwhile = app.exports.upkeep.lock().await;
    let mut unread = Ok(());
    for organization in app.engine.organizations() {
        // One log that cannot be read keeps nothing of the others.
        unread = delete_over(app, organization.id).await.and(unread);
    }
    let app = app.clone();
    let removed = tokio::task::spawn_blocking(move || remove_leftovers(&app)).await;
    let removed = removed.map_err(|_| Problem::new(Kind::Internal, "kept exports could not be looked at"))?;
    removed.map_err(|error| Problem::new(Kind::Unavailable, format!("a file of a kept export: {error}")))?;
    unread
}

/// Where the events of a log are left, to tell what of an export has been purged. What a legal hold keeps is left.
struct Left {
    /// The ranges of events that are left, ascending and none touching the next.
    ranges: Vec<Range<u64>>,
    /// Nothing that was recorded from then on was purged.
    whole_from: Micros,
}

impl Left {
    /// As a log stands. Blocks.
    fn of(app: &App, organization: OrganizationId) -> Result<Self, Problem> {
        let Some(organization) = app.engine.organization_by_id(organization) else {
            return Ok(Self { ranges: Vec::new(), whole_from: Micros::MAX });
        };
        let snapshot = snapshot(&app.engine, &organization)?;
        let mut left = Self { ranges: Vec::new(), whole_from: Micros::MIN };
        for segment in snapshot.segments.iter() {
            left.push(segment.summary().first_seq..segment.end_seq(), segment.summary().recorded.0);
        }
        for batch in &snapshot.tail {
            left.push(batch.rows.first_seq..batch.rows.end_seq(), Micros::MAX);
        }
        left.push(snapshot.size..snapshot.size, Micros::MAX);
        Ok(left)
    }

    /// Adds the next range, which begins with an event of this time.
    fn push(&mut self, range: Range<u64>, recorded_at: Micros) {
        let end = self.ranges.last().map_or(0, |last| last.end);
        if end < range.start {
            self.whole_from = recorded_at;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.ranges.push(range),
        }
    }

    fn has_all(&self, run: &Range<u64>) -> bool {
        let next = self.ranges.partition_point(|range| range.end <= run.start);
        self.ranges.get(next).is_some_and(|range| range.start <= run.start && run.end <= range.end)
    }

    /// Whether something of an export was purged. What cannot be told counts as that. Blocks.
    fn lacks_some_of(&self, app: &App, organization: OrganizationId, export: &Kept<KeptExport>) -> bool {
        let ExportState::Done { oldest_recorded_at: Some(oldest), .. } = export.state else { return false };
        if oldest >= self.whole_from {
            return false;
        }
        let file = File::open(app.exports.positions_path(organization, &export.id));
        let found = file.and_then(|file| any_run(&mut BufReader::new(file), |run| !self.has_all(run)));
        found.unwrap_or(true)
    }
}

/// The exports that something was purged of. Blocks.
fn with_purged(app: &App, organization: OrganizationId) -> Result<Vec<String>, Problem> {
    let done = |export: &Kept<KeptExport>| matches!(export.state, ExportState::Done { .. });
    let all: Vec<Arc<Kept<KeptExport>>> = app
        .directory
        .read(|state| state.kept_exports(organization).iter().filter(|export| done(export)).cloned().collect());
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let left = Left::of(app, organization)?;
    let gone = all.iter().filter(|export| left.lacks_some_of(app, organization, export));
    Ok(gone.map(|export| export.id.clone()).collect())
}

async fn delete_over(app: &Arc<App>, organization: OrganizationId) -> Result<(), Problem> {
    let now = app.clock.now();
    let looking = app.clone();
    let purged = tokio::task::spawn_blocking(move || with_purged(&looking, organization)).await;
    let purged = purged.map_err(|_| Problem::new(Kind::Internal, "kept exports could not be looked at"))?;
    // A log that cannot be read keeps nothing that is over.
    let (purged, unread) = match purged {
        Ok(purged) => (purged, Ok(())),
        Err(problem) => (Vec::new(), Err(problem)),
    };
    let goes = move |export: &Kept<KeptExport>| is_over(export, now) || purged.contains(&export.id);
    let any = |state: &State| state.kept_exports(organization).iter().any(|export| goes(export));
    if !app.directory.read(any) {
        return unread;
    }
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        for export in state.kept_exports(organization).iter().filter(|export| goes(export)) {
            edit.delete::<KeptExport>(Some(organization), &export.id, export.version);
        }
        Ok((edit, ()))
    })
    .await?;
    unread
}

/// Removes files that belong to no export that is there. Blocks.
fn remove_leftovers(app: &App) -> io::Result<()> {
    let Some(folders) = entries(&app.exports.folder)? else { return Ok(()) };
    for folder in folders {
        let Some(organization) = OrganizationId::from_hex(&folder) else { continue };
        let path = app.exports.folder.join(&folder);
        for name in entries(&path)?.unwrap_or_default() {
            let id = name.strip_suffix(PARTIAL).or_else(|| name.strip_suffix(POSITIONS)).unwrap_or(&name);
            let running = app.exports.running.lock().get(&(organization, id.to_owned())).cloned();
            let kept = app.directory.read(|state| state.kept_exports(organization).get(id).cloned());
            let is_done = kept.as_ref().is_some_and(|kept| matches!(kept.state, ExportState::Done { .. }));
            match running {
                // It goes when what writes it has ended.
                Some(running) if kept.is_none() => running.stop.cancel(),
                Some(_) => {}
                None if is_done && !name.ends_with(PARTIAL) => {}
                None => remove(&path.join(&name))?,
            }
        }
    }
    Ok(())
}

/// The names in a folder; none if it is not there.
fn entries(folder: &Path) -> io::Result<Option<Vec<String>>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(entries) => {
            let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.collect::<io::Result<_>>().map(Some)
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what an export that was not made has written. What cannot be removed now is a leftover of the next look.
pub(super) fn remove_partial(app: &App, organization: OrganizationId, id: &str) {
    let path = app.exports.path(organization, id);
    for path in [beside(&path, PARTIAL), beside(&path, POSITIONS)] {
        if let Err(error) = remove(&path) {
            tracing::warn!(path = %path.display(), %error, "a file of a kept export could not be removed; it is tried again");
        }
    }
}

/// Takes away the exports that hold events which an erasure or redaction takes something of, or whose phrase names the person.
/// What is being made is begun again: it may have read what has gone since.
///
/// # Errors
/// If the directory or a file cannot be changed.
pub async fn remove_copies(
    app: &Arc<App>,
    organization: &Arc<Organization>,
    removal: &Arc<Kept<Removal>>,
    erasure: &Erasure,
) -> Result<(), Problem> {
    let id = organization.id;
    begin_again(app, id).await;
    let (looking, lost, names) = (app.clone(), erasure.clone(), removal.names.clone());
    let found = tokio::task::spawn_blocking(move || with_lost(&looking, id, &lost, &names)).await;
    let found = found.map_err(|_| Problem::new(Kind::Internal, "kept exports could not be looked at"))?;
    let removal = removal.clone();
    change(app, Standing::of_the_service(), move |state| {
        let mut edit = Edit::default();
        for export in found.iter().filter_map(|found| state.kept_exports(id).get(found)) {
            edit.delete::<KeptExport>(Some(id), &export.id, export.version);
            let record = OwnRecord::new("audit_log.export.delete", service_actor(), target(&export.id));
            edit.record(id, record.with("owner", export.owner.as_str()).with("removal", removal.id.as_str()));
        }
        Ok((edit, ()))
    })
    .await?;
    tidy(app).await
}

/// A kept export as the target of a record.
pub fn target(id: &str) -> Value {
    json!({"type": "export", "id": id})
}

/// Has everything of an organization that is being made begun again, and waits until nothing of it goes on.
async fn begin_again(app: &App, organization: OrganizationId) {
    let jobs: Vec<(String, Arc<Running>)> = {
        let running = app.exports.running.lock();
        let own = running.iter().filter(|((of, _), _)| *of == organization);
        own.map(|((_, id), running)| (id.clone(), running.clone())).collect()
    };
    for (_, running) in &jobs {
        running.again.store(true, Relaxed);
        running.stop.cancel();
    }
    for (id, running) in jobs {
        let goes_on = || {
            let now = app.exports.running.lock().get(&(organization, id.clone())).cloned();
            now.is_some_and(|now| Arc::ptr_eq(&now, &running))
        };
        while goes_on() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The exports that hold something that is lost, or name the person. What cannot be told counts as one. Blocks.
fn with_lost(app: &App, organization: OrganizationId, erasure: &Erasure, names: &[String]) -> Vec<String> {
    let all: Vec<Arc<Kept<KeptExport>>> =
        app.directory.read(|state| state.kept_exports(organization).iter().cloned().collect());
    let holds = |export: &Kept<KeptExport>| match export.state {
        ExportState::Done { .. } => {
            let file = File::open(app.exports.positions_path(organization, &export.id));
            let found = file.and_then(|file| any_run(&mut BufReader::new(file), |run| erasure.touches(run)));
            found.unwrap_or(true)
        }
        _ => false,
    };
    let naming = Naming::of(names);
    let named = |export: &KeptExport| {
        export.q.as_ref().is_some_and(|q| names_one_of(q, names.iter()) || naming.told_by(q) == Tells::Names)
    };
    let goes = all.iter().filter(|export| named(export) || holds(export));
    goes.map(|export| export.id.clone()).collect()
}
