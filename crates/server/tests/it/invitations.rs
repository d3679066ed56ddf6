//! Inviting people: by link and by mail, accepted, sent again, revoked, expired; and everything by which somebody could get
//! more out of an invitation than it gives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actarium_server::ServerOptions;
use actarium_server::mail::MailOptions;
use actarium_server::signin::totp;
use actarium_store::Clock;
use serde_json::{Value, json};

use crate::ahead::Ahead;
use crate::client::{Answer, Service};
use crate::mail_server::{MailServer, Manner};
use crate::person::{PASSWORD, Person};
use crate::session::secret_of;

const EVE: &str = "eve@example.com";
const NEW_PASSWORD: &str = "kvmt#2xw pqz7";

struct Setting {
    service: Service,
    clock: Arc<Ahead>,
    admin: Person,
}

/// A service with Admina, the administrator of `acme`, and another organization.
fn setting(change: impl FnOnce(&mut ServerOptions)) -> Setting {
    let clock = Ahead::new();
    let service = Service::start_at(tempfile::tempdir().unwrap(), clock.clone(), change);
    service.organization("acme");
    service.organization("other");
    let admin = Person::new(&service, "Admina", &["admin"]);
    Setting { service, clock, admin }
}

pub fn with_mail(server: SocketAddr) -> impl FnOnce(&mut ServerOptions) {
    let mail = MailOptions {
        server: format!("smtp://{server}").parse().unwrap(),
        password: None,
        from: "Audit log <audit@example.com>".parse().unwrap(),
        roots: None,
    };
    move |options| {
        options.mail = Some(mail);
        options.public_url = Some("http://audit.example.com".parse().unwrap());
    }
}

pub fn secret_in(answer: &Answer) -> String {
    let json = answer.json();
    json["link"].as_str().unwrap_or_else(|| panic!("no link: {json}")).split_once("/invitation#").unwrap().1.to_owned()
}

fn id_in(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

impl Setting {
    fn invite(&self, body: Value) -> Answer {
        let answer = self.admin.send(&self.service, "POST", "invitations", body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    fn resend(&self, id: &str) -> Answer {
        self.admin.send(&self.service, "POST", &format!("invitations/{id}/resend"), Value::Null)
    }

    fn look(&self, secret: &str) -> Answer {
        self.service.anonymous("POST", "/v1/invitation").json(&json!({"secret": secret})).send()
    }

    fn accept(&self, body: &Value) -> Answer {
        self.service.anonymous("POST", "/v1/invitation/accept").json(body).send()
    }

    /// Accepts as somebody who has no account yet.
    fn accept_new(&self, secret: &str) -> Answer {
        self.accept(&json!({"secret": secret, "name": "Eve", "password": NEW_PASSWORD}))
    }

    fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.service.anonymous("POST", "/v1/session").json(&json!({"email": email, "password": password})).send()
    }

    fn status(&self, id: &str) -> String {
        let answer = self.admin.send(&self.service, "GET", &format!("invitations/{id}"), Value::Null);
        answer.json()["status"].as_str().unwrap().to_owned()
    }

    fn advance_hours(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3600));
    }

    /// The records of an action, oldest first, as the operator finds them: sessions may be over.
    fn records(&self, action: &str) -> Vec<Value> {
        self.service.find("acme", &format!("action={action}&order=asc&from=-30d"))
    }

    fn not_valid(&self, secret: &str) {
        // So that tries at it are not slowed down.
        self.clock.advance(Duration::from_secs(30 * 60));
        let unknown = self.look("act_inv_nothing");
        for answer in [self.look(secret), self.accept_new(secret)] {
            let (mut told, mut expected) = (answer.json(), unknown.json());
            (told["instance"], expected["instance"]) = (Value::Null, Value::Null);
            assert_eq!((answer.status, told), (404, expected));
        }
    }
}

