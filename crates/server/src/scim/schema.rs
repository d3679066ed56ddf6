//! The attributes that users and groups have here: names, types and what may be done with them (RFC 7643, sections 2, 4, 7).
//!
//! Everything that reads or shows a resource goes by these tables, and `/Schemas` publishes them. What RFC 7643 has beyond
//! them is in [`KNOWN_UNKEPT`]: it is accepted and not kept, because an audit log has no use for it and what is not
//! kept cannot leak. This file must not hold behaviour beyond looking up names.

use crate::limits;

/// URN of the schema of users.
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the schema of groups.
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the extension for enterprises, which is known and not kept.
pub const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A moment, as in RFC 3339.
    DateTime,
    /// An address of something.
    Reference,
    /// Sub-attributes.
    Complex,
}

impl Type {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Boolean => "boolean",
            Type::DateTime => "dateTime",
            Type::Reference => "reference",
            Type::Complex => "complex",
        }
    }
}

/// Who may give an attribute its value, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The service alone.
    ReadOnly,
    /// Clients, at any time.
    ReadWrite,
    /// Clients, once.
    Immutable,
}

impl Mutability {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
        }
    }
}

/// Whether an attribute is in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// In every answer.
    Always,
    /// Unless the client asks for others alone, or for all but it.
    Default,
}

impl Returned {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Returned::Always => "always",
            Returned::Default => "default",
        }
    }
}

/// An attribute, or a sub-attribute of a complex one.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, spelt as answers spell it.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Type,
    /// Whether it has a list of values.
    pub multi_valued: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether its texts are compared with regard to case.
    pub case_exact: bool,
    /// Who may give it its value.
    pub mutability: Mutability,
    /// Whether it is in answers.
    pub returned: Returned,
    /// Whether no two resources of the organization have the same value.
    pub unique: bool,
    /// Values that clients should use.
    pub canonical_values: &'static [&'static str],
    /// What it may refer to.
    pub reference_types: &'static [&'static str],
    /// Most characters of its texts.
    pub chars_max: usize,
    /// Most values, if it has a list of them.
    pub values_max: usize,
    /// What it is.
    pub description: &'static str,
    /// Its sub-attributes, if it is complex.
    pub sub_attributes: &'static [Attribute],
}

/// Most characters of texts of attributes that have no closer bound.
pub const TEXT_CHARS_MAX: usize = 256;
/// Most values of an attribute with a list of them that has no closer bound.
pub const VALUES_MAX: usize = 16;

const TEXT: Attribute = Attribute {
    name: "",
    kind: Type::String,
    multi_valued: false,
    required: false,
    case_exact: false,
    mutability: Mutability::ReadWrite,
    returned: Returned::Default,
    unique: false,
    canonical_values: &[],
    reference_types: &[],
    chars_max: TEXT_CHARS_MAX,
    values_max: VALUES_MAX,
    description: "",
    sub_attributes: &[],
};

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute { name, description, ..TEXT }
}

/// `schemas`, which every resource begins with.
pub static SCHEMAS: Attribute = Attribute {
    name: "schemas",
    multi_valued: true,
    required: true,
    case_exact: true,
    kind: Type::Reference,
    returned: Returned::Always,
    reference_types: &["uri"],
    description: "URNs of the schemas that the resource has attributes of",
    ..TEXT
};

/// Attributes that resources of every type have (RFC 7643, section 3.1).
static COMMON: [Attribute; 3] = [
    Attribute {
        required: true,
        case_exact: true,
        mutability: Mutability::ReadOnly,
        returned: Returned::Always,
        unique: true,
        ..text("id", "The id that this service has for it")
    },
    Attribute { case_exact: true, ..text("externalId", "The id that the provisioning system has for it") },
    Attribute {
        kind: Type::Complex,
        mutability: Mutability::ReadOnly,
        sub_attributes: &META,
        ..text("meta", "What is known of the resource itself")
    },
];

