//! What a mapping may do to a text: change its spelling, take a part of it, read a time or an address.
//!
//! Pure functions from text to text. A transform that cannot be applied gives nothing, so that the next way to find
//! the field is tried; only a time that cannot be read is an error, because a wrong time is worse than a refusal.

use std::net::IpAddr;

use actarium_core::time::{TIME_MAX, parse, to_text};
use serde::Deserialize;

use super::metadata::cut_text;

/// A named transform, as mapping files spell it (`snake`, `strip_suffix:.amazonaws.com`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Transform {
    /// Lower case (ASCII).
    Lower,
    /// `GetBucketLogging` → `get_bucket_logging`; everything but letters and digits becomes an underscore.
    Snake,
    /// Dots, dashes, spaces → underscores within each dotted segment of an action, lower case; one segment alone gets
    /// the given segment before it.
    Action(String),
    /// RFC 3339, the same without `T` or zone (then UTC), or milliseconds since 1970 → RFC 3339.
    Time,
    /// An IP address, without port, brackets or zone; nothing if it is something else.
    Ip,
    /// Something that looks like an e-mail address; nothing if not.
    Email,
    /// Without this at the end, if it is there.
    StripSuffix(String),
    /// Without this at the beginning, if it is there.
    StripPrefix(String),
    /// What stands after the last of these; all of it if there is none.
    AfterLast(String),
    /// What stands before the first of these; all of it if there is none.
    Before(String),
    /// What stands after the first of these; nothing if there is none.
    After(String),
    /// Its beginning, short enough to be quoted in a sentence.
    Clip,
    /// The last part of an Amazon resource name: the name of the resource. Anything else as it is.
    ArnName,
    /// `<service>_<kind of resource>` of an Amazon resource name; nothing for anything else.
    ArnType,
}

impl TryFrom<String> for Transform {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) if !argument.is_empty() => (name, Some(argument.to_owned())),
            _ => (text.as_str(), None),
        };
        Ok(match (name, argument) {
            ("lower", None) => Self::Lower,
            ("snake", None) => Self::Snake,
            ("time", None) => Self::Time,
            ("ip", None) => Self::Ip,
            ("email", None) => Self::Email,
            ("clip", None) => Self::Clip,
            ("arn_name", None) => Self::ArnName,
            ("arn_type", None) => Self::ArnType,
            ("action", Some(argument)) => Self::Action(argument),
            ("strip_suffix", Some(argument)) => Self::StripSuffix(argument),
            ("strip_prefix", Some(argument)) => Self::StripPrefix(argument),
            ("after_last", Some(argument)) => Self::AfterLast(argument),
            ("before", Some(argument)) => Self::Before(argument),
            ("after", Some(argument)) => Self::After(argument),
            _ => return Err(format!("unknown transform `{text}`")),
        })
    }
}

impl Transform {
    /// The transformed text; nothing where the transform does not apply.
    ///
    /// # Errors
    /// For a time that cannot be read, with a sentence that says which forms can.
    pub fn apply(&self, text: &str) -> Result<Option<String>, String> {
        let found = |text: &str| Ok((!text.is_empty()).then(|| text.to_owned()));
        match self {
            Self::Lower => found(&text.to_ascii_lowercase()),
            Self::Snake => found(&snake(text)),
            Self::Action(family) => found(&action(text, family)),
            Self::Time => time(text).map(Some),
            Self::Ip => Ok(ip(text)),
            Self::Email => Ok(is_email(text).then(|| text.to_owned())),
            Self::StripSuffix(suffix) => found(text.strip_suffix(suffix.as_str()).unwrap_or(text)),
            Self::StripPrefix(prefix) => found(text.strip_prefix(prefix.as_str()).unwrap_or(text)),
            Self::AfterLast(mark) => found(text.rsplit_once(mark.as_str()).map_or(text, |(_, after)| after)),
            Self::Before(mark) => found(text.split_once(mark.as_str()).map_or(text, |(before, _)| before)),
            Self::After(mark) => found(text.split_once(mark.as_str()).map_or("", |(_, after)| after)),
            Self::Clip => found(&cut_text(text.to_owned(), QUOTED_CHARS_MAX)),
            Self::ArnName => found(arn_name(text)),
            Self::ArnType => Ok(arn_type(text)),
        }
    }
}

