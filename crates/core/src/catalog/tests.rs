//! What the catalog promises: every action is there, every sentence can be told, every mistake is shown where it is.

use serde_json::json;

use super::*;
use crate::event::Outcome;
use crate::row::RowView;

/// The operations that the record is for, family by family.
const DESIGN: &str = "
project.create project.update project.delete
component.create component.update component.delete
component.promote
component.version.create
component.deploy component.redeploy component.undeploy
component.access_mode.update
component.auto_deploy.enable component.auto_deploy.disable
component.build_config.update
component.endpoint.create component.endpoint.update component.endpoint.delete
user.create user.update user.remove user.invite user.invitation.accept user.invitation.resend user.invitation.revoke user.invitation.expire group.create group.update group.delete group.member.add group.member.remove group.role.assign group.role.unassign role.create role.update role.delete
on_prem_key.create on_prem_key.update on_prem_key.revoke
project.config.create project.config.update project.config.link project.config.delete
session.sign_in session.sign_out session.revoke password.update second_factor.update token.create token.revoke
identity_provider.create identity_provider.update identity_provider.delete sign_in.update user.identity.link
audit_log.search audit_log.search.save audit_log.search.update audit_log.search.delete audit_log.view audit_log.export audit_log.export.download audit_log.export.delete audit_log.verify audit_log.continue audit_log.key.rotate retention.update legal_hold.place legal_hold.release record.erase record.redact record.restate record.removal.request record.removal.approve record.removal.reject record.archive record.purge
organization.create organization.update service.start service.stop ingestion.refuse
";

fn event_of(action: &Action, outcome: &str) -> serde_json::Value {
    let mut metadata = serde_json::Map::new();
    for key in &action.metadata {
        metadata.insert(key.key.clone(), json!(format!("the-{}", key.key)));
    }
    let mut targets = vec![json!({"type": action.resource, "id": "r_1", "name": "the-resource"})];
    for kind in ["component", "project", "environment", "user", "group", "role"] {
        if kind != action.resource {
            targets.push(json!({"type": kind, "id": format!("{kind}_1"), "name": format!("the-{kind}")}));
        }
    }
    json!({
        "action": action.action, "outcome": outcome, "reason": "the-reason",
        "actor": {"type": "user", "id": "u_1", "name": "Ada"},
        "targets": targets,
        "changes": [{"path": "/spec/replicas", "before": 1, "after": 2}],
        "metadata": metadata,
    })
}

fn sentence(event: serde_json::Value) -> String {
    Catalog::builtin().sentence(&Facts::of_json(&event))
}

#[test]
fn holds_the_operations_of_the_design_and_no_other() {
    let families: Vec<Vec<&str>> =
        DESIGN.lines().filter(|line| !line.is_empty()).map(|line| line.split(' ').collect()).collect();
    let built: Vec<Vec<&str>> = Catalog::builtin()
        .families()
        .iter()
        .map(|family| family.actions.iter().map(|action| action.action.as_str()).collect())
        .collect();
    assert_eq!(families, built);
    assert_eq!(Catalog::builtin().iter().count(), 82);
}

#[test]
fn tells_every_action_with_every_outcome() {
    for action in Catalog::builtin().iter() {
        let mut told = Vec::new();
        for &outcome in Outcome::ALL {
            let facts = Facts::of_json(&event_of(action, outcome.as_str()));
            let sentence = Catalog::builtin().sentence(&facts);
            assert!(!sentence.contains(['{', '}', '[', ']']), "{sentence}");
            assert!(!sentence.contains("  ") && sentence.trim() == sentence, "{sentence:?}");
            assert!(!sentence.contains("unknown ") && !sentence.contains("someone"), "{}: {sentence}", action.action);
            let row: String = Catalog::builtin().row_pieces(&facts).into_iter().map(|piece| piece.text).collect();
            assert!(row.starts_with(&action.verb.as_ref().unwrap().base), "{row}");
            told.push(sentence);
        }
        told.dedup();
        // A refusal is what happened, whatever its outcome.
        let distinct = if action.action == "ingestion.refuse" { 2 } else { 4 };
        assert_eq!(told.len(), distinct, "{told:?}");
    }
}

#[test]
fn tells_what_happened() {
    let promote = Catalog::builtin().get("component.promote").unwrap();
    let mut event = event_of(promote, "success");
    event["metadata"]["from"] = json!("staging");
    assert_eq!(sentence(event.clone()), "Ada promoted the-resource from staging to the-environment");
    event["outcome"] = json!("denied");
    assert_eq!(sentence(event.clone()), "Ada was denied promoting the-resource from staging to the-environment");
    event["outcome"] = json!("failure");
    assert_eq!(sentence(event.clone()), "Ada failed to promote the-resource from staging to the-environment");
    event["outcome"] = json!("unknown");
    assert_eq!(
        sentence(event.clone()),
        "Ada tried to promote the-resource from staging to the-environment (outcome unknown)"
    );
    event["metadata"] = json!({});
    event["outcome"] = json!("success");
    event["actor"] = json!({"type": "agent", "id": "release-bot", "on_behalf_of": {"type": "user", "id": "u_2", "email": "b@example.com"}});
    assert_eq!(sentence(event), "release-bot on behalf of b@example.com promoted the-resource to the-environment");
}

