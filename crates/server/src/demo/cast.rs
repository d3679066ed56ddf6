//! Who and what the demo is about: the people, programs, projects and components of the invented "Northwind Platform".
//!
//! Addresses are from the ranges for documentation and mail addresses from `.example`; nobody real is meant.

use serde_json::{Value, json};

use super::random::id_of;
use crate::directory::defaults::Default;

/// What a person does all day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    Administrator,
    PlatformEngineer,
    Developer,
    Auditor,
}

impl Duty {
    /// The group of people with this duty.
    pub(super) fn group(self) -> &'static str {
        match self {
            Duty::Administrator => "Admin",
            Duty::PlatformEngineer => "Platform Engineer",
            Duty::Developer => "Developer",
            Duty::Auditor => "Auditor",
        }
    }

    /// The directory's group of people with this duty.
    pub(super) fn of_directory(self) -> Default {
        match self {
            Duty::Administrator => Default::Admin,
            Duty::PlatformEngineer => Default::PlatformEngineer,
            Duty::Developer => Default::Developer,
            Duty::Auditor => Default::Auditor,
        }
    }
}

/// The id of an account.
pub(super) fn account_id(login: &str) -> String {
    id_of("usr", login)
}

/// A member of the team.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) login: &'static str,
    pub(super) duty: Duty,
    /// Local time before UTC, in minutes.
    pub(super) zone_minutes: i64,
    /// Address at the desk and address on the way.
    pub(super) addresses: [&'static str; 2],
    pub(super) user_agent: &'static str,
    /// Projects a developer works on most.
    pub(super) projects: &'static [&'static str],
    /// Working day on which the person joins, from 0.
    pub(super) joins: usize,
    /// Working day on which the person leaves.
    pub(super) leaves: Option<usize>,
}

impl Person {
    /// The id of the account, in the year's events and in the directory.
    pub(super) fn id(&self) -> String {
        account_id(self.login)
    }

    pub(super) fn email(&self) -> String {
        format!("{}@northwind.example", self.login)
    }

    /// The person as an actor without a session.
    pub(super) fn actor(&self) -> Value {
        json!({"type": "user", "id": self.id(), "name": self.name, "email": self.email(),
            "groups": [self.duty.group()]})
    }
}

const FIREFOX_LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0";
const CHROME_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const CHROME_WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0";

/// User agent of the platform's command line.
pub(super) const CLI: &str = "northwind-cli/3.8.1 (linux; amd64)";
/// User agent of builds.
pub(super) const RUNNER: &str = "northwind-runner/2.14.0";

/// The administrator who sets everything up.
pub(super) const PRIYA: usize = 0;
/// A platform engineer.
pub(super) const MAREK: usize = 1;
/// The other platform engineer.
pub(super) const JIA: usize = 2;
/// A developer of payments.
pub(super) const ANA: usize = 3;
/// The auditor.
pub(super) const BEN: usize = 7;
/// The developer who leaves.
pub(super) const SAM: usize = 8;
/// The developer who comes in spring.
pub(super) const LUCIA: usize = 9;

/// Everybody; indices are used by name above.
pub(super) const PEOPLE: [Person; 10] = [
    Person {
        name: "Priya Nair",
        login: "priya.nair",
        duty: Duty::Administrator,
        zone_minutes: 330,
        addresses: ["203.0.113.9", "203.0.113.77"],
        user_agent: CHROME_MAC,
        projects: &[],
        joins: 0,
        leaves: None,
    },
    Person {
        name: "Marek Dvořák",
        login: "marek.dvorak",
        duty: Duty::PlatformEngineer,
        zone_minutes: 60,
        addresses: ["203.0.113.24", "2001:db8:24:1::5"],
        user_agent: FIREFOX_LINUX,
        projects: &["payments", "storefront"],
        joins: 1,
        leaves: None,
    },
    Person {
        name: "Jia Chen",
        login: "jia.chen",
        duty: Duty::PlatformEngineer,
        zone_minutes: 480,
        addresses: ["203.0.113.61", "192.0.2.140"],
        user_agent: CHROME_MAC,
        projects: &["logistics", "insights"],
        joins: 1,
        leaves: None,
    },
    Person {
        name: "Ana Sousa",
        login: "ana.sousa",
        duty: Duty::Developer,
        zone_minutes: 0,
        addresses: ["198.51.100.7", "198.51.100.63"],
        user_agent: FIREFOX_LINUX,
        projects: &["payments"],
        joins: 2,
        leaves: None,
    },
    Person {
        name: "Tomás Rey",
        login: "tomas.rey",
        duty: Duty::Developer,
        zone_minutes: 60,
        addresses: ["192.0.2.88", "2001:db8:88::1f"],
        user_agent: SAFARI,
        projects: &["payments", "storefront"],
        joins: 2,
        leaves: None,
    },
    Person {
        name: "Noah Lindqvist",
        login: "noah.lindqvist",
        duty: Duty::Developer,
        zone_minutes: 60,
        addresses: ["198.51.100.31", "192.0.2.201"],
        user_agent: CHROME_WINDOWS,
        projects: &["storefront"],
        joins: 3,
        leaves: None,
    },
    Person {
        name: "Farah Haddad",
        login: "farah.haddad",
        duty: Duty::Developer,
        zone_minutes: 180,
        addresses: ["198.51.100.90", "203.0.113.150"],
        user_agent: CHROME_WINDOWS,
        projects: &["insights", "logistics"],
        joins: 4,
        leaves: None,
    },
    Person {
        name: "Ben Okafor",
        login: "ben.okafor",
        duty: Duty::Auditor,
        zone_minutes: 60,
        addresses: ["192.0.2.14", "192.0.2.15"],
        user_agent: EDGE,
        projects: &[],
        joins: 6,
        leaves: None,
    },
    Person {
        name: "Sam Whitfield",
        login: "sam.whitfield",
        duty: Duty::Developer,
        zone_minutes: 0,
        addresses: ["198.51.100.118", "198.51.100.119"],
        user_agent: CHROME_MAC,
        projects: &["logistics"],
        joins: 3,
        leaves: Some(151),
    },
    Person {
        name: "Lucía Ferrer",
        login: "lucia.ferrer",
        duty: Duty::Developer,
        zone_minutes: 60,
        addresses: ["198.51.100.172", "2001:db8:172::a"],
        user_agent: FIREFOX_LINUX,
        projects: &["logistics", "storefront"],
        joins: 104,
        leaves: None,
    },
];

