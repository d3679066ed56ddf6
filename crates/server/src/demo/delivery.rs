//! Scenes of delivery: commits are deployed, releases are promoted, some fail and are tried again, some are denied.

use actarium_core::row::Micros;
use actarium_core::time::{HOUR, MINUTE, SECOND};

use super::cast::{COMMITS, Duty, ENVIRONMENTS, JIA, MAREK, PEOPLE, Program};
use super::stage::{Draft, Request, Stage, target};

const DEPLOY_FAILURES: [(u16, &str); 6] = [
    (422, "Build failed: 3 of 412 tests failed"),
    (504, "Rollout did not become ready within 600 s"),
    (422, "Image was not found in the registry"),
    (422, "Build failed: lock file is out of date"),
    (409, "Quota of memory in development is exhausted: 31 of 32 GiB in use"),
    (502, "Container exits with code 137 (out of memory)"),
];
const PROMOTE_FAILURES: [(u16, &str); 5] = [
    (409, "Another promotion to this environment is in progress"),
    (504, "Rollout did not become ready within 600 s"),
    (422, "Readiness probe failed: connection refused on port 8080"),
    (422, "Configuration PAYMENT_PROVIDER_URL is missing in the target environment"),
    (412, "Smoke tests failed: 2 of 18"),
];
const PROMOTE_UNCLEAR: &str = "Connection to the cluster was lost before the result came";

/// A component that a person works on and that is not busy.
fn component_for(stage: &mut Stage, person: usize, at: Micros) -> Option<usize> {
    let projects = PEOPLE[person].projects;
    let free: Vec<usize> = (0..stage.components.len())
        .filter(|&index| {
            let component = &stage.components[index];
            component.busy_until < at && (projects.is_empty() || projects.contains(&component.project.as_str()))
        })
        .collect();
    (!free.is_empty()).then(|| *stage.random.pick(&free))
}

/// A person commits; the change goes as far as it gets.
pub(super) fn ship(stage: &mut Stage, person: usize, at: Micros) {
    let Some(component) = component_for(stage, person, at) else { return };
    let release = stage.new_release(component);
    let mut at = at;
    if !deploy(stage, person, component, &release, 1, at) {
        at += stage.random.span(8 * MINUTE, 40 * MINUTE);
        if !stage.random.chance(85) || !deploy(stage, person, component, &release, 2, at) {
            stage.components[component].busy_until = at;
            return;
        }
    }
    if stage.random.chance(62) {
        at += stage.random.span(12 * MINUTE, 2 * HOUR);
        if promote_until_done(stage, person, component, 1, &mut at) && stage.random.chance(58) {
            at += stage.random.span(25 * MINUTE, 3 * HOUR);
            to_production(stage, person, component, &mut at);
        }
    }
    stage.components[component].busy_until = at + MINUTE;
}

/// Puts a release into development, by the runner or by hand. Says whether it worked.
fn deploy(stage: &mut Stage, person: usize, component: usize, release: &str, attempt: u64, at: Micros) -> bool {
    let automatic = stage.components[component].auto_deploy && attempt == 1;
    let request = if automatic { stage.program(Program::Runner, None, at) } else { stage.request(person, at) };
    let commit = stage.random.hex(12);
    let subject = stage.random.pick(&COMMITS).replace("{}", &stage.components[component].name);
    let state = &stage.components[component];
    let draft = request
        .act("component.deploy", state.targets_in(0))
        .with("release", release)
        .with("version", state.version())
        .with("commit", commit)
        .with("subject", subject)
        .with("trigger", if automatic { "commit" } else { "manual" })
        .with("attempt", attempt);
    if stage.random.chance(8) {
        let &(status, reason) = stage.random.pick(&DEPLOY_FAILURES);
        stage.record(draft.failed(status, reason));
        return false;
    }
    let draft = release_change(stage, draft, component, 0, release);
    stage.record(draft);
    true
}

/// Notes which release is replaced, and replaces it.
fn release_change(stage: &mut Stage, draft: Draft, component: usize, place: usize, release: &str) -> Draft {
    let path = format!("/environments/{}/release", ENVIRONMENTS[place]);
    match stage.components[component].releases[place].replace(release.to_owned()) {
        Some(before) => draft.change(&path, before, release),
        None => draft.added(&path, release),
    }
}

