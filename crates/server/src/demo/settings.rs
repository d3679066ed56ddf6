//! Scenes of settings: components and projects come, are set up differently, and go.

use actarium_core::row::Micros;
use actarium_core::time::SECOND;
use serde_json::{Value, json};

use super::access;
use super::cast::{ComponentPlan, Duty, PEOPLE, ProjectPlan};
use super::stage::{Component, Stage, project, target};

const ACCESS_MODES: [&str; 3] = ["project", "organization", "external"];
const CONFIG_NAMES: [&str; 10] = [
    "database",
    "payment-provider",
    "feature-flags",
    "mail",
    "object-store",
    "rates",
    "carriers",
    "tracing",
    "search-index",
    "webhooks",
];
const ENDPOINT_NAMES: [&str; 10] = [
    "/v2/refunds",
    "/v2/orders",
    "/v1/health",
    "/v1/webhooks",
    "/internal/metrics",
    "/v2/search",
    "/v1/labels",
    "/graphql",
    "/v1/export",
    "/v2/scores",
];

/// A project is created.
pub(super) fn create_project(stage: &mut Stage, person: usize, plan: &ProjectPlan, at: Micros) {
    let request = stage.request(person, at);
    let draft = request
        .act("project.create", vec![project(plan.name)])
        .added("/description", plan.description)
        .with("region", plan.region);
    stage.record(draft);
}

/// A component is created, with its first endpoint and automatic deployment, by one request.
pub(super) fn create_component(stage: &mut Stage, person: usize, plan: &ComponentPlan, at: Micros) {
    let component = Component {
        name: plan.name.to_owned(),
        project: plan.project.to_owned(),
        minor: 0,
        releases: [None, None, None],
        endpoints: plan.endpoint.iter().map(|&name| name.to_owned()).collect(),
        access_mode: "project",
        auto_deploy: true,
        replicas: 1,
        builder: 20,
        busy_until: at,
    };
    let request = stage.request(person, at);
    stage.record(
        request
            .act("component.create", component.targets())
            .with("kind", plan.kind)
            .with("repository", format!("git.northwind.example/{}/{}", plan.project, plan.name)),
    );
    if let Some(name) = plan.endpoint {
        let later = request.later(2 * SECOND);
        stage.record(endpoint_created(&later, &component, name));
    }
    let later = request.later(3 * SECOND);
    stage.record(later.act("component.auto_deploy.enable", component.targets()).with("branch", "main"));
    stage.components.push(component);
}

fn endpoint_created(request: &super::stage::Request, component: &Component, name: &str) -> super::stage::Draft {
    request
        .act("component.endpoint.create", component.within(target("endpoint", "end", name)))
        .with("port", 8080)
        .with("protocol", if name == "/graphql" { "graphql" } else { "http" })
        .with("visibility", component.access_mode)
}

/// A component is taken out of all environments and deleted, by one request.
pub(super) fn delete_component(stage: &mut Stage, person: usize, name: &str, at: Micros) {
    let Some(index) = stage.component(name) else { return };
    let request = stage.request(person, at);
    let component = stage.components.remove(index);
    for (place, release) in component.releases.iter().enumerate() {
        if let Some(release) = release {
            let path = format!("/environments/{}/release", super::cast::ENVIRONMENTS[place]);
            stage.record(
                request
                    .later(place as Micros * SECOND)
                    .act("component.undeploy", component.targets_in(place))
                    .with("release", release.as_str())
                    .gone(&path, release.as_str()),
            );
        }
    }
    stage.record(request.later(5 * SECOND).act("component.delete", component.targets()));
}

/// A component of one of the person's projects.
fn component_of(stage: &mut Stage, person: usize) -> Option<usize> {
    let projects = PEOPLE[person].projects;
    let own: Vec<usize> = (0..stage.components.len())
        .filter(|&index| projects.is_empty() || projects.contains(&stage.components[index].project.as_str()))
        .collect();
    (!own.is_empty()).then(|| *stage.random.pick(&own))
}

