//! The tables, their versions, and the check that a file is ours before SQLite is let near it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;

/// Marks a database as Actarium's: "ActJ" in the header's application id.
pub(super) const APPLICATION_ID: i32 = 0x4163_744a;
/// Version of the tables from which on checkpoints are kept.
pub(super) const CHECKPOINTS_VERSION: i32 = 2;
/// Version of the tables that this program writes.
pub(super) const SCHEMA_VERSION: i32 = 4;
/// Bytes of a page. Batches of some hundred kilobytes are usual, so larger than SQLite's default.
pub(super) const PAGE_BYTES: u32 = 8_192;
/// Bits of a journal key that hold the sequence number; the organization's number lies above.
pub(super) const SEQ_BITS: u32 = 40;

/// Statements that lead from each version to the next: the first makes version 1 out of nothing. What stands here was run
/// by released programs: it is added to and never changed, and a new database goes through all of it too.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4];

const VERSION_1: &str = "
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_name TEXT NOT NULL CHECK (length(log_name) BETWEEN 1 AND 200),
    log_public_key BLOB NOT NULL CHECK (length(log_public_key) = 32),
    master_key_check BLOB NOT NULL CHECK (length(master_key_check) > 40)
) STRICT;

CREATE TABLE organizations (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 8388607),
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    slug TEXT NOT NULL UNIQUE CHECK (length(slug) BETWEEN 1 AND 63 AND slug NOT GLOB '*[^a-z0-9-]*'),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    created_at INTEGER NOT NULL
) STRICT;

-- Where each log ends. Events before sealed_end are in segments, those from there on in the journal.
CREATE TABLE heads (
    organization INTEGER PRIMARY KEY REFERENCES organizations (number),
    size INTEGER NOT NULL CHECK (size BETWEEN 0 AND 1099511627775),
    sealed_end INTEGER NOT NULL CHECK (sealed_end BETWEEN 0 AND size),
    recorded_at INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    raw_total INTEGER NOT NULL CHECK (raw_total >= 0),
    frontier BLOB NOT NULL
) STRICT;

-- One row per commit and organization. key = organization * 2^40 + first_seq. raw_total counts the log's bytes
-- including this batch, so that the size of any run is the difference of two rows.
CREATE TABLE journal (
    key INTEGER PRIMARY KEY CHECK (key > 0),
    count INTEGER NOT NULL CHECK (count > 0),
    recorded_at INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    raw_bytes INTEGER NOT NULL CHECK (raw_bytes > 0),
    raw_total INTEGER NOT NULL CHECK (raw_total >= raw_bytes),
    encoding INTEGER NOT NULL CHECK (encoding IN (0, 1)),
    rows BLOB NOT NULL CHECK (length(rows) > 0)
) STRICT;

CREATE TABLE epoch_keys (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 16777215),
    wrapped BLOB NOT NULL CHECK (length(wrapped) > 40),
    PRIMARY KEY (organization, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    first_seq INTEGER NOT NULL CHECK (first_seq >= 0),
    end_seq INTEGER NOT NULL CHECK (end_seq > first_seq),
    path TEXT NOT NULL UNIQUE CHECK (length(path) BETWEEN 1 AND 512),
    root BLOB NOT NULL CHECK (length(root) = 32),
    frontier BLOB NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (organization, first_seq)
) STRICT;

