//! The first start, signing in and out, tokens and sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use actarium_server::signin::totp;
use actarium_store::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Person, Server, json_lines, stderr};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_up(server: &Server) -> Person<'_> {
    let output = server.fed(
        &["setup", "--org", "acme", "--email", "ada@example.com", "--password-file", "-"],
        format!("{PASSWORD}\n").as_bytes(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a password that was given is not printed");
    server.person("ada@example.com")
}

#[test]
fn the_first_start_is_one_command_that_may_be_repeated() {
    let server = Server::start();
    let data = server.path("data").display().to_string();
    let setup = ["setup", "--org", "acme", "--name", "Acme Inc.", "--email", "ada@example.com", "--data-dir", &data];
    let ada = server.person("ada@example.com");
    // With nothing but the data folder; a password is made where nobody can be asked.
    let first = ada.command(&setup).output().unwrap();
    assert!(first.status.success(), "{}", stderr(&first));
    let password = String::from_utf8(first.stdout.clone()).unwrap();
    assert!(password.trim().len() >= 20 && password.lines().count() == 1, "the password alone: {password}");
    assert!(!stderr(&first).contains(password.trim()), "{}", stderr(&first));
    let signed_in = ada.fed(&["login", "--email", "ada@example.com"], &password);
    assert!(signed_in.status.success(), "{}", stderr(&signed_in));
    let own = ada.json(&["user", "show", "ada@example.com"]);
    assert_eq!((&own["groups"][0]["id"], &own["name"]), (&json!("admin"), &json!("ada")));
    assert_eq!(ada.json(&["org", "show"])["name"], "Acme Inc.");

    let again = ada.command(&setup).output().unwrap();
    assert!(again.status.success() && again.stdout.is_empty(), "{}", stderr(&again));
    let told = stderr(&again);
    assert!(told.contains("organization acme (Acme Inc.) is there"), "{told}");
    assert!(told.contains("ada@example.com is an administrator of acme"), "{told}");

    // What is missing is made: the membership of somebody who is a user, the organization of somebody with an account.
    ada.done(&["user", "add", "bo@example.com", "--name", "Bo"]);
    let bo = server.done(&["setup", "--org", "acme", "--email", "bo@example.com", "--json"]);
    let bo: Value = serde_json::from_str(&bo).unwrap();
    assert_eq!((&bo["user_created"], &bo["user"]["groups"][0]["id"]), (&json!(false), &json!("admin")));
    let other = server.run(&["setup", "--org", "other", "--email", "ada@example.com"]);
    assert!(other.status.success() && other.stdout.is_empty(), "no password is made for an account that is there");
    assert!(stderr(&other).contains("ada@example.com has an account"), "{}", stderr(&other));
    assert!(ada.done(&["org", "list"]).contains("other"));

    server.done(&["user", "update", "--org", "acme", "bo@example.com", "--inactive"]);
    let inactive = server.run(&["setup", "--org", "acme", "--email", "bo@example.com"]);
    assert_eq!(inactive.status.code(), Some(1));
    assert!(stderr(&inactive).contains("not active"), "{}", stderr(&inactive));

    // Refused: a token that is not the operator's, a folder that is none, a password that is too short.
    assert_eq!(ada.command(&["setup", "--email", "x@example.com"]).output().unwrap().status.code(), Some(4));
    let nowhere = ["setup", "--email", "x@example.com", "--data-dir", "/nowhere"];
    assert!(ada.refused(2, &nowhere).contains("/nowhere/operator.token"));
    let short = server.fed(&["setup", "--org", "acme", "--email", "x@example.com", "--password-file", "-"], b"short\n");
    assert_eq!(short.status.code(), Some(1));
    assert!(stderr(&short).contains("/password must have 12 to 256 characters"), "{}", stderr(&short));
}

#[test]
fn signing_in_keeps_a_token_that_signing_out_revokes() {
    let server = Server::start();
    let ada = set_up(&server);
    let told = ada.refused(4, &["org", "list"]);
    assert!(told.contains("actarium login"), "{told}");

    let wrong = ada.fed(&["login", "--email", "ada@example.com"], "a-wrong-password\n");
    assert_eq!(wrong.status.code(), Some(4));
    assert!(stderr(&wrong).contains("is wrong") && !stderr(&wrong).contains("a-wrong-password"), "{}", stderr(&wrong));
    assert!(!ada.configuration.exists(), "nothing is kept of what failed");
    let nobody = ada.refused(2, &["login"]);
    assert!(nobody.contains("E-mail address") && nobody.contains("--email"), "{nobody}");

    ada.login();
    let file = ada.configuration.join("actarium/credentials.toml");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.contains(&server.url) && kept.contains("ada@example.com") && !kept.contains(PASSWORD), "{kept}");
    let first = ada.token();
    assert_eq!(ada.json(&["session", "whoami"])["user"]["email"], "ada@example.com");
    let listed = ada.json(&["token", "list"]);
    assert!(listed["name"].as_str().unwrap().starts_with("actarium login"), "{listed}");
    // The session of the command is over.
    let password = format!("{PASSWORD}\n");
    let sessions = ada.fed(&["session", "list", "--json"], &password);
    assert_eq!(json_lines(&String::from_utf8_lossy(&sessions.stdout)).len(), 1, "{}", stderr(&sessions));

    // An option and the environment count before it; an empty variable is none.
    assert_eq!(
        ada.command(&["org", "list"]).env("ACTARIUM_TOKEN", "act_pat_x").output().unwrap().status.code(),
        Some(4)
    );
    assert!(ada.command(&["org", "list"]).env("ACTARIUM_TOKEN", "").output().unwrap().status.success());
    ada.refused(4, &["--token", "act_pat_x", "org", "list"]);
    // Another server has no credential here.
    assert!(
        !ada.command(&["org", "list"]).env("ACTARIUM_URL", "http://127.0.0.1:1").output().unwrap().status.success()
    );

    // Signing in again takes the place of the token that was there.
    ada.login();
    let second = ada.token();
    assert_ne!(first, second);
    ada.refused(4, &["--token", &first, "org", "list"]);
    ada.done(&["--token", &second, "org", "list"]);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let told = ada.refused(2, &["org", "list"]);
    assert!(told.contains("0644") && told.contains("chmod 600") && !told.contains(&second), "{told}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    ada.done(&["logout"]);
    assert!(!fs::read_to_string(&file).unwrap().contains("act_pat_"));
    ada.refused(4, &["--token", &second, "org", "list"]);
    assert!(stderr(&ada.command(&["logout"]).output().unwrap()).contains("nobody is signed in"));
    fs::write(&file, "servers = 7 # act_pat_secret\n").unwrap();
    let told = ada.refused(2, &["org", "list"]);
    assert!(told.contains("no file of credentials") && !told.contains("act_pat_secret"), "{told}");
}

#[test]
fn tokens_made_elsewhere_are_kept_and_not_revoked_unasked() {
    let server = Server::start();
    let ada = set_up(&server);
    ada.login();
    let create = ["token", "create", "nightly", "--expires", "30d", "--permission", "audit_logs_view"];
    let password = format!("{PASSWORD}\n");
    let made = ada.fed(&create, &password);
    assert!(made.status.success(), "{}", stderr(&made));
    let secret = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(secret.starts_with("act_pat_"), "the secret alone: {secret}");

    let other = Person { configuration: server.path("elsewhere"), ..server.person("ada@example.com") };
    let given = other.fed(&["login", "--token-stdin"], &secret);
    assert!(given.status.success() && !stderr(&given).contains(&secret), "{}", stderr(&given));
    other.done(&["search"]);
    assert!(other.refused(4, &["user", "list"]).contains("users_view"), "it is held to what it was made for");
    other.done(&["logout"]);
    other.done(&["--token", &secret, "search"]);
    let refused = other.fed(&["login", "--token-stdin"], &server.token);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("act_pat_") && !stderr(&refused).contains(&server.token));
    let damaged = other.fed(&["login", "--token-stdin"], &secret[..secret.len() - 1]);
    assert_eq!(damaged.status.code(), Some(4), "{}", stderr(&damaged));
    assert!(other.fed(&["login", "--token-stdin"], &secret).status.success());
    other.done(&["logout", "--revoke"]);
    other.refused(4, &["--token", &secret, "search"]);

    // By name; of two of a name, by id; a token revokes itself without signing in.
    let unknown = ada.fed(&["token", "revoke", "weekly"], &password);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("there is no token `weekly`; there are:"), "{}", stderr(&unknown));
    for _ in 0..2 {
        assert!(ada.fed(&create, &password).status.success());
    }
    let ambiguous = ada.fed(&["token", "revoke", "nightly"], &password);
    assert!(stderr(&ambiguous).contains("2 tokens are called `nightly`"), "{}", stderr(&ambiguous));
    let tokens = json_lines(&ada.done(&["token", "list", "--json"]));
    let ids: Vec<&str> =
        tokens.iter().filter(|token| token["name"] == "nightly").map(|token| token["id"].as_str().unwrap()).collect();
    assert!(ada.fed(&["token", "revoke", ids[0]], &password).status.success());
    assert!(ada.fed(&["token", "revoke", "nightly"], &password).status.success());

    // As an administrator, for the organization: her own here, for there is nobody else.
    assert!(ada.fed(&create, &password).status.success());
    let of_user = ["--org", "acme", "--user", "ada@example.com"];
    let seen = json_lines(&ada.done(&[&["token", "list", "--json"], &of_user[..]].concat()));
    let nightly = seen.iter().find(|token| token["name"] == "nightly").unwrap();
    assert_eq!(nightly["prefix"], format!("act_pat_{}_", nightly["id"].as_str().unwrap()));
    assert!(ada.done(&[&["token", "list"], &of_user[..]].concat()).contains("act_pat_"));
    ada.done(&[&["token", "revoke", "nightly", "--yes"], &of_user[..]].concat());
    let left = json_lines(&ada.done(&[&["token", "list", "--json"], &of_user[..]].concat()));
    assert_eq!(left.len(), seen.len() - 1);
    let nameless = ada.refused(1, &[&["token", "revoke", "nightly", "--yes"], &of_user[..]].concat());
    assert!(nameless.contains("there is no token `nightly`"), "{nameless}");

    let own = ada.json(&["token", "list"])["id"].as_str().unwrap().to_owned();
    ada.done(&["token", "revoke", &own]);
    ada.refused(4, &["org", "list"]);
    assert!(stderr(&ada.command(&["logout"]).output().unwrap()).contains("good no more"));
    let long = ada.fed(&["token", "create", "x", "--expires", "400d"], &format!("ada@example.com\n{password}"));
    assert_eq!(long.status.code(), Some(1));
    assert!(stderr(&long).contains("at most 365 days"), "{}", stderr(&long));
    assert!(ada.refused(2, &["token", "create", "x", "--expires", "soon"]).contains("RFC 3339"));
}