/// Snake case; runs of capitals count as one word (`DescribeDBInstances` → `describe_db_instances`). Begins with a
/// letter or is empty.
pub(super) fn snake(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 8);
    for (index, &byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = index.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(index + 1);
        let word_begins = byte.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && after.is_some_and(u8::is_ascii_lowercase)
            });
        if word_begins && !out.ends_with('_') {
            out.push('_');
        }
        if out.is_empty() && byte.is_ascii_digit() {
            out.push('n');
        }
        out.push(char::from(byte.to_ascii_lowercase()));
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

fn action(text: &str, family: &str) -> String {
    let segments: Vec<String> = text.split('.').map(snake).filter(|segment| !segment.is_empty()).collect();
    match segments.len() {
        0 => String::new(),
        1 => format!("{family}.{}", segments[0]),
        _ => segments.join("."),
    }
}

/// Times as the systems write them, as RFC 3339 in UTC. Whole numbers are milliseconds since 1970.
///
/// # Errors
/// If it is none of these forms, no such day exists, or it lies outside of the years that can be recorded.
pub(super) fn time(text: &str) -> Result<String, String> {
    let text = text.trim();
    let unreadable = |why: &str| {
        let quoted = cut_text(text.to_owned(), QUOTED_CHARS_MAX);
        format!(
            "`{quoted}` is not a time ({why}); RFC 3339, `YYYY-MM-DD HH:MM:SS[.fraction]` in UTC and milliseconds since \
             1970 are read"
        )
    };
    if !text.is_empty() && text.len() <= MILLIS_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let millis: i64 = text.parse().map_err(|_| unreadable("not a number"))?;
        let micros = millis * 1_000;
        return if micros <= TIME_MAX { Ok(to_text(micros)) } else { Err(unreadable("after the year 9999")) };
    }
    let zoneless = text.strip_suffix(" UTC").unwrap_or(text);
    let is_zoneless = zoneless.len() >= "YYYY-MM-DD HH:MM:SS".len()
        && zoneless.is_ascii()
        && zoneless[19..].bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    let spelled = if is_zoneless { format!("{}T{}Z", &zoneless[..10], &zoneless[11..]) } else { text.to_owned() };
    parse(&spelled).map(to_text).map_err(|error| unreadable(&error.to_string()))
}

/// Characters of a field that are quoted back to its sender.
const QUOTED_CHARS_MAX: usize = 80;
/// Digits of a number of milliseconds: enough for the year 9999.
const MILLIS_DIGITS_MAX: usize = 15;

