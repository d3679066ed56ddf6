//! Whom a proven identity signs in to, and which groups it gives: the rules alone. Pure.
//!
//! The question behind every rule is who could say so falsely. A provider is chosen by an administrator of one organization,
//! and may be a machine of theirs that says whatever they like. So what it says counts within that organization and
//! nowhere else: links between identities and accounts are the organization's own, and a session that comes out of it opens
//! that organization only (docs/decisions/identity-providers.md).

use std::collections::{BTreeMap, BTreeSet};

use super::person::{Person, domain_of};
use super::refusal::Refusal;

/// What the organization knows of an identity.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The member whom this issuer and subject were linked with, and whether they are active.
    pub linked: Option<Member<'a>>,
    /// The member who has the e-mail address, and whether they are active.
    pub by_email: Option<Member<'a>>,
}

/// A member of the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The user's id.
    pub user: &'a str,
    /// Whether they may do anything.
    pub active: bool,
}

/// What the organization has decided.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Domains over whose addresses the provider has authority.
    pub authoritative_domains: &'a [String],
    /// Domains from which the organization takes people in.
    pub joining_domains: &'a [String],
}

/// Whom an identity signs in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A member whom it is linked with.
    Linked(String),
    /// A member whom it is to be linked with.
    Link(String),
    /// Somebody who is to become a member; the address is verified.
    Join {
        /// The folded address.
        email: String,
    },
}

/// Decides whom an identity signs in to.
///
/// # Errors
/// Why nobody.
pub fn admit(person: &Person, known: Known<'_>, rules: Rules<'_>) -> Result<Admission, Refusal> {
    if let Some(member) = known.linked {
        return if member.active { Ok(Admission::Linked(member.user.to_owned())) } else { Err(Refusal::Inactive) };
    }
    let email = person.email.as_deref().ok_or(Refusal::EmailMissing)?;
    if !person.email_verified {
        return Err(Refusal::EmailUnverified);
    }
    let within = |domains: &[String]| domains.iter().any(|domain| domain == domain_of(email));
    if let Some(member) = known.by_email {
        if !within(rules.authoritative_domains) {
            return Err(Refusal::MemberNotLinked);
        }
        return if member.active { Ok(Admission::Link(member.user.to_owned())) } else { Err(Refusal::Inactive) };
    }
    if within(rules.joining_domains) {
        Ok(Admission::Join { email: email.to_owned() })
    } else {
        Err(Refusal::DomainNotAllowed)
    }
}

/// How a person's groups are to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChanges {
    /// Groups to be put in.
    pub add: BTreeSet<String>,
    /// Groups to be taken out of.
    pub remove: BTreeSet<String>,
}

/// What the groups of a claim give.
pub fn mapped_groups(claimed: &BTreeSet<String>, mapping: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    claimed.iter().filter_map(|value| mapping.get(value)).flatten().cloned().collect()
}

