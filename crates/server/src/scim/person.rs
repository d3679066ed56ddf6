//! What clients say of a user, taken apart into what the directory keeps: the account's address, the membership, and the
//! profile that the organization has of the person. Pure; what is kept where is the handlers' business.

use serde_json::{Value, json};

use crate::limits;
use crate::scim::Attributes;
use crate::scim::content::is_primary;
use crate::scim::error::{Refused, ScimType};
use crate::spelling;

/// A user as clients may set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// What the organization calls the user, uniquely.
    pub user_name: String,
    /// The provisioning system's id.
    pub external_id: Option<String>,
    /// Whether the user may do anything.
    pub active: bool,
    /// Everything else, as it is shown.
    pub profile: Attributes,
}

impl Person {
    /// Takes attributes apart. `active` where they do not say whether the user is: a new one is, any other stays.
    ///
    /// # Errors
    /// `invalidValue` without `userName` or any e-mail address.
    pub fn from_attributes(mut attributes: Attributes, active: bool) -> Result<Self, Refused> {
        let mut text = |name: &str| match attributes.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let user_name = text("userName").ok_or_else(|| invalid("`userName` is needed"))?;
        let external_id = text("externalId");
        let active = attributes.remove("active").and_then(|value| value.as_bool()).unwrap_or(active);
        // What follows from the name is not kept beside it: it would stay when the name changes.
        if attributes.get("emails") == derived_emails(&user_name).as_ref() {
            attributes.remove("emails");
        }
        let person = Self { user_name, external_id, active, profile: attributes };
        person.address()?;
        Ok(person)
    }

    /// Refuses somebody who would pass for the service or its operator in records.
    ///
    /// # Errors
    /// `invalidValue`.
    pub fn must_not_pass_for_the_service(&self) -> Result<(), Refused> {
        spelling::not_the_services(&self.called()).map_err(|rule| invalid(&format!("what the user is called {rule}")))
    }

    /// As clients see it.
    pub fn to_attributes(&self) -> Attributes {
        let mut attributes = self.profile.clone();
        attributes.insert("userName".into(), json!(self.user_name));
        attributes.insert("active".into(), json!(self.active));
        if let Some(id) = &self.external_id {
            attributes.insert("externalId".into(), json!(id));
        }
        if !attributes.contains_key("emails")
            && let Some(emails) = derived_emails(&self.user_name)
        {
            attributes.insert("emails".into(), emails);
        }
        attributes
    }

    /// Leaves out the addresses that followed from an earlier name and were sent back with a new one.
    pub fn forget_emails_of(&mut self, earlier: &Person) {
        let followed = !earlier.profile.contains_key("emails");
        if followed
            && self.profile.get("emails") == derived_emails(&earlier.user_name).as_ref()
            && is_email(&self.user_name)
        {
            self.profile.remove("emails");
        }
    }

    /// The address of the user's account: `userName` where it is one, else the primary or first of `emails`.
    ///
    /// # Errors
    /// `invalidValue` if there is none.
    pub fn address(&self) -> Result<&str, Refused> {
        if is_email(&self.user_name) {
            return Ok(&self.user_name);
        }
        let emails = self.profile.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let chosen = emails.iter().find(|email| is_primary(email)).or_else(|| emails.first());
        let address = chosen.and_then(|email| email.get("value")).and_then(Value::as_str);
        match address {
            Some(address) if is_email(address) => Ok(address),
            Some(_) => Err(invalid("the primary or first of `emails` must be an e-mail address")),
            None => Err(invalid("`emails` is needed where `userName` is no e-mail address")),
        }
    }

    /// What the user is called.
    pub fn called(&self) -> String {
        let name = self.profile.get("name");
        let part = |part: &str| name.and_then(|name| name.get(part)).and_then(Value::as_str);
        let whole = || {
            let parts: Vec<&str> = [part("givenName"), part("familyName")].into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        };
        let called = self.profile.get("displayName").and_then(Value::as_str).or_else(|| part("formatted"));
        let called = called.map(str::to_owned).or_else(whole).unwrap_or_else(|| self.user_name.clone());
        called.chars().take(limits::NAME_CHARS_MAX).collect()
    }
}

fn derived_emails(user_name: &str) -> Option<Value> {
    is_email(user_name).then(|| json!([{"value": user_name, "type": "work", "primary": true}]))
}

fn is_email(text: &str) -> bool {
    spelling::address(text).is_ok()
}

fn invalid(detail: &str) -> Refused {
    Refused::new(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(attributes: Value) -> Result<Person, Refused> {
        Person::from_attributes(attributes.as_object().unwrap().clone(), true)
    }

    #[test]
    fn what_was_taken_apart_is_put_together_again() {
        for attributes in [
            json!({"userName": "ada@example.com", "active": false, "externalId": "7", "title": "Dr",
                "emails": [{"value": "ada@example.com", "type": "work", "primary": true}]}),
            json!({"userName": "ada", "active": true, "emails": [{"value": "a@b.example"}], "name": {"givenName": "Ada"}}),
            json!({"userName": "ada@example.com", "active": true, "emails": [{"value": "a@b.example"}]}),
        ] {
            let person = person(attributes.clone()).unwrap();
            assert_eq!(Value::Object(person.to_attributes()), attributes);
        }
    }

    #[test]
    fn the_address_is_the_name_if_it_is_one() {
        let address = |attributes| person(attributes).map(|person| person.address().unwrap().to_owned());
        let emails = json!([{"value": "first@x.example"}, {"value": "second@x.example", "primary": true}]);
        assert_eq!(address(json!({"userName": "ada@example.com", "emails": emails})).unwrap(), "ada@example.com");
        assert_eq!(address(json!({"userName": "ada", "emails": emails})).unwrap(), "second@x.example");
        for wrong in [json!({"userName": "ada"}), json!({"userName": "ada", "emails": [{"value": "x"}]}), json!({})] {
            assert_eq!(address(wrong).unwrap_err().scim_type, ScimType::InvalidValue);
        }
    }

    #[test]
    fn addresses_that_follow_from_the_name_follow_a_new_one() {
        let before = person(json!({"userName": "ada@example.com"})).unwrap();
        let mut sent_back = before.to_attributes();
        sent_back.insert("userName".into(), json!("ada@new.example"));
        let mut after = Person::from_attributes(sent_back, true).unwrap();
        after.forget_emails_of(&before);
        assert_eq!(after.to_attributes()["emails"][0]["value"], "ada@new.example");
    }

    #[test]
    fn somebody_is_called_by_the_best_name_there_is() {
        let called = |more: Value| {
            let mut attributes = json!({"userName": "ada@example.com"});
            attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            person(attributes).unwrap().called()
        };
        assert_eq!(called(json!({})), "ada@example.com");
        assert_eq!(called(json!({"name": {"givenName": "Ada", "familyName": "L"}})), "Ada L");
        assert_eq!(called(json!({"name": {"givenName": "Ada", "formatted": "Ada of L"}})), "Ada of L");
        assert_eq!(called(json!({"displayName": "A", "name": {"formatted": "x"}})), "A");
    }
}
