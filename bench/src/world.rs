//! The invented platform that events are drawn from: organizations, their actors, resources and habits.
//! Everything is derived from one seed; nothing here knows how events are written down.

use crate::rng::{Rng, Weighted};
use crate::words::{ADJECTIVES, FAMILY, GIVEN, KINDS, NOUNS, REGIONS, USER_AGENTS};

/// Organizations, of which the first is the largest (zipf, exponent 1).
pub const ORGANIZATIONS: usize = 50;
/// Actors of all organizations together.
pub const ACTORS: usize = 2_000;
/// Resources of all organizations together.
pub const RESOURCES: usize = 20_000;
/// Organizations share actors and resources in proportion to their events to this power: large ones are busier per head.
const SHARE_EXPONENT: f64 = 0.6;
/// The fewest actors and resources of an organization.
const ACTORS_MIN: usize = 6;
const RESOURCES_MIN: usize = 40;

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A deployable component.
    Component,
    /// An endpoint of a component.
    Endpoint,
    /// A project.
    Project,
    /// A set of configuration values.
    Config,
    /// A group of users.
    Group,
    /// A key for installations elsewhere.
    Key,
    /// A role.
    Role,
    /// A member of the organization (the actors are their own resources).
    User,
    /// What one signs in to.
    Application,
}

impl Kind {
    /// The kinds that resources are made of, with their share of them.
    const SHARES: [(Kind, f64); 7] = [
        (Kind::Component, 0.60),
        (Kind::Endpoint, 0.15),
        (Kind::Project, 0.08),
        (Kind::Config, 0.07),
        (Kind::Group, 0.04),
        (Kind::Key, 0.04),
        (Kind::Role, 0.02),
    ];

    /// The target's type, and the beginning of its id.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Component => ("component", "cmp"),
            Kind::Endpoint => ("endpoint", "ept"),
            Kind::Project => ("project", "prj"),
            Kind::Config => ("config", "cfg"),
            Kind::Group => ("group", "grp"),
            Kind::Key => ("on_prem_key", "key"),
            Kind::Role => ("role", "rol"),
            Kind::User => ("user", "usr"),
            Kind::Application => ("application", "app"),
        }
    }
}

/// What an action carries besides the actor and the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Version, build and environment.
    Deploy,
    /// A few settings with their values before and after.
    Settings,
    /// A role or group given or taken.
    Access,
    /// How somebody signed in.
    Session,
    /// Something made or removed.
    Life,
}

/// An action: name, what it acts on, how often it occurs, the words of its sentence, what it carries.
pub struct Action {
    /// `resource.verb`.
    pub name: &'static str,
    /// What it acts on.
    pub on: Kind,
    /// Relative frequency.
    pub weight: f64,
    /// Between the actor's name and the resource's.
    pub verb: &'static str,
    /// What it carries.
    pub shape: Shape,
}

macro_rules! actions {
    ($($name:literal $on:ident $weight:literal $verb:literal $shape:ident)*) => {
        [$(Action { name: $name, on: Kind::$on, weight: $weight, verb: $verb, shape: Shape::$shape }),*]
    };
}

