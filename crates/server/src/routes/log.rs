//! What the log proves to anybody: checkpoints, tiles, the key that verifies them.

use super::query::WITNESSED;
use super::{BYTES, JSON, Operation, Permission, Route, TEXT, answer, read};
use crate::problem::Kind;

const LOG_PROBLEMS: &[Kind] = &[Kind::Overloaded, Kind::Unavailable];

/// The routes.
pub(super) static ROUTES: [Route; 5] = [
    Route {
        denied_action: Some("audit_log.verify"),
        ..read(
            Operation::LogView,
            "/v1/orgs/{org}/log",
            Permission::WholeLog,
            (
                "See how the log stands",
                "Where it ends, what was published of it, what witnesses have signed, when segments were read again, and \
                 whether it takes writes.",
            ),
            &[],
            &[answer(200, &[(JSON, "LogStanding")], "How it stands.")],
        )
    },
    Route {
        problems: LOG_PROBLEMS,
        denied_action: Some("audit_log.verify"),
        ..read(
            Operation::LogCheckpoint,
            "/v1/orgs/{org}/log/checkpoint",
            Permission::OpenLog,
            (
                "Read the newest checkpoint",
                "Size and root of the log's tree, signed (c2sp.org/tlog-checkpoint). A new one is published at most once a \
                 second while the log grows. Signatures of witnesses stand below the log's own as soon as there are any.",
            ),
            WITNESSED,
            &[answer(200, &[(TEXT, "Text")], "The signed note.")],
        )
    },
    Route {
        problems: LOG_PROBLEMS,
        denied_action: Some("audit_log.verify"),
        ..read(
            Operation::LogTile,
            "/v1/orgs/{org}/log/tile/{*id}",
            Permission::OpenLog,
            (
                "Read a tile",
                "`<L>/<N>[.p/<W>]` for hashes, `entries/<N>[.p/<W>]` for log entries (c2sp.org/tlog-tiles). A tile never \
                 changes.",
            ),
            &[],
            &[answer(200, &[(BYTES, "Bytes")], "The tile.")],
        )
    },
    Route {
        problems: LOG_PROBLEMS,
        denied_action: Some("audit_log.verify"),
        ..read(
            Operation::LogKey,
            "/v1/orgs/{org}/log/key",
            Permission::OpenLog,
            (
                "Read the verifier key",
                "The key that the log's checkpoints are verified with, as `name+id+base64` (c2sp.org/signed-note). Who must \
                 not trust this service gets it another way, and compares.",
            ),
            &[],
            &[answer(200, &[(TEXT, "Text")], "The key in one line.")],
        )
    },
    Route {
        problems: LOG_PROBLEMS,
        denied_action: Some("audit_log.verify"),
        ..read(
            Operation::LogHandovers,
            "/v1/orgs/{org}/log/handovers",
            Permission::OpenLog,
            (
                "List the changes of the log's key",
                "Signed notes, the first change first: each names the key before and the key after, and both have signed it. Who \
                 trusts an older key verifies by them that the present one has taken its place. Empty if the key never changed.",
            ),
            &[],
            &[answer(200, &[(JSON, "LogHandovers")], "The hand-overs.")],
        )
    },
];