fn organizations(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    json["organizations"].as_array().unwrap().iter().map(|own| own["slug"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_link_makes_an_account_once() {
    let setting = setting(|_| {});
    let group = setting.admin.made(&setting.service, "groups", json!({"name": "Reviewers"}));
    let made = setting.invite(json!({"email": EVE, "name": "Eve", "groups": ["Developer", group]}));
    let (id, secret) = (id_in(&made), secret_in(&made));
    assert!(secret.starts_with(&format!("act_inv_{id}_")), "{secret}");
    let page = format!("http://{}/invitation#act_inv_", setting.service.address);
    assert!(made.json()["link"].as_str().unwrap().starts_with(&page));
    let shown = made.json();
    assert_eq!((&shown["status"], &shown["email"], &shown["mail"]), (&json!("pending"), &json!(EVE), &Value::Null));
    assert_eq!(shown["invited_by"], json!({"type": "user", "id": setting.admin.id, "name": "Admina"}));
    let groups = json!([{"id": "developer", "name": "Developer"}, {"id": group, "name": "Reviewers"}]);
    assert_eq!(shown["groups"], groups);
    let listed = setting.admin.send(&setting.service, "GET", "invitations?status=pending", Value::Null);
    assert_eq!(listed.json()["invitations"][0]["id"], json!(id));
    assert!(!listed.text().contains(&secret), "a secret is shown once");

    let told = setting.look(&secret).json();
    assert_eq!(told["organization"], json!({"slug": "acme", "name": "acme"}));
    assert_eq!((&told["email"], &told["account_exists"]), (&json!(EVE), &json!(false)));
    let unsuitable = setting.accept(&json!({"secret": secret, "password": "password1234"}));
    assert_eq!((unsuitable.status, unsuitable.problem().as_str()), (422, "invalid-content"));
    assert_eq!(setting.accept(&json!({"secret": secret})).status, 422, "a password is needed");
    let foreign = setting.service.anonymous("POST", "/v1/invitation/accept").header("origin", "https://evil.example");
    let foreign = foreign.json(&json!({"secret": secret, "password": NEW_PASSWORD})).send();
    assert_eq!(foreign.problem(), "csrf");

    let accepted = setting.accept(&json!({"secret": secret, "password": NEW_PASSWORD}));
    assert_eq!(organizations(&accepted), ["acme"]);
    assert!(accepted.headers["set-cookie"].starts_with("actarium_session=act_ses_"));
    let user = accepted.json()["user"]["id"].as_str().unwrap().to_owned();
    let member = setting.admin.send(&setting.service, "GET", &format!("users/{user}"), Value::Null).json();
    assert_eq!((&member["name"], &member["origin"], &member["groups"]), (&json!("Eve"), &json!("invitation"), &groups));
    assert_eq!(setting.status(&id), "accepted");
    setting.not_valid(&secret);
    assert_eq!(setting.sign_in(EVE, NEW_PASSWORD).status, 200);

    let invited = &setting.records("user.invite")[0];
    assert_eq!(invited["actor"]["id"], json!(setting.admin.id));
    assert_eq!((&invited["metadata"]["email"], &invited["metadata"]["delivery"]), (&json!(EVE), &json!("link")));
    assert_eq!(invited["targets"].as_array().unwrap().len(), 3, "the groups are named: {invited}");
    let accepted = &setting.records("user.invitation.accept&outcome=success")[0];
    assert_eq!((&accepted["actor"]["id"], &accepted["targets"][0]["id"]), (&json!(user), &json!(id)));
    assert_eq!(accepted["changes"], json!([{"path": "/status", "before": "pending", "after": "accepted"}]));
    assert_eq!(accepted["metadata"], json!({"email": EVE, "invited_by": "Admina"}));
    assert_eq!(setting.records(&format!("user.create&actor={user}"))[0]["metadata"]["origin"], "invitation");
    assert_eq!(setting.records(&format!("group.member.add&actor={user}")).len(), 2);
    assert_eq!(setting.records(&format!("session.sign_in&actor={user}")).len(), 2);
    let failed = setting.service.find_count("acme", "action=user.invitation.accept&outcome=failure", 1);
    assert_eq!((&failed[0]["actor"]["type"], &failed[0]["reason"]), (&json!("anonymous"), &json!("accepted_already")));
    let strange = setting.service.find_count("actarium", "action=user.invitation.accept", 1);
    assert_eq!(strange[0]["reason"], "unknown_invitation");
    let everything = setting.service.request("GET", "/v1/orgs/acme/export?format=ndjson&from=-1d").send().text();
    assert!(everything.lines().count() > 8 && !everything.contains(&secret), "no record holds a secret");
}

/// Whoever invites and is shown the link could accept in another's name: what they get opens their organization alone.
#[test]
fn an_account_made_by_a_shown_link_opens_that_organization_alone() {
    let setting = setting(|_| {});
    let secret = secret_in(&setting.invite(json!({"email": EVE})));
    assert_eq!(organizations(&setting.accept_new(&secret)), ["acme"]);
    let joined =
        setting.service.request("POST", "/v1/orgs/other/users").json(&json!({"email": EVE, "name": "Eve"})).send();
    assert_eq!(joined.status, 201);
    assert_eq!(organizations(&setting.sign_in(EVE, NEW_PASSWORD)), ["acme"]);
}

#[test]
fn a_mail_brings_the_link_and_proves_the_address() {
    let server = MailServer::start(Manner::Takes);
    let setting = setting(with_mail(server.address));
    let renamed = json!({"name": "Zoë & Söhne"});
    assert_eq!(setting.service.request("PATCH", "/v1/orgs/acme").json(&renamed).send().status, 200);
    let made = setting.invite(json!({"email": EVE, "groups": ["developer"]})).json();
    assert_eq!((&made["mail"], &made["link"]), (&json!("sent"), &Value::Null));
    let mail = server.mail();
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("audit@example.com", &[EVE.to_owned()][..]));
    assert_eq!(mail.header("To"), EVE);
    assert!(mail.header("From").contains("Audit log") && mail.header("Subject").contains("Invitation"), "{mail:?}");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("Date").ends_with("+0000") && mail.header("Message-ID").ends_with("@example.com>"), "{mail:?}");
    let content = mail.unfolded();
    assert!(content.contains("Admina invites you") && content.contains("Zo=C3=AB"), "{content}");
    let secret = mail.secret();
    assert_eq!(setting.records("user.invite")[0]["metadata"]["delivery"], "mail");

    assert_eq!(setting.resend(made["id"].as_str().unwrap()).problem(), "too-many-requests");
    assert_eq!(organizations(&setting.accept_new(&secret)), ["acme"]);
    let joined =
        setting.service.request("POST", "/v1/orgs/other/users").json(&json!({"email": EVE, "name": "Eve"})).send();
    assert_eq!(joined.status, 201);
    assert_eq!(
        organizations(&setting.sign_in(EVE, NEW_PASSWORD)),
        ["acme", "other"],
        "the account is the person's own"
    );
    assert!(server.is_empty());
}

#[test]
fn a_mail_that_is_not_delivered_leaves_the_invitation_and_shows_its_link() {
    let refusing = MailServer::start(Manner::Refuses);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, reason) in [(refusing.address, "no such mailbox"), (gone, "onnection")] {
        let setting = setting(with_mail(address));
        let made = setting.invite(json!({"email": EVE}));
        assert_eq!(made.json()["mail"], "failed");
        assert_eq!(setting.status(&id_in(&made)), "pending");
        let records = setting.records("user.invite");
        assert_eq!((records.len(), &records[1]["outcome"]), (2, &json!("failure")));
        assert_eq!(records[1]["metadata"]["delivery"], "link");
        assert!(records[1]["reason"].as_str().unwrap().contains(reason), "{}", records[1]);
        assert!(made.json()["link"].as_str().unwrap().starts_with("http://audit.example.com/invitation#"));
        assert_eq!(organizations(&setting.accept_new(&secret_in(&made))), ["acme"]);
        // The link was shown: it proves nothing about the address.
        let join = json!({"email": EVE, "name": "Eve"});
        assert_eq!(setting.service.request("POST", "/v1/orgs/other/users").json(&join).send().status, 201);
        assert_eq!(organizations(&setting.sign_in(EVE, NEW_PASSWORD)), ["acme"]);
    }
}

