//! The year: on which day, at which hour, which scene is played, and by whom.
//!
//! Scenes are planned day by day and played in the order of their times, so that each finds the platform as the ones
//! before it left it.

use actarium_core::row::Micros;
use actarium_core::time::{DAY, HOUR, MINUTE, SECOND};

use super::cast::{ANA, BEN, COMPONENTS, Duty, JIA, LUCIA, MAREK, PEOPLE, PRIYA, PROJECTS, SAM, SHORT_LIVED};
use super::stage::{Stage, project};
use super::{access, delivery, people, settings, upkeep};

/// Days of the demo's history.
const HISTORY_DAYS: Micros = 365;

type Scene = Box<dyn FnOnce(&mut Stage, Micros)>;
type Chore = fn(&mut Stage, usize, Micros);

const DEVELOPER_CHORES: [(u64, Chore); 13] = [
    (14, delivery::redeploy),
    (8, delivery::version),
    (4, delivery::undeploy),
    (2, delivery::agent_oversteps),
    (12, settings::update_component),
    (12, settings::update_build),
    (13, settings::change_endpoint),
    (5, settings::change_access),
    (6, settings::switch_auto_deploy),
    (20, settings::change_config),
    (2, settings::update_project),
    (5, access::tend_tokens),
    (3, people::overreach),
];
const ENGINEER_CHORES: [(u64, Chore); 13] = [
    (14, delivery::redeploy),
    (6, delivery::undeploy),
    (12, settings::update_component),
    (6, settings::update_build),
    (6, settings::change_endpoint),
    (8, settings::change_access),
    (16, settings::change_config),
    (6, settings::update_project),
    (5, access::tend_tokens),
    (9, access::tend_keys),
    (2, people::change_role),
    (6, upkeep::search),
    (3, settings::switch_auto_deploy),
];
const ADMINISTRATOR_CHORES: [(u64, Chore); 6] = [
    (25, people::tend_invitations),
    (18, people::update_user),
    (16, people::change_role),
    (14, access::tend_keys),
    (20, upkeep::search),
    (7, settings::update_project),
];
const AUDITOR_CHORES: [(u64, Chore); 2] = [(90, upkeep::search), (10, access::tend_tokens)];

/// Plays the year that ends now.
pub(super) fn play(stage: &mut Stage) {
    let start = stage.now - HISTORY_DAYS * DAY;
    let mut working_day = 0;
    // From the first whole day on: the story begins in the morning.
    for day in start.div_euclid(DAY) + 1..=stage.now.div_euclid(DAY) {
        let mut plan = Plan { day: day * DAY, scenes: Vec::new() };
        if working_day > 0 {
            plan.every_day(stage, weekday(day));
        }
        if weekday(day) < 5 {
            plan.story(working_day);
            plan.work(stage, day, working_day);
            working_day += 1;
        } else {
            plan.weekend(stage, working_day);
        }
        plan.scenes.sort_by_key(|(at, _)| *at);
        for (at, scene) in plan.scenes {
            if at < stage.now - MINUTE {
                // Nobody does anything on the full minute.
                let seconds = stage.random.span(0, 50 * SECOND);
                scene(stage, at + seconds);
            }
        }
    }
}

/// Day of the week, 0 for Monday, of a day counted from 1970-01-01, which was a Thursday.
fn weekday(day: Micros) -> Micros {
    (day + 3).rem_euclid(7)
}

/// Whether a day is between 24 December and 1 January, give or take what a leap year moves.
fn is_holiday(day: Micros) -> bool {
    // 365.2425 days to a year; days since the 24 December of the year before 1970.
    let days_since_eve = ((day + 8) * 10_000).rem_euclid(3_652_425) / 10_000;
    days_since_eve <= 8
}

struct Plan {
    /// Midnight, UTC.
    day: Micros,
    scenes: Vec<(Micros, Scene)>,
}

impl Plan {
    fn at(&mut self, after_midnight: Micros, scene: impl FnOnce(&mut Stage, Micros) + 'static) {
        self.scenes.push((self.day + after_midnight, Box::new(scene)));
    }

