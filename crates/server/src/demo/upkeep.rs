//! Scenes of the audit log itself, as Actarium would record them: who looked, what was asked for, what ran by itself.
//!
//! The demo's log holds all of its records, so no scene may claim that some were erased, redacted, archived or purged:
//! erasure and redaction are refused here, and the daily work finds nothing that is due.

use actarium_core::row::Micros;
use actarium_core::time::{self, DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use super::access::account;
use super::cast::{BEN, PRIYA};
use super::random::id_of;
use super::stage::{Request, Stage};

const SEARCHES: [&str; 12] = [
    "outcome:denied",
    "action:component.promote outcome:failure",
    "action:group.role.* project:payments",
    "actor:marek.dvorak@northwind.example",
    "target:production action:component.*",
    "action:session.sign_in outcome:failure",
    "ip:198.51.100.200",
    "\"release candidate\"",
    "action:on_prem_key.*",
    "actor:release-agent outcome:denied",
    "legacy-tax",
    "action:project.config.update secrets",
];

fn log() -> Value {
    json!({"type": "audit_log", "id": "demo"})
}

fn service() -> Value {
    json!({"type": "service", "id": "actarium", "name": "Actarium"})
}

fn records() -> Value {
    json!({"type": "record", "id": "records"})
}

fn actarium(stage: &mut Stage, at: Micros) -> Request {
    let actor = json!({"type": "system", "id": "actarium", "name": "Actarium"});
    stage.request_of(at, actor, "127.0.0.1", "actarium", "service")
}

/// Somebody searches the log, and opens one or two of the records found.
pub(super) fn search(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.console(person, at);
    let days = *stage.random.pick(&[1, 1, 1, 7, 30]);
    let results = stage.random.between(0, 50);
    let phrase = *stage.random.pick(&SEARCHES);
    stage.record(
        request
            .act("audit_log.search", vec![log()])
            .with("q", phrase)
            .with("from", time::to_text(at - days * DAY))
            .with("to", time::to_text(at))
            .with("results", results)
            .own(),
    );
    for turn in 0..stage.random.below(3).min(results) {
        let later = request.later((turn as Micros + 1) * 35 * time::SECOND);
        let seq = stage.random.below(stage.events.len() as u64);
        let id = stage.random.uuid();
        stage.record(later.act("audit_log.view", vec![json!({"type": "record", "id": id})]).with("seq", seq).own());
    }
}

/// Somebody without the permission tries to search the log.
pub(super) fn search_denied(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.console(person, at);
    stage.record(request.act("audit_log.search", vec![log()]).denied("Missing permission LOG-MANAGEMENT").own());
}

/// The auditor takes a month home.
pub(super) fn export(stage: &mut Stage, at: Micros) {
    let request = stage.console(BEN, at);
    let format = if stage.random.chance(60) { "ndjson" } else { "csv" };
    let results = stage.events.len() as u64 / 9;
    let kept = id_of("export", &at.to_string());
    let export = || vec![json!({"type": "export", "id": kept})];
    stage.record(
        request
            .act("audit_log.export", vec![log()])
            .with("format", format)
            .with("export", kept.as_str())
            .with("from", time::to_text(at - 30 * DAY))
            .with("to", time::to_text(at))
            .with("results", results)
            .own(),
    );
    let owner = account(BEN);
    let downloaded = request.later(2 * MINUTE).act("audit_log.export.download", export());
    stage.record(downloaded.with("owner", owner).with("format", format).with("results", results).own());
    let deleted = request.later(9 * MINUTE).act("audit_log.export.delete", export());
    stage.record(deleted.with("owner", account(BEN)).with("state", "done").own());
}

/// The auditor checks the log.
pub(super) fn verify(stage: &mut Stage, at: Micros) {
    let request = stage.console(BEN, at);
    let size = stage.events.len() as u64;
    stage.record(request.act("audit_log.verify", vec![log()]).with("size", size).own());
    // A restore was tried out, and the log had everything.
    let drill = actarium(stage, at + MINUTE / 2).act("audit_log.continue", vec![log()]);
    stage.record(
        drill
            .with("previous_size", size)
            .with("restored_size", size + 1)
            .failed(409, "Nothing was lost: the log begins with the events of the checkpoint")
            .own(),
    );
    // And so was a change of the signing key, while the service ran.
    let drill = actarium(stage, at + MINUTE).act("audit_log.key.rotate", vec![service()]);
    let drill = drill.with("explanation", "Drill").failed(409, "The data folder is in use by a running service");
    stage.record(drill.own());
}

/// The administrators change how long records are kept, first too short for the operator.
pub(super) fn change_retention(stage: &mut Stage, at: Micros) {
    let policy = vec![json!({"type": "retention_policy", "id": "demo"})];
    let request = stage.console(PRIYA, at);
    stage.record(
        request
            .act("retention.update", policy.clone())
            .change("/archive_days", 365, 0)
            .failed(422, "The operator's bounds allow an archive of 90 to 3,650 days")
            .own(),
    );
    stage.record(request.later(3 * MINUTE).act("retention.update", policy).change("/archive_days", 365, 730).own());
}

/// A legal hold is placed; while it lasts, an erasure and a redaction are refused; then it is released.
pub(super) fn legal_hold(stage: &mut Stage, at: Micros) {
    let hold = json!({"type": "legal_hold", "id": id_of("hold", "refunds"), "name": "refunds-inquiry"});
    let request = stage.console(PRIYA, at);
    stage.record(
        request
            .act("legal_hold.place", vec![hold.clone()])
            .with("hold", id_of("hold", "refunds"))
            .with("q", "project:payments refunds-api")
            .with("from", time::to_text(at - 60 * DAY))
            .with("to", time::to_text(at))
            .own(),
    );
    let request = stage.console(PRIYA, at + 9 * DAY + 2 * HOUR);
    let pseudonym = stage.random.hex(16);
    stage.record(
        request
            .act("record.erase", vec![records()])
            .with("pseudonym", pseudonym)
            .with("records", 214)
            .with("parts", "identity personal")
            .denied("A legal hold covers 31 of these records")
            .own(),
    );
    let request = stage.console(PRIYA, at + 10 * DAY);
    stage.record(
        request
            .act("record.redact", vec![records()])
            .with("records", 1)
            .with("parts", "detail")
            .with("approved_by", account(PRIYA))
            .failed(409, "A second person must approve; the one who asked cannot")
            .own(),
    );
    removal(stage, at + 11 * DAY);
    let request = stage.console(PRIYA, at + 41 * DAY);
    stage.record(request.act("legal_hold.release", vec![hold]).with("hold", id_of("hold", "refunds")).own());
}

/// A redaction is asked for; who asked cannot approve it, and it is taken back, so nothing is restated.
fn removal(stage: &mut Stage, at: Micros) {
    let removal = || vec![json!({"type": "removal", "id": id_of("redaction", "refunds")})];
    let of_it = |draft: super::stage::Draft| draft.with("kind", "redaction").with("records", 1).with("parts", "detail");
    let request = stage.console(PRIYA, at);
    stage.record(of_it(request.act("record.removal.request", removal())).own());
    let own = of_it(request.later(4 * MINUTE).act("record.removal.approve", removal()));
    stage.record(own.denied("A second person must approve it: who asked for it cannot").own());
    let restated = request.later(5 * MINUTE).act("record.restate", vec![records()]);
    stage.record(restated.failed(409, "The redaction waits for its approval").own());
    stage.record(of_it(request.later(30 * MINUTE).act("record.removal.reject", removal())).own());
}

/// A search of the log is saved for everybody, made narrower a month later, and in the end nobody needs it.
pub(super) fn saved_search(stage: &mut Stage, at: Micros) {
    let search =
        json!({"type": "saved_search", "id": id_of("search", "denied-in-production"), "name": "Denied in production"});
    let of_all = |draft: super::stage::Draft| draft.with("visibility", "organization");
    let (wide, narrow) =
        ("outcome:denied environment:production", "outcome:denied environment:production -actor_type:system");
    let request = stage.console(PRIYA, at);
    stage.record(of_all(request.act("audit_log.search.save", vec![search.clone()])).with("q", wide).own());
    let request = stage.console(PRIYA, at + 30 * DAY);
    let changed = of_all(request.act("audit_log.search.update", vec![search.clone()])).change("/q", wide, narrow);
    stage.record(changed.with("q", narrow).own());
    let request = stage.console(PRIYA, at + 95 * DAY);
    stage.record(of_all(request.act("audit_log.search.delete", vec![search])).with("q", narrow).own());
}

/// What runs once a week: nothing is old enough to be moved or removed.
pub(super) fn weekly(stage: &mut Stage, at: Micros) {
    for (turn, (action, days)) in [("record.archive", 365), ("record.purge", 730)].into_iter().enumerate() {
        let request = actarium(stage, at + turn as Micros * 20 * time::SECOND);
        let before = time::to_text(at - days * DAY);
        stage.record(request.act(action, vec![records()]).with("records", 0).with("before", before).own());
    }
}

/// The service is stopped for a new version and started again.
pub(super) fn upgrade(stage: &mut Stage, version: usize, at: Micros) {
    let (before, after) = (format!("0.1.{version}"), format!("0.1.{}", version + 1));
    let request = actarium(stage, at);
    stage.record(request.act("service.stop", vec![service()]).with("version", before).own());
    let later = request.later(7 * time::SECOND);
    stage.record(later.act("service.start", vec![service()]).with("version", after).with("after", "clean").own());
}

/// A sender's events are refused.
pub(super) fn refusal(stage: &mut Stage, at: Micros) {
    let sender = json!({"type": "api_key", "id": id_of("key", "store-porto"), "name": "store-porto"});
    let request = stage.request_of(at, sender, "192.0.2.231", "northwind-edge/3.1.2", "api");
    let (status, reason) = *stage.random.pick(&[
        (401, "credential was revoked"),
        (422, "events[3] /occurred_at: more than 5 minutes ahead of the server"),
        (413, "body is larger than 16 MiB"),
    ]);
    let requests = stage.random.between(1, 40);
    let draft = request
        .act("ingestion.refuse", vec![service()])
        .with("requests", requests)
        .with("status", status)
        .with("credential", id_of("key", "store-porto"));
    stage.record(draft.denied(reason).own());
}