#[test]
fn an_invitation_sent_again_has_another_secret_and_another_end() {
    let setting = setting(|_| {});
    let made = setting.invite(json!({"email": EVE}));
    let (id, first) = (id_in(&made), secret_in(&made));
    setting.advance_hours(2);
    let again = setting.resend(&id);
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(id_in(&again), id);
    assert_ne!(again.json()["expires_at"], made.json()["expires_at"]);
    setting.not_valid(&first);
    let record = &setting.records("user.invitation.resend")[0];
    assert_eq!(
        record["changes"],
        json!([{"path": "/expires_at", "before": made.json()["expires_at"], "after": again.json()["expires_at"]}])
    );
    setting.advance_hours(71);
    assert_eq!(setting.accept_new(&secret_in(&again)).status, 200, "72 hours from then on");
    let over = setting.service.request("POST", &format!("/v1/orgs/acme/invitations/{id}/resend")).send();
    assert_eq!((over.status, over.problem().as_str()), (409, "conflict"));
}

#[test]
fn what_is_revoked_or_too_old_opens_nothing() {
    let setting = setting(|_| {});
    let made = setting.invite(json!({"email": EVE}));
    setting.admin.deleted(&setting.service, &format!("invitations/{}", id_in(&made)));
    setting.not_valid(&secret_in(&made));
    let again = setting.admin.send(&setting.service, "DELETE", &format!("invitations/{}", id_in(&made)), Value::Null);
    assert_eq!(again.status, 409);
    let record = &setting.records("user.invitation.revoke")[0];
    assert_eq!(record["changes"], json!([{"path": "/status", "before": "pending", "after": "revoked"}]));

    let late = setting.invite(json!({"email": EVE}));
    setting.advance_hours(72);
    setting.not_valid(&secret_in(&late));
    let path = format!("/v1/orgs/acme/invitations/{}", id_in(&late));
    assert_eq!(setting.service.get(&path).json()["status"], "expired", "before anybody has looked");
    assert_eq!(setting.records("user.invitation.expire").len(), 0);
    // Another one may be made, which marks and records the end of the first.
    let body = json!({"email": EVE});
    let another = setting.service.request("POST", "/v1/orgs/acme/invitations").json(&body).send();
    assert_eq!(another.status, 201, "{another:?}");
    assert_eq!(another.json()["invited_by"]["type"], "operator");
    assert_eq!(setting.records("user.invitation.expire").len(), 1);

    // The rest is marked without anybody's asking.
    setting.advance_hours(73);
    let Setting { service, clock, .. } = setting;
    let service = Service::start_at(service.stop(), clock.clone(), |_| {});
    let expired = service.find("acme", "action=user.invitation.expire&from=-1h");
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0]["actor"]["id"], "actarium");
    assert_eq!(expired[0]["targets"][0]["id"], json!(id_in(&another)));
    assert_eq!(expired[0]["changes"], json!([{"path": "/status", "before": "pending", "after": "expired"}]));
    let listed = |service: &Service| {
        let listed = service.get("/v1/orgs/acme/invitations").json();
        listed["invitations"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&service), ["expired", "expired", "revoked"]);
    clock.advance(Duration::from_secs(31 * 24 * 3600));
    let service = Service::start_at(service.stop(), clock, |_| {});
    assert!(listed(&service).is_empty(), "what is long over is in the log alone");
}

