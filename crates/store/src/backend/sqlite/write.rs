//! What is written, each in one transaction, and the upkeep of the file.

use std::ops::Range;

use actarium_core::row::Micros;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::read::{OPERATOR, decode_runs, encode_runs, fixed, journal_key};
use super::schema::PAGE_BYTES;
use super::{FREE_BYTES_MIN, REWRITE_BYTES_MAX, SqliteBackend, WAL_CUT_TIMES, WAL_MOVED_SHARE, backend_error};
use crate::backend::{
    Backend, BackendError, Commit, CommitError, DirectoryChange, DirectoryEntry, EpochKeyChange, Fence,
    IdempotencyRecord, Identity, JournalBatch, LeaseRequest, ManifestChange, ManifestEntry, ManifestError,
    OrganizationCommit, Overview, StoredCheckpoint, StoredCosignature, WrappedEpochKey,
};
use crate::organization::{Organization, OrganizationId};

/// The most batches that one call of `collect` looks at.
const COLLECT_BATCHES_MAX: i64 = 512;

/// Root of a log without events: SHA-256 of nothing (RFC 6962, section 2.1).
fn empty_head() -> (actarium_core::tree::Hash, Vec<u8>) {
    (actarium_core::tree::empty_root(), actarium_core::tree::Frontier::new().to_bytes())
}

fn failed(error: rusqlite::Error) -> BackendError {
    backend_error(&error)
}

impl Backend for SqliteBackend {
    fn identity(&self) -> Result<Option<Identity>, BackendError> {
        self.read_identity()
    }

    fn establish(&self, identity: &Identity) -> Result<(), BackendError> {
        let writer = self.writer.lock();
        writer
            .execute(
                "INSERT INTO identity (one, log_name, log_public_key, master_key_check) VALUES (1, ?1, ?2, ?3)",
                params![identity.log_name, &identity.log_public_key[..], identity.master_key_check],
            )
            .map(|_| ())
            .map_err(failed)
    }

    fn overview(&self) -> Result<Vec<Overview>, BackendError> {
        self.read_overview()
    }

    fn organization(&self, organization: OrganizationId) -> Result<Option<Overview>, BackendError> {
        self.read_organization(organization)
    }

    fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        let mut created = Vec::with_capacity(commit.organizations.len());
        for organization in &commit.organizations {
            created.push((organization.id, create_organization(&transaction, organization)?));
        }
        let number = |organization: OrganizationId| {
            let known = created.iter().find(|(id, _)| *id == organization).map(|(_, number)| *number);
            known.or_else(|| self.number(organization))
        };
        let required = |organization| number(organization).ok_or_else(|| unknown(organization));
        for part in &commit.parts {
            commit_part(&transaction, required(part.organization)?, part)?;
        }
        for change in &commit.directory {
            let owner = change.organization.map_or(Ok(OPERATOR), required)?;
            change_directory(&transaction, owner, change)?;
        }
        for record in &commit.idempotency {
            insert_idempotency(&transaction, required(record.organization)?, record).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        if !created.is_empty() {
            self.numbers.write().extend(created);
        }
        Ok(())
    }

    fn read(&self, organization: OrganizationId, from: u64, bytes_max: u64) -> Result<Vec<JournalBatch>, BackendError> {
        self.read_batches(organization, from, bytes_max)
    }

    fn epoch_keys(
        &self,
        organization: OrganizationId,
        first_epoch: u64,
        last_epoch: u64,
    ) -> Result<Vec<WrappedEpochKey>, BackendError> {
        self.read_epoch_keys(organization, first_epoch, last_epoch)
    }

    fn manifest(&self, organization: OrganizationId) -> Result<Vec<ManifestEntry>, BackendError> {
        self.read_manifest(organization)
    }

    fn segment_paths(&self) -> Result<Vec<String>, BackendError> {
        self.read_segment_paths()
    }

    fn change_manifest(&self, change: &ManifestChange) -> Result<(), ManifestError> {
        let number = self.number(change.organization).ok_or_else(|| unknown(change.organization))?;
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        check_fence(&transaction, &change.fence)?;
        apply_manifest(&transaction, number, change)?;
        for key in &change.epoch_keys {
            change_epoch_key(&transaction, number, key).map_err(failed)?;
        }
        super::evidence::put_tiles(&transaction, number, &change.tiles).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(())
    }