/// A program that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Builds and deploys on commits.
    Runner,
    /// Deploys schedules and housekeeping of the platform itself.
    Platform,
    /// Finishes releases when a person asks for it.
    ReleaseAgent,
    /// The site that pulls releases from the platform, known by its key.
    Warehouse,
}

impl Program {
    /// The program as an actor, on behalf of a person where it acts for one.
    pub(super) fn actor(self, on_behalf_of: Option<&Person>) -> Value {
        let mut actor = match self {
            Program::Runner => json!({"type": "service_account", "id": "sa_ci_runner", "name": "ci-runner"}),
            Program::Platform => json!({"type": "system", "id": "northwind-platform"}),
            Program::ReleaseAgent => json!({"type": "agent", "id": "agent_release", "name": "release-agent",
                "metadata": {"model": "planner-4", "policy": "ask-before-production"}}),
            Program::Warehouse => json!({"type": "api_key", "id": id_of("key", "warehouse-gateway"),
                "name": "warehouse-gateway"}),
        };
        if let Some(person) = on_behalf_of {
            actor["on_behalf_of"] = person.actor();
        }
        actor
    }
}

/// What a project is when the year begins.
pub(super) struct ProjectPlan {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) region: &'static str,
}

/// The projects.
pub(super) const PROJECTS: [ProjectPlan; 4] = [
    ProjectPlan { name: "payments", description: "Taking money and giving it back", region: "eu-central" },
    ProjectPlan { name: "storefront", description: "What customers see", region: "eu-central" },
    ProjectPlan { name: "logistics", description: "From the shelf to the door", region: "eu-west" },
    ProjectPlan { name: "insights", description: "Numbers for those who decide", region: "eu-west" },
];

/// What a component is when it is created.
pub(super) struct ComponentPlan {
    pub(super) name: &'static str,
    pub(super) project: &'static str,
    pub(super) kind: &'static str,
    pub(super) endpoint: Option<&'static str>,
}

const fn plan(
    name: &'static str,
    project: &'static str,
    kind: &'static str,
    endpoint: Option<&'static str>,
) -> ComponentPlan {
    ComponentPlan { name, project, kind, endpoint }
}

/// The components that are created in the first weeks.
pub(super) const COMPONENTS: [ComponentPlan; 14] = [
    plan("orders-api", "payments", "service", Some("/v1/orders")),
    plan("refunds-api", "payments", "service", Some("/v1/refunds")),
    plan("ledger-worker", "payments", "event handler", None),
    plan("fraud-scoring", "payments", "service", Some("/v1/scores")),
    plan("checkout-web", "storefront", "web application", Some("/checkout")),
    plan("storefront-web", "storefront", "web application", Some("/")),
    plan("catalog-api", "storefront", "service", Some("/v1/products")),
    plan("search-api", "storefront", "service", Some("/v1/search")),
    plan("shipment-api", "logistics", "service", Some("/v1/shipments")),
    plan("route-planner", "logistics", "service", Some("/v1/routes")),
    plan("warehouse-sync", "logistics", "scheduled task", None),
    plan("events-collector", "insights", "service", Some("/v1/collect")),
    plan("reports-job", "insights", "scheduled task", None),
    plan("legacy-tax", "insights", "service", Some("/v0/tax")),
];

/// Components that come for a while and go again.
pub(super) const SHORT_LIVED: [ComponentPlan; 6] = [
    plan("promo-banner", "storefront", "web application", Some("/promo")),
    plan("tax-export", "insights", "scheduled task", None),
    plan("gift-cards-spike", "payments", "service", Some("/v1/gift-cards")),
    plan("returns-portal", "logistics", "web application", Some("/returns")),
    plan("ab-testing", "storefront", "service", Some("/v1/experiments")),
    plan("carrier-mock", "logistics", "service", Some("/mock")),
];

/// The environments in the order in which releases go through them.
pub(super) const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// First lines of commit messages; what is in braces is replaced by the component's name.
pub(super) const COMMITS: [&str; 24] = [
    "Retry on connection reset",
    "Round half to even in totals",
    "Bump dependencies",
    "Add request id to log lines",
    "Fix flaky timeout in {} tests",
    "Cache product prices for 30 s",
    "Release candidate 2 of {}",
    "Handle empty basket",
    "Return 404 instead of 500 for unknown order",
    "Index shipments by carrier",
    "Limit page size to 200",
    "Use the new ledger schema",
    "Drop support for API v0",
    "Translate checkout errors",
    "Make health check cheaper",
    "Record currency with every amount",
    "Fix time zone of daily report",
    "Add idempotency keys to refunds",
    "Tighten content security policy",
    "Remove unused feature flags",
    "Speed up start of {}",
    "Write metrics for queue depth",
    "Validate postal codes per country",
    "Fix typo in error message",
];
