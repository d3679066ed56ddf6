//! Scenes of the organization: people are invited, join, change and leave; groups get roles and lose them again.

use actarium_core::row::Micros;
use actarium_core::time::{self, DAY, HOUR, MINUTE, SECOND};
use serde_json::{Value, json};

use super::access;
use super::cast::{ANA, Duty, PEOPLE, PRIYA};
use super::random::id_of;
use super::stage::{Request, Stage, group, organization, project, role, target, user};

const INVITATION_DAYS: Micros = 7;

const DUTIES: [(Duty, &[&str]); 4] = [
    (
        Duty::Administrator,
        &["LOG-MANAGEMENT", "LOG-GOVERNANCE", "USER-MANAGEMENT", "ON-PREM-KEYS", "ORGANIZATION-MANAGEMENT"],
    ),
    (
        Duty::PlatformEngineer,
        &["LOG-MANAGEMENT", "ON-PREM-KEYS", "PROJECT-MANAGEMENT", "COMPONENT-MANAGEMENT", "ENVIRONMENT-MANAGEMENT"],
    ),
    (Duty::Developer, &["COMPONENT-MANAGEMENT", "CONFIGURATIONS-MANAGEMENT"]),
    (Duty::Auditor, &["LOG-MANAGEMENT"]),
];

fn invitation(email: &str) -> Value {
    json!({"type": "invitation", "id": id_of("inv", email), "name": email})
}

/// The organization comes to be, with its roles and groups.
pub(super) fn found_organization(stage: &mut Stage, at: Micros) {
    let request = stage.request(PRIYA, at);
    stage.record(request.act("organization.create", vec![organization()]).added("/name", "Northwind Platform"));
    let mut request = stage.request(PRIYA, at + 4 * MINUTE);
    for (duty, permissions) in DUTIES {
        let name = duty.group();
        request = request.later(50 * SECOND);
        stage.record(
            request
                .act("role.create", vec![role(name)])
                .added("/permissions", permissions.to_vec())
                .with("permissions", permissions.len() as u64),
        );
        stage.record(request.later(9 * SECOND).act("group.create", vec![group(name)]).added("/description", name));
        stage.record(role_given(&request.later(15 * SECOND), name, name, None));
    }
    stage.record(
        request
            .later(2 * MINUTE)
            .act("user.create", vec![user(PRIYA)])
            .with("email", PEOPLE[PRIYA].email())
            .with("origin", "by hand"),
    );
}

fn role_given(request: &Request, role_name: &str, group_name: &str, in_project: Option<&str>) -> super::stage::Draft {
    let mut targets = vec![group(group_name), role(role_name)];
    targets.extend(in_project.map(project));
    request
        .act("group.role.assign", targets)
        .added("/roles/-", role_name)
        .with("level", if in_project.is_some() { "project" } else { "organization" })
}

/// Somebody is invited.
pub(super) fn invite(stage: &mut Stage, by: usize, email: &str, group_name: &str, at: Micros) {
    let request = stage.request(by, at);
    let draft = request
        .act("user.invite", vec![invitation(email), group(group_name)])
        .with("email", email)
        .with("expires_at", time::to_text(at + INVITATION_DAYS * DAY));
    if stage.invitations.iter().any(|(open, _)| open == email) {
        stage.record(draft.failed(409, "An invitation to this address is open"));
        return;
    }
    stage.record(draft);
    stage.invitations.push((email.to_owned(), at));
}

/// A member of the team accepts the invitation; the account and its group follow by the same request.
pub(super) fn join(stage: &mut Stage, person: usize, at: Micros) {
    let who = &PEOPLE[person];
    let email = who.email();
    stage.invitations.retain(|(open, _)| *open != email);
    stage.members.push(person);
    let request = stage.request_of(at, who.actor(), who.addresses[0], who.user_agent, "console");
    stage.record(
        request
            .act("user.invitation.accept", vec![invitation(&email)])
            .with("email", email.as_str())
            .with("invited_by", PEOPLE[PRIYA].name),
    );
    let platform = request.by(super::cast::Program::Platform.actor(None));
    stage.record(
        platform
            .later(SECOND / 3)
            .act("user.create", vec![user(person)])
            .with("email", email)
            .with("origin", "invitation"),
    );
    stage.record(member_added(&platform.later(SECOND / 2), person, who.duty.group()));
}

fn member_added(request: &Request, person: usize, group_name: &str) -> super::stage::Draft {
    request.act("group.member.add", vec![group(group_name), user(person)]).added("/members/-", PEOPLE[person].id())
}

fn member_removed(request: &Request, person: usize, group_name: &str) -> super::stage::Draft {
    request.act("group.member.remove", vec![group(group_name), user(person)]).gone("/members/-", PEOPLE[person].id())
}