CREATE TABLE directory (
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 256),
    organization INTEGER NOT NULL CHECK (organization >= 0),
    id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
    version INTEGER NOT NULL CHECK (version > 0),
    document TEXT NOT NULL CHECK (length(document) BETWEEN 1 AND 262144),
    PRIMARY KEY (kind, organization, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    body BLOB NOT NULL CHECK (length(body) = 32),
    recorded_at INTEGER NOT NULL,
    runs BLOB NOT NULL,
    PRIMARY KEY (organization, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (recorded_at);

CREATE TABLE leases (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 256),
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    number INTEGER NOT NULL CHECK (number > 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What proves the log to others: tiles of its tree above the leaves, and the checkpoints that were published.
const VERSION_2: &str = "
CREATE TABLE tiles (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 7),
    number INTEGER NOT NULL CHECK (number >= 0),
    hashes BLOB NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (organization, level, number)
) STRICT;

CREATE TABLE checkpoints (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    size INTEGER NOT NULL CHECK (size >= 0),
    published_at INTEGER NOT NULL,
    note TEXT NOT NULL CHECK (length(note) BETWEEN 1 AND 65536),
    PRIMARY KEY (organization, size)
) STRICT, WITHOUT ROWID;
";

/// Directory entries are JSON, their kinds are names, and what belongs to an organization belongs to one that is there.
/// `organization` is 0 for what belongs to none; `owner` is what of it the foreign key needs, and takes no room.
const VERSION_3: &str = "
CREATE TABLE directory_3 (
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 256 AND kind NOT GLOB '*[^a-z0-9_]*'),
    organization INTEGER NOT NULL CHECK (organization >= 0),
    id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
    version INTEGER NOT NULL CHECK (version > 0),
    document TEXT NOT NULL CHECK (length(document) BETWEEN 1 AND 262144 AND json_valid(document)),
    owner INTEGER GENERATED ALWAYS AS (NULLIF(organization, 0)) VIRTUAL REFERENCES organizations (number),
    PRIMARY KEY (kind, organization, id)
) STRICT, WITHOUT ROWID;
INSERT INTO directory_3 (kind, organization, id, version, document)
    SELECT kind, organization, id, version, document FROM directory;
DROP TABLE directory;
ALTER TABLE directory_3 RENAME TO directory;
";

/// What witnesses have signed of the logs' checkpoints.
const VERSION_4: &str = "
CREATE TABLE cosignatures (
    organization INTEGER NOT NULL REFERENCES organizations (number),
    size INTEGER NOT NULL CHECK (size >= 0),
    witness TEXT NOT NULL CHECK (length(witness) BETWEEN 1 AND 512),
    signed_at INTEGER NOT NULL,
    note TEXT NOT NULL CHECK (length(note) BETWEEN 1 AND 65536),
    PRIMARY KEY (organization, size, witness)
) STRICT, WITHOUT ROWID;
";

/// Looks at the header of an existing file without SQLite.
///
/// # Errors
/// In words, if the file is not an Actarium database of a version that this program knows.
pub(super) fn check_header(path: &Path) -> Result<(), String> {
    let mut header = [0u8; 100];
    let mut file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    file.read_exact(&mut header).map_err(|_| "is not an Actarium database: too short".to_owned())?;
    if &header[..16] != b"SQLite format 3\0" {
        return Err("is not an Actarium database: not a SQLite file, or its first page is damaged".to_owned());
    }
    let field = |at: usize| i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if field(68) != APPLICATION_ID {
        return Err("is a SQLite database of another program".to_owned());
    }
    check_version(field(60))
}

fn check_version(version: i32) -> Result<(), String> {
    if version > SCHEMA_VERSION {
        return Err(format!(
            "was written by a newer version of Actarium (tables of version {version}, this program knows {SCHEMA_VERSION})"
        ));
    }
    if version < 1 {
        return Err(format!("has tables of the unknown version {version}"));
    }
    Ok(())
}

/// Whether the tables are of the present version; for what must not bring them there.
///
/// # Errors
/// In words, if they are older.
pub(super) fn check_present(connection: &Connection) -> Result<(), String> {
    let version: rusqlite::Result<i32> = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    match version {
        Ok(SCHEMA_VERSION) => Ok(()),
        Ok(older) => Err(format!("has tables of version {older}; start the service of this version on it once")),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes the tables of a new database.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(connection).map(|_| ())
}

/// Brings the tables to the present version, or leaves the database to the program that wrote it, as it was.
///
/// The version that they were of.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<i32> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == SCHEMA_VERSION {
        return Ok(version);
    }
    let transaction = connection.transaction()?;
    for statements in &MIGRATIONS[version as usize..] {
        transaction.execute_batch(statements)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;
    use sha2::{Digest, Sha256};

    /// A database as the program of that version made it.
    fn of_version(version: i32) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        for statements in &MIGRATIONS[..version as usize] {
            connection.execute_batch(statements).unwrap();
        }
        connection.pragma_update(None, "user_version", version).unwrap();
        let id = [7u8; 16];
        connection.execute("INSERT INTO organizations VALUES (3, ?1, 'acme', 'Acme', 5)", params![&id[..]]).unwrap();
        connection
    }

    fn tables(connection: &Connection) -> Vec<(String, Option<String>)> {
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn insert(connection: &Connection, kind: &str, organization: i64, document: &str) -> rusqlite::Result<usize> {
        connection.execute(
            "INSERT INTO directory (kind, organization, id, version, document) VALUES (?1, ?2, 'x', 2, ?3)",
            params![kind, organization, document],
        )
    }

    fn entries(connection: &Connection) -> Vec<(String, i64, String, i64, String)> {
        let mut statement = connection
            .prepare("SELECT kind, organization, id, version, document FROM directory ORDER BY kind, organization")
            .unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        statement.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn what_released_programs_ran_is_not_changed() {
        let digests: Vec<String> = MIGRATIONS
            .iter()
            .map(|statements| Sha256::digest(statements).iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        assert_eq!(digests, RELEASED, "add a version instead of changing one");
    }

    const RELEASED: [&str; SCHEMA_VERSION as usize] = [
        "22019d73840fe27c802225b2039378ddd75b2658575817dc125973dd83e37388",
        "94cd6b145721d366e87059cdfc9e92353d073fcc40d754dd901e7c4388bd1a9b",
        "90ebff7238fb9bf2b901a4cb01ba69a0b7ec9b5094d7b2e5d456702d68e4d3f9",
        "9fee48c459794c65a630907e2b4d74aa414d99812b4d5795578bf4d89f4bbd2f",
    ];

    #[test]
    fn every_older_version_comes_to_the_present_one_with_what_it_holds() {
        for version in 1..SCHEMA_VERSION {
            let mut old = of_version(version);
            insert(&old, "user", 0, "{\"name\":\"Ada\"}").unwrap();
            insert(&old, "membership", 3, "{}").unwrap();
            let before = entries(&old);
            migrate(&mut old).unwrap();
            assert_eq!(old.pragma_query_value(None, "user_version", |row| row.get(0)), Ok(SCHEMA_VERSION));
            assert_eq!(entries(&old), before, "from version {version}");
            assert_eq!(tables(&old), tables(&of_version(SCHEMA_VERSION)), "from version {version}");
            migrate(&mut old).unwrap();
            assert_eq!(entries(&old), before, "again");
        }
    }

    #[test]
    fn what_cannot_be_taken_over_leaves_the_database_as_it_was() {
        let mut old = of_version(1);
        insert(&old, "user", 0, "{\"name\":").unwrap();
        let before = (entries(&old), tables(&old));
        let error = migrate(&mut old).unwrap_err();
        assert!(error.to_string().contains("CHECK constraint failed"), "{error}");
        assert_eq!(old.pragma_query_value(None, "user_version", |row| row.get(0)), Ok(1));
        assert_eq!((entries(&old), tables(&old)), before);
    }

    #[test]
    fn directory_entries_are_held_to_their_rules() {
        let connection = of_version(SCHEMA_VERSION);
        let long = "x".repeat(257);
        for (kind, organization, document, rule) in [
            ("User", 0, "{}", "CHECK"),
            ("", 0, "{}", "CHECK"),
            (&*long, 0, "{}", "CHECK"),
            ("user", -1, "{}", "CHECK"),
            ("user", 0, "", "CHECK"),
            ("user", 0, "{", "CHECK"),
            ("user", 4, "{}", "FOREIGN KEY"),
        ] {
            let error = insert(&connection, kind, organization, document).unwrap_err();
            assert!(error.to_string().contains(rule), "{kind:?} {organization} {document:?}: {error}");
        }
        insert(&connection, "user", 3, "{}").unwrap();
        let gone = connection.execute("DELETE FROM organizations", []).unwrap_err();
        assert!(gone.to_string().contains("FOREIGN KEY"), "{gone}");
    }
}
