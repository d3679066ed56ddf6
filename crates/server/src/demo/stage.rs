//! Where the demo's acts are written down: requests, drafts of events, and the state of the invented platform.
//!
//! Nothing here decides what happens; the scenes do.

use actarium_core::row::Micros;
use actarium_core::time::{self, SECOND};
use serde_json::{Map, Value, json};

use super::cast::{CLI, ENVIRONMENTS, PEOPLE, Program};
use super::random::{Random, id_of};
use crate::directory::defaults::Default as DefaultRole;

/// One request to the platform: who, from where, when. All acts of a request share its ids.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) at: Micros,
    actor: Value,
    ip: String,
    user_agent: String,
    request_id: String,
    trace_id: Option<String>,
    surface: &'static str,
}

impl Request {
    /// The same request, some time later.
    pub(super) fn later(&self, by: Micros) -> Request {
        Request { at: self.at + by, ..self.clone() }
    }

    /// The request as from somebody else: the platform acting on it.
    pub(super) fn by(&self, actor: Value) -> Request {
        Request { actor, ..self.clone() }
    }

    /// An act of this request, successful until said otherwise. The first target is what is acted on.
    pub(super) fn act(&self, action: &str, targets: Vec<Value>) -> Draft {
        let mut context = Map::new();
        context.insert("ip".into(), json!(self.ip));
        context.insert("user_agent".into(), json!(self.user_agent));
        context.insert("request_id".into(), json!(self.request_id));
        context.insert("surface".into(), json!(self.surface));
        if let Some(trace_id) = &self.trace_id {
            context.insert("trace_id".into(), json!(trace_id));
        }
        Draft {
            at: self.at,
            action: action.to_owned(),
            actor: self.actor.clone(),
            targets,
            context,
            outcome: "success",
            status: None,
            reason: None,
            changes: Vec::new(),
            metadata: Map::new(),
            own: false,
        }
    }
}

/// An event in the making.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    at: Micros,
    action: String,
    actor: Value,
    targets: Vec<Value>,
    context: Map<String, Value>,
    outcome: &'static str,
    status: Option<u16>,
    reason: Option<String>,
    changes: Vec<Value>,
    metadata: Map<String, Value>,
    own: bool,
}

impl Draft {
    /// It did not work; `status` is the HTTP status it was answered with.
    pub(super) fn failed(mut self, status: u16, reason: impl Into<String>) -> Draft {
        self.outcome = "failure";
        self.status = Some(status);
        self.reason = Some(reason.into());
        self
    }

    /// It was not permitted.
    pub(super) fn denied(mut self, reason: impl Into<String>) -> Draft {
        self.outcome = "denied";
        self.status = Some(403);
        self.reason = Some(reason.into());
        self
    }

    /// Nobody knows how it ended.
    pub(super) fn unclear(mut self, reason: impl Into<String>) -> Draft {
        self.outcome = "unknown";
        self.status = Some(504);
        self.reason = Some(reason.into());
        self
    }

    /// Something changed, from one value to another.
    pub(super) fn change(mut self, path: &str, before: impl Into<Value>, after: impl Into<Value>) -> Draft {
        self.changes.push(json!({"path": path, "before": before.into(), "after": after.into()}));
        self
    }

    /// Something came to be.
    pub(super) fn added(mut self, path: &str, after: impl Into<Value>) -> Draft {
        self.changes.push(json!({"path": path, "after": after.into()}));
        self
    }

    /// Something ceased to be.
    pub(super) fn gone(mut self, path: &str, before: impl Into<Value>) -> Draft {
        self.changes.push(json!({"path": path, "before": before.into()}));
        self
    }

    /// An entry of the metadata.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Draft {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// A record that Actarium makes itself. It says that it is of the demo: nothing of the kind has really happened.
    pub(super) fn own(mut self) -> Draft {
        self.own = true;
        self.with("demo", true)
    }

    fn into_event(mut self, external_id: String) -> Event {
        if let Some(http) = http_of(&self.action, self.outcome, self.status, &self.targets) {
            self.context.insert("http".into(), http);
        }
        let mut value = json!({
            "occurred_at": time::to_text(self.at),
            "action": self.action,
            "outcome": self.outcome,
            "actor": self.actor,
            "targets": self.targets,
            "context": self.context,
            "external_id": external_id,
        });
        if let Some(reason) = self.reason {
            value["reason"] = reason.into();
        }
        if !self.changes.is_empty() {
            value["changes"] = self.changes.into();
        }
        if !self.metadata.is_empty() {
            value["metadata"] = self.metadata.into();
        }
        Event { at: self.at, value, own: self.own }
    }
}