    fn tile(&self, organization: OrganizationId, level: u8, index: u64) -> Result<Vec<u8>, BackendError> {
        self.read_tile(organization, level, index)
    }

    fn tile_hashes_stored(&self, organization: OrganizationId, level: u8) -> Result<u64, BackendError> {
        self.count_tile_hashes(organization, level)
    }

    fn kept_checkpoints_before(&self) -> bool {
        self.kept_checkpoints_before
    }

    fn keep_checkpoints(&self, checkpoints: &[StoredCheckpoint]) -> Result<(), BackendError> {
        let kept = self.numbered(checkpoints, |checkpoint| checkpoint.organization)?;
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        super::evidence::keep_checkpoints(&transaction, &kept).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn checkpoints(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCheckpoint>, BackendError> {
        self.read_checkpoints(organization, from, count_max)
    }

    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, BackendError> {
        self.read_newest_checkpoints()
    }

    fn keep_cosignatures(&self, cosignatures: &[StoredCosignature]) -> Result<(), BackendError> {
        let kept = self.numbered(cosignatures, |cosignature| cosignature.organization)?;
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        super::evidence::keep_cosignatures(&transaction, &kept).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn cosignatures(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCosignature>, BackendError> {
        self.read_cosignatures(organization, from, count_max)
    }

    fn newest_cosignatures(&self) -> Result<Vec<StoredCosignature>, BackendError> {
        self.read_newest_cosignatures()
    }

    fn collect(&self, bytes_max: u64) -> Result<bool, BackendError> {
        let _alone = self.writer.lock();
        // Synced as every other transaction, though what was dropped is never read again: a power cut then tears one transaction at
        // most, and the rest is told from damage (`wal`). Another connection than the writer's, so that no failure here is one of
        // its commits.
        match self.collector.lock().as_mut() {
            Some(collector) => collect_dropped(collector, bytes_max).map_err(failed),
            None => Ok(false),
        }
    }

    fn acquire_lease(&self, request: &LeaseRequest) -> Result<Option<Fence>, BackendError> {
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        let number = take_lease(&transaction, request).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(number.map(|number| Fence { name: request.name.clone(), number }))
    }

    fn release_lease(&self, fence: &Fence) -> Result<(), BackendError> {
        let writer = self.writer.lock();
        writer
            .prepare_cached("UPDATE leases SET expires_at = 0 WHERE name = ?1 AND number = ?2")
            .and_then(|mut statement| statement.execute(params![fence.name, fence.number as i64]))
            .map(|_| ())
            .map_err(failed)
    }

    fn directory_entry(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: &str,
    ) -> Result<Option<DirectoryEntry>, BackendError> {
        Ok(self.read_directory(kind, organization, Some(id), false)?.pop())
    }

    fn directory_entries(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<DirectoryEntry>, BackendError> {
        self.read_directory(kind, organization, None, organization.is_none())
    }

    fn find_idempotency(
        &self,
        organization: OrganizationId,
        digest: &[u8; 32],
    ) -> Result<Option<IdempotencyRecord>, BackendError> {
        self.read_idempotency(organization, digest)
    }

    fn prune_idempotency(&self, before: Micros, records_max: usize) -> Result<usize, BackendError> {
        let writer = self.writer.lock();
        writer
            .prepare_cached(
                "DELETE FROM idempotency WHERE (organization, digest) IN
                 (SELECT organization, digest FROM idempotency WHERE recorded_at < ?1 ORDER BY recorded_at LIMIT ?2)",
            )
            .and_then(|mut statement| statement.execute(params![before, records_max as i64]))
            .map_err(failed)
    }

    fn forget_idempotency(
        &self,
        organization: OrganizationId,
        seqs: &[Range<u64>],
        from: Micros,
    ) -> Result<usize, BackendError> {
        let number = self.number(organization).ok_or_else(|| unknown(organization))?;
        let mut writer = self.writer.lock();
        let transaction = begin(&mut writer)?;
        let forgotten = forget_idempotency(&transaction, number, seqs, from).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(forgotten)
    }

    fn cut_log(&self) -> Result<bool, BackendError> {
        let mover = self.mover.lock();
        let _no_commit_meanwhile = self.writer.lock();
        let busy: i64 = mover.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
        Ok(busy == 0)
    }

    fn tidy(&self, idle: bool) -> Result<(), BackendError> {
        let mover = self.mover.lock();
        let file = self.wal_file_bytes();
        if file >= self.wal_bytes / WAL_MOVED_SHARE || (idle && file > 0) {
            // Copies beside the writer; what is written meanwhile stays for the next time.
            let in_log = move_log(&mover, "PASSIVE").map_err(failed)?;
            if idle || file >= self.wal_bytes.saturating_mul(WAL_CUT_TIMES) {
                let _no_commit_meanwhile = self.writer.lock();
                move_log(&mover, "TRUNCATE").map_err(failed)?;
            } else if in_log >= self.wal_bytes {
                // The next commit writes over what was moved. Cutting the file and letting it grow again would have commits wait ten
                // times as long.
                let _no_commit_meanwhile = self.writer.lock();
                move_log(&mover, "RESTART").map_err(failed)?;
            }
        }
        if idle && worth_rewriting(&mover).map_err(failed)? {
            let writer = self.writer.lock();
            writer.execute_batch("VACUUM").map_err(failed)?;
            move_log(&mover, "TRUNCATE").map_err(failed)?;
        }
        Ok(())
    }

    fn bytes_used(&self) -> Result<u64, BackendError> {
        let database = std::fs::metadata(&self.path).map_err(|error| BackendError::Unavailable {
            detail: format!("{} cannot be looked at: {error}", self.path.display()),
        })?;
        Ok(database.len() + self.wal_file_bytes())
    }
}

fn begin(writer: &mut Connection) -> Result<Transaction<'_>, BackendError> {
    // Immediate, so that the one lock is taken before anything is read that the writes depend on.
    writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)
}

impl SqliteBackend {
    /// What is to be kept of organizations, with their numbers.
    fn numbered<'k, T>(
        &self,
        kept: &'k [T],
        of: impl Fn(&T) -> OrganizationId,
    ) -> Result<Vec<(i64, &'k T)>, BackendError> {
        let number = |one: &T| self.number(of(one)).ok_or_else(|| unknown(of(one)));
        kept.iter().map(|one| Ok((number(one)?, one))).collect()
    }
}

fn unknown(organization: OrganizationId) -> BackendError {
    BackendError::Damaged { detail: format!("there is no organization {organization}") }
}

fn create_organization(transaction: &Transaction<'_>, organization: &Organization) -> Result<i64, CommitError> {
    let taken: bool = transaction
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM organizations WHERE slug = ?1 OR id = ?2)",
            params![organization.slug, &organization.id.0[..]],
            |row| row.get(0),
        )
        .map_err(failed)?;
    if taken {
        return Err(CommitError::OrganizationExists { slug: organization.slug.clone() });
    }
    let insert = || -> rusqlite::Result<i64> {
        transaction.execute(
            "INSERT INTO organizations (id, slug, name, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![&organization.id.0[..], organization.slug, organization.name, organization.created_at],
        )?;
        let number = transaction.last_insert_rowid();
        let (root, frontier) = empty_head();
        transaction.execute(
            "INSERT INTO heads (organization, size, sealed_end, recorded_at, root, raw_total, frontier)
             VALUES (?1, 0, 0, ?2, ?3, 0, ?4)",
            params![number, organization.created_at, &root[..], frontier],
        )?;
        Ok(number)
    };
    insert().map_err(|error| failed(error).into())
}

