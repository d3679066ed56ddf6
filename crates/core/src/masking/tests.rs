//! What is masked and, as important, what is not.

use super::*;
use crate::event::{BodyForm, Intake, Limits, decode};
use crate::json::{parse, push_canonical};
use crate::row::Column;
use proptest::prelude::*;

// Taken apart, so that scanners for leaked secrets do not take these for some.
fn token(prefix: &str, length: usize) -> String {
    let body: String = "A1b2C3d4E5f6G7h8I9j0".chars().cycle().take(length).collect();
    [prefix, &body].concat()
}

fn text(given: &str) -> String {
    let masked = Masking::STANDARD.text(given, 2_000).unwrap_or_else(|| given.to_owned());
    assert_eq!(Masking::STANDARD.text(&masked, 2_000), None, "masked again: {given:?} to {masked:?}");
    masked
}

fn value(key: &str, given: &str) -> String {
    let masked = value_once(key, given);
    assert_eq!(value_once(key, &masked), masked, "masked again: {key:?} {given}");
    masked
}

fn value_once(key: &str, given: &str) -> String {
    let json = parse(given.as_bytes()).unwrap();
    let masked = Masking::STANDARD.value(key, &json);
    let mut out = Vec::new();
    push_canonical(&mut out, masked.as_ref().unwrap_or(&json));
    String::from_utf8(out).unwrap()
}