static META: [Attribute; 5] = [
    Attribute { case_exact: true, mutability: Mutability::ReadOnly, ..text("resourceType", "Its type") },
    Attribute { kind: Type::DateTime, mutability: Mutability::ReadOnly, ..text("created", "When it was made") },
    Attribute { kind: Type::DateTime, mutability: Mutability::ReadOnly, ..text("lastModified", "When it was changed") },
    Attribute {
        kind: Type::Reference,
        case_exact: true,
        mutability: Mutability::ReadOnly,
        reference_types: &["uri"],
        ..text("location", "Its address")
    },
    Attribute { case_exact: true, mutability: Mutability::ReadOnly, ..text("version", "Its entity tag") },
];

static NAME: [Attribute; 6] = [
    text("formatted", "The whole name, as it is shown"),
    text("familyName", "The family name"),
    text("givenName", "The given name"),
    text("middleName", "Middle names"),
    text("honorificPrefix", "What stands before the name"),
    text("honorificSuffix", "What stands after the name"),
];

static EMAILS: [Attribute; 4] = [
    Attribute { required: true, ..text("value", "The address") },
    text("display", "The address as it is shown"),
    Attribute { canonical_values: &["work", "home", "other"], ..text("type", "What it is used for") },
    Attribute { kind: Type::Boolean, ..text("primary", "Whether it is the one to use") },
];

static USER_GROUPS: [Attribute; 4] = [
    Attribute { case_exact: true, mutability: Mutability::ReadOnly, ..text("value", "Id of the group") },
    Attribute {
        kind: Type::Reference,
        case_exact: true,
        mutability: Mutability::ReadOnly,
        reference_types: &["Group"],
        ..text("$ref", "Address of the group")
    },
    Attribute { mutability: Mutability::ReadOnly, ..text("display", "Name of the group") },
    Attribute {
        mutability: Mutability::ReadOnly,
        canonical_values: &["direct"],
        ..text("type", "How the user is in it")
    },
];

static USER: [Attribute; 11] = [
    Attribute {
        required: true,
        unique: true,
        ..text("userName", "The name that the organization has for the user, an e-mail address as a rule")
    },
    Attribute { kind: Type::Complex, sub_attributes: &NAME, ..text("name", "The parts of the user's name") },
    text("displayName", "The user's name, as the organization's members see it"),
    text("title", "The user's title"),
    text("userType", "How the user belongs to the organization"),
    text("preferredLanguage", "The language that the user prefers"),
    text("locale", "Where the user is, for numbers and times"),
    text("timezone", "The user's time zone"),
    Attribute {
        kind: Type::Boolean,
        required: true,
        ..text(
            "active",
            "Whether the user may do anything in the organization; true for a new one where it is left out",
        )
    },
    Attribute {
        kind: Type::Complex,
        multi_valued: true,
        required: true,
        sub_attributes: &EMAILS,
        ..text("emails", "The user's e-mail addresses; may be left out where userName is one")
    },
    Attribute {
        kind: Type::Complex,
        multi_valued: true,
        mutability: Mutability::ReadOnly,
        sub_attributes: &USER_GROUPS,
        ..text("groups", "The groups that the user is in")
    },
];

static MEMBERS: [Attribute; 3] = [
    Attribute {
        required: true,
        case_exact: true,
        mutability: Mutability::Immutable,
        ..text("value", "Id of the user")
    },
    Attribute {
        kind: Type::Reference,
        case_exact: true,
        mutability: Mutability::Immutable,
        reference_types: &["User"],
        chars_max: limits::SCIM_REFERENCE_CHARS_MAX,
        ..text("$ref", "Address of the user")
    },
    Attribute {
        mutability: Mutability::Immutable,
        canonical_values: &["User"],
        ..text("type", "The type of the member; groups have no groups in them")
    },
];

