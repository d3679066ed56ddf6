//! SCIM 2.0 (RFC 7643 and 7644): how an identity provider keeps the users and groups of an organization.
//!
//! A body becomes a resource ([`content`]) whose attributes are those of the [`schema`]; [`filter`] and [`evaluate`] find
//! among resources, [`patch`] changes one, [`select`] shows a part of it, [`listing`] sorts and pages, [`discovery`] says
//! what there is. All of that is pure: it knows no directory, no rights and no HTTP. What SCIM does differently from the
//! rest of the API, its media type and the form of its errors, is in [`error`] and nowhere else.

pub mod content;
pub mod discovery;
pub mod error;
pub mod etag;
pub mod evaluate;
pub mod filter;
pub mod listing;
pub mod patch;
pub mod path;
pub mod person;
pub mod schema;
pub mod select;

/// A resource or a part of one: its attributes by their names, spelt as the schema spells them.
pub type Attributes = serde_json::Map<String, serde_json::Value>;