#[test]
fn an_account_joins_only_with_its_own_credential() {
    let server = MailServer::start(Manner::Takes);
    let setting = setting(with_mail(server.address));
    let service = &setting.service;
    let body = json!({"email": EVE, "name": "Eve", "password": PASSWORD});
    assert_eq!(service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    let made = setting.invite(json!({"email": "EVE@example.com", "groups": ["auditor"]}));
    let secret = server.mail().secret();
    assert_eq!(setting.look(&secret).json()["account_exists"], true);

    let bare = setting.accept(&json!({"secret": secret}));
    assert_eq!((bare.status, bare.problem().as_str()), (401, "unauthenticated"));
    let taken = setting.accept(&json!({"secret": secret, "name": "Mallory", "password": NEW_PASSWORD}));
    assert_eq!((taken.status, taken.problem().as_str()), (401, "unauthenticated"), "not a new password");
    let failed = service.find_count("other", "action=session.sign_in&outcome=failure", 1);
    assert_eq!(failed[0]["reason"], "wrong_password");
    let other = setting.admin.request(service, "POST", "/v1/invitation/accept").json(&json!({"secret": secret})).send();
    assert_eq!((other.status, other.problem().as_str()), (403, "forbidden"), "somebody else's session");
    assert_eq!(setting.status(&id_in(&made)), "pending");

    let signed_in = setting.sign_in(EVE, PASSWORD);
    let (cookie, csrf) = (
        signed_in.headers["set-cookie"].split(';').next().unwrap().to_owned(),
        signed_in.json()["csrf_token"].as_str().unwrap().to_owned(),
    );
    let in_session = |csrf: &str, body: Value| {
        let request = service.anonymous("POST", "/v1/invitation/accept").header("cookie", &cookie);
        request.header("x-csrf-token", csrf).json(&body).send()
    };
    assert_eq!(in_session("x", json!({"secret": secret})).problem(), "csrf");
    assert_eq!(in_session(&csrf, json!({"secret": secret, "code": "123456"})).status, 422);
    let joined = in_session(&csrf, json!({"secret": secret}));
    assert_eq!(organizations(&joined), ["acme", "other"]);
    assert!(!joined.headers.contains_key("set-cookie"), "the session that there was goes on");
    assert_eq!(joined.json()["csrf_token"], json!(csrf));
    let log = service.anonymous("GET", "/v1/orgs/acme/events").header("cookie", &cookie).send();
    assert_eq!(log.status, 200, "an auditor sees the log");
    let accepted = &setting.records("user.invitation.accept&outcome=success")[0];
    assert!(accepted["actor"]["session_id"].is_string(), "{accepted}");
    setting.not_valid(&secret);
}

#[test]
fn an_account_with_a_second_factor_joins_with_a_code() {
    let server = MailServer::start(Manner::Takes);
    let setting = setting(with_mail(server.address));
    let service = &setting.service;
    let body = json!({"email": EVE, "name": "Eve", "password": PASSWORD});
    assert_eq!(service.request("POST", "/v1/orgs/other/users").json(&body).send().status, 201);
    let signed_in = setting.sign_in(EVE, PASSWORD);
    let cookie = signed_in.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let csrf = signed_in.json()["csrf_token"].as_str().unwrap().to_owned();
    let post = |path: &str, body: Value| {
        let request = service.anonymous("POST", path).header("cookie", &cookie).header("x-csrf-token", &csrf);
        request.json(&body).send().json()
    };
    let begun = post("/v1/second-factor", json!({"password": PASSWORD}));
    let factor = secret_of(begun["secret"].as_str().unwrap());
    let code = || totp::code(&factor, totp::step_at(setting.clock.now()));
    post("/v1/second-factor/confirm", json!({"enrolment": begun["enrolment"], "code": code()}));

    setting.invite(json!({"email": EVE}));
    let secret = server.mail().secret();
    let accept = |code: Option<&str>| setting.accept(&json!({"secret": secret, "password": PASSWORD, "code": code}));
    assert_eq!(accept(None).problem(), "second-factor-required");
    assert_eq!(accept(Some("000000")).status, 401);
    setting.clock.advance(Duration::from_secs(60));
    let now = code();
    assert_eq!(organizations(&accept(Some(&now))), ["acme", "other"]);
    let signed_in = &setting.records("session.sign_in&outcome=success");
    assert_eq!(signed_in.last().unwrap()["metadata"]["second_factor"], "totp");
}

#[test]
fn of_two_who_accept_at_once_one_does() {
    let setting = setting(|_| {});
    for round in 0..4 {
        let secret = secret_in(&setting.invite(json!({"email": format!("eve{round}@example.com")})));
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..2).map(|_| scope.spawn(|| setting.accept_new(&secret).status)).collect();
            tries.into_iter().map(|tried| tried.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        // Whoever finds the account made and the invitation still to be used up is told to try again.
        assert!(matches!(statuses[..], [200, 401 | 404 | 409]), "{statuses:?}");
    }
    assert_eq!(setting.records("user.invitation.accept&outcome=success").len(), 4);
    let invited = |made: &&Value| made["metadata"]["origin"] == "invitation";
    assert_eq!(setting.records("user.create").iter().filter(invited).count(), 4);
}

#[test]
fn who_has_lost_the_right_since_hands_out_nothing() {
    let setting = setting(|_| {});
    let service = &setting.service;
    let group = setting.admin.made(service, "groups", json!({"name": "Reviewers"}));
    let doomed = setting.admin.made(service, "groups", json!({"name": "Short-lived"}));
    let inviter = Person::new(service, "Ivo", &["platform-engineer"]);
    let invite = |email: &str, groups: Value| {
        let made = inviter.send(service, "POST", "invitations", json!({"email": email, "groups": groups}));
        assert_eq!(made.status, 201, "{made:?}");
        secret_in(&made)
    };
    let first = invite("a@example.com", json!([group, doomed]));
    let second = invite("b@example.com", json!([group]));
    setting.admin.deleted(service, &format!("groups/{doomed}"));
    let accepted = setting.accept_new(&first);
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let user = accepted.json()["user"]["id"].as_str().unwrap().to_owned();
    let groups = setting.admin.send(service, "GET", &format!("users/{user}"), Value::Null).json()["groups"].clone();
    assert_eq!(groups, json!([{"id": group, "name": "Reviewers"}]), "a group that is gone is left out");

    // The group has come to hold more than the inviter, who saw the link that made the account in it.
    let other_password = json!({"password": "marble-lantern-48-pier"});
    assert_eq!(setting.admin.send(service, "PATCH", &format!("users/{user}"), other_password).status, 200);
    setting.admin.made(service, &format!("groups/{group}/roles"), json!({"role": "admin", "level": "organization"}));
    setting.not_valid(&second);
    let denied = service.find_count("acme", "action=user.invitation.accept&outcome=denied", 1);
    assert_eq!(denied[0]["reason"], "inviter_may_not");
    setting.admin.deleted(service, &format!("groups/{group}/roles/admin"));
    assert_eq!(setting.look(&second).status, 200);
    // The inviter may not invite any more.
    let membership = format!("groups/platform-engineer/members/{}", inviter.id);
    setting.admin.deleted(service, &membership);
    setting.not_valid(&second);
    setting.admin.made(service, "groups/platform-engineer/members", json!({"user": inviter.id}));
    let out = setting.admin.send(service, "PATCH", &format!("users/{}", inviter.id), json!({"active": false}));
    assert_eq!(out.status, 200);
    setting.not_valid(&second);
    // Somebody who may answers for it now.
    let id = second.split('_').nth(2).unwrap();
    let again = setting.resend(id);
    assert_eq!(again.json()["invited_by"]["name"], "Admina");
    let changed = setting.records("user.invitation.resend")[0]["changes"].clone();
    assert_eq!(changed[0], json!({"path": "/invited_by", "before": inviter.id, "after": setting.admin.id}));
    assert_eq!(setting.accept_new(&secret_in(&again)).status, 200);
}

#[test]
fn an_invitation_by_a_token_holds_as_long_as_the_token() {
    let setting = setting(|_| {});
    let service = &setting.service;
    let expires_at = actarium_core::time::to_text(setting.clock.now() + 10 * 86_400_000_000);
    let body = json!({"name": "ci", "expires_at": expires_at, "permissions": ["users_invite"]});
    let token = setting.admin.request(service, "POST", "/v1/tokens").json(&body).send().json();
    let invite = |groups: Value| {
        let request = service.anonymous("POST", "/v1/orgs/acme/invitations").bearer(token["secret"].as_str().unwrap());
        request.json(&json!({"email": EVE, "groups": groups})).send()
    };
    assert_eq!(invite(json!(["auditor"])).status, 403, "the token holds less than its owner");
    let secret = secret_in(&invite(json!([])));
    assert_eq!(setting.look(&secret).status, 200);
    let path = format!("/v1/tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(setting.admin.request(service, "DELETE", &path).send().status, 204);
    setting.not_valid(&secret);
}

#[test]
fn nobody_invites_into_what_they_do_not_hold() {
    let setting = setting(|_| {});
    let service = &setting.service;
    let above = id_in(&setting.invite(json!({"email": EVE, "groups": ["admin"]})));
    let engineer = Person::new(service, "Enzo", &["platform-engineer"]);
    let refused = |person: &Person, method: &str, path: &str, body: Value| {
        let answer = person.send(service, method, path, body);
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}: {answer:?}");
    };
    let body = json!({"email": "new@example.com", "groups": ["Admin"]});
    refused(&engineer, "POST", "invitations", body.clone());
    let denied = service.find_count("acme", "action=user.invite&outcome=denied", 1);
    assert_eq!((&denied[0]["actor"]["id"], &denied[0]["metadata"]["status"]), (&json!(engineer.id), &json!(403)));
    refused(&engineer, "POST", &format!("invitations/{above}/resend"), Value::Null);
    refused(&engineer, "DELETE", &format!("invitations/{above}"), Value::Null);
    service.find_count("acme", "action=user.invitation.revoke&outcome=denied", 1);
    let developer = Person::new(service, "Dora", &["developer"]);
    refused(&developer, "POST", "invitations", json!({"email": "new@example.com"}));
    refused(&developer, "GET", "invitations", Value::Null);
    let auditor = Person::new(service, "Aude", &["auditor"]);
    refused(&auditor, "POST", "invitations", json!({"email": "new@example.com"}));
    assert_eq!(auditor.send(service, "GET", &format!("invitations/{above}"), Value::Null).status, 200);
    let elsewhere = service.get(&format!("/v1/orgs/other/invitations/{above}"));
    assert_eq!(elsewhere.status, 404, "another organization's");
    engineer.made(service, "invitations", json!({"email": "new@example.com", "groups": ["Developer"]}));
}

#[test]
fn what_cannot_be_an_invitation_is_refused_with_the_reason() {
    let setting = setting(|_| {});
    let send = |body: Value| setting.admin.send(&setting.service, "POST", "invitations", body);
    for (body, pointer) in [
        (json!({}), "/email"),
        (json!({"email": "eve"}), "/email"),
        (json!({"email": "eve@example.com,ada@example.com"}), "/email"),
        (json!({"email": "<eve@example.com>"}), "/email"),
        (json!({"email": EVE, "name": "a\nb"}), "/name"),
        (json!({"email": EVE, "groups": ["nobodys"]}), "/groups"),
        (json!({"email": EVE, "groups": (0..16).map(|n| n.to_string()).collect::<Vec<_>>()}), "/groups"),
        (json!({"email": EVE, "role": "admin"}), "/role"),
    ] {
        let answer = send(body.clone());
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let id = id_in(&setting.invite(json!({"email": EVE})));
    let twice = send(json!({"email": "EVE@example.com"}));
    assert_eq!(twice.status, 409);
    assert!(twice.json()["detail"].as_str().unwrap().contains(&format!("{id}/resend")), "{twice:?}");
    let member = send(json!({"email": "admina@example.com"}));
    assert_eq!(member.status, 409);
    assert!(member.json()["detail"].as_str().unwrap().contains("user of the organization already"), "{member:?}");
    assert_eq!(setting.records("user.invite").len(), 1);
}

/// The client of these tests says `Host: test`, as somebody would who wants the secret sent elsewhere.
#[test]
fn links_do_not_follow_the_host_of_a_request_but_on_loopback_its_own_names() {
    let setting = setting(|_| {});
    let own = format!("http://{}", setting.service.address);
    let link = |email: &str, host: &str| {
        let request = setting.admin.request(&setting.service, "POST", "/v1/orgs/acme/invitations");
        let made = request.host(host).json(&json!({"email": email})).send();
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["link"].as_str().unwrap().split_once("/invitation#").unwrap().0.to_owned()
    };
    for (number, host) in ["evil.example", "localhost.evil.example", "evil.example:8470", "test"].iter().enumerate() {
        assert_eq!(link(&format!("evil{number}@example.com"), host), own, "{host}");
    }
    assert_eq!(link("good@example.com", "localhost:9000"), "http://localhost:9000");
    let path = "/v1/orgs/acme/scim/v2/ServiceProviderConfig";
    let answer = setting.service.request("GET", path).host("evil.example").send();
    assert!(answer.text().contains(&own) && !answer.text().contains("evil"), "{answer:?}");
}

#[test]
fn guesses_at_secrets_are_slowed() {
    let setting = setting(|_| {});
    let secret = secret_in(&setting.invite(json!({"email": EVE})));
    let statuses: Vec<u16> = (0..40).map(|_| setting.look("act_inv_guess").status).collect();
    assert_eq!((statuses[0], statuses[39]), (404, 429), "{statuses:?}");
    // Looking at what one has is no guess.
    let statuses: Vec<u16> = (0..20).map(|_| setting.look(&secret).status).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