fn promotion(stage: &Stage, request: &Request, component: usize, to: usize, attempt: u64) -> Draft {
    let state = &stage.components[component];
    let draft = request
        .act("component.promote", state.targets_in(to))
        .with("from", ENVIRONMENTS[to - 1])
        .with("version", state.version())
        .with("attempt", attempt);
    match &state.releases[to - 1] {
        Some(release) => draft.with("release", release.as_str()),
        None => draft,
    }
}

/// Promotes what runs in the environment before. Says whether it worked.
fn promote(stage: &mut Stage, request: &Request, component: usize, to: usize, attempt: u64) -> bool {
    let draft = promotion(stage, request, component, to, attempt);
    let Some(release) = stage.components[component].releases[to - 1].clone() else { return false };
    let failing = if attempt == 1 { 11 } else { 25 };
    if stage.random.chance(failing) {
        let &(status, reason) = stage.random.pick(&PROMOTE_FAILURES);
        stage.record(draft.failed(status, reason));
        return false;
    }
    if stage.random.rarely(12) {
        stage.record(draft.unclear(PROMOTE_UNCLEAR));
        return false;
    }
    let draft = release_change(stage, draft, component, to, &release);
    stage.record(draft);
    true
}

/// Promotes, and tries again some minutes later when it fails, at most three times.
fn promote_until_done(stage: &mut Stage, person: usize, component: usize, to: usize, at: &mut Micros) -> bool {
    for attempt in 1..=3 {
        let request = stage.request(person, *at);
        if promote(stage, &request, component, to, attempt) {
            return true;
        }
        *at += stage.random.span(3 * MINUTE, 25 * MINUTE);
    }
    false
}

/// The last step: developers may not take it themselves, and sometimes forget.
fn to_production(stage: &mut Stage, person: usize, component: usize, at: &mut Micros) {
    if PEOPLE[person].duty == Duty::Developer {
        if stage.random.chance(22) {
            let request = stage.request(person, *at);
            let draft = promotion(stage, &request, component, 2, 1);
            stage.record(draft.denied("Missing permission environment_promote_production"));
            *at += stage.random.span(4 * MINUTE, 30 * MINUTE);
        }
        let engineer =
            if PEOPLE[MAREK].projects.contains(&stage.components[component].project.as_str()) { MAREK } else { JIA };
        if stage.random.chance(35) {
            agent_promotes(stage, engineer, component, at);
            return;
        }
        promote_until_done(stage, engineer, component, 2, at);
        return;
    }
    promote_until_done(stage, person, component, 2, at);
}

/// An engineer asks the agent to take a release to production; it retries by itself.
fn agent_promotes(stage: &mut Stage, engineer: usize, component: usize, at: &mut Micros) {
    for attempt in 1..=3 {
        let request = stage.program(Program::ReleaseAgent, Some(engineer), *at);
        if promote(stage, &request, component, 2, attempt) {
            return;
        }
        *at += stage.random.span(70 * SECOND, 6 * MINUTE);
    }
}

/// The agent tries what its policy forbids.
pub(super) fn agent_oversteps(stage: &mut Stage, person: usize, at: Micros) {
    let Some(component) = component_for(stage, person, at) else { return };
    let request = stage.program(Program::ReleaseAgent, Some(person), at);
    let draft = request
        .act("component.undeploy", stage.components[component].targets_in(2))
        .denied("Policy ask-before-production: no approval of a person is recorded");
    stage.record(draft);
}

/// A person puts a release into an environment again.
pub(super) fn redeploy(stage: &mut Stage, person: usize, at: Micros) {
    let Some(component) = component_for(stage, person, at) else { return };
    let place = stage.random.weighted(&[(3, 0), (3, 1), (2, 2)]);
    let Some(release) = stage.components[component].releases[place].clone() else { return };
    let request = stage.request(person, at);
    let state = &stage.components[component];
    let draft = request
        .act("component.redeploy", state.targets_in(place))
        .with("release", release)
        .with("version", state.version())
        .with("trigger", "manual");
    let draft = if place == 2 && PEOPLE[person].duty == Duty::Developer {
        draft.denied("Missing permission environment_deploy_production")
    } else if stage.random.chance(7) {
        draft.failed(504, "Rollout did not become ready within 600 s")
    } else {
        draft
    };
    stage.record(draft);
}