#[test]
fn keeps_to_the_roles_of_pieces() {
    let promote = Catalog::builtin().get("component.promote").unwrap();
    let facts = Facts::of_json(&event_of(promote, "denied"));
    let row = Catalog::builtin().row_pieces(&facts);
    let roles: Vec<(Role, &str)> = row.iter().map(|piece| (piece.role, piece.text.as_str())).collect();
    assert_eq!(
        roles,
        [
            (Role::Verb, "promote"),
            (Role::Thing, " the-resource"),
            (Role::Circumstance, " from the-from"),
            (Role::Circumstance, " to the-environment")
        ]
    );
}

#[test]
fn tells_an_action_outside_of_the_catalog_by_its_name() {
    let event = json!({"action": "s3.get_bucket_logging", "outcome": "denied", "actor": {"type": "user", "id": "ben"},
        "targets": [{"type": "bucket", "id": "b1"}]});
    assert_eq!(sentence(event), "ben was denied performing s3.get_bucket_logging on b1");
}

#[test]
fn tells_something_of_an_event_that_lacks_everything() {
    assert_eq!(sentence(json!({"action": "component.endpoint.delete"})), "someone deleted endpoint (unnamed)");
    let other_type = json!({"action": "component.endpoint.delete", "targets": [{"type": "api", "id": "/v1"}]});
    assert_eq!(sentence(other_type), "someone deleted endpoint /v1");
    assert_eq!(sentence(json!({"action": "user.invite", "actor": {"id": "u"}})), "u invited unknown email");
    for action in Catalog::builtin().iter() {
        for &outcome in Outcome::ALL {
            let odd = json!({"action": action.action, "outcome": outcome.as_str(), "actor": [1], "targets": {"type": 3},
                "changes": [7, {"path": []}], "metadata": [null], "reason": 4});
            let told = sentence(odd);
            assert!(!told.trim().is_empty() && !told.contains(['{', '[']), "{told}");
        }
    }
    assert_eq!(Catalog::builtin().sentence(&Facts::of_row(&RowView::EMPTY)), "someone performed ");
}

#[test]
fn puts_values_in_as_they_are() {
    let hostile = "{target}[x]{{<b>\u{202e}{metadata.from}";
    let event = json!({"action": "component.delete", "actor": {"type": "user", "id": "u", "name": hostile},
        "targets": [{"type": "component", "id": "c", "name": hostile}], "metadata": {"from": "no"}});
    assert_eq!(sentence(event), format!("{hostile} deleted {hostile}"));
}

#[test]
fn tells_the_same_from_a_row_and_from_json() {
    let event = event_of(Catalog::builtin().get("component.build_config.update").unwrap(), "failure");
    let texts = ["actor", "targets", "changes", "metadata"].map(|field| event[field].to_string());
    let mut row = RowView::EMPTY;
    row.texts[crate::row::Column::Action as usize] = event["action"].as_str();
    row.texts[crate::row::Column::Outcome as usize] = event["outcome"].as_str();
    row.texts[crate::row::Column::Reason as usize] = event["reason"].as_str();
    for (column, text) in [
        crate::row::Column::Actor,
        crate::row::Column::Targets,
        crate::row::Column::Changes,
        crate::row::Column::Metadata,
    ]
    .into_iter()
    .zip(&texts)
    {
        row.texts[column as usize] = Some(text);
    }
    assert_eq!(Facts::of_row(&row), Facts::of_json(&event));
}

#[test]
fn a_message_is_told_before_the_template() {
    let event = json!({"action": "component.delete", "message": "gone", "actor": {"id": "u"}});
    assert_eq!(Catalog::builtin().describe(&Facts::of_json(&event)), "gone");
}

#[test]
fn counts_changes_beyond_the_third() {
    let changes: Vec<_> = (1..=5).map(|n| json!({"path": format!("/p{n}"), "after": n})).collect();
    let mut event = json!({"action": "project.update", "actor": {"id": "u"},
        "targets": [{"type": "project", "id": "p", "name": "payments"}], "changes": changes[..3]});
    assert_eq!(sentence(event.clone()), "u updated project payments (/p1, /p2, /p3)");
    event["changes"] = json!(changes);
    assert_eq!(sentence(event), "u updated project payments (/p1, /p2 and 3 more)");
}

#[test]
fn declares_the_metadata_that_its_sentences_use() {
    for action in Catalog::builtin().iter() {
        let templates = Outcome::ALL.iter().filter_map(|&outcome| action.sentence_template(outcome));
        for value in templates.chain([action.phrase_template()]).flat_map(Template::values) {
            if let Value::Metadata(key) = value {
                assert!(action.metadata.iter().any(|entry| entry.key == *key), "{}: {key}", action.action);
            }
        }
        assert_eq!(action.reserved, is_reserved(&action.action));
    }
    let reserved = Catalog::builtin().iter().filter(|action| action.reserved).count();
    assert_eq!(reserved, 25);
}

