//! Isolation: what an organization's members, keys and tokens get to see and do, and that they learn nothing of others.
//!
//! Random organizations, people, roles, credentials and events; random changes; and after each round every route of
//! the table, asked by random callers, compared with a naive model: status, contents, counts. `SEED` repeats a run,
//! `ISOLATION_ROUNDS` makes it longer.

mod asks;
mod changes;
mod directory;
mod log;
mod model;
mod random;
mod timing;
mod world;

use actarium_server::routes::{Method, Permission, ROUTES, Route};
use actarium_store::{Clock, SystemClock};

use self::asks::{Ids, names_something, request_of, secrets_of};
use self::model::{Caller, Seen, judge};
use self::world::{NO_SUCH_SLUG, World};
use crate::client::Answer;

const ROUNDS: u64 = 3;
const CHANGES_PER_ROUND: usize = 60;
const EVENTS_PER_ROUND: usize = 40;
/// Callers that ask each route about each organization, besides those that certainly may.
const CALLERS_PER_ROUTE: usize = 2;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

/// Tells the seed as the last word of a run that fails: what stands above a long message is easily lost.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={} repeats this run", self.0);
        }
    }
}

#[test]
fn nobody_learns_or_does_more_than_the_model_says() {
    let seed = number("SEED").unwrap_or_else(|| SystemClock::new().now() as u64);
    println!("SEED={seed} repeats this run");
    let _told = Told(seed);
    let mut world = World::new(seed);
    for round in 0..number("ISOLATION_ROUNDS").unwrap_or(ROUNDS) {
        for _ in 0..if round == 0 { 0 } else { CHANGES_PER_ROUND } {
            world.change();
        }
        for of in 0..world.organizations.len() {
            world.record(of, EVENTS_PER_ROUND);
        }
        if world.random.percent(60) {
            assert_eq!(world.service.request("POST", "/v1/admin/seal").send().status, 200);
        }
        world.walk();
    }
    println!("{:#?}", world.asked_so_far);
    world.has_asked_enough();
}

impl World {
    /// Asks every route of an organization.
    fn walk(&mut self) {
        for of in 0..self.organizations.len() {
            for route in ROUTES.iter().copied().filter(|route| route.of_organization()) {
                for by in self.askers(of, route) {
                    let caller = self.callers[by].clone();
                    self.ask_route(route, &caller, of);
                }
                self.others_are_like_nothing(route, of);
            }
            self.poll(of);
        }
        for caller in self.callers.clone() {
            self.look_at_oneself(&caller);
        }
    }

    /// A run in which something was never asked shows nothing about it.
    fn has_asked_enough(&self) {
        let asked = |kind: &str| self.asked_so_far.get(kind).copied().unwrap_or_default();
        for status in ["401", "403", "404"] {
            assert!(asked(status) > 50, "too few requests were refused with {status}");
        }
        for route in ROUTES.iter().filter(|route| route.of_organization() && looks(route)) {
            let operation = format!("{:?}", route.operation);
            assert!(asked(&operation) > 0, "nobody was let through to {operation}");
            let asks = self.asked(route);
            if asks.starts_with("`audit_logs_") && !asks.contains("the whole organization") {
                assert!(asked(&format!("{operation} in part")) > 0, "nobody was let through to a part of {operation}");
            }
        }
    }

    fn asked(&self, route: &Route) -> String {
        let name = format!("{} {}", route.method.name(), route.path);
        self.page.asked.get(&name).unwrap_or_else(|| panic!("docs/PERMISSIONS.md has no {name}")).clone()
    }

    /// Some who may and some who may not. Routes of the log are asked more often: there is more to be seen.
    fn askers(&mut self, of: usize, route: &Route) -> Vec<usize> {
        let asked = self.asked(route);
        let verdict = |caller: &Caller| judge(&self.page, &self.organizations, caller, Some(of), &asked);
        let all: Vec<usize> = (0..self.callers.len()).collect();
        let (may, may_not): (Vec<usize>, Vec<usize>) = all.iter().partition(|by| verdict(&self.callers[**by]).is_ok());
        let in_part = |by: &usize| matches!(verdict(&self.callers[*by]), Ok(Seen::Projects(_)));
        let in_part: Vec<usize> = may.iter().copied().filter(in_part).collect();
        let revoked: Vec<usize> = all.iter().copied().filter(|by| !self.callers[*by].alive).collect();
        let mut askers = self.random.some(&may_not, CALLERS_PER_ROUTE, CALLERS_PER_ROUTE);
        // How many there are is chance, that each route is asked with one is not.
        askers.extend(self.random.some(&revoked, 1, 1));
        if asked.starts_with("`audit_logs_") {
            askers.extend(self.random.some(&may, 1, 3));
            askers.extend(self.random.some(&in_part, 2, 5));
        } else if looks(route) {
            askers.extend(self.random.some(&may, 1, 2));
        }
        askers
    }