/// A rollback: the release before is put back into production.
pub(super) fn roll_back(stage: &mut Stage, engineer: usize, component: usize, at: Micros) {
    let before = stage.new_release(component);
    let request = stage.request(engineer, at);
    let state = &stage.components[component];
    let draft = request
        .act("component.redeploy", state.targets_in(2))
        .with("release", before.as_str())
        .with("version", state.version())
        .with("trigger", "rollback");
    let draft = release_change(stage, draft, component, 2, &before);
    stage.record(draft);
}

/// A person takes a component out of an environment.
pub(super) fn undeploy(stage: &mut Stage, person: usize, at: Micros) {
    let Some(component) = component_for(stage, person, at) else { return };
    let place = if PEOPLE[person].duty == Duty::Developer { 0 } else { 1 };
    let Some(release) = stage.components[component].releases[place].take() else { return };
    let request = stage.request(person, at);
    let path = format!("/environments/{}/release", ENVIRONMENTS[place]);
    let draft = request
        .act("component.undeploy", stage.components[component].targets_in(place))
        .with("release", release.as_str())
        .gone(&path, release);
    stage.record(draft);
}

/// A component gets a new version, and its build is deployed.
pub(super) fn version(stage: &mut Stage, person: usize, at: Micros) {
    let Some(component) = component_for(stage, person, at) else { return };
    let request = stage.request(person, at);
    let commit = stage.random.hex(12);
    let state = &mut stage.components[component];
    let name = format!("v1.{}", state.minor + 1);
    let versions = target("component_version", "ver", &format!("{}-{name}", state.name));
    let mut part = versions;
    part["name"] = name.as_str().into();
    let draft = request
        .act("component.version.create", state.within(part))
        .with("branch", format!("release/{name}"))
        .with("commit", commit);
    if stage.random.chance(6) {
        stage.record(draft.failed(409, format!("Version {name} is already there")));
        return;
    }
    stage.components[component].minor += 1;
    stage.record(draft);
    let release = stage.new_release(component);
    let later = at + stage.random.span(4 * MINUTE, 9 * MINUTE);
    deploy(stage, person, component, &release, 1, later);
}

/// Every night the platform redeploys what its base image changed for.
pub(super) fn nightly(stage: &mut Stage, at: Micros) {
    let count = stage.random.below(3);
    let request = stage.program(Program::Platform, None, at);
    for turn in 0..count {
        if stage.components.is_empty() {
            return;
        }
        let component = stage.random.below(stage.components.len() as u64) as usize;
        let place = stage.random.below(2) as usize;
        let state = &stage.components[component];
        let Some(release) = state.releases[place].clone() else { continue };
        let draft = request
            .later(turn as Micros * 40 * SECOND)
            .act("component.redeploy", state.targets_in(place))
            .with("release", release)
            .with("version", state.version())
            .with("trigger", "schedule");
        let failing = stage.random.chance(6);
        stage.record(if failing { draft.failed(502, "Container exits with code 137 (out of memory)") } else { draft });
    }
}

/// The warehouse pulls what runs in production; its acts often arrive late, when its line is up again.
pub(super) fn warehouse_pulls(stage: &mut Stage, at: Micros) {
    let Some(component) = stage.component("warehouse-sync") else { return };
    let state = &stage.components[component];
    let Some(release) = state.releases[2].clone().or(state.releases[1].clone()) else { return };
    let request = stage.program(Program::Warehouse, None, at);
    let state = &stage.components[component];
    let draft = request
        .act("component.redeploy", state.targets_in(2))
        .with("release", release)
        .with("version", state.version())
        .with("trigger", "schedule");
    let failing = stage.random.chance(9);
    stage.record(if failing { draft.failed(502, "Line to the warehouse was down") } else { draft });
}