/// The sixty actions.
pub static ACTIONS: [Action; 60] = actions! {
    "component.deploy" Component 14.0 "deployed" Deploy
    "component.redeploy" Component 5.0 "redeployed" Deploy
    "component.promote" Component 6.0 "promoted" Deploy
    "component.undeploy" Component 1.2 "undeployed" Deploy
    "component.rollback" Component 0.9 "rolled back" Deploy
    "component.build.start" Component 12.0 "started a build of" Deploy
    "component.build.cancel" Component 0.7 "cancelled a build of" Deploy
    "component.version.create" Component 4.0 "created a version of" Deploy
    "component.create" Component 1.0 "created the component" Life
    "component.update" Component 3.0 "changed the component" Settings
    "component.delete" Component 0.4 "deleted the component" Life
    "component.scale" Component 2.5 "scaled" Settings
    "component.restart" Component 2.2 "restarted" Deploy
    "component.logs.view" Component 6.0 "looked at the logs of" Life
    "component.access_mode.update" Component 0.5 "changed the access mode of" Settings
    "component.auto_deploy.enable" Component 0.6 "turned on automatic deployment of" Settings
    "component.auto_deploy.disable" Component 0.4 "turned off automatic deployment of" Settings
    "component.build_config.update" Component 1.5 "changed the build configuration of" Settings
    "component.endpoint.create" Endpoint 0.8 "created the endpoint" Life
    "component.endpoint.update" Endpoint 1.6 "changed the endpoint" Settings
    "component.endpoint.delete" Endpoint 0.3 "deleted the endpoint" Life
    "component.endpoint.test" Endpoint 1.8 "tried the endpoint" Life
    "project.create" Project 0.3 "created the project" Life
    "project.update" Project 0.8 "changed the project" Settings
    "project.delete" Project 0.1 "deleted the project" Life
    "project.view" Project 3.5 "opened the project" Life
    "project.config.create" Config 0.8 "created the configuration" Settings
    "project.config.update" Config 3.0 "changed the configuration" Settings
    "project.config.link" Config 0.7 "linked the configuration" Settings
    "project.config.delete" Config 0.3 "deleted the configuration" Life
    "secret.read" Config 2.4 "read secrets of" Life
    "secret.rotate" Config 0.8 "rotated secrets of" Settings
    "user.create" User 0.3 "created the user" Life
    "user.update" User 0.7 "changed the user" Settings
    "user.remove" User 0.2 "removed the user" Life
    "user.invite" User 0.5 "invited" Access
    "user.invitation.accept" User 0.4 "accepted the invitation of" Access
    "user.invitation.resend" User 0.2 "sent another invitation to" Access
    "user.invitation.revoke" User 0.1 "revoked the invitation of" Access
    "group.create" Group 0.2 "created the group" Life
    "group.update" Group 0.4 "changed the group" Settings
    "group.delete" Group 0.1 "deleted the group" Life
    "group.member.add" Group 0.9 "added a member to" Access
    "group.member.remove" Group 0.6 "removed a member from" Access
    "group.role.assign" Group 0.5 "gave a role to" Access
    "group.role.unassign" Group 0.3 "took a role from" Access
    "role.create" Role 0.1 "created the role" Life
    "role.update" Role 0.4 "changed the role" Settings
    "role.delete" Role 0.1 "deleted the role" Life
    "on_prem_key.create" Key 0.3 "created the key" Life
    "on_prem_key.update" Key 0.3 "changed the key" Settings
    "on_prem_key.revoke" Key 0.2 "revoked the key" Life
    "on_prem_key.use" Key 2.0 "used the key" Life
    "session.sign_in" Application 9.0 "signed in to" Session
    "session.sign_out" Application 3.0 "signed out of" Session
    "session.revoke" Application 0.2 "ended a session of" Session
    "second_factor.update" Application 0.3 "changed the second factor for" Session
    "token.create" Application 0.8 "made a token for" Session
    "token.revoke" Application 0.5 "revoked a token of" Session
    "alert.acknowledge" Component 1.4 "acknowledged an alert of" Life
};