/// Compares what a claim gives with the groups that a person is in. `present` says for each whether it was the mapping
/// that put them there: only then does it go with the claim.
pub fn group_changes(mapped: &BTreeSet<String>, present: &BTreeMap<String, bool>) -> GroupChanges {
    GroupChanges {
        add: mapped.iter().filter(|group| !present.contains_key(*group)).cloned().collect(),
        remove: present
            .iter()
            .filter(|(group, by_mapping)| **by_mapping && !mapped.contains(*group))
            .map(|(group, _)| group.clone())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: Option<&str>, email_verified: bool) -> Person {
        let email = email.map(str::to_owned);
        Person { subject: "s".into(), email, email_verified, name: None, groups: BTreeSet::new() }
    }

    fn domains(list: &[&str]) -> Vec<String> {
        list.iter().map(|domain| (*domain).to_owned()).collect()
    }

    const NOBODY: Known<'static> = Known { linked: None, by_email: None };
    const ADA: Member<'static> = Member { user: "usr_ada", active: true };
    const GONE: Member<'static> = Member { user: "usr_gone", active: false };

    fn decide(
        person: &Person,
        known: Known<'_>,
        authoritative: &[&str],
        joining: &[&str],
    ) -> Result<Admission, Refusal> {
        let (authoritative, joining) = (domains(authoritative), domains(joining));
        admit(person, known, Rules { authoritative_domains: &authoritative, joining_domains: &joining })
    }

    #[test]
    fn a_linked_identity_signs_in_whatever_its_address() {
        let linked = Known { linked: Some(ADA), by_email: Some(GONE) };
        for person in [person(None, false), person(Some("a@evil.example"), false), person(Some("a@b.example"), true)] {
            assert_eq!(decide(&person, linked, &[], &[]), Ok(Admission::Linked("usr_ada".into())));
        }
        let inactive = Known { linked: Some(GONE), by_email: None };
        assert_eq!(
            decide(&person(Some("a@b.example"), true), inactive, &["b.example"], &["b.example"]),
            Err(Refusal::Inactive)
        );
    }

    #[test]
    fn an_unverified_address_is_worth_nothing() {
        for known in [NOBODY, Known { by_email: Some(ADA), ..NOBODY }] {
            let all = &["b.example"][..];
            assert_eq!(decide(&person(Some("a@b.example"), false), known, all, all), Err(Refusal::EmailUnverified));
            assert_eq!(decide(&person(None, true), known, all, all), Err(Refusal::EmailMissing));
        }
    }

    #[test]
    fn a_member_is_linked_only_by_a_provider_with_authority_over_the_domain() {
        let member = Known { by_email: Some(ADA), ..NOBODY };
        let ada = person(Some("a@b.example"), true);
        assert_eq!(decide(&ada, member, &["b.example"], &[]), Ok(Admission::Link("usr_ada".into())));
        assert_eq!(decide(&ada, member, &[], &["b.example"]), Err(Refusal::MemberNotLinked));
        assert_eq!(decide(&ada, member, &["example", "a.b.example", "xb.example"], &[]), Err(Refusal::MemberNotLinked));
        let inactive = Known { by_email: Some(GONE), ..NOBODY };
        assert_eq!(decide(&ada, inactive, &["b.example"], &["b.example"]), Err(Refusal::Inactive));
    }

    #[test]
    fn who_is_new_joins_from_an_allowed_domain_only() {
        let ada = person(Some("a@b.example"), true);
        let join = Admission::Join { email: "a@b.example".into() };
        assert_eq!(decide(&ada, NOBODY, &[], &["c.example", "b.example"]), Ok(join));
        assert_eq!(decide(&ada, NOBODY, &["b.example"], &[]), Err(Refusal::DomainNotAllowed));
        assert_eq!(
            decide(&ada, NOBODY, &[], &["example", ".example", "sub.b.example"]),
            Err(Refusal::DomainNotAllowed)
        );
    }

    #[test]
    fn groups_follow_the_claim_and_nothing_else_is_touched() {
        let set = |list: &[&str]| -> BTreeSet<String> { list.iter().map(|group| (*group).to_owned()).collect() };
        let mapping =
            BTreeMap::from([("ops".to_owned(), set(&["grp_a", "grp_b"])), ("dev".to_owned(), set(&["grp_b"]))]);
        assert_eq!(mapped_groups(&set(&["ops", "other"]), &mapping), set(&["grp_a", "grp_b"]));
        assert_eq!(mapped_groups(&set(&["dev"]), &mapping), set(&["grp_b"]));
        assert_eq!(mapped_groups(&set(&[]), &mapping), set(&[]));
        let present =
            BTreeMap::from([("grp_a".to_owned(), true), ("grp_c".to_owned(), true), ("grp_d".to_owned(), false)]);
        let changes = group_changes(&set(&["grp_a", "grp_b", "grp_d"]), &present);
        assert_eq!(changes, GroupChanges { add: set(&["grp_b"]), remove: set(&["grp_c"]) });
    }

    proptest::proptest! {
        #[test]
        fn after_the_changes_the_claims_groups_are_held_and_manual_ones_kept(
            mapped in proptest::collection::btree_set("[a-f]", 0..6),
            present in proptest::collection::btree_map("[a-f]", proptest::bool::ANY, 0..6),
        ) {
            let changes = group_changes(&mapped, &present);
            let mut after: BTreeSet<String> = present.keys().cloned().collect();
            for group in &changes.remove {
                proptest::prop_assert!(after.remove(group));
            }
            for group in &changes.add {
                proptest::prop_assert!(after.insert(group.clone()));
            }
            let by_hand = present.iter().filter(|(_, by_mapping)| !**by_mapping).map(|(group, _)| group.clone());
            proptest::prop_assert_eq!(after, mapped.union(&by_hand.collect()).cloned().collect());
        }
    }
}