const OWN: &str = r#"
family = "billing"
title = "Billing"

[[action]]
action = "invoice.send"
title = "Send invoice"
resource = "invoice"
sentence.success = "{actor} sent invoice {invoice}[ to {metadata.customer}]"
metadata.customer = { is = "Who gets it", personal = true }

[[action]]
action = "component.deploy"
title = "Ship"
resource = "component"
verb = ["ship", "shipped", "shipping"]
phrase = "{component}"
"#;

#[test]
fn an_organization_adds_its_own() {
    let own = Catalog::parse(OWN).unwrap();
    let merged = Catalog::builtin().merge(&own);
    assert_eq!(merged.iter().count(), Catalog::builtin().iter().count() + 1);
    let tell = |event| merged.sentence(&Facts::of_json(&event));
    let mut sent = json!({"action": "invoice.send", "actor": {"id": "u"}, "targets": [{"type": "invoice", "id": "7"}]});
    assert_eq!(tell(sent.clone()), "u sent invoice 7");
    sent["outcome"] = json!("denied");
    assert_eq!(tell(sent), "u sent invoice 7 (denied)");
    let deploy =
        json!({"action": "component.deploy", "actor": {"id": "u"}, "targets": [{"type": "component", "id": "c"}]});
    assert_eq!(tell(deploy), "u shipped c");
    assert_eq!(merged.get("component.deploy").unwrap().family, "deployment");
    assert_eq!(merged.families().last().unwrap().actions.len(), 1);
}

#[track_caller]
fn refused(replaced: &str, by: &str, line: usize, reason: &str) {
    let text = OWN.replacen(replaced, by, 1);
    assert_ne!(text, OWN, "nothing was replaced");
    let error = Catalog::parse(&text).unwrap_err();
    assert_eq!(error.line, line, "{error}");
    assert!(error.reason.contains(reason), "{error}");
}

#[test]
fn shows_where_a_catalog_is_wrong() {
    refused("title = \"Billing\"", "title = ", 3, "");
    refused("title = \"Billing\"", "titel = \"Billing\"", 3, "unknown field");
    refused("family = \"billing\"", "family = \"Billing!\"", 2, "family's name");
    refused("action = \"invoice.send\"", "action = \"invoice\"", 6, "`resource.verb`");
    refused("action = \"invoice.send\"", "action = \"Invoice.Send\"", 6, "lower case");
    refused("action = \"invoice.send\"", "action = \"record.erase\"", 6, "Actarium alone");
    refused("action = \"invoice.send\"", "action = \"component.deploy\"", 13, "already there in line 6");
    refused("resource = \"invoice\"", "resource = \"in voice\"", 8, "is no type");
    refused("title = \"Send invoice\"", "title = \" \"", 7, "a text is");
    refused("{invoice}", "{invoice", 9, "stands for nothing");
    refused("{invoice}", "{in voice}", 9, "stands for nothing");
    refused("[ to", "[[ to", 9, "`]` without `[`");
    refused(" to {metadata.customer}]", " to {metadata.customer}", 9, "`[` without `]`");
    refused("[ to", "[ [to", 9, "brackets within brackets");
    refused("{metadata.customer}", "{metadata.}", 9, "names no metadata key");
    refused("sentence.success =", "sentence.failure =", 6, "neither `verb` nor `sentence.success`");
    refused("metadata.customer = {", "metadata.\"a b\" = {", 10, "a metadata key is");
    refused(", personal = true", "", 10, "personal");
    refused("[\"ship\", \"shipped\", \"shipping\"]", "[\"ship\"]", 16, "three forms");
    refused("verb = [\"ship\", \"shipped\", \"shipping\"]", "sentence.success = \"x\"", 17, "follows a `verb`");
    let long = format!("{}{}", OWN, "#".repeat(CATALOG_BYTES_MAX));
    assert!(Catalog::parse(&long).unwrap_err().reason.contains("at most"));
}

proptest::proptest! {
    #[test]
    fn never_panics_on_a_template(source in "([{}\\[\\]a-z. ]|actor|metadata\\.)*", name in ".*") {
        if let Ok(template) = Template::parse(&source, "a") {
            let facts = Facts::of_json(&json!({"actor": {"name": name}, "metadata": {"a": name}}));
            let mut runs = 0;
            template.render(&facts, |_| runs += 1);
            proptest::prop_assert!(runs <= source.len());
        }
    }

    #[test]
    fn never_panics_on_a_catalog(at in 0..OWN.len(), junk in "[\\PC\\n]{0,6}") {
        let text = format!("{}{junk}{}", &OWN[..at], &OWN[at..]);
        if let Err(error) = Catalog::parse(&text) {
            proptest::prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1);
        }
    }
}