/// An event as it was written down.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: Micros,
    pub(super) value: Value,
    pub(super) own: bool,
}

/// The request line and status that an act would have had. What the platform and Actarium do by themselves has none.
fn http_of(action: &str, outcome: &str, status: Option<u16>, targets: &[Value]) -> Option<Value> {
    let verb = action.rsplit('.').next().unwrap_or(action);
    if ["service", "ingestion", "record"].contains(&action.split('.').next()?) || verb == "expire" {
        return None;
    }
    let (method, done) = match verb {
        "create" | "add" | "assign" | "invite" | "link" | "place" => ("POST", 201),
        "promote" | "deploy" | "redeploy" | "undeploy" => ("POST", 202),
        "update" | "enable" | "disable" => ("PUT", 200),
        "delete" | "remove" | "unassign" | "revoke" | "sign_out" | "release" => ("DELETE", 204),
        "search" | "view" | "export" => ("GET", 200),
        _ => ("POST", 200),
    };
    let status = status.unwrap_or(if outcome == "success" { done } else { 500 });
    Some(json!({"method": method, "path": path_of(verb, targets), "status": status}))
}

fn path_of(verb: &str, targets: &[Value]) -> String {
    let mut path = String::from("/api/v1");
    let first = targets.first();
    let containers =
        targets.iter().skip(1).filter(|target| target["type"] == "project" || target["type"] == "component");
    for target in containers.rev().chain(first) {
        let kind = target["type"].as_str().unwrap_or_default().replace('_', "-");
        let name = target["name"].as_str().or(target["id"].as_str()).unwrap_or_default();
        path.push_str(&format!("/{kind}s/"));
        for c in name.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '@' => path.push(c),
                '/' => path.push_str("%2F"),
                _ => path.push('-'),
            }
        }
    }
    if !["create", "update", "delete", "remove", "revoke", "view"].contains(&verb) {
        path.push('/');
        path.push_str(&verb.replace('_', "-"));
    }
    path
}

/// A target of a type, its id made from its name.
pub(super) fn target(kind: &str, prefix: &str, name: &str) -> Value {
    json!({"type": kind, "id": id_of(prefix, name), "name": name})
}

/// A project as a target.
pub(super) fn project(name: &str) -> Value {
    target("project", "prj", name)
}

/// An environment as a target, by its place in the order of environments.
pub(super) fn environment(index: usize) -> Value {
    json!({"type": "environment", "id": ENVIRONMENTS[index]})
}

/// A person as a target.
pub(super) fn user(person: usize) -> Value {
    let person = &PEOPLE[person];
    json!({"type": "user", "id": person.id(), "name": person.name})
}

/// A group as a target. Those that every organization has are known by their own ids.
pub(super) fn group(name: &str) -> Value {
    of_directory("group", "grp", name)
}

/// A role as a target.
pub(super) fn role(name: &str) -> Value {
    of_directory("role", "rol", name)
}

fn of_directory(kind: &str, prefix: &str, name: &str) -> Value {
    match DefaultRole::ALL.into_iter().find(|default| default.name() == name) {
        Some(default) => json!({"type": kind, "id": default.id(), "name": name}),
        None => target(kind, prefix, name),
    }
}

/// The organization as a target.
pub(super) fn organization() -> Value {
    json!({"type": "organization", "id": "demo", "name": "Northwind Platform"})
}

/// A component as it is at a moment.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) project: String,
    /// Minor number of the newest version.
    pub(super) minor: u64,
    /// Release in each environment.
    pub(super) releases: [Option<String>; ENVIRONMENTS.len()],
    pub(super) endpoints: Vec<String>,
    pub(super) access_mode: &'static str,
    pub(super) auto_deploy: bool,
    pub(super) replicas: u64,
    pub(super) builder: u64,
    /// Until then something is going on with its releases.
    pub(super) busy_until: Micros,
}

impl Component {
    pub(super) fn version(&self) -> String {
        format!("v1.{}", self.minor)
    }

    /// The component and its project as targets.
    pub(super) fn targets(&self) -> Vec<Value> {
        vec![target("component", "cmp", &self.name), project(&self.project)]
    }