/// Somebody or something that acts.
pub struct Actor {
    /// `usr_…` and the like.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The whole actor as it stands in an event.
    pub json: String,
    /// The programs it uses.
    pub agents: [&'static str; 2],
    /// The addresses it comes from.
    pub ips: Vec<String>,
}

/// Something acted on.
pub struct Resource {
    /// What people call it; no other resource has the same words.
    pub name: String,
    /// The target as it stands in an event, and after it the project that contains it.
    pub json: String,
    /// Where it runs.
    pub region: &'static str,
    /// A number of its own, from which its small habits follow.
    pub habit: u64,
    /// How often it was built or deployed so far.
    pub builds: u32,
}

/// An organization with everything in it.
pub struct Organization {
    /// Its slug.
    pub slug: String,
    /// Who acts, the busiest first.
    pub actors: Vec<Actor>,
    /// How often each of them does.
    pub actor_weights: Weighted,
    /// What is acted on, by `Kind as usize`, with how often each is.
    pub resources: Vec<(Vec<Resource>, Option<Weighted>)>,
}

/// All organizations.
pub struct World {
    /// The organizations, the largest first.
    pub organizations: Vec<Organization>,
    /// How often each of them is written to.
    pub weights: Weighted,
    /// How often each action occurs.
    pub actions: Weighted,
}

impl World {
    /// The world of a seed; slugs are `<prefix>-01` and so on.
    pub fn new(seed: u64, prefix: &str) -> Self {
        let mut rng = Rng::new(seed ^ 0x5749_4c44);
        let shares: Vec<f64> = (1..=ORGANIZATIONS).map(|rank| (rank as f64).powf(-SHARE_EXPONENT)).collect();
        let actors = divide(ACTORS, &shares, ACTORS_MIN);
        let resources = divide(RESOURCES, &shares, RESOURCES_MIN);
        let mut names = ResourceNames::new(&mut rng);
        let organizations = (0..ORGANIZATIONS)
            .map(|index| Organization::new(&mut rng, prefix, index, actors[index], resources[index], &mut names))
            .collect();
        World {
            organizations,
            weights: Weighted::zipf(ORGANIZATIONS, 1.0),
            actions: Weighted::new(&ACTIONS.iter().map(|action| action.weight).collect::<Vec<_>>()),
        }
    }
}

impl Organization {
    fn new(
        rng: &mut Rng,
        prefix: &str,
        index: usize,
        actors: usize,
        resources: usize,
        names: &mut ResourceNames,
    ) -> Self {
        let slug = format!("{prefix}-{:02}", index + 1);
        // Two addresses for each actor on the average, all in the organization's networks.
        let ips: Vec<String> = (0..actors * 2)
            .map(|_| match rng.below(3) {
                0 => format!("10.{}.{}.{}", index, rng.below(16), rng.below(254) + 1),
                1 => format!("203.0.{}.{}", index, rng.below(254) + 1),
                _ => format!("198.51.{}.{}", index, rng.below(254) + 1),
            })
            .collect();
        let actors: Vec<Actor> = (0..actors).map(|_| Actor::new(rng, &slug, &ips)).collect();
        let mut by_kind: Vec<(Vec<Resource>, Option<Weighted>)> =
            (0..=Kind::Application as usize).map(|_| (Vec::new(), None)).collect();
        let projects = ((resources as f64 * 0.08) as usize).max(2);
        // A project's id is its name, as on platforms where both are given by people.
        let project_json: Vec<(String, String)> = (0..projects)
            .map(|_| {
                let name = names.next();
                (format!(r#"{{"type":"project","id":"{name}"}}"#), name)
            })
            .collect();
        for (kind, share) in Kind::SHARES {
            let count = if kind == Kind::Project { projects } else { ((resources as f64 * share) as usize).max(1) };
            for number in 0..count {
                let resource = if kind == Kind::Project {
                    let (json, name) = &project_json[number];
                    Resource::new(rng, name.clone(), json.clone())
                } else {
                    let name = names.next();
                    let inside = &project_json[rng.below(projects)].1;
                    let target = target_json(kind, rng.bits(), &name);
                    let json = match kind {
                        Kind::Group | Kind::Key | Kind::Role => target,
                        _ => format!(r#"{target},{{"type":"project","id":"{inside}"}}"#),
                    };
                    Resource::new(rng, name, json)
                };
                by_kind[kind as usize].0.push(resource);
            }
        }
        for actor in &actors {
            let json = format!(r#"{{"type":"user","id":"{}","name":"{}"}}"#, actor.id, actor.name);
            by_kind[Kind::User as usize].0.push(Resource::new(rng, actor.name.clone(), json));
        }
        for name in ["console", "command-line", "developer-portal"] {
            let json = format!(r#"{{"type":"application","id":"app_{name}","name":"{name}"}}"#);
            by_kind[Kind::Application as usize].0.push(Resource::new(rng, name.to_owned(), json));
        }
        for (resources, weights) in &mut by_kind {
            *weights = (!resources.is_empty()).then(|| Weighted::zipf(resources.len(), 0.6));
        }
        Organization { slug, actor_weights: Weighted::zipf(actors.len(), 0.5), actors, resources: by_kind }
    }
}

impl Actor {
    fn new(rng: &mut Rng, slug: &str, ips: &[String]) -> Self {
        let agents = [rng.pick(&USER_AGENTS), rng.pick(&USER_AGENTS)];
        let ips = (0..1 + rng.below(4)).map(|_| ips[rng.below(ips.len())].clone()).collect();
        let number = rng.bits() >> 32;
        let (given, family) = (rng.pick(&GIVEN), rng.pick(&FAMILY));
        if rng.chance(0.85) {
            let (id, name) = (format!("usr_{number:08x}"), format!("{given} {family}"));
            let email = format!("{}.{}@{slug}.example", given.to_lowercase(), family.to_lowercase());
            let email = if rng.chance(0.6) { format!(r#","email":"{email}""#) } else { String::new() };
            let json = format!(r#"{{"type":"user","id":"{id}","name":"{name}"{email}}}"#);
            return Actor { id, name, json, agents, ips };
        }
        let what = rng.pick(&["deployer", "scanner", "backup", "reconciler", "reporter", "releaser"]);
        let name = format!("{what}-{:04x}", number & 0xffff);
        if rng.chance(0.3) {
            let id = format!("agt_{number:08x}");
            let json = format!(
                r#"{{"type":"agent","id":"{id}","name":"{name}","on_behalf_of":{{"type":"user","id":"usr_{:08x}","name":"{given} {family}"}}}}"#,
                rng.bits() >> 32
            );
            return Actor { id, name, json, agents, ips };
        }
        let id = format!("svc_{number:08x}");
        let json = format!(r#"{{"type":"service_account","id":"{id}","name":"{name}"}}"#);
        Actor { id, name, json, agents, ips }
    }
}

impl Resource {
    fn new(rng: &mut Rng, name: String, json: String) -> Self {
        Resource { name, json, region: rng.pick(&REGIONS), habit: rng.bits(), builds: rng.below(400) as u32 }
    }
}

fn target_json(kind: Kind, number: u64, name: &str) -> String {
    let (kind, prefix) = kind.names();
    format!(r#"{{"type":"{kind}","id":"{prefix}_{:08x}","name":"{name}"}}"#, number >> 32)
}

/// Hands out every combination of the three words once, in a shuffled order.
struct ResourceNames {
    order: Vec<u32>,
}

impl ResourceNames {
    fn new(rng: &mut Rng) -> Self {
        let count = ADJECTIVES.len() * NOUNS.len() * KINDS.len();
        let mut order: Vec<u32> = (0..count as u32).collect();
        for index in (1..count).rev() {
            order.swap(index, rng.below(index + 1));
        }
        ResourceNames { order }
    }

    fn next(&mut self) -> String {
        // There are 25,200 combinations and about 20,000 resources.
        let number = self.order.pop().expect("more combinations than resources") as usize;
        let (adjective, rest) = (number % ADJECTIVES.len(), number / ADJECTIVES.len());
        format!("{}-{}-{}", ADJECTIVES[adjective], NOUNS[rest % NOUNS.len()], KINDS[rest / NOUNS.len()])
    }
}

/// Divides `total` in proportion to `shares`, giving each at least `least`.
fn divide(total: usize, shares: &[f64], least: usize) -> Vec<usize> {
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| ((total as f64 * share / sum).round() as usize).max(least)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_has_the_announced_sizes_and_its_names_are_unique() {
        let world = World::new(1, "org");
        let actors: usize = world.organizations.iter().map(|organization| organization.actors.len()).sum();
        assert!((1_950..=2_050).contains(&actors), "{actors}");
        let mut names = std::collections::HashSet::new();
        let mut resources = 0;
        for organization in &world.organizations {
            for (kind, _) in Kind::SHARES {
                for resource in &organization.resources[kind as usize].0 {
                    resources += 1;
                    assert!(names.insert(resource.name.clone()), "{} twice", resource.name);
                }
            }
        }
        assert!((19_000..=20_500).contains(&resources), "{resources}");
        let actions: std::collections::HashSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(actions.len(), 60);
    }
}
