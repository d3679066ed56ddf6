//! Who may see the log: given and taken by commands, as administrators would.

use serde_json::{Value, json};

use crate::server::{PASSWORD, Person, Server, json_lines};

/// An organization with an administrator who is signed in.
fn administered(server: &Server) -> Person<'_> {
    let password = server.path("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let password = password.display().to_string();
    let setup = ["setup", "--org", "acme", "--name", "Acme Inc.", "--email", "ada@example.com", "--person-name"];
    server.done(&[&setup[..], &["Ada Lovelace", "--password-file", &password]].concat());
    let ada = server.person("ada@example.com");
    ada.login();
    ada
}

/// A user without any group, who is signed in.
fn member<'s>(ada: &Person<'s>, email: &str, name: &str) -> Person<'s> {
    let file = ada.server.path("password").display().to_string();
    let made = ada.json(&["user", "add", email, "--name", name, "--password-file", &file]);
    assert_eq!((&made["origin"], &made["groups"]), (&json!("administrator"), &json!([])));
    let person = ada.server.person(email);
    person.login();
    person
}

fn recorded(server: &Server, component: &str, project: &str) {
    let emit = ["emit", "--org", "acme", "--action", "component.deploy", "--actor", "user:u-1", "--target"];
    let targets = [&format!("component:{component}"), "--target", &format!("project:{project}")];
    server.done(&[&emit[..], &targets].concat());
}

/// What the person finds, or the exit code.
fn sees(person: &Person) -> Result<usize, i32> {
    let output = person.command(&["search", "--json", "action:component.*"]).output().unwrap();
    match output.status.code() {
        Some(0) => Ok(json_lines(&String::from_utf8_lossy(&output.stdout)).len()),
        code => Err(code.unwrap()),
    }
}

#[test]
fn access_to_the_log_is_given_and_taken_by_commands() {
    let server = Server::start();
    let ada = administered(&server);
    recorded(&server, "orders", "payments");
    recorded(&server, "search", "catalog");
    let cleo = member(&ada, "cleo@example.com", "Cleo");
    assert_eq!(sees(&ada), Ok(2));
    assert_eq!(sees(&cleo), Err(4));
    let told = cleo.done(&["session", "whoami"]);
    assert!(told.contains("cleo@example.com") && told.lines().any(|line| line.starts_with("acme ")), "{told}");
    assert_eq!(cleo.json(&["session", "whoami"])["organizations"][0]["permissions"], json!([]));

    let give = |level: &[&str]| {
        let role = ["role", "create", "Log readers", "--description", "See the log", "--permission", "LOG-MANAGEMENT"];
        let role = ada.json(&role);
        let gives = ["audit_logs_view", "audit_logs_export", "audit_logs_verify"];
        assert_eq!(role["effective_permissions"], json!(gives));
        let group = ada.json(&["group", "create", "Reviewers", "--description", "Who reviews"]);
        ada.done(&[&["group", "add-role", "reviewers", "Log readers"], level].concat());
        assert_eq!(sees(&cleo), Err(4), "not in the group yet");
        ada.done(&["group", "add-member", "Reviewers", "Cleo@Example.com"]);
        (role["id"].as_str().unwrap().to_owned(), group["id"].as_str().unwrap().to_owned())
    };
    let everywhere = ["--level", "organization"];
    give(&everywhere);
    assert_eq!(sees(&cleo), Ok(2));
    let why = ada.done(&["user", "permissions", "cleo@example.com"]);
    let line = why.lines().nth(1).unwrap();
    assert!(line.starts_with("Reviewers  Log readers  organization  audit_logs_view"), "{why}");
    let shown = ada.done(&["group", "show", "Reviewers"]);
    assert!(shown.contains("members      1") && shown.contains("roles        Log readers"), "{shown}");
    assert!(ada.done(&["group", "members", "Reviewers"]).contains("cleo@example.com"));

    // It goes with each of: the membership, the role of the group, the role, the group.
    ada.done(&["group", "remove-member", "Reviewers", "cleo@example.com"]);
    assert_eq!(sees(&cleo), Err(4));
    ada.done(&["group", "add-member", "Reviewers", "Cleo"]);
    assert_eq!(sees(&cleo), Ok(2));
    ada.done(&["group", "remove-role", "Reviewers", "Log readers"]);
    assert_eq!(sees(&cleo), Err(4));
    ada.done(&["group", "add-role", "Reviewers", "Log readers", "--project", "payments"]);
    assert_eq!(sees(&cleo), Ok(1), "of one project");
    let own = cleo.json(&["session", "whoami"]);
    assert_eq!(own["organizations"][0]["scope"], json!({"level": "project", "projects": ["payments"]}));
    let why = ada.done(&["user", "permissions", "cleo@example.com"]);
    assert!(why.lines().nth(1).unwrap().ends_with("  audit_logs_view, audit_logs_export"), "no more by project: {why}");
    ada.done(&["role", "delete", "Log readers"]);
    assert_eq!(sees(&cleo), Err(4));
    ada.done(&["group", "delete", "Reviewers", "--yes"]);
    let (_, group) = give(&everywhere);
    assert_eq!(sees(&cleo), Ok(2));
    ada.done(&["group", "delete", &group]);
    assert_eq!(sees(&cleo), Err(4));

    // Each of it is recorded, by the one who did it.
    let given = server.done(&["search", "--org", "acme", "--json", "action:group.role.assign"]);
    let given = json_lines(&given);
    assert_eq!((given.len(), &given[0]["actor"]["name"]), (3, &json!("Ada Lovelace")));
    ada.done(&["user", "update", "cleo@example.com", "--inactive"]);
    assert_eq!(sees(&cleo), Err(1), "who is not active does not know the organization");
    ada.done(&["user", "remove", "cleo@example.com"]);
    assert!(!ada.done(&["user", "list"]).contains("cleo@example.com"));
}