/// Somebody leaves: sessions, tokens, groups and the account end within a minute, by one request.
pub(super) fn leave(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.request(PRIYA, at);
    let session = stage.sessions[person].take().map_or_else(|| stage.random.hex(16), |session| session.id);
    stage.record(access::session_revoked(&request, &session, person, "left the organization"));
    let tokens: Vec<String> =
        stage.tokens.iter().filter(|(owner, _)| *owner == person).map(|(_, name)| name.clone()).collect();
    for (turn, name) in tokens.iter().enumerate() {
        stage.record(access::token_revoked(
            &request.later((turn as Micros + 1) * SECOND),
            name,
            person,
            "left the organization",
        ));
    }
    stage.tokens.retain(|(owner, _)| *owner != person);
    stage.members.retain(|member| *member != person);
    stage.record(member_removed(&request.later(20 * SECOND), person, PEOPLE[person].duty.group()));
    stage.record(
        request
            .later(21 * SECOND)
            .act("user.remove", vec![user(person), organization()])
            .with("email", PEOPLE[person].email()),
    );
}

/// Invitations that nobody answered end by themselves.
pub(super) fn expire_invitations(stage: &mut Stage, at: Micros) {
    let (ended, open): (Vec<_>, Vec<_>) =
        std::mem::take(&mut stage.invitations).into_iter().partition(|(_, since)| since + INVITATION_DAYS * DAY <= at);
    stage.invitations = open;
    for (email, _) in ended {
        let request = stage.program(super::cast::Program::Platform, None, at);
        stage.record(request.act("user.invitation.expire", vec![invitation(&email)]).with("email", email));
    }
}

/// An administrator's act on an open invitation, or a new one to somebody who may never come.
pub(super) fn tend_invitations(stage: &mut Stage, by: usize, at: Micros) {
    const GUESTS: [&str; 7] = [
        "contractor@fabrikam.example",
        "lena.vogt@northwind.example",
        "consult@contoso.example",
        "intern.summer@northwind.example",
        "r.mehta@northwind.example",
        "pentest@litware.example",
        "o.brandt@northwind.example",
    ];
    let open: Vec<String> = stage.invitations.iter().map(|(email, _)| email.clone()).collect();
    if open.is_empty() || stage.random.chance(40) {
        let guest = *stage.random.pick(&GUESTS);
        invite(stage, by, guest, "Developer", at);
        return;
    }
    let email = stage.random.pick(&open).clone();
    let request = stage.request(by, at);
    let targets = vec![invitation(&email)];
    if stage.random.chance(50) {
        let draft = request
            .act("user.invitation.resend", targets)
            .with("email", email.as_str())
            .with("expires_at", time::to_text(at + INVITATION_DAYS * DAY));
        if stage.random.chance(15) {
            stage.record(draft.failed(502, "Mail server refused the address: mailbox is full"));
            return;
        }
        stage.record(draft);
        for (open, since) in &mut stage.invitations {
            if *open == email {
                *since = at;
            }
        }
        return;
    }
    stage.record(request.act("user.invitation.revoke", targets).with("email", email.as_str()));
    stage.invitations.retain(|(open, _)| *open != email);
}

/// Somebody on call gets more rights for a few hours, and loses them again.
pub(super) fn elevate(stage: &mut Stage, by: usize, person: usize, in_project: &str, at: Micros) {
    let request = stage.request(by, at);
    stage.record(member_added(&request, person, "On call"));
    stage.record(role_given(&request.later(2 * SECOND), "Production deployer", "On call", Some(in_project)));
    let back = at + stage.random.span(2 * HOUR, 9 * HOUR);
    let request = stage.request(by, back);
    stage.record(
        request
            .act("group.role.unassign", vec![group("On call"), role("Production deployer"), project(in_project)])
            .gone("/roles/-", "Production deployer")
            .with("level", "project"),
    );
    stage.record(member_removed(&request.later(2 * SECOND), person, "On call"));
}

/// The group and role that elevation needs.
pub(super) fn prepare_on_call(stage: &mut Stage, at: Micros) {
    let request = stage.request(PRIYA, at);
    let permissions = ["environment_promote_production", "environment_deploy_production"];
    stage.record(
        request
            .act("role.create", vec![role("Production deployer")])
            .added("/permissions", permissions.to_vec())
            .with("permissions", permissions.len() as u64),
    );
    let later = request.later(40 * SECOND);
    stage.record(later.act("group.create", vec![group("On call")]).added("/description", "Whoever has the pager"));
}