    /// The same, and an environment.
    pub(super) fn targets_in(&self, index: usize) -> Vec<Value> {
        let mut targets = self.targets();
        targets.push(environment(index));
        targets
    }

    /// Something within the component as the first target.
    pub(super) fn within(&self, part: Value) -> Vec<Value> {
        let mut targets = vec![part];
        targets.extend(self.targets());
        targets
    }
}

/// A person at a screen, signed in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) since: Micros,
    pub(super) ip: &'static str,
}

/// The platform and the events so far.
pub(super) struct Stage {
    pub(super) random: Random,
    pub(super) now: Micros,
    pub(super) components: Vec<Component>,
    /// Configuration of projects: project, name, kind.
    pub(super) configs: Vec<(String, String, &'static str)>,
    /// On-premises keys that are in use, by name.
    pub(super) keys: Vec<String>,
    /// Tokens in use: whose and what they are called.
    pub(super) tokens: Vec<(usize, String)>,
    /// Invitations that nobody answered yet: address and since when.
    pub(super) invitations: Vec<(String, Micros)>,
    /// Who accepted an invitation and has not left.
    pub(super) members: Vec<usize>,
    /// The session of each person.
    pub(super) sessions: Vec<Option<Session>>,
    pub(super) events: Vec<Event>,
    external_id_prefix: String,
}

impl Stage {
    pub(super) fn new(seed: u64, now: Micros) -> Self {
        Self {
            random: Random::new(seed),
            now,
            components: Vec::new(),
            configs: Vec::new(),
            keys: Vec::new(),
            tokens: Vec::new(),
            invitations: Vec::new(),
            members: Vec::new(),
            sessions: vec![None; PEOPLE.len()],
            events: Vec::new(),
            external_id_prefix: format!("northwind-{seed}"),
        }
    }

    /// Writes an act down.
    pub(super) fn record(&mut self, draft: Draft) {
        let external_id = format!("{}-{:06}", self.external_id_prefix, self.events.len());
        self.events.push(draft.into_event(external_id));
    }

    /// A request of a person: from the console, or now and then from the command line.
    pub(super) fn request(&mut self, person: usize, at: Micros) -> Request {
        let who = &PEOPLE[person];
        let mut actor = who.actor();
        let mut ip = who.addresses[0];
        if let Some(session) = &self.sessions[person] {
            actor["session_id"] = json!(session.id);
            ip = session.ip;
        }
        let by_console = self.random.chance(86);
        let (user_agent, surface) = if by_console { (who.user_agent, "console") } else { (CLI, "cli") };
        self.request_of(at, actor, ip, user_agent, surface)
    }

    /// A request of a program, for a person where it acts for one.
    pub(super) fn program(&mut self, program: Program, for_person: Option<usize>, at: Micros) -> Request {
        let actor = program.actor(for_person.map(|person| &PEOPLE[person]));
        let (ip, user_agent, surface) = match program {
            Program::Runner => {
                (["10.4.18.3", "10.4.18.4", "10.4.18.7"][self.random.below(3) as usize], super::cast::RUNNER, "ci")
            }
            Program::Platform => ("10.4.0.10", "northwind-controller/1.22.0", "controller"),
            Program::ReleaseAgent => ("10.4.30.12", "northwind-agent/0.9.4", "mcp"),
            Program::Warehouse => ("192.0.2.230", "northwind-edge/3.1.2", "api"),
        };
        self.request_of(at, actor, ip, user_agent, surface)
    }

    /// A request with everything given.
    pub(super) fn request_of(
        &mut self,
        at: Micros,
        actor: Value,
        ip: &str,
        user_agent: &str,
        surface: &'static str,
    ) -> Request {
        let at = at + self.random.span(0, SECOND);
        let request_id = self.random.uuid();
        let trace_id = self.random.chance(60).then(|| self.random.hex(32));
        Request { at, actor, ip: ip.to_owned(), user_agent: user_agent.to_owned(), request_id, trace_id, surface }
    }

    /// The place of a component that exists.
    pub(super) fn component(&self, name: &str) -> Option<usize> {
        self.components.iter().position(|component| component.name == name)
    }

    /// A name for a new release of a component.
    pub(super) fn new_release(&mut self, component: usize) -> String {
        format!("{}-{}", self.components[component].name, self.random.hex(5))
    }
}