#[test]
fn what_became_of_a_password_is_told() {
    let server = Server::start();
    let ada = administered(&server);
    let password = server.path("password").display().to_string();
    let added = |output: std::process::Output| {
        assert!(output.status.success(), "{}", crate::server::stderr(&output));
        crate::server::stderr(&output)
    };
    let told = added(ada.command(&["user", "add", "cleo@example.com", "--name", "Cleo"]).output().unwrap());
    assert!(told.contains("no password") && told.contains("actarium invite create --org acme"), "{told}");
    let told = added(server.run(&[
        "user",
        "add",
        "--org",
        "acme",
        "dana@example.com",
        "--name",
        "D",
        "--password-file",
        &password,
    ]));
    assert_eq!(told, "", "it is set");
    server.done(&["org", "create", "other"]);
    let again = ["user", "add", "--org", "other", "dana@example.com", "--name", "D"];
    let told = added(server.run(&[&again[..], &["--password-file", &password]].concat()));
    assert!(told.contains("NOT set"), "{told}");
}

#[test]
fn what_is_unknown_or_ambiguous_is_told_with_what_is_there() {
    let server = Server::start();
    let ada = administered(&server);
    for email in ["kim@example.com", "kim@example.org"] {
        ada.done(&["user", "add", email, "--name", "Kim", "--group", "Developer"]);
    }
    let told = ada.refused(1, &["user", "show", "kim"]);
    assert!(told.contains("2 users are called `kim`; say which by its id"), "{told}");
    assert!(told.contains("  usr_") && told.contains("  kim@example.org  Kim"), "{told}");
    let told = ada.refused(1, &["user", "show", "adda"]);
    assert!(told.contains("acme has no user `adda`; there are:") && told.contains("ada@example.com"), "{told}");
    let one = ada.json(&["user", "show", "KIM@example.org"]);
    assert_eq!(one, ada.json(&["user", "show", one["id"].as_str().unwrap()]));
    assert_eq!(one["groups"], json!([{"id": "developer", "name": "Developer"}]));
    // Default groups and roles by name and by id.
    assert_eq!(ada.json(&["group", "show", "platform-engineer"]), ada.json(&["group", "show", "Platform engineer"]));
    assert_eq!(ada.json(&["role", "show", "auditor"])["default"], true);
    assert!(ada.refused(1, &["role", "show", "Reader"]).contains("acme has no role `Reader`; there are:"));
    assert!(ada.refused(1, &["group", "delete", "admin"]).contains("default group"));
    assert!(ada.refused(1, &["key", "revoke", "CI"]).contains("acme has no key `CI`; it has none at all"));
    // Nothing is changed when one of several is wrong.
    ada.refused(1, &["group", "add-member", "Auditor", "kim@example.com", "nobody@example.com"]);
    assert_eq!(ada.json(&["group", "show", "Auditor"])["member_count"], 0);

    assert!(ada.refused(2, &["group", "add-role", "Developer", "Auditor"]).contains("--level"));
    for wrong in [&["--level", "project"][..], &["--level", "organization", "--project", "p"]] {
        assert!(
            ada.refused(2, &[&["group", "add-role", "Developer", "Auditor"], wrong].concat()).contains("--project")
        );
    }
    assert!(ada.refused(2, &["user", "update", "ada@example.com"]).contains("nothing to change"));
    assert!(ada.refused(1, &["role", "create", "X", "--permission", "LOGS"]).contains("/permissions"));
    assert!(ada.refused(1, &["user", "show", "ada@example.com", "--org", "nobody"]).contains("nobody"));
    let mut nowhere = ada.command(&["user", "list"]);
    let output = nowhere.env_remove("ACTARIUM_ORG").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Somebody with fewer rights is told so, and what they may not know they are not told.
    let kim = member(&ada, "bo@example.com", "Bo");
    assert!(kim.refused(4, &["user", "list"]).contains("users_view"));
    assert!(kim.refused(4, &["group", "create", "X"]).contains("groups_manage"));
    assert!(ada.refused(1, &["group", "remove-member", "admin", "ada@example.com"]).contains("administrator"));
}