fn commit_part(transaction: &Transaction<'_>, number: i64, part: &OrganizationCommit) -> Result<(), CommitError> {
    let raw_total: Option<i64> = transaction
        .prepare_cached(
            "UPDATE heads SET size = ?3, recorded_at = ?4, root = ?5, frontier = ?6, raw_total = raw_total + ?7
             WHERE organization = ?1 AND size = ?2 RETURNING raw_total",
        )
        .and_then(|mut statement| {
            let head = &part.head;
            let values = params![
                number,
                part.expected_size as i64,
                head.size as i64,
                head.recorded_at,
                &head.root[..],
                head.frontier,
                part.raw_bytes as i64
            ];
            statement.query_row(values, |row| row.get(0)).optional()
        })
        .map_err(failed)?;
    let Some(raw_total) = raw_total else {
        return Err(CommitError::HeadMoved { organization: part.organization });
    };
    let insert = || -> rusqlite::Result<()> {
        transaction
            .prepare_cached(
                "INSERT INTO journal (key, count, recorded_at, root, raw_bytes, raw_total, encoding, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                journal_key(number, part.expected_size),
                part.count,
                part.head.recorded_at,
                &part.head.root[..],
                part.raw_bytes as i64,
                raw_total,
                part.encoding as u8,
                part.rows
            ])?;
        for key in &part.epoch_keys {
            transaction
                .prepare_cached("INSERT INTO epoch_keys (organization, epoch, wrapped) VALUES (?1, ?2, ?3)")?
                .execute(params![number, key.epoch as i64, key.wrapped])?;
        }
        Ok(())
    };
    insert().map_err(|error| failed(error).into())
}