static GROUP: [Attribute; 2] = [
    Attribute {
        required: true,
        unique: true,
        chars_max: limits::NAME_CHARS_MAX,
        ..text("displayName", "The group's name")
    },
    Attribute {
        kind: Type::Complex,
        multi_valued: true,
        values_max: limits::SCIM_GROUP_MEMBERS_MAX,
        sub_attributes: &MEMBERS,
        ..text("members", "The users in the group")
    },
];

/// Attributes of RFC 7643 that are accepted and not kept: they have no value, whatever is sent for them.
pub const KNOWN_UNKEPT: &[&str] = &[
    "nickName",
    "profileUrl",
    "password",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
];

/// A type of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceType {
    /// People.
    User,
    /// Groups of them.
    Group,
}

impl ResourceType {
    /// All of them.
    pub const ALL: [ResourceType; 2] = [ResourceType::User, ResourceType::Group];

    /// Its name, which is also its id.
    pub const fn name(self) -> &'static str {
        match self {
            ResourceType::User => "User",
            ResourceType::Group => "Group",
        }
    }

    /// Its path below the address of SCIM.
    pub const fn endpoint(self) -> &'static str {
        match self {
            ResourceType::User => "/Users",
            ResourceType::Group => "/Groups",
        }
    }

    /// URN of its schema.
    pub const fn schema(self) -> &'static str {
        match self {
            ResourceType::User => USER_SCHEMA,
            ResourceType::Group => GROUP_SCHEMA,
        }
    }

    /// The attributes of its schema, without the common ones.
    pub fn attributes(self) -> &'static [Attribute] {
        match self {
            ResourceType::User => &USER,
            ResourceType::Group => &GROUP,
        }
    }

    /// All attributes that a resource of the type has.
    pub fn all_attributes(self) -> impl Iterator<Item = &'static Attribute> {
        std::iter::once(&SCHEMAS).chain(&COMMON).chain(self.attributes())
    }

    /// The attribute with this name, whatever its case.
    pub fn attribute(self, name: &str) -> Option<&'static Attribute> {
        self.all_attributes().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

impl Attribute {
    /// The sub-attribute with this name, whatever its case.
    pub fn sub_attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// The sub-attribute that stands for the whole value where none is named (RFC 7643, section 2.4).
    pub fn value_attribute(&self) -> Option<&'static Attribute> {
        self.sub_attribute("value")
    }
}

/// Whether a name is that of an attribute which is accepted and not kept.
pub fn is_known_unkept(name: &str) -> bool {
    KNOWN_UNKEPT.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a URN is that of a schema which is accepted and not kept.
pub fn is_unkept_schema(urn: &str) -> bool {
    urn.eq_ignore_ascii_case(ENTERPRISE_SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_well_formed() {
        fn check(attribute: &Attribute) {
            assert_eq!(attribute.kind == Type::Complex, !attribute.sub_attributes.is_empty(), "{}", attribute.name);
            assert_eq!(attribute.kind == Type::Reference, !attribute.reference_types.is_empty(), "{}", attribute.name);
            assert!(!attribute.name.is_empty() && !attribute.description.is_empty());
            for sub in attribute.sub_attributes {
                assert!(sub.kind != Type::Complex && !sub.multi_valued, "{} is nested too deep", sub.name);
                check(sub);
            }
        }
        for resource_type in ResourceType::ALL {
            let mut names: Vec<_> =
                resource_type.all_attributes().map(|attribute| attribute.name.to_ascii_lowercase()).collect();
            resource_type.all_attributes().for_each(check);
            assert!(names.iter().all(|name| !is_known_unkept(name)));
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        assert_eq!(ResourceType::User.attribute("USERNAME").unwrap().name, "userName");
        assert_eq!(ResourceType::Group.attribute("Meta").unwrap().sub_attribute("CREATED").unwrap().name, "created");
        assert!(ResourceType::Group.attribute("userName").is_none());
    }
}
