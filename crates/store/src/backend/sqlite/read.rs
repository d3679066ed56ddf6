//! What is read: overviews, batches, manifests, directory, digests. Changes nothing.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteBackend;
use super::schema::SEQ_BITS;
use crate::backend::{
    BackendError, DirectoryEntry, Head, IdempotencyRecord, Identity, JournalBatch, JournalExtent, ManifestEntry,
    Overview, RecordedRun, RowsEncoding, WrappedEpochKey,
};
use crate::organization::{Organization, OrganizationId};

/// Number by which the directory names what belongs to no organization.
pub(super) const OPERATOR: i64 = 0;

const OVERVIEW: &str = "SELECT o.number, o.id, o.slug, o.name, o.created_at,
    h.size, h.sealed_end, h.recorded_at, h.root, h.frontier
    FROM organizations o JOIN heads h ON h.organization = o.number";

/// The key of the batch that begins at a sequence number.
pub(super) fn journal_key(number: i64, seq: u64) -> i64 {
    (number << SEQ_BITS) | seq as i64
}

fn seq_of(key: i64) -> u64 {
    (key & ((1 << SEQ_BITS) - 1)) as u64
}

/// A hash or an id of fixed length.
pub(super) fn fixed<const N: usize>(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; N]> {
    let bytes = row.get_ref(index)?.as_blob()?;
    bytes.try_into().map_err(|_| wrong(index, format!("{} bytes instead of {N}", bytes.len())))
}

fn wrong(index: usize, detail: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Blob, detail.into())
}

pub(super) fn numbers(connection: &Connection) -> rusqlite::Result<HashMap<OrganizationId, i64>> {
    let mut statement = connection.prepare("SELECT id, number FROM organizations")?;
    let rows = statement.query_map([], |row| Ok((OrganizationId(fixed(row, 0)?), row.get(1)?)))?;
    rows.collect()
}

