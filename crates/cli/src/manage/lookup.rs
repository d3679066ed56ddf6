//! From what people call a user, group, role, key or invitation to its id.
//!
//! An id is an id; else the name (or e-mail address) must be exactly one thing's, without regard to case. Nothing is
//! guessed: what is unknown or ambiguous is an error that says what is there.

use serde_json::Value;

use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::show::inert;

use super::{OrgArgument, each, paged, text};

/// Things that an error lists.
const LISTED_MAX: usize = 10;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What people call one of them.
    pub word: &'static str,
    /// The command that is about them.
    command: &'static str,
    /// Where they are in an organization.
    pub path: &'static str,
    /// The field of the answer that holds them.
    pub key: &'static str,
    /// The fields by which people call them; all are unique but where names are not.
    pub called: &'static [&'static str],
    /// What their ids begin with, if with anything.
    prefix: Option<&'static str>,
    /// Whether the API searches them and gives them in pages.
    is_searched: bool,
    /// Which of them people mean by what they call them.
    meant: Option<(&'static str, &'static str)>,
}

impl Family {
    pub const USER: Self = Self {
        word: "user",
        command: "user",
        path: "users",
        key: "users",
        called: &["email", "name"],
        prefix: Some("usr_"),
        is_searched: true,
        meant: None,
    };
    pub const GROUP: Self = Self {
        word: "group",
        command: "group",
        path: "groups",
        key: "groups",
        called: &["name"],
        prefix: Some("grp_"),
        is_searched: true,
        meant: None,
    };
    pub const ROLE: Self = Self {
        word: "role",
        command: "role",
        path: "roles",
        key: "roles",
        called: &["name"],
        prefix: Some("rol_"),
        is_searched: true,
        meant: None,
    };
    pub const KEY: Self = Self {
        word: "key",
        command: "key",
        path: "on-prem-keys",
        key: "keys",
        called: &["name"],
        prefix: None,
        is_searched: false,
        meant: None,
    };
    pub const INVITATION: Self = Self {
        word: "invitation",
        command: "invite",
        path: "invitations",
        key: "invitations",
        called: &["email"],
        prefix: None,
        is_searched: true,
        meant: Some(("status", "pending")),
    };
    pub const SCIM_TOKEN: Self = Self {
        word: "SCIM token",
        command: "scim-token",
        path: "scim-tokens",
        key: "tokens",
        called: &["name"],
        prefix: None,
        is_searched: false,
        meant: None,
    };
    pub const IDENTITY_PROVIDER: Self = Self {
        word: "identity provider",
        command: "identity-provider",
        path: "identity-providers",
        key: "identity_providers",
        called: &["name"],
        prefix: Some("idp_"),
        is_searched: false,
        meant: None,
    };

    fn is_called(&self, entry: &Value, wanted: &str) -> bool {
        let folded = wanted.to_lowercase();
        self.called.iter().any(|field| text(entry, field).to_lowercase() == folded)
    }

    /// An entry on a line of an error.
    fn line(&self, entry: &Value) -> String {
        let called: Vec<String> = self.called.iter().map(|field| text(entry, field)).collect();
        inert(&format!("  {}  {}", text(entry, "id"), called.join("  ")))
    }
}

/// The id of what is called so in an organization.
///
/// # Errors
/// If nothing or more than one thing is called so.
pub fn find(client: &Client, org: &OrgArgument, family: Family, wanted: &str) -> Result<String, Failure> {
    // Whoever knows the id need not be permitted to see the list.
    if family.prefix.is_some_and(|prefix| wanted.starts_with(prefix)) {
        return Ok(wanted.to_owned());
    }
    let path = org.path(family.path);
    let place = (path.as_str(), family.key);
    let meant = family.meant.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut query = if family.is_searched { paged(Some(wanted)) } else { Vec::new() };
    query.extend(meant.clone());
    let (mut called, mut near) = (Vec::new(), Vec::new());
    let mut by_id = None;
    each(client, place, &query, |entry| {
        if text(&entry, "id") == wanted {
            by_id = Some(entry);
        } else if family.is_called(&entry, wanted) {
            called.push(entry);
        } else if near.len() < LISTED_MAX {
            near.push(entry);
        }
        Ok(())
    })?;
    if by_id.is_some() {
        return Ok(wanted.to_owned());
    }
    if let [only] = called.as_slice() {
        return Ok(text(only, "id"));
    }
    if !called.is_empty() {
        let problem = format!("{} {}s are called `{}`; say which by its id:", called.len(), family.word, inert(wanted));
        return Err(listing(&problem, &family, &called));
    }
    // Default groups and roles have ids that are words, which a search by name does not find.
    if family.is_searched && client.find(&format!("{path}/{}", segment(wanted)))?.is_some() {
        return Ok(wanted.to_owned());
    }
    if near.is_empty() && family.is_searched {
        let query: Vec<_> = [("limit".to_owned(), LISTED_MAX.to_string())].into_iter().chain(meant).collect();
        let first = client.get(&path, &query)?;
        near = first[family.key].as_array().cloned().unwrap_or_default();
    }
    let problem = format!("{} has no {} `{}`", inert(&org.org), family.word, inert(wanted));
    if near.is_empty() {
        let none = family.meant.map_or("none at all".to_owned(), |(_, value)| format!("none that is {value}"));
        return Err(Failure::Refused(format!("{problem}; it has {none}")));
    }
    Err(listing(&format!("{problem}; there are:"), &family, &near))
}

/// The ids of several.
///
/// # Errors
/// As [`find`].
pub fn find_all(client: &Client, org: &OrgArgument, family: Family, wanted: &[String]) -> Result<Vec<String>, Failure> {
    wanted.iter().map(|wanted| find(client, org, family, wanted)).collect()
}

fn listing(problem: &str, family: &Family, entries: &[Value]) -> Failure {
    let mut lines = vec![problem.to_owned()];
    lines.extend(entries.iter().take(LISTED_MAX).map(|entry| family.line(entry)));
    if entries.len() >= LISTED_MAX {
        lines.push(format!("  … `actarium {} list` shows all", family.command));
    }
    Failure::Refused(lines.join("\n"))
}
