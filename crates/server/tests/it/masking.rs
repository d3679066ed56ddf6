//! Masking: a credential that was sent is nowhere in what is answered or kept, and what is masked can be chosen.

use actarium_server::masking::MaskingOptions;
use serde_json::json;

use crate::client::{Service, event};
use crate::person::Person;

/// The files below a folder that hold these bytes.
fn files_with(folder: &std::path::Path, wanted: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if std::fs::read(&path).unwrap().windows(wanted.len()).any(|window| window == wanted) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_credential_that_was_sent_is_not_kept() {
    let service = Service::start();
    service.organization("acme");
    let mut sent = event("component.deploy", "orders");
    sent["metadata"] = json!({"db_password": "hunter2-in-a-rush", "branch": "main"});
    sent["changes"] =
        json!([{"path": "/env", "before": null, "after": [{"name": "API_TOKEN", "value": "hunter2-in-a-rush"}]}]);
    sent["message"] = json!("deployed with --token hunter2-in-a-rush");
    assert_eq!(service.record("acme", &sent).status, 201);
    let record = json!({"eventID": "e1", "eventVersion": "1.08", "eventTime": "2026-01-01T00:00:00Z",
        "eventSource": "rds.amazonaws.com", "eventName": "ModifyDBInstance", "awsRegion": "eu-west-1",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ada", "userName": "ada", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "requestParameters": {"dBInstanceIdentifier": "orders", "masterUserPassword": "hunter2-in-a-rush"}});
    let answer = service.request("POST", "/v1/orgs/acme/ingest/cloudtrail").json(&record).send();
    assert_eq!(answer.json()["recorded"], 1, "{answer:?}");

    let found = &service.find("acme", "action=component.deploy")[0];
    assert_eq!(found["metadata"], json!({"db_password": "[masked: password]", "branch": "main"}));
    assert_eq!(found["changes"][0]["after"][0]["value"], "[masked: token]");
    assert_eq!(found["message"], "deployed with --token [masked: token]");
    let taken = &service.find("acme", "source=cloudtrail&from=2025-01-01T00:00:00Z")[0];
    assert_eq!(taken["metadata"]["requestParameters.masterUserPassword"], "[masked: password]");
    assert!(taken.to_string().contains("AKIAIOSFODNN7EXAMPLE"), "who it was is kept: {taken}");
    assert_eq!(service.find("acme", "q=hunter2&from=2025-01-01T00:00:00Z").len(), 0);
    let folder = service.stop();
    assert_eq!(files_with(folder.path(), b"hunter2-in-a-rush"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_organization_chooses_what_is_masked_and_that_is_recorded() {
    let service = Service::start();
    service.organization("acme");
    let patch = |body| service.request("PATCH", "/v1/orgs/acme").json(&body).send();
    let answer = patch(json!({"mask_keys": ["iban"], "keep_keys": ["deploy_token"]}));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["mask_keys"], json!(["iban"]));
    let mut sent = event("component.deploy", "orders");
    sent["metadata"] = json!({"customer_iban": "DE1", "deploy_token": "t1", "password": "p1"});
    service.record("acme", &sent);
    let masked = json!({"customer_iban": "[masked: key]", "deploy_token": "t1", "password": "[masked: password]"});
    assert_eq!(service.find("acme", "action=component.deploy")[0]["metadata"], masked);
    assert_eq!(patch(json!({"mask_secrets": false})).json()["mask_secrets"], false);
    service.record("acme", &sent);
    let recorded = service.find("acme", "action=component.deploy&limit=1")[0]["metadata"].clone();
    assert_eq!(recorded, sent["metadata"]);
    let records = service.find("acme", "action=organization.update");
    assert_eq!(records[0]["changes"], json!([{"path": "/mask_secrets", "before": true, "after": false}]));
    assert_eq!(records[1]["changes"][0], json!({"path": "/mask_keys", "before": [], "after": ["iban"]}));
    for key in ["--", "iban\0"] {
        let refused = patch(json!({"mask_keys": [key]}));
        assert_eq!(refused.status, 422, "{refused:?}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/mask_keys/0");
    }
}

#[test]
fn an_operator_who_enforces_masking_is_not_overruled() {
    let options = MaskingOptions { enforced: true, mask_keys: vec!["pin".into()], keep_keys: Vec::new() };
    let service = Service::start_on(tempfile::tempdir().unwrap(), |server| server.masking = options);
    service.organization("acme");
    for body in [json!({"mask_secrets": false}), json!({"keep_keys": ["token"]})] {
        assert_eq!(service.request("PATCH", "/v1/orgs/acme").json(&body).send().status, 422, "{body}");
    }
    let mut sent = event("component.deploy", "orders");
    sent["metadata"] = json!({"card_pin": 1234});
    service.record("acme", &sent);
    assert_eq!(service.find("acme", "action=component.deploy")[0]["metadata"]["card_pin"], "[masked: key]");
}

#[test]
fn a_token_that_was_looked_for_is_not_in_the_record_of_the_search() {
    let service = Service::start();
    service.organization("acme");
    let token = format!("ghp_{}", "a1B2c3D4e5f6".repeat(3));
    // The border between two values of metadata goes through the second.
    let before = "x".repeat(480);
    let person = Person::new(&service, "Quinn", &["admin"]);
    for q in [token.clone(), format!("actor:{before} actor:{token}")] {
        person.sees(&service, &format!("q={}&from=-1d", q.replace(' ', "+"))).unwrap();
    }
    let records = service.find_count("acme", &format!("action=audit_log.search&actor={}", person.id), 2);
    let told: Vec<String> = records.iter().map(|record| record["metadata"].to_string()).collect();
    assert!(told.iter().all(|metadata| metadata.contains("mask")), "{told:?}");
    let told = told.concat().to_ascii_lowercase();
    assert!(!told.contains("ghp") && !told.contains("1b2c3d4e5"), "{told}");
}