    /// What one person does at a time.
    fn chore(&mut self, at: Micros, person: usize, chore: Chore) {
        self.scenes.push((at, Box::new(move |stage, at| chore(stage, person, at))));
    }

    fn every_day(&mut self, stage: &mut Stage, weekday: Micros) {
        self.at(5 * MINUTE + stage.random.span(0, MINUTE), people::expire_invitations);
        self.at(2 * HOUR + stage.random.span(0, 20 * MINUTE), delivery::nightly);
        if stage.random.chance(45) {
            self.at(3 * HOUR + stage.random.span(0, HOUR), delivery::warehouse_pulls);
        }
        if weekday == 0 {
            self.at(2 * HOUR + 30 * MINUTE + stage.random.span(0, MINUTE), upkeep::weekly);
        }
        if stage.random.chance(4) {
            self.at(stage.random_hours(0, 23), upkeep::refusal);
        }
    }

    fn weekend(&mut self, stage: &mut Stage, working_day: usize) {
        for engineer in [MAREK, JIA] {
            if PEOPLE[engineer].joins < working_day && stage.random.chance(18) {
                let at = self.day + stage.random_hours(8, 20);
                self.chore(at, engineer, access::sign_in);
                self.chore(at + stage.random_minutes(2, 20), engineer, delivery::redeploy);
                self.chore(at + stage.random_minutes(25, 60), engineer, delivery::ship);
            }
        }
    }

    /// What everybody does on a working day.
    fn work(&mut self, stage: &mut Stage, day: Micros, working_day: usize) {
        for (person, who) in PEOPLE.iter().enumerate() {
            let employed = who.joins <= working_day && who.leaves.is_none_or(|last| working_day < last);
            // Two weeks off, twice a year, each at another time.
            let off = (working_day + person * 23) % 118 >= 108;
            let at_work = if is_holiday(day) { stage.random.chance(10) } else { stage.random.chance(94) };
            if employed && !off && at_work {
                self.day_of(stage, person, working_day);
            }
        }
    }

    fn day_of(&mut self, stage: &mut Stage, person: usize, working_day: usize) {
        let who = &PEOPLE[person];
        let arrival = self.day + stage.random_minutes(8 * 60 + 20, 9 * 60 + 50) - who.zone_minutes * MINUTE;
        if stage.sessions[person].is_none() || stage.random.chance(55) {
            self.chore(arrival, person, access::sign_in);
        }
        let (ships, chores): (u64, u64) = match who.duty {
            Duty::Developer => (stage.random.weighted(&[(30, 0), (32, 1), (26, 2), (12, 3)]), stage.random.below(2)),
            Duty::PlatformEngineer => (stage.random.below(2), stage.random.between(0, 3)),
            Duty::Administrator => (0, stage.random.between(0, 3)),
            Duty::Auditor => (0, stage.random.below(3)),
        };
        for _ in 0..ships {
            let at = self.in_the_day(stage, arrival);
            self.chore(at, person, delivery::ship);
        }
        for _ in 0..chores {
            let at = self.in_the_day(stage, arrival);
            let chore = match who.duty {
                Duty::Developer => stage.random.weighted(&DEVELOPER_CHORES),
                Duty::PlatformEngineer => stage.random.weighted(&ENGINEER_CHORES),
                Duty::Administrator => stage.random.weighted(&ADMINISTRATOR_CHORES),
                Duty::Auditor => stage.random.weighted(&AUDITOR_CHORES),
            };
            self.chore(at, person, chore);
        }
        if person == BEN && working_day % 5 == 1 {
            self.scenes.push((arrival + 30 * MINUTE, Box::new(upkeep::verify)));
        }
        if person == BEN && working_day % 21 == 7 {
            self.scenes.push((arrival + 50 * MINUTE, Box::new(upkeep::export)));
        }
        if stage.random.chance(24) {
            self.chore(arrival + stage.random_minutes(8 * 60, 9 * 60 + 30), person, access::sign_out);
        }
    }