fn change_directory(transaction: &Transaction<'_>, owner: i64, change: &DirectoryChange) -> Result<(), CommitError> {
    let apply = || -> rusqlite::Result<usize> {
        match (change.expected_version, &change.document) {
            (None, Some(document)) => transaction
                .prepare_cached(
                    "INSERT INTO directory (kind, organization, id, version, document) VALUES (?1, ?2, ?3, 1, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![change.kind, owner, change.id, document]),
            (Some(version), Some(document)) => transaction
                .prepare_cached(
                    "UPDATE directory SET version = version + 1, document = ?5
                     WHERE kind = ?1 AND organization = ?2 AND id = ?3 AND version = ?4",
                )?
                .execute(params![change.kind, owner, change.id, version as i64, document]),
            (Some(version), None) => transaction
                .prepare_cached(
                    "DELETE FROM directory WHERE kind = ?1 AND organization = ?2 AND id = ?3 AND version = ?4",
                )?
                .execute(params![change.kind, owner, change.id, version as i64]),
            // Deleting what must not be there: nothing can be right about it.
            (None, None) => Ok(0),
        }
    };
    match apply().map_err(failed)? {
        1 => Ok(()),
        _ => Err(CommitError::DirectoryConflict {
            kind: change.kind.clone(),
            organization: change.organization,
            id: change.id.clone(),
        }),
    }
}

fn insert_idempotency(transaction: &Transaction<'_>, number: i64, record: &IdempotencyRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO idempotency (organization, digest, body, recorded_at, runs) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET body = excluded.body, recorded_at = excluded.recorded_at, runs = excluded.runs",
        )?
        .execute(params![number, &record.digest[..], &record.body[..], record.recorded_at, encode_runs(&record.runs)])
        .map(|_| ())
}

fn forget_idempotency(
    transaction: &Transaction<'_>,
    number: i64,
    seqs: &[Range<u64>],
    from: Micros,
) -> rusqlite::Result<usize> {
    let mut statement = transaction
        .prepare_cached("SELECT digest, runs FROM idempotency WHERE organization = ?1 AND recorded_at >= ?2")?;
    let mut rows = statement.query(params![number, from])?;
    let mut touched: Vec<[u8; 32]> = Vec::new();
    while let Some(row) = rows.next()? {
        if decode_runs(row.get_ref(1)?.as_blob()?).is_none_or(|runs| runs.iter().any(|run| run.touches(seqs))) {
            touched.push(fixed(row, 0)?);
        }
    }
    for digest in &touched {
        transaction
            .prepare_cached("DELETE FROM idempotency WHERE organization = ?1 AND digest = ?2")?
            .execute(params![number, &digest[..]])?;
    }
    Ok(touched.len())
}