/// A session as a browser has it.
struct Browser {
    url: String,
    cookie: String,
    csrf_token: String,
}

impl Browser {
    fn sign_in(server: &Server) -> Self {
        let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
        let address = format!("{}/v1/session", server.url);
        let mut answer = ureq::post(address).header("content-type", "application/json").send(body.as_bytes()).unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let own: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        Self { url: server.url.clone(), cookie, csrf_token: own["csrf_token"].as_str().unwrap().to_owned() }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = ureq::post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let request = request.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf_token);
        let mut answer = request.send(body.to_string().as_bytes()).unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }
}

fn of_base32(text: &str) -> totp::Secret {
    let digit = |character| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(character).unwrap();
    let bits: String = text.chars().map(|character| format!("{:05b}", digit(character))).collect();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|bits| u8::from_str_radix(str::from_utf8(bits).unwrap(), 2).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

#[test]
fn a_second_factor_is_asked_for() {
    let server = Server::start();
    let ada = set_up(&server);
    let browser = Browser::sign_in(&server);
    let begun = browser.post("/v1/second-factor", &json!({ "password": PASSWORD }));
    let code = totp::code(&of_base32(begun["secret"].as_str().unwrap()), totp::step_at(SystemClock::new().now()));
    let enabled = browser.post("/v1/second-factor/confirm", &json!({"enrolment": begun["enrolment"], "code": code}));
    let recovery = enabled["recovery_codes"][0].as_str().unwrap();

    let login = ["login", "--email", "ada@example.com"];
    let without = ada.fed(&login, &format!("{PASSWORD}\n"));
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("Code of the authenticator"), "{}", stderr(&without));
    let wrong = ada.fed(&login, &format!("{PASSWORD}\n000000\n"));
    assert_eq!(wrong.status.code(), Some(4), "{}", stderr(&wrong));
    let right = ada.fed(&login, &format!("{PASSWORD}\n{recovery}\n"));
    assert!(right.status.success(), "{}", stderr(&right));
    assert_eq!(ada.json(&["session", "whoami"])["second_factor"], true);
}