#[test]
fn keys_that_name_a_credential_are_masked_however_they_are_spelled() {
    for (key, name) in [
        ("password", "password"),
        ("PASSWORD", "password"),
        ("db.password", "password"),
        ("dbPassword2", "password"),
        ("requestParameters.masterUserPassword", "password"),
        ("X-Api-Key", "api_key"),
        ("apiKey", "api_key"),
        ("APIKey", "api_key"),
        ("apikey", "api_key"),
        ("PGPASSWORD", "password"),
        ("dbpassword", "password"),
        ("userpassword", "password"),
        ("PassWord", "password"),
        ("passWord", "password"),
        ("pass\u{200b}word", "password"),
        ("ToKen", "token"),
        ("githubtoken", "token"),
        ("clientsecret", "secret"),
        ("awssecretaccesskey", "access_key"),
        ("ssh_key", "ssh_key"),
        ("SSHKEY", "ssh_key"),
        ("encryption_key", "encryption_key"),
        ("dataEncryptionKeys", "encryption_key"),
        ("DB_PASS", "password"),
        ("pw", "pw"),
        ("PW2", "pw"),
        ("db_pw", "pw"),
        ("userPw", "pw"),
        ("wifi-pw_old", "pw"),
        ("rootpw", "password"),
        ("DBPW", "password"),
        ("pgpass", "password"),
        ("PGPASS", "password"),
        ("mysqlPass", "password"),
        ("MYSQLPASS", "password"),
        ("keyStorePass", "password"),
        ("sshpass", "password"),
        ("Passwort", "passwort"),
        ("pswd", "pswd"),
        ("creds", "cred"),
        ("db.creds", "cred"),
        ("password_old", "password"),
        ("passwordHash", "password"),
        ("secretValue", "secret"),
        ("secret_plaintext", "secret"),
        ("SECRET_KEY_BASE", "secret_key"),
        ("user_passwords", "password"),
        ("secretAccessKey", "access_key"),
        ("client_secret", "secret"),
        ("sessionToken", "token"),
        ("token.0", "token"),
        ("Authorization", "authorization"),
        ("proxy-authorization", "authorization"),
        ("Set-Cookie", "cookie"),
        ("privateKey", "private_key"),
    ] {
        assert_eq!(value(key, r#""hunter2""#), format!("\"[masked: {name}]\""), "{key}");
    }
    assert_eq!(value("pwd", "123456"), r#""[masked: pwd]""#);
}

#[test]
fn keys_about_credentials_are_left() {
    for key in [
        "token_type",
        "tokenId",
        "token.id",
        "secretName",
        "secret_arn",
        "passwordLastUsed",
        "password_policy",
        "passwordReuse",
        "accessKeyId",
        "access_key_id",
        "publicKey",
        "keyId",
        "kms_key",
        "nextToken",
        "clientRequestToken",
        "imagePullSecrets",
        "authorization.k8s.io/decision",
        "cookie_banner",
        "author",
        "region",
        "duration",
        "keyboard",
        "compass",
        "tokenizer",
        "tokens_used",
        "page_token_count",
        "nextpagetoken",
        "secret_name",
        "secretary",
        "hashed_token",
        "token_hash",
        "password_reset",
        "compass",
        "monkey",
        "laptop",
        "preauthorization",
        "class",
        "context",
        "threshold",
    ] {
        assert_eq!(value(key, r#""hunter2""#), r#""hunter2""#, "{key}");
    }
    for said in ["true", "null", r#""""#, r#""****""#, r#""false""#, r#""[left out: credential, 9 bytes]""#] {
        assert_eq!(value("password", said), said);
    }
    assert_eq!(value("secrets", "4"), "4");
    assert_eq!(value("total_tokens", r#""512""#), r#""512""#);
    assert_eq!(value("httpTokens", r#""optional""#), r#""optional""#);
}

#[test]
fn values_at_any_depth_are_masked() {
    let given = r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"LEVEL","value":"info"}],"users":[{"name":"ada","password":{"old":"a1","new":"b2"}}]}"#;
    let masked = r#"{"env":[{"name":"DB_PASSWORD","value":"[masked: password]"},{"name":"LEVEL","value":"info"}],"users":[{"name":"ada","password":{"new":"[masked: password]","old":"[masked: password]"}}]}"#;
    assert_eq!(value("spec", given), masked);
    let credentials = r#"{"credentials":{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAccessKey":"wJalrXUtnFEMI","expiration":"May 1"}}"#;
    let masked = r#"{"credentials":{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","expiration":"May 1","secretAccessKey":"[masked: access_key]"}}"#;
    assert_eq!(value("answer", credentials), masked);
    let paths =
        [("/spec/password", true), ("/spec/passwords/0", true), ("/password/new", true), ("/token/type", false)];
    let more = [
        ("/spec/db~1password", true),
        ("/metadata/annotations/x.example~1authorization", true),
        ("/secret/data/user", true),
        ("/secret/db", true),
        ("/secret/name", false),
        ("/spec/passwordPolicy", false),
    ];
    for (path, is_masked) in paths.into_iter().chain(more) {
        let json = parse(br#""hunter2""#).unwrap();
        assert_eq!(Masking::STANDARD.changed(path, &json).is_some(), is_masked, "{path}");
    }
}

#[test]
fn what_is_within_a_secret_is_masked_and_what_describes_it_is_left() {
    for (key, given, masked) in [
        ("after", r#"{"secret":{"data":{"k":"S1"}}}"#, r#"{"secret":{"data":{"k":"[masked: secret]"}}}"#),
        (
            "after",
            r#"{"secret":{"db":"S1","mode":420,"name":"db-creds","secretName":"x","type":"Opaque"}}"#,
            r#"{"secret":{"db":"[masked: secret]","mode":420,"name":"db-creds","secretName":"x","type":"Opaque"}}"#,
        ),
        (
            "cookies",
            r#"[{"domain":"x.example","name":"sid","value":"S1"}]"#,
            r#"[{"domain":"x.example","name":"sid","value":"[masked: cookie]"}]"#,
        ),
        (
            "token",
            r#"{"id":"t1","name":"ci","scopes":["read"],"value":{"raw":"S1"}}"#,
            r#"{"id":"t1","name":"ci","scopes":["read"],"value":{"raw":"[masked: token]"}}"#,
        ),
        ("after", r#"{"data":{"u":"UzE="},"kind":"Secret"}"#, r#"{"data":{"u":"[masked: secret]"},"kind":"Secret"}"#),
        ("after", r#"{"data":{"u":"v"},"kind":"ConfigMap"}"#, r#"{"data":{"u":"v"},"kind":"ConfigMap"}"#),
        ("requestObject.secret.data.user", r#""S1""#, r#""[masked: secret]""#),
        ("requestObject.secret.type", r#""Opaque""#, r#""Opaque""#),
        (
            "secret",
            r#""arn:aws:secretsmanager:eu-west-1:1:secret:db""#,
            r#""arn:aws:secretsmanager:eu-west-1:1:secret:db""#,
        ),
        ("ssh_key", r#""ssh-ed25519 AAAAC3Nza ada@laptop""#, r#""ssh-ed25519 AAAAC3Nza ada@laptop""#),
    ] {
        assert_eq!(value(key, given), masked, "{key}");
    }
}

#[test]
fn what_a_list_or_patch_names_is_masked() {
    for (given, masked) in [
        (r#"["mysql","--password","S1","-v"]"#, r#"["mysql","--password","[masked: password]","-v"]"#),
        (r#"["-token","S1"]"#, r#"["-token","[masked: token]"]"#),
        (r#"["--pin-token",1234]"#, r#"["--pin-token","[masked: token]"]"#),
        (r#"["--password","--user"]"#, r#"["--password","--user"]"#),
        (r#"[["password","S-1"]]"#, r#"[["password","[masked: password]"]]"#),
        (r#"["password","email"]"#, r#"["password","email"]"#),
        (r#"["password","S-1","x"]"#, r#"["password","S-1","x"]"#),
        (
            r#"[{"op":"add","path":"/users/0/password","value":"S1"},{"op":"add","path":"/a","value":"b"}]"#,
            r#"[{"op":"add","path":"/users/0/password","value":"[masked: password]"},{"op":"add","path":"/a","value":"b"}]"#,
        ),
        (
            r#"{"new":"x","field":"password","oldValue":"S1"}"#,
            r#"{"field":"password","new":"x","oldValue":"[masked: password]"}"#,
        ),
    ] {
        assert_eq!(value("after", given), masked);
    }
    assert_eq!(Masking::OFF.value("after", &parse(br#"["--password","S1"]"#).unwrap()), None);
}

#[test]
fn what_a_key_precedes_is_masked_however_they_are_joined() {
    for (given, masked) in [
        ("password: Zx9-v", "password: [masked: password]"),
        ("password:Zx9-value", "password:[masked: password]"),
        ("password : 'two words'", "password : '[masked: password]'"),
        ("password = Zx9", "password = [masked: password]"),
        ("password := Zx9", "password := [masked: password]"),
        ("password => Zx9", "password => [masked: password]"),
        ("password==Zx9", "password==[masked: password]"),
        ("{'password': 'Zx9'}", "{'password': '[masked: password]'}"),
        ("a: 1\npassword: Zx9\nb: 2", "a: 1\npassword: [masked: password]\nb: 2"),
        ("X-Api-Key: Zx9", "X-Api-Key: [masked: api_key]"),
        ("Cookie: sid=Zx9; other=1 was sent", "Cookie: [masked: cookie] was sent"),
        ("-H 'Set-Cookie: SID=Zx9; Path=/' x", "-H 'Set-Cookie: [masked: cookie]' x"),
        (
            "Authorization: Digest username=\"u\", response=\"Zx9\"\r\nHost: x",
            "Authorization: Digest [masked: authorization]\r\nHost: x",
        ),
        ("Authorization: Basic dTpw and on", "Authorization: Basic [masked: authorization] and on"),
        ("<password>Zx9</password>", "<password>[masked: password]</password>"),
        (
            "<ns:token type=\"x\"><![CDATA[Zx9]]></ns:token>",
            "<ns:token type=\"x\"><![CDATA[[masked: token]]]></ns:token>",
        ),
        ("/?to=%3Faccess_token%3DZx9%26a%3Db", "/?to=%3Faccess_token%3D[masked: token]%26a%3Db"),
        ("/?to=%253Ftoken%253DZx9%2526a", "/?to=%253Ftoken%253D[masked: token]%2526a"),
        ("https://hooks.slack.com/services/T0/B0/XyZ done", "https://hooks.slack.com/services/[masked: webhook] done"),
        ("run -token Zx9 now", "run -token [masked: token] now"),
    ] {
        assert_eq!(text(given), masked);
    }
}

#[test]
fn names_that_are_a_token_are_masked_too() {
    let secret = token("ghp_", 36);
    let event = format!(
        r#"{{"action":"a.b","actor":{{"type":"user","id":"u"}},"targets":[{{"type":"t","id":"i"}}],
        "metadata":{{"{secret}":"1","{secret}x":2,"a":"b","masked-key":"c"}},
        "changes":[{{"path":"/tokens/{secret}/x","before":{{"{secret}":1,"{secret}x":2}},"after":null}}]}}"#
    );
    let rows = decode(event.as_bytes(), BodyForm::Json, &Intake::new("api", "k", 0), &Limits::default()).unwrap();
    assert!(!String::from_utf8_lossy(rows.as_bytes()).contains("ghp_"));
    let row = rows.row(0);
    assert_eq!(row.get(Column::Metadata), Some(r#"{"a":"b","masked-key":"c","masked-key-2":"1","masked-key-3":2}"#));
    let changes =
        r#"[{"path":"/tokens/[masked: token]/x","before":{"[masked: token]":1,"[masked: token] 2":2},"after":null}]"#;
    assert_eq!(row.get(Column::Changes), Some(changes));
}

#[test]
fn a_recorded_search_holds_no_token() {
    let phrase = |given: &str| Masking::STANDARD.phrase(&crate::filter::Filter::parse(given).unwrap());
    let ghp = token("ghp_", 36);
    let web_token = [token("eyJ", 20), token("eyJ", 40), token("", 43)].join(".");
    for secret in [&ghp, &token("glpat-", 20), &token("AIza", 35), &token("act_pat_abcdefghijkl_", 49), &web_token] {
        assert_eq!(phrase(&format!("outcome:denied {secret}")), "outcome:denied \"masked token\"", "{secret}");
    }
    assert_eq!(phrase(&format!("actor:{ghp}")), "actor:\"[masked: token]\"");
    assert_eq!(phrase("metadata.db_password:Zx9"), "metadata.db_password:\"[masked: password]\"");
    for left in [
        "\"act now and reset the password of everybody in team 7\"",
        "\"sk test of the release candidate 2026 was good\"",
        "0123456789abcdef0123456789abcdef01234567",
        "actor:ada@example.com -outcome:success",
        "metadata.token_type:bearer",
    ] {
        let filter = crate::filter::Filter::parse(left).unwrap();
        assert_eq!(Masking::STANDARD.phrase(&filter), filter.to_string());
    }
}

#[test]
fn what_has_the_form_of_a_credential_is_masked_within_a_text() {
    let web_token = [token("eyJ", 20), token("eyJ", 40), token("", 43)].join(".");
    for (secret, name) in [
        (token("act_pat_abcdefghijkl_", 49), "token"),
        (token("act_op_", 46), "token"),
        (token("ghp_", 36), "token"),
        (token("github_pat_", 60), "token"),
        (token("glpat-", 20), "token"),
        (token("xoxb-", 40), "token"),
        (token("sk_live_", 24), "token"),
        (token("AIza", 35), "token"),
        ("AKIAIOSFODNN7EXAMPLE".to_owned(), "token"),
        (web_token, "jwt"),
    ] {
        assert_eq!(text(&secret), format!("[masked: {name}]"));
        assert_eq!(text(&format!("é({secret}), ü")), format!("é([masked: {name}]), ü"));
    }
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
    assert_eq!(text(&format!("a {key} b")), "a [masked: private_key] b");
    assert_eq!(text("a -----BEGIN PRIVATE KEY-----\nMIIEcut"), "a [masked: private_key]");
    for (given, masked) in [
        ("Authorization: Bearer AbCdEf0123456789xyz==", "Authorization: Bearer [masked: authorization]"),
        ("/login?user=ada&password=hunter2&x=1#a", "/login?user=ada&password=[masked: password]&x=1#a"),
        ("/blob?sv=1&sig=ab%2Bcd", "/blob?sv=1&sig=[masked: sig]"),
        ("postgres://ada:hun:ter2@db/orders", "postgres://ada:[masked: password]@db/orders"),
        (
            r#"{"user":"ada","password":"hun\"ter2","age":1}"#,
            r#"{"user":"ada","password":"[masked: password]","age":1}"#,
        ),
        (
            r#"{\\\"token\\\": \\\"a\\\\\\\"c\\\",\\\"x\\\":1}"#,
            r#"{\\\"token\\\": \\\"[masked: token]\\\",\\\"x\\\":1}"#,
        ),
        (r#"{\"token\": \"abc\"}"#, r#"{\"token\": \"[masked: token]\"}"#),
        ("login --password hunter2 --user ada", "login --password [masked: password] --user ada"),
        ("login --password='hunter 2' x", "login --password='[masked: password]' x"),
        ("Passwort geändert: password=größe;", "Passwort geändert: password=[masked: password];"),
    ] {
        assert_eq!(text(given), masked);
    }
}

#[test]
fn prose_and_ids_are_left() {
    for left in [
        "Changed the password: it was too old",
        "token=",
        "the token expired; secret rotation is due",
        "act_now and ghp_short",
        "basic authentication failed for ada",
        "Bearer authentication required by the gateway",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "https://example.com:8443/a@b",
        "user:password@host",
        r#"{"accessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#,
        "accessKeyId=AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
        "eyJhbGciOi.only.twoparts",
        "--password --user",
        r#""token":true"#,
        "next_token=abc",
        "password: expired",
        "Token: invalid, secret: missing. Cookie: accepted",
        "Authorization: Basic authentication failed",
        "Authorization: required",
        "registry.example/session-token:1.2.3",
        "scope api:token:read1234",
        "12:30 tokens: 512",
        "signature: 3f2a99aa",
        "PASSWORD=${DB_PASSWORD}",
        "<credentials><user>ada</user></credentials>",
        "re-token Zx9",
        "a->b 100%3 b => c",
        "see https://hooks.slack.com/help",
    ] {
        assert_eq!(text(left), left);
    }
}

#[test]
fn a_value_on_the_lines_below_its_key_is_masked() {
    for (given, wanted) in [
        ("db:\n  password: |\n    hunter2\n  user: ada\n", "db:\n  password: |\n    [masked: password]\n  user: ada\n"),
        ("password: |-\n  correct horse\n\n  battery\nuser: ada", "password: |-\n  [masked: password]\nuser: ada"),
        ("- token: >2+ # why\n    abc\n- name: x", "- token: >2+ # why\n    [masked: token]\n- name: x"),
        ("secret:\r\n  S3cret!\r\nuser: ada", "secret:\r\n  [masked: secret]\r\nuser: ada"),
        ("password: |\n  at the end", "password: |\n  [masked: password]"),
    ] {
        assert_eq!(text(given), wanted, "{given:?}");
    }
    for left in [
        "secret:\n  name: db-password\n",
        "secret:\n  - db-password-1\n",
        "credentials:\n  rotated yesterday\n",
        "password: |\nuser: ada",
        "we took the password: |\n  and then it broke2",
        "token:\n\nSee ticket 4711",
    ] {
        assert_eq!(text(left), left);
    }
}

#[test]
fn credentials_in_arguments_of_known_programs_are_masked() {
    for (given, wanted) in [
        ("curl -s -u ada:hunter2 https://x.example/", "curl -s -u ada:[masked: password] https://x.example/"),
        ("/usr/bin/curl --user \"ada:hunter2\" x", "/usr/bin/curl --user \"ada:[masked: password]\" x"),
        ("curl --proxy-user=ada:hunter2 x", "curl --proxy-user=ada:[masked: password] x"),
        ("$(curl -uada:hunter2 x)", "$(curl -uada:[masked: password] x)"),
        ("sshpass -p hunter2 ssh host", "sshpass -p [masked: password] ssh host"),
        ("mysqldump -u root -phunter2 db", "mysqldump -u root -p[masked: password] db"),
        ("redis-cli -h cache -a hunter2 ping", "redis-cli -h cache -a [masked: password] ping"),
        ("docker login -u ada -p hunter2 registry", "docker login -u ada -p [masked: password] registry"),
        ("ldapsearch -D cn=x -w hunter2", "ldapsearch -D cn=x -w [masked: password]"),
    ] {
        assert_eq!(text(given), wanted, "{given:?}");
    }
    for left in [
        "curl -u ada https://x.example/",
        "curl -u ada:$PASSWORD https://x.example/",
        "curl x; tar -u a:b",
        "git push -u origin:main",
        "docker run -p 8080:80 nginx",
        "mysql -p db",
        "ssh -p 2222 host",
        "cp -a a:b c",
    ] {
        assert_eq!(text(left), left);
    }
    assert_eq!(
        value("args", r#"["/usr/bin/curl","-u","ada:hunter2","x"]"#),
        r#"["/usr/bin/curl","-u","[masked: password]","x"]"#
    );
    for left in [r#"["docker","run","-p","8080:80"]"#, r#"["tar","-u","a:b"]"#] {
        assert_eq!(value("args", left), left);
    }
}

#[test]
fn short_names_of_credentials_are_masked_and_what_only_looks_like_them_is_not() {
    let masks = |key: &str, value: &str| Masking::STANDARD.value(key, &parse(value.as_bytes()).unwrap()).is_some();
    for (key, value) in [
        ("pass", r#""hunter2""#),
        ("db.pass", r#""hunter2""#),
        ("adminPass", r#""hunter2""#),
        ("pwd", r#""hunter2""#),
        ("PIN", "4711"),
        ("pin", r#""4711""#),
        ("cardPin", "4711"),
        ("cvv", r#""123""#),
        ("auth", r#""YWRhOmh1bnRlcjI=""#),
        ("auth", r#""ada:hunter2""#),
        ("basic_auth", r#""ada:hunter2""#),
        ("recovery_codes", r#"["ab12-cd34"]"#),
        ("verificationCode", "123456"),
        ("psk", r#""hunter2""#),
        ("seed_phrase", r#""legal winner thank""#),
    ] {
        assert!(masks(key, value), "{key} {value}");
    }
    for (key, value) in [
        ("pass", "12"),
        ("pass", "true"),
        ("pass", r#""12""#),
        ("passes", "3"),
        ("tests_pass", r#""all of them""#),
        ("boarding_pass", r#""LH 400""#),
        ("proxy_pass", r#""http://backend:8080""#),
        ("bypass", r#""owner""#),
        ("second_pass", r#""n1""#),
        ("boardingpass", r#""LH 400""#),
        ("spw", r#""n1""#),
        ("sacred", r#""n1""#),
        ("report", r#""n1""#),
        ("antwort", r#""n1""#),
        ("keyword", r#""n1""#),
        ("stopword", r#""n1""#),
        ("compass", r#""n1""#),
        ("pin", "true"),
        ("spin", r#""up1""#),
        ("gpio_pin", "13"),
        ("pinned", r#""v1.2""#),
        ("author", r#""Ada L.""#),
        ("authority", r#""ca-1""#),
        ("auth", r#""basic""#),
        ("auth", r#""OAuth2""#),
        ("auth", r#""mutual-tls1.3""#),
        ("auth", r#"{"method":"password","user":"ada1"}"#),
        ("last_auth", r#""2026-01-02T03:04:05Z""#),
        ("requires_auth", "true"),
        ("error_code", "4711"),
        ("security_codec", r#""x1""#),
    ] {
        assert!(!masks(key, value), "{key} {value}");
    }
    for (given, wanted) in [
        ("pin=4711", "pin=[masked: pin]"),
        ("login with PIN: 4711", "login with PIN: [masked: pin]"),
        ("pass: S3cret!", "pass: [masked: pass]"),
        ("?user=ada&pass=hunter2", "?user=ada&pass=[masked: pass]"),
        ("db_pw=hunter2 x", "db_pw=[masked: pw] x"),
        ("pw: hunter2", "pw: [masked: pw]"),
        ("PGPASS=hunter2 psql", "PGPASS=[masked: password] psql"),
        ("plink -pw hunter2 host", "plink -pw [masked: pw] host"),
    ] {
        assert_eq!(text(given), wanted);
    }
    for left in [
        "All tests pass: 12 of 12",
        "pass=12 fail=3",
        "first pass: done",
        "the pw: forgotten",
        "200 pW (pico)",
        "author: Ada2",
        "Auth: OAuth2",
        "auth=basic",
        "auth: failed",
        "pin: the version",
    ] {
        assert_eq!(text(left), left);
    }
}

#[test]
fn own_rules_widen_and_narrow_the_built_in_ones() {
    let rules = Masking::STANDARD.with_keys(&["cardPin", "iban"], &["deploy_token"]);
    let masks = |key: &str| rules.value(key, &parse(br#""x1""#).unwrap()).is_some();
    assert!(masks("ibans") && masks("customerIBANs") && masks("cardpin") && !masks("spin"));
    assert!(!masks("deploytoken") && masks("deploytokens"));
    assert!(!Masking::is_key("iban\0") && !Masking::is_key("--") && Masking::is_key("iban"));
    assert!(masks("card_pin") && masks("IBAN") && masks("customer.iban") && masks("password"));
    assert!(!masks("gpio_pin") && !masks("DeployToken"));
    assert!(rules.text("deploy_token=x1 iban=x2", 100).unwrap() == "deploy_token=x1 iban=[masked: key]");
    assert!(Masking::OFF.value("password", &parse(br#""x""#).unwrap()).is_none());
    assert!(Masking::OFF.text("password=x", 100).is_none());
}

#[test]
fn an_event_is_stored_masked_in_every_part_and_its_ids_are_not() {
    let secret = token("ghp_", 36);
    let event = format!(
        r#"{{"action":"a.b","actor":{{"type":"user","id":"{secret}","metadata":{{"api_key":"k1"}},"on_behalf_of":{{"type":"user","id":"u","metadata":{{"note":"{secret}"}}}}}},
        "targets":[{{"type":"t","id":"i","metadata":{{"password":7}}}}],"message":"took {secret}","reason":"{secret}",
        "context":{{"http":{{"path":"/a?access_token=abc"}}}},"metadata":{{"secret":"x","n":"{secret}"}},
        "changes":[{{"path":"/password","before":null,"after":"x"}},{{"path":"/a","after":{{"b":["{secret}"]}}}}]}}"#
    );
    let rows = decode(event.as_bytes(), BodyForm::Json, &Intake::new("api", "k", 0), &Limits::default()).unwrap();
    let row = rows.row(0);
    let stored = String::from_utf8_lossy(rows.as_bytes());
    assert_eq!(stored.matches(&secret).count(), 1, "the id alone");
    assert_eq!(row.get(Column::Message), Some("took [masked: token]"));
    assert_eq!(row.get(Column::Http), Some(r#"{"path":"/a?access_token=[masked: token]"}"#));
    assert_eq!(row.get(Column::Metadata), Some(r#"{"n":"[masked: token]","secret":"[masked: secret]"}"#));
    let changes = r#"[{"path":"/password","before":null,"after":"[masked: password]"},{"path":"/a","after":{"b":["[masked: token]"]}}]"#;
    assert_eq!(row.get(Column::Changes), Some(changes));
    assert!(row.get(Column::Targets).unwrap().contains(r#"{"password":"[masked: password]"}"#));
}

#[test]
fn a_text_never_outgrows_its_field() {
    let many = "token=x ".repeat(200);
    assert_eq!(Masking::STANDARD.text(&many, 2_000).as_deref(), Some("[masked: text]"));
}

#[test]
fn what_is_masked_already_is_left_and_what_stands_around_it_is_masked() {
    for left in [
        "mysqldump -u root -p[masked: password] db",
        "curl -u ada:[masked: password] https://x.example/",
        "curl -u \"[masked: password]\" x",
        "curl -u [masked: token] x",
        "Cookie: [masked: cookie] sent",
        "a=[masked: token]; b=[masked: token] sent",
        "Authorization: Digest [masked: authorization]",
        "Authorization: Bearer [masked: authorization], then",
        "password=[masked: token]; more",
        "password=\"[masked: token], [masked: token]\"",
        "https://x.example/?a%3Dtoken%3D[masked: token]%26b",
        "postgres://ada:[masked: password]@db/orders",
        "<password>[masked: password]</password>",
        "password: |\n  [masked: password]\n",
        "a [masked: private_key] [masked: text] b",
    ] {
        assert_eq!(text(left), left);
    }
    for (given, wanted) in [
        ("Cookie: a=[masked: token] sent", "Cookie: [masked: cookie] sent"),
        ("mysql -pabc[masked: token] db", "mysql -p[masked: password] db"),
        ("password=\"x [masked: token] y\"", "password=\"[masked: password]\""),
        ("[masked: token] password=x1", "[masked: token] password=[masked: password]"),
        ("[masked: no rule! password=x1", "[masked: no rule! password=[masked: password]"),
        // Only when the value in quotes is gone is there one command.
        ("mysql --password \"a;b\" -phunter2", "mysql --password \"[masked: password]\" -p[masked: password]"),
    ] {
        assert_eq!(text(given), wanted);
    }
    assert_eq!(value("password", r#""[masked: token] and more""#), r#""[masked: password]""#);
    assert_eq!(value("[masked: token]", r#""x1""#), r#""x1""#);
    assert_eq!(value("a", r#"{"name":"[masked: token]","value":"x1"}"#), r#"{"name":"[masked: token]","value":"x1"}"#);
    assert_eq!(value("a", r#"["curl","-u","ada [masked: token]"]"#), r#"["curl","-u","ada [masked: token]"]"#);
    assert_eq!(value("a", r#"["curl","-u","ada:[masked: token]"]"#), r#"["curl","-u","[masked: password]"]"#);
    assert!(Masking::STANDARD.changed("/a/[masked: token]", &parse(br#""x1""#).unwrap()).is_none());
}

#[test]
fn what_stands_beside_a_mark_in_one_value_is_masked_with_it() {
    for (given, wanted) in [
        ("password=[masked: token]hunter2 x", "password=[masked: password] x"),
        ("password=x[masked: token]hunter2", "password=[masked: password]"),
        ("password: [masked: token]hunter2", "password: [masked: password]"),
        ("password=\"[masked: token] hunter2\"", "password=\"[masked: password]\""),
        ("{\"password\":\"[masked: token]hunter2\"}", "{\"password\":\"[masked: password]\"}"),
        ("password:\n  [masked: token]hunter2\n", "password:\n  [masked: password]\n"),
        ("password: |\n  [masked: token]\n  hunter2\n", "password: |\n  [masked: password]\n"),
        ("token%3D[masked: token]hunter2%26a", "token%3D[masked: token]%26a"),
        ("Cookie: [masked: token]; s=abc", "Cookie: [masked: cookie]"),
        ("Cookie: a=[masked: token]; s=abc sent", "Cookie: [masked: cookie] sent"),
        ("Authorization: Bearer [masked: token]hunter2", "Authorization: Bearer [masked: authorization]"),
        ("Authorization: Digest [masked: token], response=x", "Authorization: Digest [masked: authorization]"),
        ("https://ada:[masked: token]hunter2@x.example", "https://ada:[masked: password]@x.example"),
        ("<password>[masked: token]hunter2</password>", "<password>[masked: password]</password>"),
        ("mysql -p[masked: token]hunter2 db", "mysql -p[masked: password] db"),
        ("curl -u \"[masked: token]:hunter2\" x", "curl -u \"[masked: password]\" x"),
    ] {
        assert_eq!(text(given), wanted);
    }
}

#[test]
fn of_a_text_that_shows_more_whenever_it_is_masked_nothing_is_kept() {
    let quoted = |count: usize| "-p\"a;b\" ".repeat(count);
    // What is in quotes hides the program from what follows, until it is masked itself.
    let shown = text(&format!("mysql --password \"a;b\" {}-phunter2", quoted(2)));
    assert!(shown.starts_with("mysql ") && !shown.contains("hunter2"), "{shown}");
    for count in 3..8 {
        assert_eq!(text(&format!("mysql --password \"a;b\" {}-phunter2", quoted(count))), "[masked: text]");
    }
}

/// Pieces of which texts are joined that have credentials, marks, and what they are known by.
const PIECES: [&str; 44] = [
    "password",
    "token",
    "pw",
    "PGPASS",
    "cookie",
    "secret",
    "Authorization: Digest ",
    "Authorization: ",
    "Basic ",
    "bearer ",
    "Cookie: ",
    "=",
    ": ",
    ":",
    "%3D",
    " ",
    "\"",
    "'",
    "\\\"",
    "\n  ",
    ": |\n  ",
    ";",
    "@",
    "://",
    "<",
    ">",
    "</",
    "--",
    " -",
    " -p",
    " -u ",
    "curl ",
    "mysql ",
    "sshpass ",
    "docker login ",
    "ada",
    "x1Y2",
    "ghp_A1b2C3d4E5f6G7h8I9j0A1b2C3d4E5f6G7h8",
    "AKIAIOSFODNN7EXAMPLE",
    "https://hooks.slack.com/services/T0/B0",
    "-----BEGIN PRIVATE KEY-----",
    "[masked: password]",
    "[masked: ",
    "]",
];

fn joined() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..14).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    const NAMES: [&str; 10] = ["name", "value", "path", "kind", "password", "token", "secret", "data", "creds", "a"];
    let key = prop_oneof![proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), joined()];
    let leaf =
        prop_oneof![joined().prop_map(Value::from), (0..9_999).prop_map(Value::from), Just(Value::from("Secret"))];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let fields = proptest::collection::btree_map(key.clone(), inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| Value::from(fields.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_fault_and_masked_once(given in "[-a-zA-Z0-9=:\"\\\\/@. é\u{1F600}_]{0,80}", word in "(password|token|password: |token = |Cookie: a=|Authorization: Digest |<token>|%3Ftoken%3D|--token |act_|eyJ|AKIA|://|--secret |\\\\\"token\\\\\":\\\\\"|bearer )") {
        let joined = format!("{given}{word}{given}");
        let once = text(&joined);
        prop_assert_eq!(text(&once), once.clone(), "{}", joined);
    }

    #[test]
    fn what_is_masked_is_masked_no_further(given in joined()) {
        // The assertion is in it.
        text(&given);
    }

    #[test]
    fn values_that_are_masked_are_masked_no_further(key in joined(), given in any_value()) {
        value(&key, &given.to_string());
    }
}