    /// A moment of work: before noon or after, seldom over lunch.
    fn in_the_day(&self, stage: &mut Stage, arrival: Micros) -> Micros {
        let (from, to) = stage.random.weighted(&[(45, (10, 200)), (5, (200, 260)), (50, (260, 490))]);
        arrival + stage.random_minutes(from, to)
    }

    /// What happens once, on a given working day.
    fn story(&mut self, working_day: usize) {
        self.beginnings(working_day);
        self.comings_and_goings(working_day);
        self.affairs(working_day);
        self.trouble(working_day);
    }

    fn beginnings(&mut self, working_day: usize) {
        match working_day {
            0 => {
                self.at(8 * HOUR, people::found_organization);
                for (person, who) in PEOPLE.iter().enumerate().filter(|(_, who)| (1..50).contains(&who.joins)) {
                    self.at(9 * HOUR + person as Micros * 2 * MINUTE, move |stage, at| {
                        people::invite(stage, PRIYA, &who.email(), who.duty.group(), at);
                    });
                }
            }
            1 => {
                for (turn, plan) in PROJECTS.iter().enumerate() {
                    self.at(10 * HOUR + turn as Micros * 4 * MINUTE, |stage, at| {
                        settings::create_project(stage, PRIYA, plan, at);
                    });
                }
            }
            4 => self.at(11 * HOUR, people::prepare_on_call),
            9 => self.at(9 * HOUR, |stage, at| access::warehouse_key(stage, JIA, at)),
            _ => {}
        }
        for (turn, plan) in COMPONENTS.iter().enumerate().filter(|(turn, _)| 2 + turn * 2 / 3 == working_day) {
            let engineer = if turn < 8 { MAREK } else { JIA };
            let after = if engineer == MAREK { 9 * HOUR } else { 3 * HOUR };
            self.at(after + (turn % 3) as Micros * 17 * MINUTE, move |stage, at| {
                settings::create_component(stage, engineer, plan, at);
            });
        }
    }

    fn comings_and_goings(&mut self, working_day: usize) {
        for (person, who) in PEOPLE.iter().enumerate().filter(|(_, who)| who.joins > 0 && who.joins == working_day) {
            self.at(8 * HOUR - who.zone_minutes * MINUTE, move |stage, at| people::join(stage, person, at));
        }
        if working_day + 2 == PEOPLE[LUCIA].joins {
            self.at(9 * HOUR, |stage, at| people::invite(stage, PRIYA, &PEOPLE[LUCIA].email(), "Developer", at));
        }
        if PEOPLE[SAM].leaves == Some(working_day) {
            self.at(11 * HOUR, |stage, at| people::leave(stage, SAM, at));
        }
        for (turn, plan) in SHORT_LIVED.iter().enumerate() {
            let (begin, end) = (26 + turn * 34, 26 + turn * 34 + 17 + turn * 4);
            let engineer = if plan.project == "logistics" || plan.project == "insights" { JIA } else { MAREK };
            if working_day == begin {
                self.at(7 * HOUR, move |stage, at| settings::create_component(stage, engineer, plan, at));
            }
            if working_day == end {
                self.at(7 * HOUR, move |stage, at| denied_deletion(stage, ANA, plan.name, at));
                self.at(8 * HOUR, move |stage, at| settings::delete_component(stage, engineer, plan.name, at));
            }
        }
        if working_day == 180 {
            self.at(6 * HOUR, |stage, at| settings::delete_component(stage, JIA, "legacy-tax", at));
        }
        match working_day {
            30 => self.at(9 * HOUR, |stage, at| sandbox(stage, true, at)),
            95 => self.at(9 * HOUR, |stage, at| sandbox(stage, false, at)),
            _ => {}
        }
    }

