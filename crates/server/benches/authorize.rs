//! What the permission check in front of every route costs, in an organization of 10,000 users and 1,000 groups:
//! `cargo bench -p actarium-server --bench authorize`.
//!
//! It is the whole check: credential, membership, rights, and what of the log is seen. The service is put together as for
//! serving, over a store on disk. Every case also says what it must come to, so that nothing else is measured.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::filter::{SCOPE_PROJECTS_MAX, Scope};
use actarium_core::row::Micros;
use actarium_server::access::{Granted, Standing, authorize};
use actarium_server::app::App;
use actarium_server::context::Context;
use actarium_server::directory::document::{
    Address, Group, GroupMember, GroupRole, Level, Membership, Origin, Role, User, pair_id,
};
use actarium_server::directory::personal::{Method as SignedInBy, PersonalToken, Session};
use actarium_server::directory::{Edit, change};
use actarium_server::forwarding::Sender;
use actarium_server::problem::Kind;
use actarium_server::routes::{Operation, ROUTES};
use actarium_server::serve::put_together_for;
use actarium_server::{ServerOptions, token};
use actarium_store::{Clock, EngineOptions, Entropy, NewOrganization, OrganizationId, SystemClock, SystemEntropy};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const USERS: usize = 10_000;
const GROUPS: usize = 1_000;
const ROLES: usize = 100;
/// Groups that each user is in.
const GROUPS_PER_USER: usize = 12;
/// Projects that an assignment of a role names, where it names some.
const PROJECTS_PER_ASSIGNMENT: usize = 5;
/// Entries that are written in one commit.
const ENTRIES_PER_COMMIT: usize = 5_000;
const SLUG: &str = "large";
const OTHER_SLUG: &str = "other";

struct Setting {
    runtime: Runtime,
    app: Arc<App>,
    organization: OrganizationId,
    /// The headers of a session of each user.
    sessions: Vec<HeaderMap>,
    /// Those of a token of the first user, which holds one permission.
    token: HeaderMap,
    /// Those of a session of somebody who is in every group.
    everywhere: HeaderMap,
    context: Context,
    _folder: tempfile::TempDir,
}

fn user_id(number: usize) -> String {
    format!("usr_{number:016}")
}

fn group_id(number: usize) -> String {
    format!("grp_{number:016}")
}

fn role_id(number: usize) -> String {
    format!("rol_{number:016}")
}

/// Writes in commits of a bounded size.
struct Writer<'a> {
    runtime: &'a Runtime,
    app: &'a Arc<App>,
    edit: Edit,
    entries: usize,
}