fn check_fence(transaction: &Transaction<'_>, fence: &Fence) -> Result<(), ManifestError> {
    let number: Option<i64> = transaction
        .prepare_cached("SELECT number FROM leases WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([&fence.name], |row| row.get(0)).optional())
        .map_err(failed)?;
    if number != Some(fence.number as i64) {
        return Err(ManifestError::FenceLost { name: fence.name.clone() });
    }
    Ok(())
}

fn apply_manifest(transaction: &Transaction<'_>, number: i64, change: &ManifestChange) -> Result<(), ManifestError> {
    let mismatch = |detail: String| ManifestError::Mismatch { detail };
    for first_seq in &change.remove {
        let removed = transaction
            .prepare_cached("DELETE FROM segments WHERE organization = ?1 AND first_seq = ?2")
            .and_then(|mut statement| statement.execute(params![number, *first_seq as i64]))
            .map_err(failed)?;
        if removed != 1 {
            return Err(mismatch(format!("there is no segment that begins at {first_seq}")));
        }
    }
    for entry in &change.add {
        let summary = serde_json::to_string(&entry.summary).map_err(|error| mismatch(error.to_string()))?;
        transaction
            .prepare_cached(
                "INSERT INTO segments (organization, first_seq, end_seq, path, root, frontier, summary)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    number,
                    entry.summary.first_seq as i64,
                    entry.end_seq() as i64,
                    entry.path,
                    &entry.root[..],
                    entry.frontier,
                    summary
                ])
            })
            .map_err(failed)?;
    }
    // The segments cover [0, sealed_end) exactly once, and the journal goes on where they end.
    let covered: (i64, i64, i64) = transaction
        .prepare_cached(
            "SELECT coalesce(sum(end_seq - first_seq), 0), coalesce(min(first_seq), 0), coalesce(max(end_seq), 0)
             FROM segments WHERE organization = ?1",
        )
        .and_then(|mut statement| statement.query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
        .map_err(failed)?;
    let sealed_end = change.sealed_end as i64;
    if covered != (sealed_end, 0, sealed_end) {
        return Err(mismatch(format!("the segments would not cover the events before {sealed_end} exactly once")));
    }
    let moved = transaction
        .prepare_cached(
            "UPDATE heads SET sealed_end = ?2 WHERE organization = ?1 AND sealed_end <= ?2 AND size >= ?2
             AND (size = ?2 OR EXISTS (SELECT 1 FROM journal WHERE key = ?3))",
        )
        .and_then(|mut statement| {
            statement.execute(params![number, sealed_end, journal_key(number, change.sealed_end)])
        })
        .map_err(failed)?;
    if moved != 1 {
        return Err(mismatch(format!("no batch of the journal begins at {sealed_end}")));
    }
    Ok(())
}

fn change_epoch_key(transaction: &Transaction<'_>, number: i64, key: &EpochKeyChange) -> rusqlite::Result<()> {
    let epoch = key.epoch as i64;
    match &key.wrapped {
        Some(wrapped) => transaction
            .prepare_cached("UPDATE epoch_keys SET wrapped = ?3 WHERE organization = ?1 AND epoch = ?2")?
            .execute(params![number, epoch, wrapped])?,
        None => transaction
            .prepare_cached("DELETE FROM epoch_keys WHERE organization = ?1 AND epoch = ?2")?
            .execute(params![number, epoch])?,
    };
    Ok(())
}