#[test]
fn sessions_are_listed_and_ended() {
    let server = Server::start();
    let ada = set_up(&server);
    ada.login();
    let _browser = Browser::sign_in(&server);
    let password = format!("{PASSWORD}\n");
    let listed = ada.fed(&["session", "list", "--json"], &password);
    let sessions = json_lines(&String::from_utf8_lossy(&listed.stdout));
    assert_eq!(sessions.len(), 2, "{}", stderr(&listed));
    let browser = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    let shown = ada.done(&["user", "sessions", "ada@example.com"]);
    assert!(shown.contains(browser) && shown.contains("127.0.0.1"), "{shown}");
    let ended = ada.fed(&["session", "revoke", browser], &password);
    assert!(ended.status.success(), "{}", stderr(&ended));
    assert!(!ada.done(&["user", "sessions", "ada@example.com"]).contains(browser));
    let _browser = Browser::sign_in(&server);
    let session = json_lines(&ada.done(&["user", "sessions", "ada@example.com", "--json"])).remove(0);
    ada.done(&["user", "end-session", session["id"].as_str().unwrap()]);
    assert!(json_lines(&ada.done(&["user", "sessions", "ada@example.com", "--json"])).is_empty());
    assert!(ada.refused(1, &["user", "end-session", "nothing"]).contains("no such session"));
    let operator = server.refused(1, &["session", "whoami"]);
    assert!(operator.contains("operator"), "{operator}");
}