    fn ask_route(&mut self, route: &Route, caller: &Caller, of: usize) {
        let verdict = judge(&self.page, &self.organizations, caller, Some(of), &self.asked(route));
        let kind = match &verdict {
            Err(status) => status.to_string(),
            Ok(Seen::Projects(_)) => format!("{:?} in part", route.operation),
            Ok(_) => format!("{:?}", route.operation),
        };
        *self.asked_so_far.entry(kind).or_default() += 1;
        let told =
            format!("{} {} of {} by {:?}", route.method.name(), route.path, self.organizations[of].slug, caller.who);
        match verdict {
            Err(status) => {
                let ids = Ids::of(self, of);
                let (path, body) = request_of(route, &self.organizations[of].slug, &ids);
                let answer = self.send(caller, route.method.name(), &path, body.as_ref());
                assert_eq!(answer.status, status, "{told}: {answer:?}");
                self.shows_nothing_foreign_for(&answer, caller, None, &told);
                if status == 404 {
                    self.is_like_no_organization(route, caller, (&ids, of), &answer);
                }
            }
            Ok(seen) if looks(route) && self.asked(route).starts_with("`audit_logs_") => {
                log::look(self, route, caller, of, &seen)
            }
            Ok(_) if looks(route) => directory::look(self, route, caller, of),
            // What is let through and changes something is `changes`' business.
            Ok(_) => {}
        }
    }

    /// The same request about an organization that is not there has the same answer.
    fn is_like_no_organization(&self, route: &Route, caller: &Caller, (ids, of): (&Ids, usize), answer: &Answer) {
        let (path, body) = request_of(route, NO_SUCH_SLUG, ids);
        let nothing = self.send(caller, route.method.name(), &path, body.as_ref());
        let slug = &self.organizations[of].slug;
        assert_eq!(comparable(answer, slug), comparable(&nothing, NO_SUCH_SLUG), "{} {path}", route.method.name());
    }

    /// Who may everything in an organization asks for things of another, and for things that are nowhere: no difference.
    fn others_are_like_nothing(&mut self, route: &Route, of: usize) {
        if !names_something(route) {
            return;
        }
        let other = (of + 1) % self.organizations.len();
        let (mut foreign, nothing) = (Ids::of(self, other), Ids::of_nothing());
        // Somebody may be a member of both.
        let here = &self.organizations[of].members;
        let stranger = self.organizations[other].members.keys().find(|user| !here.contains_key(*user));
        let Some(stranger) = stranger else { return };
        foreign.user = stranger.clone();
        let of_stranger = asks::sessions_of(self, stranger, other).next();
        foreign.session = of_stranger.unwrap_or_else(|| nothing.session.clone());
        let of_stranger = asks::tokens_of(self, stranger, other).next();
        foreign.token = of_stranger.unwrap_or_else(|| nothing.token.clone());
        let own = Ids::of(self, of);
        let with = |ids: &Ids| Ids { group: own.group.clone(), ..ids.clone() };
        let operator = self.callers[self.operator].clone();
        let answered = |ids: &Ids| {
            let (path, body) = request_of(route, &self.organizations[of].slug, ids);
            let answer = self.send(&operator, route.method.name(), &path, body.as_ref());
            assert!((400..500).contains(&answer.status), "{} {path}: {answer:?}", route.method.name());
            // An answer may repeat what it was asked for.
            let mut told = comparable(&answer, &self.organizations[of].slug);
            for id in ids.all().into_iter().filter(|id| !own.all().contains(id)) {
                told = told.replace(id, "ID");
            }
            self.is_clean(
                &told,
                (0..self.organizations.len()).filter(|other| *other != of),
                (|_| false, |_| false),
                &path,
            );
            told
        };
        assert_eq!(answered(&foreign), answered(&nothing), "{} {}", route.method.name(), route.path);
        // What belongs to a group of their own, with somebody or something that is another's.
        if route.path.contains("/groups/{id}/") && (route.path.contains("{member}") || !route.bodies.is_empty()) {
            assert_eq!(answered(&with(&foreign)), answered(&with(&nothing)), "{} {}", route.method.name(), route.path);
        }
    }