fn overview(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Overview> {
    let number: i64 = row.get(0)?;
    let organization = Organization {
        id: OrganizationId(fixed(row, 1)?),
        slug: row.get(2)?,
        name: row.get(3)?,
        created_at: row.get(4)?,
    };
    let sealed_end = row.get::<_, i64>(6)? as u64;
    let head = Head {
        size: row.get::<_, i64>(5)? as u64,
        recorded_at: row.get(7)?,
        root: fixed(row, 8)?,
        frontier: row.get(9)?,
    };
    let journal = extent(connection, number, sealed_end)?;
    Ok(Overview { organization, head, sealed_end, journal })
}

/// The first and the last batch say how much lies between them.
fn extent(connection: &Connection, number: i64, sealed_end: u64) -> rusqlite::Result<JournalExtent> {
    let range = params![journal_key(number, sealed_end), journal_key(number + 1, 0)];
    let mut first = connection.prepare_cached(
        "SELECT key, recorded_at, raw_total - raw_bytes FROM journal WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1",
    )?;
    let first = first
        .query_row(range, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((first_key, oldest, raw_before)) = first else {
        return Ok(JournalExtent { first_seq: sealed_end, end_seq: sealed_end, ..JournalExtent::default() });
    };
    let mut last = connection.prepare_cached(
        "SELECT key, count, root, raw_total FROM journal WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT 1",
    )?;
    last.query_row(range, |row| {
        Ok(JournalExtent {
            first_seq: seq_of(first_key),
            end_seq: seq_of(row.get(0)?) + row.get::<_, i64>(1)? as u64,
            raw_bytes: (row.get::<_, i64>(3)? - raw_before).max(0) as u64,
            oldest_recorded_at: Some(oldest),
            last_root: Some(fixed(row, 2)?),
        })
    })
}

impl SqliteBackend {
    pub(super) fn read_identity(&self) -> Result<Option<Identity>, BackendError> {
        self.reading(|connection| {
            connection
                .query_row("SELECT log_name, log_public_key, master_key_check FROM identity", [], |row| {
                    Ok(Identity {
                        log_name: row.get(0)?,
                        log_public_key: fixed(row, 1)?,
                        master_key_check: row.get(2)?,
                    })
                })
                .optional()
        })
    }

    pub(super) fn read_overview(&self) -> Result<Vec<Overview>, BackendError> {
        self.reading(|connection| {
            // One transaction, so that heads and batches are of one moment.
            let transaction = connection.unchecked_transaction()?;
            let mut statement = transaction.prepare_cached(&format!("{OVERVIEW} ORDER BY o.id"))?;
            let rows = statement.query_map([], |row| overview(&transaction, row))?;
            rows.collect()
        })
    }

    pub(super) fn read_organization(&self, organization: OrganizationId) -> Result<Option<Overview>, BackendError> {
        self.reading(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut statement = transaction.prepare_cached(&format!("{OVERVIEW} WHERE o.id = ?1"))?;
            statement.query_row([&organization.0[..]], |row| overview(&transaction, row)).optional()
        })
    }

    pub(super) fn read_batches(
        &self,
        organization: OrganizationId,
        from_seq: u64,
        bytes_max: u64,
    ) -> Result<Vec<JournalBatch>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        self.reading(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let sealed_end: i64 = transaction
                .prepare_cached("SELECT sealed_end FROM heads WHERE organization = ?1")?
                .query_row([number], |row| row.get(0))?;
            let floor = journal_key(number, sealed_end as u64);
            let end = journal_key(number + 1, 0);
            // The batch that holds from_seq begins at it or before it.
            let start: Option<i64> = transaction
                .prepare_cached("SELECT key FROM journal WHERE key >= ?1 AND key <= ?2 ORDER BY key DESC LIMIT 1")?
                .query_row(params![floor, journal_key(number, from_seq)], |row| row.get(0))
                .optional()?;
            let mut statement = transaction.prepare_cached(
                "SELECT key, count, recorded_at, root, encoding, raw_bytes, rows FROM journal
                 WHERE key >= ?1 AND key < ?2 ORDER BY key",
            )?;
            let mut rows = statement.query(params![start.unwrap_or(floor), end])?;
            let (mut batches, mut bytes) = (Vec::new(), 0u64);
            while let Some(row) = rows.next()? {
                let batch = batch(row)?;
                if batch.first_seq + u64::from(batch.count) <= from_seq {
                    continue;
                }
                bytes += batch.rows.len() as u64;
                if bytes > bytes_max && !batches.is_empty() {
                    break;
                }
                batches.push(batch);
            }
            Ok(batches)
        })
    }

    pub(super) fn read_epoch_keys(
        &self,
        organization: OrganizationId,
        first_epoch: u64,
        last_epoch: u64,
    ) -> Result<Vec<WrappedEpochKey>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        self.reading(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT epoch, wrapped FROM epoch_keys WHERE organization = ?1 AND epoch BETWEEN ?2 AND ?3 ORDER BY epoch",
            )?;
            let rows = statement.query_map(params![number, first_epoch as i64, last_epoch as i64], |row| {
                Ok(WrappedEpochKey { epoch: row.get::<_, i64>(0)? as u64, wrapped: row.get(1)? })
            })?;
            rows.collect()
        })
    }

    pub(super) fn read_manifest(&self, organization: OrganizationId) -> Result<Vec<ManifestEntry>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        self.reading(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT path, summary, root, frontier FROM segments WHERE organization = ?1 ORDER BY first_seq",
            )?;
            let rows = statement.query_map([number], |row| {
                let summary =
                    serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| wrong(1, error.to_string()))?;
                Ok(ManifestEntry { path: row.get(0)?, summary, root: fixed(row, 2)?, frontier: row.get(3)? })
            })?;
            rows.collect()
        })
    }

    pub(super) fn read_segment_paths(&self) -> Result<Vec<String>, BackendError> {
        self.reading(|connection| {
            let mut statement = connection.prepare_cached("SELECT path FROM segments")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })
    }

    pub(super) fn read_directory(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        id: Option<&str>,
        everybody: bool,
    ) -> Result<Vec<DirectoryEntry>, BackendError> {
        let owner = match organization {
            None => OPERATOR,
            Some(organization) => match self.number(organization) {
                Some(number) => number,
                None => return Ok(Vec::new()),
            },
        };
        self.reading(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.kind, o.id, d.id, d.version, d.document FROM directory d
                 LEFT JOIN organizations o ON o.number = d.organization
                 WHERE d.kind = ?1 AND (?2 OR d.organization = ?3) AND (?4 IS NULL OR d.id = ?4)
                 ORDER BY o.id, d.id",
            )?;
            let rows = statement.query_map(params![kind, everybody, owner, id], |row| {
                let organization = match row.get_ref(1)?.as_blob_or_null()? {
                    None => None,
                    Some(_) => Some(OrganizationId(fixed(row, 1)?)),
                };
                Ok(DirectoryEntry {
                    kind: row.get(0)?,
                    organization,
                    id: row.get(2)?,
                    version: row.get::<_, i64>(3)? as u64,
                    document: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    pub(super) fn read_idempotency(
        &self,
        organization: OrganizationId,
        digest: &[u8; 32],
    ) -> Result<Option<IdempotencyRecord>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(None) };
        self.reading(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT body, recorded_at, runs FROM idempotency WHERE organization = ?1 AND digest = ?2",
            )?;
            statement
                .query_row(params![number, &digest[..]], |row| {
                    Ok(IdempotencyRecord {
                        organization,
                        digest: *digest,
                        body: fixed(row, 0)?,
                        recorded_at: row.get(1)?,
                        runs: decode_runs(row.get_ref(2)?.as_blob()?).ok_or_else(|| wrong(2, "no runs".to_owned()))?,
                    })
                })
                .optional()
        })
    }
}

fn batch(row: &Row<'_>) -> rusqlite::Result<JournalBatch> {
    Ok(JournalBatch {
        first_seq: seq_of(row.get(0)?),
        count: row.get(1)?,
        recorded_at: row.get(2)?,
        root: fixed(row, 3)?,
        encoding: if row.get::<_, i64>(4)? == 1 { RowsEncoding::Zstd } else { RowsEncoding::Raw },
        raw_bytes: row.get::<_, i64>(5)? as u64,
        rows: row.get(6)?,
    })
}

/// Runs as 24 bytes each: first sequence number, count, time, little-endian.
pub(super) fn encode_runs(runs: &[RecordedRun]) -> Vec<u8> {
    let words = runs.iter().flat_map(|run| [run.first_seq, run.count, run.recorded_at as u64]);
    words.flat_map(u64::to_le_bytes).collect()
}

pub(super) fn decode_runs(bytes: &[u8]) -> Option<Vec<RecordedRun>> {
    let (runs, rest) = bytes.as_chunks::<24>();
    if !rest.is_empty() {
        return None;
    }
    let word = |run: &[u8; 24], at: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&run[at * 8..at * 8 + 8]);
        u64::from_le_bytes(word)
    };
    Some(
        runs.iter()
            .map(|run| RecordedRun { first_seq: word(run, 0), count: word(run, 1), recorded_at: word(run, 2) as i64 })
            .collect(),
    )
}