impl Writer<'_> {
    fn put<D: actarium_server::directory::document::Document>(
        &mut self,
        of: Option<OrganizationId>,
        id: &str,
        document: &D,
    ) {
        self.edit.put(of, id, None, document).expect("a document can be written");
        self.entries += 1;
        if self.entries == ENTRIES_PER_COMMIT {
            self.commit();
        }
    }

    fn commit(&mut self) {
        let edit = std::mem::take(&mut self.edit);
        self.entries = 0;
        self.runtime
            .block_on(change(self.app, Standing::of_the_service(), |_| Ok((edit, ()))))
            .expect("the change is made");
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is visible ASCII");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// Makes a session; gives the headers that a browser sends.
fn signed_in(writer: &mut Writer<'_>, user: &str, now: Micros) -> HeaderMap {
    let (id, token) = token::session(&random());
    let session = Session {
        user: user.to_owned(),
        sha256: token::to_hex(&token::hash(&token)),
        created_at: now,
        last_used_at: now,
        method: SignedInBy::Password,
        provider: None,
        ip: None,
        user_agent: None,
        only_in: None,
        ended_in: Vec::new(),
        last_used_in: Default::default(),
    };
    writer.put(None, &id, &session);
    let cookie = HeaderValue::from_str(&format!("theme=dark; actarium_session={token}")).expect("visible ASCII");
    HeaderMap::from_iter([(header::COOKIE, cookie)])
}

fn write_people(writer: &mut Writer<'_>, of: OrganizationId, now: Micros) -> Vec<HeaderMap> {
    let mut sessions = Vec::new();
    // One more, who is in every group.
    for number in 0..=USERS {
        let (id, email) = (user_id(number), format!("user{number}@example.com"));
        let name = format!("User {number}");
        let user = User {
            email: email.clone(),
            name: name.clone(),
            created_at: now,
            password: None,
            managed_by: None,
            password_by: None,
            proof_changes: 0,
        };
        writer.put(None, &id, &user);
        writer.put(None, &email, &Address { user: id.clone() });
        let origin = Origin::Operator;
        let membership = Membership { joined_at: now, origin, active: true, name: Some(name), external_id: None };
        writer.put(Some(of), &id, &membership);
        sessions.push(signed_in(writer, &id, now));
        let groups: Vec<usize> = match number {
            USERS => (0..GROUPS).collect(),
            _ => (0..GROUPS_PER_USER).map(|step| (number + step * 83) % GROUPS).collect(),
        };
        for group in groups {
            let member = GroupMember { added_at: now, mapped_by: None };
            writer.put(Some(of), &pair_id(&group_id(group), &id), &member);
        }
    }
    sessions
}

/// Half of the groups have the log for some projects, the others other permissions; all have three roles.
fn write_groups(writer: &mut Writer<'_>, of: OrganizationId, now: Micros) {
    for number in 0..ROLES {
        let permissions: &[&str] = match number % 4 {
            0 => &["LOG-MANAGEMENT"],
            1 => &["COMPONENT-MANAGEMENT", "projects_view"],
            2 => &["users_view", "groups_view", "audit_logs_view"],
            _ => &["OBSERVABILITY-MANAGEMENT", "environments_view", "configurations_view"],
        };
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        let name = format!("Role {number}");
        writer.put(
            Some(of),
            &role_id(number),
            &Role { name, description: String::new(), created_at: now, permissions },
        );
    }
    for number in 0..GROUPS {
        let group = Group {
            name: format!("Group {number}"),
            description: String::new(),
            created_at: now,
            external_id: None,
            provisioned: false,
        };
        writer.put(Some(of), &group_id(number), &group);
        for step in 0..3 {
            let role = (number + step) % ROLES;
            // No more of them than what one caller sees can be limited to.
            let first = number * PROJECTS_PER_ASSIGNMENT % SCOPE_PROJECTS_MAX;
            let projects = (first..first + PROJECTS_PER_ASSIGNMENT).map(|project| format!("project-{project:06}"));
            // The log is for projects alone, so that what is seen has to be gathered.
            let level = match role % 2 {
                0 => Level::Project { projects: projects.collect() },
                _ => Level::Organization,
            };
            let assignment = GroupRole { level, assigned_at: now };
            writer.put(Some(of), &pair_id(&group_id(number), &role_id(role)), &assignment);
        }
    }
}

fn setting() -> Setting {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let options = ServerOptions::new(EngineOptions::new(folder.path()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let now = clock.now();
    let app = runtime.block_on(put_together_for(&options, clock, Arc::new(SystemEntropy))).expect("it starts");
    let organization = app.engine.new_organization_id();
    for (id, slug) in [(organization, SLUG), (app.engine.new_organization_id(), OTHER_SLUG)] {
        let new = NewOrganization { id, slug: slug.into(), name: slug.into() };
        runtime.block_on(app.engine.create_organization(new, Vec::new())).expect("an organization is made");
    }
    let mut writer = Writer { runtime: &runtime, app: &app, edit: Edit::default(), entries: 0 };
    let mut sessions = write_people(&mut writer, organization, now);
    write_groups(&mut writer, organization, now);
    let everywhere = sessions.pop().expect("somebody is in every group");
    let (id, secret) = token::personal(&random());
    let token = PersonalToken {
        user: user_id(0),
        name: "Script".into(),
        sha256: token::to_hex(&token::hash(&secret)),
        created_at: now,
        expires_at: now + 24 * 3_600_000_000,
        last_used_at: None,
        permissions: Some(vec!["audit_logs_view".into()]),
        organizations: Some(vec![organization.to_hex()]),
        ended_in: Vec::new(),
        last_used_in: Default::default(),
    };
    writer.put(None, &id, &token);
    writer.commit();
    let token = bearer(&secret);
    let context = Context::new(&HeaderMap::new(), Sender { ip: None, tls: false }, &SystemEntropy);
    Setting { runtime, app, organization, sessions, token, everywhere, context, _folder: folder }
}

impl Setting {
    fn check(&self, headers: &HeaderMap, slug: &str) -> Result<Granted, Kind> {
        let search = ROUTES.iter().find(|route| route.operation == Operation::EventsSearch).expect("there is a search");
        authorize(&self.app, &self.context, (&Method::GET, headers), Some(slug), search)
            .map_err(|denied| denied.problem.kind)
    }

    /// Asks, and sees to it that the answer is the events of this many projects.
    fn sees(&self, headers: &HeaderMap, projects: usize) {
        match self.check(headers, SLUG).expect("the log is seen in part").scope {
            Scope::Projects(ids) => assert_eq!(ids.len(), projects),
            Scope::Everything => panic!("the log is seen as a whole"),
        }
    }

    /// A change of the organization, after which nothing that is remembered of its rights may be used any more.
    fn change_something(&self, turn: usize) {
        let of = self.organization;
        let changing = change(&self.app, Standing::of_the_service(), move |state| {
            let kept = state.access(of).role(&role_id(0)).and_then(|role| role.kept).expect("the role is there");
            let role = Role { description: format!("changed {turn} times"), ..kept.document.clone() };
            let mut edit = Edit::default();
            edit.put(Some(of), &role_id(0), Some(&*kept), &role)?;
            Ok((edit, ()))
        });
        self.runtime.block_on(changing).expect("the change is made");
    }
}

fn benchmark(criterion: &mut Criterion) {
    let setting = setting();
    let projects: Vec<usize> = setting
        .sessions
        .iter()
        .map(|session| match setting.check(session, SLUG).expect("everybody sees a part of the log").scope {
            Scope::Projects(ids) => ids.len(),
            Scope::Everything => panic!("nobody sees all of the log"),
        })
        .collect();
    let mut group = criterion.benchmark_group("authorize");
    group.sample_size(50).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.bench_function("one session, warm", |bench| bench.iter(|| setting.sees(&setting.sessions[0], projects[0])));
    let mut next = 0;
    group.bench_function("10,000 sessions in turn, warm", |bench| {
        bench.iter(|| {
            next = (next + 1) % USERS;
            setting.sees(&setting.sessions[next], projects[next]);
        });
    });
    group.bench_function("a token with fewer permissions, warm", |bench| {
        bench.iter(|| setting.sees(&setting.token, projects[0]));
    });
    group.bench_function("somebody in all 1,000 groups, warm", |bench| {
        bench.iter(|| setting.sees(&setting.everywhere, SCOPE_PROJECTS_MAX));
    });
    for (name, slug) in [("another's organization", OTHER_SLUG), ("an unknown organization", "nowhere")] {
        group.bench_function(name, |bench| {
            bench.iter(|| assert_eq!(setting.check(&setting.sessions[0], slug).err(), Some(Kind::NotFound)));
        });
    }
    let mut turn = 0;
    group.sample_size(20);
    group.bench_function("one session, the first time after a change", |bench| {
        let change = || {
            turn += 1;
            setting.change_something(turn);
        };
        bench.iter_batched(change, |()| setting.sees(&setting.sessions[0], projects[0]), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
