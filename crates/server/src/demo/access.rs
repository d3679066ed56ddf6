//! Scenes of access: people sign in and out, programs get tokens and keys, and some of it does not work.

use actarium_core::row::Micros;
use actarium_core::time::{self, DAY, HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use super::cast::{Duty, PEOPLE};
use super::stage::{Draft, Request, Session, Stage, environment, organization, target, user};

fn session_target(id: &str) -> Value {
    json!({"type": "session", "id": id})
}

/// A person begins the day; a wrong password comes before it now and then.
pub(super) fn sign_in(stage: &mut Stage, person: usize, at: Micros) {
    let who = &PEOPLE[person];
    let ip = who.addresses[usize::from(stage.random.chance(12))];
    let method = if stage.random.chance(70) { "sso" } else { "password" };
    if stage.random.chance(5) {
        let (reason, tries) = if method == "sso" {
            ("Assertion of the identity provider has expired", 1)
        } else {
            ("Wrong password", stage.random.between(1, 3))
        };
        let before = at - stage.random_minutes(1, 3);
        failed_sign_in(stage, person, ip, method, reason, tries, before);
    }
    let id = stage.random.hex(16);
    stage.sessions[person] = Some(Session { id: id.clone(), since: at, ip });
    let request = stage.console(person, at);
    let factor = if who.duty == Duty::Administrator { "passkey" } else { "totp" };
    stage.record(
        request.act("session.sign_in", vec![session_target(&id)]).with("method", method).with("second_factor", factor),
    );
}

/// A sign-in that does not work. Nobody is in until it does: the actor is the account that was named.
fn failed_sign_in(stage: &mut Stage, person: usize, ip: &str, method: &str, reason: &str, tries: u64, at: Micros) {
    let who = &PEOPLE[person];
    let attempt = stage.random.hex(16);
    let request = stage.request_of(at, who.actor(), ip, who.user_agent, "console");
    let draft = request
        .act("session.sign_in", vec![session_target(&attempt)])
        .with("method", method)
        .with("attempts", tries)
        .failed(401, reason);
    stage.record(draft);
}

/// A person ends the day, if signed in.
pub(super) fn sign_out(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.console(person, at);
    let Some(session) = stage.sessions[person].take() else { return };
    let seconds = ((at - session.since) / SECOND).max(0);
    stage.record(request.act("session.sign_out", vec![session_target(&session.id)]).with("duration_seconds", seconds));
}

/// Passwords are tried out from one address against the accounts of many, and one account that does not exist.
pub(super) fn password_spraying(stage: &mut Stage, at: Micros) {
    const ADDRESS: &str = "198.51.100.200";
    const TOOL: &str = "python-requests/2.32.4";
    for round in 0..14u64 {
        let at = at + round as Micros * 11 * SECOND + stage.random.span(0, 4 * SECOND);
        let person = (round % 8) as usize;
        let attempt = stage.random.hex(16);
        let actor = if round % 5 == 4 {
            json!({"type": "anonymous", "id": "admin@northwind.example"})
        } else {
            PEOPLE[person].actor()
        };
        let reason = if round % 5 == 4 { "No such account" } else { "Wrong password" };
        let request = stage.request_of(at, actor, ADDRESS, TOOL, "console");
        let draft = request
            .act("session.sign_in", vec![session_target(&attempt)])
            .with("method", "password")
            .with("attempts", 1);
        let draft = if round >= 11 {
            draft.denied("Address is blocked after 10 failed sign-ins")
        } else {
            draft.failed(401, reason)
        };
        stage.record(draft);
    }
}

/// The end of somebody's session by somebody else.
pub(super) fn session_revoked(request: &Request, session: &str, person: usize, why: &str) -> Draft {
    request.act("session.revoke", vec![session_target(session), user(person)]).with("why", why)
}

/// A session is ended and the second factor set anew: a device was lost.
pub(super) fn lost_device(stage: &mut Stage, by: usize, person: usize, at: Micros) {
    let request = stage.request(by, at);
    let session = stage.sessions[person].take().map_or_else(|| stage.random.hex(16), |session| session.id);
    stage.record(session_revoked(&request, &session, person, "lost device"));
    let later = at + stage.random_minutes(20, 90);
    let request = stage.console(person, later);
    let draft = request
        .act("second_factor.update", vec![user(person)])
        .change("/second_factor", "totp", "passkey")
        .with("method", "passkey");
    stage.record(draft.clone().failed(422, "Code is wrong or too old"));
    stage.record(
        request
            .later(40 * SECOND)
            .act("second_factor.update", vec![user(person)])
            .change("/second_factor", "totp", "passkey")
            .with("method", "passkey"),
    );
    let request = request.later(90 * SECOND);
    stage.record(request.act("password.update", vec![user(person)]).with("sessions_ended", 0));
}

/// The organization chooses through which provider its people sign in, after one that was given up.
pub(super) fn choose_provider(stage: &mut Stage, by: usize, person: usize, at: Micros) {
    const ISSUER: &str = "https://id.northwind.example";
    let provider = |name: &str| target("identity_provider", "idp", name);
    let request = stage.request(by, at);
    stage.record(
        request.act("identity_provider.create", vec![provider("Trial"), organization()]).with("issuer", ISSUER),
    );
    let request = request.later(20 * MINUTE);
    stage.record(
        request.act("identity_provider.delete", vec![provider("Trial"), organization()]).with("issuer", ISSUER),
    );
    let request = request.later(MINUTE);
    let made = request.act("identity_provider.create", vec![provider("Northwind"), organization()]);
    stage.record(made.with("issuer", ISSUER));
    let request = request.later(2 * MINUTE);
    let changed = request.act("identity_provider.update", vec![provider("Northwind"), organization()]);
    stage.record(changed.with("client_secret", "changed"));
    let request = request.later(MINUTE);
    let taken_in = request.act("sign_in.update", vec![organization()]);
    stage.record(taken_in.change("/joining_domains", "", "northwind.example"));
    let request = stage.console(person, at + HOUR);
    let linked = request.act("user.identity.link", vec![user(person), provider("Northwind")]);
    stage.record(linked.with("issuer", ISSUER).with("subject", "248289761001"));
}

/// A person makes a token, or revokes one of theirs.
pub(super) fn tend_tokens(stage: &mut Stage, person: usize, at: Micros) {
    const NAMES: [&str; 6] = ["laptop", "grafana", "backup-script", "ide", "terraform", "load-test"];
    let own: Vec<usize> = (0..stage.tokens.len()).filter(|&index| stage.tokens[index].0 == person).collect();
    let request = stage.request(person, at);
    if own.len() > 2 || (!own.is_empty() && stage.random.chance(40)) {
        let (_, name) = stage.tokens.remove(*stage.random.pick(&own));
        let why = *stage.random.pick(&["rotation", "unused", "leaked"]);
        stage.record(token_revoked(&request, &name, person, why));
        return;
    }
    let name = format!("{}-{}", stage.random.pick(&NAMES), stage.random.hex(3));
    let days = stage.random.between(1, 6) as Micros * 30;
    let draft = request
        .act("token.create", vec![target("token", "tok", &name), user(person)])
        .with("scopes", if stage.random.chance(70) { "read" } else { "read write" })
        .with("expires_at", time::to_text(at + days * DAY));
    if days > 150 && PEOPLE[person].duty == Duty::Developer {
        stage.record(draft.denied("Tokens of developers end after 150 days at the latest"));
        return;
    }
    stage.record(draft);
    stage.tokens.push((person, name));
}

/// The end of a token.
pub(super) fn token_revoked(request: &Request, name: &str, person: usize, why: &str) -> Draft {
    request.act("token.revoke", vec![target("token", "tok", name), user(person)]).with("why", why)
}

/// A name that is not in use, but now and then one that is: people forget what is there.
pub(super) fn unused(stage: &mut Stage, names: &[&'static str], in_use: impl Fn(&Stage, &str) -> bool) -> &'static str {
    let free: Vec<&'static str> = names.iter().copied().filter(|name| !in_use(stage, name)).collect();
    let taken_too = free.is_empty() || stage.random.chance(10);
    let name: &&'static str = stage.random.pick(if taken_too { names } else { &free });
    name
}

/// A key for a site outside of the platform is made, changed or revoked.
pub(super) fn tend_keys(stage: &mut Stage, person: usize, at: Micros) {
    const SITES: [&str; 6] =
        ["store-lisbon", "store-porto", "store-prague", "edge-cache", "print-service", "label-printer"];
    let request = stage.request(person, at);
    if stage.keys.len() < 2 || (stage.keys.len() < 6 && stage.random.chance(30)) {
        let name = unused(stage, &SITES, |stage, name| stage.keys.iter().any(|known| known == name));
        let mut targets = vec![target("on_prem_key", "key", name)];
        targets.push(environment(if stage.random.chance(70) { 2 } else { 1 }));
        let draft = request.act("on_prem_key.create", targets).with("expires_at", time::to_text(at + 365 * DAY));
        if stage.keys.iter().any(|known| known == name) {
            stage.record(draft.failed(409, format!("Key {name} is already there")));
            return;
        }
        stage.keys.push(name.to_owned());
        stage.record(draft);
        return;
    }
    let which = stage.random.below(stage.keys.len() as u64) as usize;
    let name = stage.keys[which].clone();
    let targets = vec![target("on_prem_key", "key", &name)];
    if stage.random.chance(40) {
        stage.keys.remove(which);
        let why = *stage.random.pick(&["rotation", "unused", "leaked"]);
        stage.record(request.act("on_prem_key.revoke", targets).with("why", why));
        return;
    }
    let until = time::to_text(at + 365 * DAY);
    stage.record(request.act("on_prem_key.update", targets).change("/expires_at", time::to_text(at + 9 * DAY), until));
}

/// The key of the warehouse, with which it pulls releases.
pub(super) fn warehouse_key(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.request(person, at);
    let targets = vec![target("on_prem_key", "key", "warehouse-gateway"), environment(2)];
    stage.record(request.act("on_prem_key.create", targets).with("expires_at", time::to_text(at + 730 * DAY)));
}

impl Stage {
    /// A request from a person's browser.
    pub(super) fn console(&mut self, person: usize, at: Micros) -> Request {
        let who = &PEOPLE[person];
        let mut actor = who.actor();
        let mut ip = who.addresses[0];
        if let Some(session) = &self.sessions[person] {
            actor["session_id"] = json!(session.id);
            ip = session.ip;
        }
        self.request_of(at, actor, ip, who.user_agent, "console")
    }

    /// A span of time in minutes.
    pub(super) fn random_minutes(&mut self, from: Micros, to: Micros) -> Micros {
        self.random.span(from * MINUTE, to * MINUTE)
    }

    /// A span of time in hours.
    pub(super) fn random_hours(&mut self, from: Micros, to: Micros) -> Micros {
        self.random.span(from * HOUR, to * HOUR)
    }
}

/// The id under which a person's account is known, for sentences of other scenes.
pub(super) fn account(person: usize) -> String {
    PEOPLE[person].id()
}