#[test]
fn lists_and_what_roles_are_made_of() {
    let server = Server::start();
    let ada = administered(&server);
    let users = ada.done(&["user", "list"]);
    let line = users.lines().find(|line| line.contains("ada@example.com")).unwrap();
    assert!(line.contains("Ada Lovelace") && line.contains("active") && line.ends_with("Admin"), "{users}");
    let names: Vec<Value> = json_lines(&ada.done(&["group", "list", "--json"]));
    assert_eq!(names.len(), 4);
    let found = json_lines(&ada.done(&["group", "list", "--search", "AUDITOR", "--json"]));
    assert!(found.len() < 4 && found.iter().any(|group| group["id"] == "auditor"), "{found:?}");
    let roles = ada.done(&["role", "list"]);
    assert!(roles.lines().any(|line| line.starts_with("Platform Engineer ")), "{roles}");
    let permissions = ada.done(&["permissions"]);
    let line = permissions.lines().find(|line| line.contains("audit_logs_view")).unwrap();
    assert!(line.starts_with("LOG-MANAGEMENT ") && line.contains("Platform Engineer"), "{permissions}");
    assert!(json_lines(&ada.done(&["permissions", "--json"])).len() >= 10);
    // People list their own organizations, the operator all.
    server.done(&["org", "create", "other"]);
    assert_eq!(ada.done(&["org", "list"]).lines().count(), 2);
    assert!(server.done(&["org", "list"]).contains("other"));
    ada.done(&["org", "rename", "acme", "Acme Holding"]);
    assert_eq!(ada.json(&["org", "show"])["name"], "Acme Holding");
    assert!(ada.refused(1, &["org", "show", "other"]).contains("other"));

    let role = ada.json(&["role", "create", "Helpdesk", "--permission", "users_view", "--permission", "groups_view"]);
    let changed = ada.json(&["role", "update", "Helpdesk", "--name", "Desk", "--permission", "users_view"]);
    assert_eq!((&changed["id"], &changed["permissions"]), (&role["id"], &json!(["users_view"])));
    let renamed = ada.json(&["group", "create", "A"])["id"].clone();
    assert_eq!(ada.json(&["group", "update", "A", "--description", "d", "--name", "B"])["id"], renamed);
    ada.done(&["group", "update", "B", "--description", ""]);
    assert_eq!(ada.json(&["group", "show", "B"])["description"], "");

    let secret = ada.done(&["scim-token", "create", "Okta"]);
    assert!(secret.starts_with("act_scim_") && secret.lines().count() == 1, "the secret alone: {secret}");
    assert!(ada.done(&["scim-token", "list"]).contains("Okta"));
    ada.done(&["scim-token", "revoke", "okta"]);
    assert!(json_lines(&ada.done(&["scim-token", "list", "--json"])).is_empty());
    assert_eq!(ada.done(&["identity-provider", "list"]).lines().count(), 1);
}