/// A role gains or loses a permission.
pub(super) fn change_role(stage: &mut Stage, by: usize, at: Micros) {
    const PERMISSIONS: [&str; 6] = [
        "component_build_update",
        "configuration_delete",
        "environment_promote_staging",
        "observability_view",
        "project_update",
        "component_expose_external",
    ];
    let name = stage.random.pick(&["Developer", "Production deployer", "Auditor"]).to_string();
    let permission = *stage.random.pick(&PERMISSIONS);
    let base = json!(["component_view", "project_view"]);
    let more = json!(["component_view", "project_view", permission]);
    let (before, after) = if stage.random.chance(55) { (base, more) } else { (more, base) };
    let request = stage.request(by, at);
    let draft = request.act("role.update", vec![role(&name)]).change("/permissions", before, after);
    if PEOPLE[by].duty == Duty::Administrator {
        stage.record(draft);
    } else {
        stage.record(draft.denied(format!("Nobody grants what they do not hold: {permission}")));
    }
}

/// What is known of a person is changed.
pub(super) fn update_user(stage: &mut Stage, by: usize, at: Micros) {
    if stage.members.is_empty() {
        return;
    }
    let members = stage.members.clone();
    let person = *stage.random.pick(&members);
    let request = stage.request(by, at);
    let draft = request.act("user.update", vec![user(person)]);
    let draft = match stage.random.below(3) {
        0 => draft.change("/phone", "+44 7700 900118", "+44 7700 900461"),
        1 => draft.change("/locale", "en", "es"),
        _ => draft.change("/title", "Engineer", "Senior engineer"),
    };
    let failing = stage.random.chance(10);
    stage.record(if failing { draft.failed(422, "Phone number is not valid") } else { draft });
}

/// A group for a piece of work comes, changes and goes within a few weeks.
pub(super) fn working_group(stage: &mut Stage, name: &str, phase: usize, at: Micros) {
    let request = stage.request(PRIYA, at);
    match phase {
        0 => {
            stage.record(request.act("group.create", vec![group(name)]).added("/description", "Until it is done"));
            for (turn, person) in [3, 4, 6].into_iter().enumerate() {
                stage.record(member_added(&request.later((turn as Micros + 1) * 7 * SECOND), person, name));
            }
            stage.record(role_given(&request.later(40 * SECOND), "Developer", name, Some("payments")));
        }
        1 => {
            let draft = request.act("group.update", vec![group(name)]).change(
                "/description",
                "Until it is done",
                "Until the end of the quarter",
            );
            stage.record(draft);
        }
        _ => {
            stage.record(
                request
                    .act("group.role.unassign", vec![group(name), role("Developer"), project("payments")])
                    .gone("/roles/-", "Developer")
                    .with("level", "project"),
            );
            let later = request.later(20 * SECOND);
            stage.record(later.act("group.delete", vec![group(name)]).with("members", 3));
        }
    }
}

/// A role that turned out to be of no use goes.
pub(super) fn short_lived_role(stage: &mut Stage, phase: usize, at: Micros) {
    let request = stage.request(PRIYA, at);
    let targets = vec![role("Release reviewer")];
    match phase {
        0 => stage.record(
            request
                .act("role.create", targets)
                .added("/permissions", vec!["environment_promote_staging"])
                .with("permissions", 1),
        ),
        1 => {
            stage.record(request.act("role.delete", targets).failed(409, "Role is assigned to group Platform Engineer"))
        }
        _ => stage.record(request.act("role.delete", targets)),
    }
}

/// A developer tries what is the administrators' alone.
pub(super) fn overreach(stage: &mut Stage, person: usize, at: Micros) {
    let request = stage.request(person, at);
    let draft = match stage.random.below(4) {
        0 => request
            .act("group.member.add", vec![group("Platform Engineer"), user(person)])
            .denied("Missing permission groups_update"),
        1 => request
            .act("group.role.assign", vec![group("Developer"), role("Production deployer")])
            .with("level", "organization")
            .denied("Missing permission groups_update"),
        2 => request
            .act("user.remove", vec![user(if person == ANA { PRIYA } else { ANA }), organization()])
            .denied("Missing permission users_delete"),
        _ => request
            .act("on_prem_key.create", vec![target("on_prem_key", "key", "my-laptop")])
            .denied("Missing permission on_prem_keys_create"),
    };
    stage.record(draft);
}

/// The organization's own entry is changed.
pub(super) fn update_organization(stage: &mut Stage, at: Micros) {
    let request = stage.request(PRIYA, at);
    let draft = request.act("organization.update", vec![organization()]);
    let draft = match stage.random.below(3) {
        0 => draft.change("/security/session_hours", 24, 12),
        1 => draft.change("/security/second_factor", "optional", "required"),
        _ => draft.change("/contact/email", "it@northwind.example", "platform@northwind.example"),
    };
    stage.record(draft);
}