/// How often a component runs, or what is said of it, is changed.
pub(super) fn update_component(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let request = stage.request(person, at);
    let mut replicas = stage.random.between(1, 6);
    if replicas == stage.components[index].replicas && stage.random.chance(70) {
        replicas += 1;
    }
    let state = &stage.components[index];
    let draft = request.act("component.update", state.targets()).change("/spec/replicas", state.replicas, replicas);
    if replicas == state.replicas {
        stage.record(draft.failed(422, "Nothing would change"));
        return;
    }
    if stage.random.chance(5) {
        stage.record(draft.failed(409, "Component was changed by somebody else in the meantime"));
        return;
    }
    stage.components[index].replicas = replicas;
    stage.record(draft);
}

/// How a component is built is changed.
pub(super) fn update_build(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let request = stage.request(person, at);
    let state = &mut stage.components[index];
    let before = state.builder;
    let after = before + 1;
    let draft = request
        .act("component.build_config.update", state.targets())
        .change("/build/builder", format!("node-{before}"), format!("node-{after}"))
        .with("buildpack", format!("node-{after}"));
    if stage.random.chance(8) {
        stage.record(draft.failed(422, format!("Builder node-{after} is not available in this region")));
    } else if PEOPLE[person].duty == Duty::Developer && stage.random.chance(6) {
        stage.record(draft.denied("Missing permission component_build_update"));
    } else {
        stage.components[index].builder = after;
        stage.record(draft);
    }
}

/// An endpoint comes, changes or goes.
pub(super) fn change_endpoint(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let request = stage.request(person, at);
    let count = stage.components[index].endpoints.len();
    if count == 0 || (count < 4 && stage.random.chance(40)) {
        let name = *stage.random.pick(&ENDPOINT_NAMES);
        let draft = endpoint_created(&request, &stage.components[index], name);
        if stage.components[index].endpoints.iter().any(|known| known == name) {
            stage.record(draft.failed(409, format!("Endpoint {name} is already there")));
            return;
        }
        stage.components[index].endpoints.push(name.to_owned());
        stage.record(draft);
        return;
    }
    let which = stage.random.below(count as u64) as usize;
    let name = stage.components[index].endpoints[which].clone();
    let targets = stage.components[index].within(target("endpoint", "end", &name));
    if count > 1 && stage.random.chance(50) {
        if PEOPLE[person].duty == Duty::Developer && stage.random.chance(30) {
            stage.record(
                request.act("component.endpoint.delete", targets).denied("Endpoint is in use by storefront-web"),
            );
            return;
        }
        stage.components[index].endpoints.remove(which);
        stage.record(request.act("component.endpoint.delete", targets));
        return;
    }
    let seconds = stage.random.between(2, 30) * 5;
    let draft = request.act("component.endpoint.update", targets).change("/timeout_seconds", 30, seconds);
    let failing = stage.random.chance(9);
    stage.record(if failing { draft.failed(422, "OpenAPI description does not match the endpoint") } else { draft });
}

/// From where an API may be reached is changed; opening it to the outside takes more than a developer's rights.
pub(super) fn change_access(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let request = stage.request(person, at);
    let mode = *stage.random.pick(&ACCESS_MODES);
    let state = &stage.components[index];
    if mode == state.access_mode {
        return;
    }
    let draft = request
        .act("component.access_mode.update", state.targets())
        .change("/access_mode", state.access_mode, mode)
        .with("from", state.access_mode)
        .with("to", mode);
    if mode == "external" && PEOPLE[person].duty == Duty::Developer {
        stage.record(draft.denied("Missing permission component_expose_external"));
        return;
    }
    stage.components[index].access_mode = mode;
    stage.record(draft);
}

