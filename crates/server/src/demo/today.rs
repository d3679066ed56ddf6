//! The last three hours before now, the same at whatever hour the demo is loaded: so that who opens it finds something.

use actarium_core::row::Micros;
use actarium_core::time::{MINUTE, SECOND};

use super::cast::{ANA, BEN, JIA, MAREK, PRIYA, Program};
use super::stage::{Stage, environment, group, project, role, target};
use super::{access, delivery, people, settings, upkeep};

const TOMAS: usize = 4;
const NOAH: usize = 5;
const FARAH: usize = 6;

/// Plays the last hours.
pub(super) fn play(stage: &mut Stage) {
    let signed_in =
        [(MAREK, 176), (ANA, 171), (TOMAS, 158), (FARAH, 149), (NOAH, 133), (PRIYA, 96), (JIA, 91), (BEN, 61)];
    for (person, minutes) in signed_in {
        if stage.sessions[person].is_none() {
            let at = ago(stage, minutes);
            access::sign_in(stage, person, at);
        }
    }
    for (person, minutes) in [(FARAH, 141), (NOAH, 127), (TOMAS, 118)] {
        chore(stage, minutes, person, delivery::redeploy);
        chore(stage, minutes - 9, person, settings::change_config);
        chore(stage, minutes - 14, person, settings::update_component);
    }
    chore(stage, 152, MAREK, delivery::redeploy);
    chore(stage, 146, MAREK, settings::change_access);
    chore(stage, 111, TOMAS, delivery::version);
    chore(stage, 104, ANA, settings::update_build);
    chore(stage, 99, FARAH, settings::change_endpoint);
    chore(stage, 93, NOAH, settings::change_config);
    chore(stage, 88, NOAH, settings::change_endpoint);
    let at = ago(stage, 74);
    access_denied(stage, at);
    let at = ago(stage, 66);
    unknown_account(stage, at);
    release(stage);
    chore(stage, 24, PRIYA, people::change_role);
    chore(stage, 22, MAREK, settings::update_component);
    chore(stage, 19, JIA, access::tend_keys);
    chore(stage, 12, BEN, upkeep::search);
    chore(stage, 6, PRIYA, people::tend_invitations);
}

/// Some seconds more than so many minutes before now.
fn ago(stage: &mut Stage, minutes: Micros) -> Micros {
    stage.now - minutes * MINUTE - stage.random.span(0, 50 * SECOND)
}

fn chore(stage: &mut Stage, minutes: Micros, person: usize, chore: fn(&mut Stage, usize, Micros)) {
    let at = ago(stage, minutes);
    chore(stage, person, at);
}

/// Tomás wants an API open to the world.
fn access_denied(stage: &mut Stage, at: Micros) {
    let Some(component) = stage.component("refunds-api") else { return };
    let request = stage.request(TOMAS, at);
    let state = &stage.components[component];
    let draft = request
        .act("component.access_mode.update", state.targets())
        .change("/access_mode", "organization", "external")
        .with("from", "organization")
        .with("to", "external");
    stage.record(draft.denied("Missing permission component_expose_external"));
}

/// Somebody tries an account that does not exist.
fn unknown_account(stage: &mut Stage, at: Micros) {
    let attempt = stage.random.hex(16);
    let actor = serde_json::json!({"type": "anonymous", "id": "root@northwind.example"});
    let request = stage.request_of(at, actor, "198.51.100.203", "curl/8.15.0", "console");
    let draft = request
        .act("session.sign_in", vec![serde_json::json!({"type": "session", "id": attempt})])
        .with("method", "password")
        .with("attempts", 6);
    stage.record(draft.failed(401, "No such account"));
}

/// A release of orders-api: built, staged, denied, permitted, failed, retried, done.
fn release(stage: &mut Stage) {
    let Some(component) = stage.component("orders-api") else { return };
    let release = stage.new_release(component);
    let [runner, staged, denied, again, role_given, failed, done, role_taken] =
        [81, 57, 47, 45, 38, 32, 27, 9].map(|minutes| ago(stage, minutes));
    let state = stage.components[component].clone();
    let before = state.releases.clone();
    let commit = stage.random.hex(12);

    let request = stage.program(Program::Runner, None, runner);
    let draft = request.act("component.deploy", state.targets_in(0)).with("release", release.as_str());
    let draft = draft.with("version", state.version()).with("commit", commit).with("trigger", "commit");
    stage.record(draft.with("subject", "Release candidate 3 of orders-api").with("attempt", 1));

    let promotion = |request: super::stage::Request, to: usize, attempt: u64| {
        let draft = request.act("component.promote", state.targets_in(to)).with("release", release.as_str());
        let from = super::cast::ENVIRONMENTS[to - 1];
        draft.with("from", from).with("version", state.version()).with("attempt", attempt)
    };
    let change = |draft: super::stage::Draft, to: usize| {
        let path = format!("/environments/{}/release", super::cast::ENVIRONMENTS[to]);
        match &before[to] {
            Some(old) => draft.change(&path, old.as_str(), release.as_str()),
            None => draft.added(&path, release.as_str()),
        }
    };
    let request = stage.request(ANA, staged);
    stage.record(change(promotion(request, 1, 1), 1));
    for (attempt, at) in [(1, denied), (2, again)] {
        let request = stage.request(ANA, at);
        stage.record(promotion(request, 2, attempt).denied("Missing permission environment_promote_production"));
    }
    let on_call = || vec![group("On call"), role("Production deployer"), project("payments")];
    let request = stage.request(PRIYA, role_given);
    let draft = request.act("group.role.assign", on_call()).with("level", "project");
    stage.record(draft.added("/roles/-", "Production deployer"));
    let request = stage.program(Program::ReleaseAgent, Some(MAREK), failed);
    stage.record(promotion(request, 2, 1).failed(422, "Readiness probe failed: connection refused on port 8080"));
    let request = stage.program(Program::ReleaseAgent, Some(MAREK), done);
    stage.record(change(promotion(request.clone(), 2, 2), 2));
    let mut link = vec![target("project_config", "cfg", "feature-flags")];
    link.extend([target("component", "cmp", "orders-api"), environment(2)]);
    let linked = request.later(4 * SECOND).act("project.config.link", link);
    stage.record(linked.with("mount", "/etc/config/feature-flags"));
    let request = stage.request(PRIYA, role_taken);
    let draft = request.act("group.role.unassign", on_call()).with("level", "project");
    stage.record(draft.gone("/roles/-", "Production deployer"));
    stage.components[component].releases = [Some(release.clone()), Some(release.clone()), Some(release)];
}
