//! Names and descriptions, which groups and roles have alike: how they are read, held to be unique, changed and recorded.

use serde_json::Value;

use crate::form::{Form, prose, readable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::spelling;

/// What a body says of a name and a description, each if it is there.
pub struct Naming {
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
}

impl Naming {
    /// Reads both; `new`: of something that must have a name.
    pub fn read(form: &mut Form, new: bool) -> Self {
        let named = |name: &str| readable(name, limits::NAME_CHARS_MAX);
        let name = if new { Some(form.needed("name", named)) } else { form.optional("name", named) };
        let description = form.optional("description", |text| prose(text, limits::DESCRIPTION_CHARS_MAX));
        Self { name, description }
    }

    /// Puts what is said in the place of what there is. `must_be_free` is asked about another name.
    ///
    /// # Errors
    /// What `must_be_free` refuses.
    pub fn put_into(
        self,
        (name, description): (&mut String, &mut String),
        must_be_free: impl FnOnce(&str) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if let Some(new) = self.name {
            must_be_free(&new)?;
            *name = new;
        }
        if let Some(new) = self.description {
            *description = new;
        }
        Ok(())
    }
}

/// Refuses a name that something else of the kind has, or one that looks the same. `others`: names by id.
///
/// # Errors
/// 409 if it is taken.
pub fn must_be_free(
    kind: &str,
    mut others: impl Iterator<Item = (String, String)>,
    name: &str,
    except: Option<&str>,
) -> Result<(), Problem> {
    let taken = others.any(|(id, other)| spelling::same_name(&other, name) && Some(&*id) != except);
    if taken { Err(Problem::new(Kind::Conflict, format!("there is a {kind} `{name}` already"))) } else { Ok(()) }
}

/// Adds what changed of name and description, each before and after.
pub fn renaming(record: OwnRecord, before: (&str, &str), after: (&str, &str)) -> OwnRecord {
    record.changing("/name", before.0, after.0).changing("/description", before.1, after.1)
}

/// Records the description of something that comes or goes: where there is none, nothing.
pub fn describing(record: OwnRecord, before: &str, after: &str) -> OwnRecord {
    let given = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    record.changing("/description", given(before), given(after))
}