fn take_lease(transaction: &Transaction<'_>, request: &LeaseRequest) -> rusqlite::Result<Option<u64>> {
    let held: Option<([u8; 16], i64, i64)> = transaction
        .prepare_cached("SELECT holder, number, expires_at FROM leases WHERE name = ?1")?
        .query_row([&request.name], |row| Ok((fixed(row, 0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let number = match held {
        Some((holder, _, expires_at)) if holder != request.holder && expires_at > request.now => return Ok(None),
        Some((holder, number, _)) if holder == request.holder => number,
        Some((_, number, _)) => number + 1,
        None => 1,
    };
    let expires_at = request.now.saturating_add(request.ttl.as_micros() as i64);
    transaction
        .prepare_cached(
            "INSERT INTO leases (name, holder, number, expires_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET holder = excluded.holder, number = excluded.number, expires_at = excluded.expires_at",
        )?
        .execute(params![request.name, &request.holder[..], number, expires_at])?;
    Ok(Some(number as u64))
}

/// Ends every lease that is held; their numbers stay, so that old fences stay old.
pub(super) fn end_leases(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE leases SET expires_at = 0 WHERE expires_at > 0", []).map(|_| ())
}

fn collect_dropped(writer: &mut Connection, bytes_max: u64) -> rusqlite::Result<bool> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dropped: Vec<(i64, i64)> = {
        let mut statement = transaction.prepare_cached(
            "SELECT j.key, length(j.rows) FROM heads h
             JOIN journal j ON j.key >= h.organization << 40 AND j.key < (h.organization << 40) + h.sealed_end
             LIMIT ?1",
        )?;
        let rows = statement.query_map([COLLECT_BATCHES_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let (mut removed, mut bytes) = (0, 0);
    for (key, length) in &dropped {
        if bytes >= bytes_max {
            break;
        }
        transaction.prepare_cached("DELETE FROM journal WHERE key = ?1")?.execute([key])?;
        bytes += *length as u64;
        removed += 1;
    }
    transaction.commit()?;
    Ok(removed < dropped.len() || dropped.len() as i64 == COLLECT_BATCHES_MAX)
}

/// Moves what is in the write-ahead log; how many bytes of pages that was, whether or not they were moved before. A busy
/// answer is no failure: a reader is in the way and the next call does it.
fn move_log(mover: &Connection, how: &str) -> rusqlite::Result<u64> {
    let pages: i64 = mover.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get(1))?;
    Ok(u64::try_from(pages).unwrap_or(0) * u64::from(PAGE_BYTES))
}

fn worth_rewriting(mover: &Connection) -> rusqlite::Result<bool> {
    let pragma = |name: &str| mover.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (page, pages, free) =
        (pragma("page_size")? as u64, pragma("page_count")? as u64, pragma("freelist_count")? as u64);
    let live = pages.saturating_sub(free) * page;
    Ok(free * page >= FREE_BYTES_MIN && live <= REWRITE_BYTES_MAX && free * page > live)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Head, RowsEncoding};
    use std::sync::atomic::{AtomicU64, Ordering};

    const LOG: OrganizationId = OrganizationId([1; 16]);
    const BATCH_BYTES: usize = 100_000;

    fn commit(backend: &SqliteBackend, size: u64) {
        let head = Head { size: size + 1, root: [1; 32], recorded_at: 1, frontier: vec![1; 40] };
        let part = OrganizationCommit {
            organization: LOG,
            expected_size: size,
            count: 1,
            encoding: RowsEncoding::Zstd,
            rows: vec![7; BATCH_BYTES],
            raw_bytes: BATCH_BYTES as u64,
            head,
            epoch_keys: Vec::new(),
        };
        backend.commit(&Commit { parts: vec![part], ..Commit::default() }).unwrap();
    }

    #[test]
    fn the_log_is_written_over_while_much_comes_and_cut_when_nothing_does() {
        const WAL_BYTES: u64 = 4 << 20;
        const BATCHES: u64 = 500;
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteBackend::open(&folder.path().join("log.db"), WAL_BYTES).unwrap();
        let organization = Organization { id: LOG, slug: "a".to_owned(), name: "A".to_owned(), created_at: 0 };
        backend.commit(&Commit { organizations: vec![organization], ..Commit::default() }).unwrap();
        let (written, looked_at) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut sizes = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for size in 0..BATCHES {
                    commit(&backend, size);
                    written.store(size + 1, Ordering::SeqCst);
                    // However slow the other thread is, it looks before the file is so large that it is cut.
                    while size >= looked_at.load(Ordering::SeqCst) + 60 {
                        std::thread::yield_now();
                    }
                }
            });
            // What is written beside the moving lets the file grow until it is cut, but for the wait until all is moved.
            while written.load(Ordering::SeqCst) < BATCHES {
                let before = written.load(Ordering::SeqCst);
                backend.tidy(false).unwrap();
                looked_at.store(before, Ordering::SeqCst);
                sizes.push(backend.wal_file_bytes());
            }
        });
        assert!(sizes.is_sorted(), "it is not cut while it is written over: {sizes:?}");
        assert!(*sizes.last().unwrap() >= WAL_BYTES, "{sizes:?}");
        backend.tidy(true).unwrap();
        assert_eq!(backend.wal_file_bytes(), 0);
        let kept = backend.read(LOG, BATCHES - 1, 1).unwrap();
        assert_eq!((kept[0].first_seq, kept[0].rows.len()), (BATCHES - 1, BATCH_BYTES));
    }
}