    fn poll(&mut self, of: usize) {
        let verdict = |caller: &Caller| judge(&self.page, &self.organizations, caller, Some(of), "`audit_logs_view`");
        let seen: Vec<_> = self.callers.iter().map(|caller| (caller.clone(), verdict(caller))).collect();
        let in_part: Vec<_> = seen
            .into_iter()
            .filter_map(|(caller, seen)| match seen {
                Ok(Seen::Projects(projects)) => Some((caller, projects)),
                _ => None,
            })
            .collect();
        if !in_part.is_empty() {
            let (caller, projects) = self.random.one(&in_part).clone();
            log::long_poll(self, &caller, of, &projects);
        }
        for of in 0..self.organizations.len() {
            self.read_log(of);
        }
    }

    /// An answer about an organization shows nothing of others.
    pub fn shows_only(&self, answer: &Answer, of: usize, told: &str) {
        let foreign = (0..self.organizations.len()).filter(|other| *other != of);
        let (own, asked_for) = (
            |person: &world::Person| person.ever_in.contains(&of),
            |person: &world::Person| person.asked_for_in.contains(&of),
        );
        self.is_clean(&whole(answer), foreign, (own, asked_for), told);
    }

    /// A list's page shows nothing of any organization but one.
    pub fn shows_nothing_foreign(&self, answer: &Answer, path: &str) {
        let of = self.organizations.iter().position(|organization| path.contains(&format!("/{}/", organization.slug)));
        self.shows_only(answer, of.unwrap(), path);
    }

    /// A refusal shows nothing of any organization at all, but of one that lets the caller in.
    pub fn shows_nothing_foreign_for(&self, answer: &Answer, caller: &Caller, of: Option<usize>, told: &str) {
        let is_in = of.filter(|of| model::held(&self.page, &self.organizations, caller, *of).is_some());
        let foreign = (0..self.organizations.len()).filter(|other| Some(*other) != is_in);
        let is_own = |person: &world::Person| is_in.is_some_and(|of| person.ever_in.contains(&of));
        self.is_clean(&whole(answer), foreign, (is_own, |_| false), told);
    }

    /// Of others nothing is shown; of those who were asked for by their id, no more than that.
    fn is_clean(
        &self,
        shown: &str,
        foreign: impl Iterator<Item = usize>,
        (may_show, may_show_id): (impl Fn(&world::Person) -> bool, impl Fn(&world::Person) -> bool),
        told: &str,
    ) {
        for other in foreign {
            for secret in secrets_of(&self.organizations[other]) {
                let slug = &self.organizations[other].slug;
                assert!(!shown.contains(secret), "{told} shows {secret} of {slug}: {shown}");
            }
        }
        for person in self.people.iter().filter(|person| !may_show(person)) {
            let shows_id = shown.contains(&person.id) && !may_show_id(person);
            let shows = shown.contains(&person.marker) || shows_id;
            assert!(!shows, "{told} shows somebody who never was a member: {shown}");
        }
    }
}

/// Whether a route only shows what is there.
fn looks(route: &Route) -> bool {
    let searches = matches!(route.permission, Permission::Scim(_)) && route.path.ends_with("/.search");
    route.method == Method::Get || searches
}

/// All text of an answer.
fn whole(answer: &Answer) -> String {
    let mut shown = String::from_utf8_lossy(&answer.body).into_owned();
    for value in answer.headers.values().chain(answer.trailers.values()) {
        shown.push_str(value);
    }
    shown
}

/// What an answer says, but for the id of its request and the slug that it was asked for.
fn comparable(answer: &Answer, slug: &str) -> String {
    let mut headers = answer.headers.clone();
    for varying in ["x-request-id", "date", "content-length"] {
        headers.remove(varying);
    }
    let id = &answer.headers["x-request-id"];
    let body = String::from_utf8_lossy(&answer.body).replace(id, "REQUEST").replace(slug, "SLUG");
    format!("{} {headers:?} {body}", answer.status)
}
