//! Who may do what: organizations, people, groups, roles, invitations, and the credentials of people and programs.
//!
//! Each family has a file of its own; here is what they share: which organization is meant, lists, and texts of values.
//! All is asked of the API: what a person or program may do is known there alone.

pub mod groups;
pub mod identity;
pub mod invitations;
pub mod keys;
mod lookup;
pub mod organizations;
pub mod roles;
pub mod sessions;
pub mod tokens;
pub mod users;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::show::{self, Table};

pub use lookup::{Family, find, find_all};

/// Most entries that the API gives on a page.
const PAGE_ENTRIES_MAX: &str = "1000";

/// Which organization is meant.
#[derive(Args, Clone, Debug)]
pub struct OrgArgument {
    /// The organization
    #[arg(long, env = "ACTARIUM_ORG", value_parser = NonEmptyStringValueParser::new())]
    pub org: String,
}

impl OrgArgument {
    /// A path of the API within the organization.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/orgs/{}/{rest}", segment(&self.org))
    }

    /// The path of one thing of a family.
    pub fn path_of(&self, family: &str, id: &str) -> String {
        self.path(&format!("{family}/{}", segment(id)))
    }
}

/// How an answer is printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct JsonArgument {
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Whether to ask before something is lost.
#[derive(Args, Clone, Copy, Debug)]
pub struct YesArgument {
    /// Do not ask whether it is really meant
    #[arg(long, short)]
    pub yes: bool,
}

/// A column of a list: its title, and what an entry has there.
pub type Column = (&'static str, fn(&Value) -> String);

/// Calls `f` with each entry of a list, page by page.
pub fn each(
    client: &Client,
    (path, key): (&str, &str),
    query: &[(String, String)],
    mut f: impl FnMut(Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut cursor = None::<String>;
    loop {
        let mut query = query.to_vec();
        query.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let mut page = client.get(path, &query)?;
        if let Value::Array(entries) = page[key].take() {
            entries.into_iter().try_for_each(&mut f)?;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// The query of a list that comes in pages.
pub fn paged(search: Option<&str>) -> Vec<(String, String)> {
    let search = search.map(|search| ("search".to_owned(), search.to_owned()));
    search.into_iter().chain([("limit".to_owned(), PAGE_ENTRIES_MAX.to_owned())]).collect()
}

/// Prints a list: columns for people, or the entries as the API has them.
pub fn list(
    client: &Client,
    place: (&str, &str),
    query: &[(String, String)],
    json: bool,
    columns: &[Column],
) -> Result<(), Failure> {
    if json {
        return each(client, place, query, |entry| show::json_line(&entry));
    }
    let mut table = Table::new(&columns.iter().map(|(title, _)| *title).collect::<Vec<_>>());
    each(client, place, query, |entry| {
        table.row(columns.iter().map(|(_, cell)| cell(&entry)).collect());
        Ok(())
    })?;
    table.print()
}

/// The text of a field; an empty one where there is none.
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The texts of a list of texts, or of the `name`s of a list of objects, with commas between them.
pub fn names(value: &Value) -> String {
    let name = |entry: &Value| entry.as_str().or_else(|| entry["name"].as_str()).map(str::to_owned);
    value.as_array().into_iter().flatten().filter_map(name).collect::<Vec<_>>().join(", ")
}

/// A count with the word for what is counted.
pub fn counted(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

pub fn id(value: &Value) -> String {
    text(value, "id")
}

pub fn name(value: &Value) -> String {
    text(value, "name")
}

pub fn created(value: &Value) -> String {
    show::moment(&value["created_at"])
}

/// When something ends, or that it does not.
pub fn expires(value: &Value) -> String {
    if value["expires_at"].is_string() { show::moment(&value["expires_at"]) } else { "never".to_owned() }
}

/// When something was used last, or that it was not.
pub fn last_used(value: &Value) -> String {
    if value["last_used_at"].is_string() { show::moment(&value["last_used_at"]) } else { "never".to_owned() }
}

/// Puts what was given of some fields into a body.
pub fn put_given(body: &mut Value, given: &[(&str, Option<Value>)]) {
    for (name, value) in given {
        if let Some(value) = value {
            body[*name] = value.clone();
        }
    }
}

/// Refuses a change of nothing.
pub fn must_change(body: &Value, options: &str) -> Result<(), Failure> {
    if body.as_object().is_some_and(|fields| !fields.is_empty()) {
        return Ok(());
    }
    Err(Failure::Usage(format!("nothing to change: {options} say what")))
}