    fn affairs(&mut self, working_day: usize) {
        match working_day {
            20 => self.at(7 * HOUR, upkeep::change_retention),
            33 | 121 | 214 => self.at(6 * HOUR, people::update_organization),
            45 => self.at(8 * HOUR, upkeep::legal_hold),
            52 => self.at(7 * HOUR, upkeep::saved_search),
            58 => self.at(9 * HOUR, |stage, at| people::working_group(stage, "Refunds v2", 0, at)),
            77 => self.at(9 * HOUR, |stage, at| people::working_group(stage, "Refunds v2", 1, at)),
            112 => self.at(9 * HOUR, |stage, at| people::working_group(stage, "Refunds v2", 2, at)),
            66 => self.at(8 * HOUR, |stage, at| people::short_lived_role(stage, 0, at)),
            90 => {
                self.at(8 * HOUR, |stage, at| people::short_lived_role(stage, 1, at));
                self.at(10 * HOUR, |stage, at| people::short_lived_role(stage, 2, at));
            }
            _ => {}
        }
        if working_day % 25 == 24 {
            self.at(5 * HOUR, move |stage, at| upkeep::upgrade(stage, working_day / 25, at));
        }
        if working_day > 10 && working_day % 7 == 3 {
            let person = [3, 4, 5, 6][working_day % 4];
            let name = PEOPLE[person].projects[0];
            self.at(9 * HOUR + 20 * MINUTE, move |stage, at| people::elevate(stage, PRIYA, person, name, at));
        }
    }

    fn trouble(&mut self, working_day: usize) {
        match working_day {
            72 | 189 => self.at(13 * HOUR, |stage, at| access::lost_device(stage, PRIYA, 5, at)),
            101 => self.at(10 * HOUR, |stage, at| access::choose_provider(stage, PRIYA, 5, at)),
            133 => self.at(22 * HOUR + 31 * MINUTE, access::password_spraying),
            82 | 157 | 230 => self.at(12 * HOUR, |stage, at| upkeep::search_denied(stage, ANA, at)),
            196 => {
                self.at(14 * HOUR, |stage, at| people::elevate(stage, PRIYA, ANA, "payments", at));
                self.at(14 * HOUR + 10 * MINUTE, outage);
            }
            _ => {}
        }
    }
}

/// A developer tries to delete a component that an engineer then deletes.
fn denied_deletion(stage: &mut Stage, person: usize, name: &str, at: Micros) {
    let Some(component) = stage.component(name) else { return };
    let request = stage.request(person, at);
    let draft = request.act("component.delete", stage.components[component].targets());
    stage.record(draft.denied("Missing permission component_delete"));
}

/// A project to try things in comes and goes.
fn sandbox(stage: &mut Stage, begins: bool, at: Micros) {
    let request = stage.request(MAREK, at);
    let targets = vec![project("sandbox")];
    if begins {
        let draft = request.act("project.create", targets.clone()).with("region", "eu-north");
        stage.record(draft.failed(422, "Region eu-north is not available to this organization"));
        let draft = request.later(2 * MINUTE).act("project.create", targets).with("region", "eu-west");
        stage.record(draft.added("/description", "To try things in"));
        return;
    }
    let draft = request.act("project.delete", targets).with("components", 0);
    stage.record(draft.clone().failed(409, "Configuration database is still linked"));
    let later = stage.request(MAREK, at + 25 * MINUTE);
    stage.record(later.act("project.delete", vec![project("sandbox")]).with("components", 0));
}

/// Payments stand still: releases are rolled back one after the other.
fn outage(stage: &mut Stage, at: Micros) {
    for (turn, name) in ["orders-api", "refunds-api", "ledger-worker"].into_iter().enumerate() {
        if let Some(component) = stage.component(name) {
            delivery::roll_back(stage, MAREK, component, at + turn as Micros * 6 * MINUTE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_days() {
        let day = |text: &str| actarium_core::time::parse(text).unwrap() / DAY;
        assert_eq!(weekday(day("2026-11-23T00:00:00Z")), 0);
        assert_eq!(weekday(day("2024-02-29T00:00:00Z")), 3);
        for year in 2020..2035 {
            assert!(is_holiday(day(&format!("{year}-12-26T00:00:00Z"))));
            assert!(is_holiday(day(&format!("{year}-12-31T00:00:00Z"))));
            assert!(!is_holiday(day(&format!("{year}-12-22T00:00:00Z"))));
            assert!(!is_holiday(day(&format!("{year}-01-04T00:00:00Z"))));
        }
    }
}