fn ip(text: &str) -> Option<String> {
    let text = text.trim();
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    // Without brackets only the last colon of an IPv4 address can stand before a port.
    let portless = text.split_once(':').map(|(address, _)| address);
    let candidates = [Some(text), unbracketed, portless];
    let address = candidates.into_iter().flatten().find(|candidate| candidate.parse::<IpAddr>().is_ok())?;
    Some(address.to_owned())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The parts of `arn:partition:service:region:account:resource`: service and resource.
fn arn(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(6, ':');
    let ("arn", Some(_), Some(service), Some(_), Some(_), Some(resource)) =
        (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (!service.is_empty() && !resource.is_empty()).then_some((service, resource))
}

fn arn_name(text: &str) -> &str {
    let Some((service, resource)) = arn(text) else { return text };
    // IAM puts a path before the name; elsewhere slashes and colons belong to the name.
    let name = match service {
        "iam" => resource.rsplit(['/', ':']).next().unwrap_or(resource),
        "s3" => resource.split_once('/').map_or(resource, |(_, key)| key),
        _ => resource.split_once(['/', ':']).map_or(resource, |(_, name)| name),
    };
    if name.is_empty() { text } else { name }
}

fn arn_type(text: &str) -> Option<String> {
    let (service, resource) = arn(text)?;
    let kind = match service {
        "s3" if resource.contains('/') => "object",
        "s3" => "bucket",
        "sns" => "topic",
        "sqs" => "queue",
        _ => resource.split_once(['/', ':']).map_or("resource", |(kind, _)| kind),
    };
    Some(format!("{}_{}", snake(service), snake(kind))).filter(|kind| !kind.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_of_api_names() {
        for (given, expected) in [
            ("GetBucketLogging", "get_bucket_logging"),
            ("DescribeDBInstances", "describe_db_instances"),
            ("ListObjectsV2", "list_objects_v2"),
            ("PutBucketACL", "put_bucket_acl"),
            ("GetFunction20150331v2", "get_function20150331v2"),
            ("servicecatalog-appregistry", "servicecatalog_appregistry"),
            ("AWS::S3::Bucket", "aws_s3_bucket"),
            ("already_snake", "already_snake"),
            ("2fa", "n2fa"),
            ("--", ""),
            ("naïve Name", "na_ve_name"),
        ] {
            assert_eq!(snake(given), expected, "{given}");
        }
    }

    #[test]
    fn actions_have_two_segments_at_least() {
        assert_eq!(action("protected-branch.destroy", "github"), "protected_branch.destroy");
        assert_eq!(action("invite_member", "github"), "github.invite_member");
        assert_eq!(action("a..B", "github"), "a.b");
        assert_eq!(action("...", "github"), "");
    }

    #[test]
    fn times_in_the_forms_that_systems_write() {
        for (given, expected) in [
            ("2023-07-10T11:42:18Z", "2023-07-10T11:42:18.000000Z"),
            ("2023-07-10T13:42:18.5+02:00", "2023-07-10T11:42:18.500000Z"),
            ("2022-11-29 00:09:04.38", "2022-11-29T00:09:04.380000Z"),
            ("2024-11-13 18:34:10.595141000", "2024-11-13T18:34:10.595141Z"),
            ("2022-11-29T22:46:37.995", "2022-11-29T22:46:37.995000Z"),
            ("1621305118553", "2021-05-18T02:31:58.553000Z"),
            ("2023-11-20 21:20:09.423 UTC", "2023-11-20T21:20:09.423000Z"),
        ] {
            assert_eq!(time(given).as_deref(), Ok(expected), "{given}");
        }
        for bad in [
            "",
            "yesterday",
            "2024-12-17 00:00:00000000",
            "2023-02-30T00:00:00Z",
            "11:42",
            "2023-07-10",
            "é023-07-10T11:42:18Z",
        ] {
            assert!(time(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn only_addresses_are_addresses() {
        assert_eq!(ip("10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(ip("10.0.0.1:443").as_deref(), Some("10.0.0.1"));
        assert_eq!(ip("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip("[2001:db8::1]:443").as_deref(), Some("2001:db8::1"));
        for other in ["ec2.amazonaws.com", "AWS Internal", "", "1.2.3", "::ffff:1.2.3.4.5"] {
            assert_eq!(ip(other), None, "{other}");
        }
    }

    #[test]
    fn amazon_resource_names() {
        for (given, name, kind) in [
            ("arn:aws:s3:::my-bucket", "my-bucket", Some("s3_bucket")),
            ("arn:aws:s3:::my-bucket/a/b:c", "a/b:c", Some("s3_object")),
            ("arn:aws:kms:us-east-1:1:key/0a-1b", "0a-1b", Some("kms_key")),
            ("arn:aws:iam::1:role/service-role/X", "X", Some("iam_role")),
            ("arn:aws:secretsmanager:us-east-1:1:secret:app/db-AbCdEf", "app/db-AbCdEf", Some("secretsmanager_secret")),
            ("arn:aws:sns:us-east-1:1:alerts", "alerts", Some("sns_topic")),
            ("my-secret", "my-secret", None),
            ("arn:aws:iam::1:", "arn:aws:iam::1:", None),
        ] {
            assert_eq!(arn_name(given), name, "{given}");
            assert_eq!(arn_type(given).as_deref(), kind, "{given}");
        }
    }

    #[test]
    fn email_addresses() {
        assert!(is_email("ada@example.com"));
        for other in ["system:serviceaccount:a:b", "ada@", "@example.com", "a b@example.com", "ada@localhost", "a@.com"]
        {
            assert!(!is_email(other), "{other}");
        }
    }
}