/// Automatic deployment is switched.
pub(super) fn switch_auto_deploy(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let request = stage.request(person, at);
    let state = &mut stage.components[index];
    state.auto_deploy = !state.auto_deploy;
    let action = if state.auto_deploy { "component.auto_deploy.enable" } else { "component.auto_deploy.disable" };
    let draft = request.act(action, state.targets()).with("branch", "main").change(
        "/auto_deploy",
        !state.auto_deploy,
        state.auto_deploy,
    );
    stage.record(draft);
}

/// What is said of a project is changed.
pub(super) fn update_project(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let name = stage.components[index].project.clone();
    let request = stage.request(person, at);
    let gib = stage.random.between(4, 12) * 8;
    let draft = request
        .act("project.update", vec![project(&name)])
        .change("/limits/memory_gib", 32, gib)
        .added("/labels/cost_center", format!("cc-{}", 4000 + gib));
    if PEOPLE[person].duty == Duty::Developer {
        stage.record(draft.denied("Missing permission project_update"));
    } else if stage.random.chance(6) {
        stage.record(draft.failed(422, "Limit is below what is in use"));
    } else {
        stage.record(draft);
    }
}

/// Shared configuration comes, changes, is linked to a component, or goes. Values of secrets are never told.
pub(super) fn change_config(stage: &mut Stage, person: usize, at: Micros) {
    let Some(index) = component_of(stage, person) else { return };
    let component = stage.components[index].clone();
    let request = stage.request(person, at);
    let known: Vec<usize> = (0..stage.configs.len()).filter(|&at| stage.configs[at].0 == component.project).collect();
    if known.len() < 2 || (known.len() < 7 && stage.random.chance(25)) {
        let name = access::unused(stage, &CONFIG_NAMES, |stage, name| {
            stage.configs.iter().any(|(project, config, _)| *project == component.project && config == name)
        });
        let kind = if stage.random.chance(40) { "secrets" } else { "settings" };
        let keys = stage.random.between(1, 9);
        let draft = request
            .act("project.config.create", config_targets(&component.project, name))
            .with("kind", kind)
            .with("keys", keys);
        if stage.configs.iter().any(|(project, config, _)| *project == component.project && config == name) {
            stage.record(draft.failed(409, format!("Configuration {name} is already there")));
            return;
        }
        stage.configs.push((component.project, name.to_owned(), kind));
        stage.record(draft);
        return;
    }
    let which = *stage.random.pick(&known);
    let (project_name, name, kind) = stage.configs[which].clone();
    let targets = config_targets(&project_name, &name);
    match stage.random.below(10) {
        0 => {
            if PEOPLE[person].duty == Duty::Developer {
                let draft = request.act("project.config.delete", targets).with("kind", kind);
                stage.record(draft.denied("Missing permission configuration_delete"));
                return;
            }
            stage.configs.remove(which);
            stage.record(request.act("project.config.delete", targets).with("kind", kind));
        }
        1..=4 => {
            let place = stage.random.below(3) as usize;
            let mut targets = targets;
            targets.extend(component.targets_in(place).into_iter().filter(|target| target["type"] != "project"));
            let draft = request.act("project.config.link", targets).with("mount", format!("/etc/config/{name}"));
            let failing = stage.random.chance(6);
            stage.record(if failing { draft.failed(409, "Mount path is taken") } else { draft });
        }
        _ => {
            let draft = request.act("project.config.update", targets).with("kind", kind);
            let draft = if kind == "secrets" {
                draft.change("/keys/password", "(secret)", "(another secret)")
            } else {
                let (before, after) = (stage.random.between(1, 50), stage.random.between(51, 100));
                draft.change("/keys/pool_size", before.to_string(), after.to_string())
            };
            let failing = stage.random.chance(5);
            stage.record(if failing { draft.failed(422, "Value is not a number") } else { draft });
        }
    }
}

fn config_targets(project_name: &str, name: &str) -> Vec<Value> {
    let id = super::random::id_of("cfg", &format!("{project_name}/{name}"));
    vec![json!({"type": "project_config", "id": id, "name": name}), project(project_name)]
}
