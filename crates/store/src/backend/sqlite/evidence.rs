//! Tiles, checkpoints and witnesses' signatures: what proves a log to others. Their hashes and signatures are made elsewhere.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::SqliteBackend;
use super::read::fixed;
use crate::backend::{BackendError, MICROS_PER_HOUR, StoredCheckpoint, StoredCosignature, StoredTile};
use crate::organization::OrganizationId;

/// Writes tiles, in the place of those that they make longer.
pub(super) fn put_tiles(transaction: &Transaction<'_>, number: i64, tiles: &[StoredTile]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO tiles (organization, level, number, hashes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET hashes = excluded.hashes WHERE length(excluded.hashes) > length(hashes)",
    )?;
    for tile in tiles {
        statement.execute(params![number, tile.level, tile.index as i64, tile.hashes])?;
    }
    Ok(())
}

/// Writes checkpoints, each in the place of an earlier one of the same organization and hour.
pub(super) fn keep_checkpoints(
    transaction: &Transaction<'_>,
    checkpoints: &[(i64, &StoredCheckpoint)],
) -> rusqlite::Result<()> {
    for (number, checkpoint) in checkpoints {
        transaction
            .prepare_cached(
                "DELETE FROM checkpoints WHERE organization = ?1 AND size <= ?2 AND published_at / ?4 = ?3 / ?4
                 AND size = (SELECT max(size) FROM checkpoints WHERE organization = ?1)",
            )?
            .execute(params![number, checkpoint.size as i64, checkpoint.published_at, MICROS_PER_HOUR])?;
        transaction
            .prepare_cached(
                "INSERT INTO checkpoints (organization, size, published_at, note) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET published_at = excluded.published_at, note = excluded.note",
            )?
            .execute(params![number, checkpoint.size as i64, checkpoint.published_at, checkpoint.note])?;
    }
    Ok(())
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<StoredCheckpoint> {
    Ok(StoredCheckpoint {
        organization: OrganizationId(fixed(row, 0)?),
        size: row.get::<_, i64>(1)? as u64,
        published_at: row.get(2)?,
        note: row.get(3)?,
    })
}

/// Writes witnesses' signatures, each in the place of an earlier one of the same organization, witness and hour.
pub(super) fn keep_cosignatures(
    transaction: &Transaction<'_>,
    cosignatures: &[(i64, &StoredCosignature)],
) -> rusqlite::Result<()> {
    for (number, kept) in cosignatures {
        transaction
            .prepare_cached(
                "DELETE FROM cosignatures
                 WHERE organization = ?1 AND witness = ?2 AND signed_at / ?4 = ?3 / ?4",
            )?
            .execute(params![number, kept.witness, kept.signed_at, MICROS_PER_HOUR])?;
        transaction
            .prepare_cached(
                "INSERT INTO cosignatures (organization, size, witness, signed_at, note) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET signed_at = excluded.signed_at, note = excluded.note",
            )?
            .execute(params![number, kept.size as i64, kept.witness, kept.signed_at, kept.note])?;
    }
    Ok(())
}

fn cosignature(row: &Row<'_>) -> rusqlite::Result<StoredCosignature> {
    Ok(StoredCosignature {
        organization: OrganizationId(fixed(row, 0)?),
        size: row.get::<_, i64>(1)? as u64,
        witness: row.get(2)?,
        signed_at: row.get(3)?,
        note: row.get(4)?,
    })
}

impl SqliteBackend {
    pub(super) fn read_cosignatures(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCosignature>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        self.reading(|connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT o.id, c.size, c.witness, c.signed_at, c.note FROM cosignatures c
                 JOIN organizations o ON o.number = c.organization
                 WHERE c.organization = ?1 AND c.size >= ?2 ORDER BY c.size, c.witness LIMIT ?3",
            )?;
            let rows = statement.query_map(params![number, from as i64, count_max as i64], cosignature)?;
            rows.collect()
        })
    }

    pub(super) fn read_newest_cosignatures(&self) -> Result<Vec<StoredCosignature>, BackendError> {
        self.reading(|connection: &Connection| {
            // Of one witness the sizes only grow, and SQLite takes the other columns from the row with the maximum.
            let mut statement = connection.prepare_cached(
                "SELECT o.id, max(c.size), c.witness, c.signed_at, c.note FROM cosignatures c
                 JOIN organizations o ON o.number = c.organization GROUP BY c.organization, c.witness",
            )?;
            let rows = statement.query_map([], cosignature)?;
            rows.collect()
        })
    }

    pub(super) fn read_tile(
        &self,
        organization: OrganizationId,
        level: u8,
        index: u64,
    ) -> Result<Vec<u8>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        let hashes = self.reading(|connection: &Connection| {
            connection
                .prepare_cached("SELECT hashes FROM tiles WHERE organization = ?1 AND level = ?2 AND number = ?3")?
                .query_row(params![number, level, index as i64], |row| row.get::<_, Vec<u8>>(0))
                .optional()
        });
        Ok(hashes?.unwrap_or_default())
    }

    pub(super) fn count_tile_hashes(&self, organization: OrganizationId, level: u8) -> Result<u64, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(0) };
        self.reading(|connection: &Connection| {
            let last: Option<i64> = connection
                .prepare_cached(
                    "SELECT number * 256 + length(hashes) / 32 FROM tiles WHERE organization = ?1 AND level = ?2
                     ORDER BY number DESC LIMIT 1",
                )?
                .query_row(params![number, level], |row| row.get(0))
                .optional()?;
            Ok(last.unwrap_or(0) as u64)
        })
    }

    pub(super) fn read_checkpoints(
        &self,
        organization: OrganizationId,
        from: u64,
        count_max: usize,
    ) -> Result<Vec<StoredCheckpoint>, BackendError> {
        let Some(number) = self.number(organization) else { return Ok(Vec::new()) };
        self.reading(|connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT o.id, c.size, c.published_at, c.note FROM checkpoints c
                 JOIN organizations o ON o.number = c.organization
                 WHERE c.organization = ?1 AND c.size >= ?2 ORDER BY c.size LIMIT ?3",
            )?;
            let rows = statement.query_map(params![number, from as i64, count_max as i64], checkpoint)?;
            rows.collect()
        })
    }

    pub(super) fn read_newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, BackendError> {
        self.reading(|connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT o.id, c.size, c.published_at, c.note FROM organizations o
                 JOIN checkpoints c ON c.organization = o.number
                 WHERE c.size = (SELECT max(size) FROM checkpoints n WHERE n.organization = o.number)",
            )?;
            let rows = statement.query_map([], checkpoint)?;
            rows.collect()
        })
    }
}
