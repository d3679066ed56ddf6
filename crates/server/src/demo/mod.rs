//! The demo organization: a year of "Northwind Platform", made up from a seed, and real CloudTrail events moved to now.
//!
//! Pure: the same seed and time give the same events, and loading them is somebody else's work.
//!
//! Every event has an `external_id` that depends on the seed alone, so loading the same year again records nothing. Another
//! `now` gives other events under the same ids: whoever loads again must pass the `now` of the first time, or find that the
//! organization is there and not load.

mod access;
mod cast;
mod cloudtrail;
mod delivery;
mod people;
mod random;
mod settings;
mod stage;
mod today;
mod upkeep;
mod year;

#[cfg(test)]
mod tests;

use actarium_core::row::Micros;
use actarium_core::time::{DAY, HOUR, MINUTE, SECOND};
use serde_json::Value;

pub use cloudtrail::SHIFTED_FROM_KEY;

use crate::directory::defaults::Default;
use random::Random;
use stage::Stage;

/// Slug of the demo organization.
pub const SLUG: &str = "demo";
/// Name of the demo organization.
pub const NAME: &str = "Northwind Platform";
/// The seed of the demo that everybody sees.
pub const DEFAULT_SEED: u64 = 42;

/// An event of the demo, as a client would send it.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoEvent {
    /// The event's JSON.
    pub value: Value,
    /// Whether it is one that Actarium itself records: it is to be recorded as such, since from a client it is refused.
    pub own: bool,
}

/// Somebody of the demo's team, as an account of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their name.
    pub name: &'static str,
    /// What their address begins with.
    pub login: &'static str,
    /// The group they are in.
    pub group: Default,
}

impl Member {
    /// The id that the year's events know them by.
    pub fn id(&self) -> String {
        cast::account_id(self.login)
    }

    /// Their address.
    pub fn email(&self) -> String {
        format!("{}@northwind.example", self.login)
    }
}

/// Who is in the team today; first its administrator, with whose account the demo's console is looked at.
pub fn team() -> impl Iterator<Item = Member> {
    let stays = cast::PEOPLE.iter().filter(|person| person.leaves.is_none());
    stays.map(|person| Member { name: person.name, login: person.login, group: person.duty.of_directory() })
}

/// The demo of a seed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    seed: u64,
    now: Micros,
}

impl Demo {
    /// The demo of a seed whose year ends at `now`.
    pub fn new(seed: u64, now: Micros) -> Self {
        Self { seed, now }
    }

    /// The operations of the year: some 9,000 events in the order in which they arrived, which is the order in which they
    /// happened but for a few that came late. None is of the future.
    pub fn operations(&self) -> impl Iterator<Item = DemoEvent> + use<> {
        let mut stage = Stage::new(self.seed, self.now);
        year::play(&mut stage);
        today::play(&mut stage);
        arrivals(stage).into_iter()
    }

    /// The 2,900 CloudTrail records as NDJSON, for the adapter `cloudtrail`: the newest four minutes before now, each with
    /// its original time under [`SHIFTED_FROM_KEY`].
    pub fn cloudtrail_ndjson(&self) -> Vec<u8> {
        cloudtrail::shifted(self.now)
    }
}

/// Puts events into the order in which they arrived. What the warehouse did arrives when its line is up again.
fn arrivals(stage: Stage) -> Vec<DemoEvent> {
    let mut random = Random::new(stage.random.clone().next());
    let latest = stage.now - 20 * SECOND;
    let mut arrived: Vec<_> = stage
        .events
        .into_iter()
        .filter(|event| event.at <= latest)
        .map(|event| {
            let from_outside = event.value["actor"]["type"] == "api_key";
            let late = !event.own && if from_outside { random.chance(60) } else { random.rarely(3) };
            let delay = if late { random.span(10 * MINUTE, if from_outside { 2 * DAY } else { 3 * HOUR }) } else { 0 };
            ((event.at + delay).min(stage.now), event)
        })
        .collect();
    arrived.sort_by_key(|(arrival, event)| (*arrival, event.at));
    arrived.into_iter().map(|(_, event)| DemoEvent { value: event.value, own: event.own }).collect()
}
