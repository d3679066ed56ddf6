//! How an operator names a place for files.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place for files, by name: a folder or a prefix of a bucket. Never holds credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// The objects of a bucket whose keys begin with a prefix.
    Bucket {
        /// The bucket.
        name: String,
        /// The prefix without slashes around it; may be empty.
        prefix: String,
    },
}

impl Location {
    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Bucket { .. } => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(formatter, "{}", folder.display()),
            Self::Bucket { name, prefix } if prefix.is_empty() => write!(formatter, "s3://{name}"),
            Self::Bucket { name, prefix } => write!(formatter, "s3://{name}/{prefix}"),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            return bucket(rest);
        }
        if let Some(path) = text.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err("a file URL has three slashes: file:///var/lib/archive".to_owned());
            }
            let path = percent_encoding::percent_decode_str(path).decode_utf8();
            let path = path.map_err(|_| "a file URL must be UTF-8".to_owned())?;
            return Ok(Self::Folder(PathBuf::from(path.into_owned())));
        }
        match text.split_once("://") {
            Some((scheme, _)) => {
                Err(format!("{scheme} URLs are not known; give a folder, file:///path or s3://bucket/prefix"))
            }
            None if text.is_empty() => Err("is empty; give a folder, file:///path or s3://bucket/prefix".to_owned()),
            None => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

fn bucket(rest: &str) -> Result<Location, String> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    // A key and secret in a URL are seen in process lists and logs. What is wrong is said without showing them.
    if name.contains('@') || name.contains(':') {
        return Err(
            "an s3 URL has neither credentials nor an endpoint; these are in the environment: AWS_ACCESS_KEY_ID, \
             AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL"
                .to_owned(),
        );
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !(3..=63).contains(&name.len()) || !name.bytes().all(fits) {
        return Err("needs the name of a bucket, as in s3://bucket/prefix".to_owned());
    }
    let prefix = prefix.trim_matches('/');
    let is_plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| fits(byte) || b"=+@~ ".contains(&byte))
    };
    if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
        return Err(
            "the prefix of an s3 URL has letters, digits, `.`, `-`, `_`, `=`, `+`, `@`, `~`, spaces and single slashes"
                .to_owned(),
        );
    }
    Ok(Location::Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() {
        let read = |text: &str| text.parse::<Location>().unwrap();
        assert_eq!(read("archive"), Location::Folder("archive".into()));
        assert_eq!(read("/var/lib/a b"), Location::Folder("/var/lib/a b".into()));
        assert_eq!(read("file:///var/a%20b"), Location::Folder("/var/a b".into()));
        let bucket = |name: &str, prefix: &str| Location::Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(read("s3://audit"), bucket("audit", ""));
        assert_eq!(read("s3://audit/"), bucket("audit", ""));
        assert_eq!(read("s3://audit/a/b/"), bucket("audit", "a/b"));
        for text in ["s3://audit", "s3://audit/a/b", "/var/lib/archive"] {
            assert_eq!(read(text).to_string(), text);
            assert_eq!(read(&read(text).to_string()), read(text));
        }
    }

    #[test]
    fn what_is_no_place_is_refused_and_no_secret_shown() {
        for text in [
            "",
            "s3://",
            "s3://a",
            "s3://audit/a//b",
            "s3://audit/../b",
            "s3://audit/a?b",
            "gs://audit",
            "file://audit/b",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
        let told = "s3://KEY:SECRET@audit/b".parse::<Location>().unwrap_err();
        assert!(told.contains("AWS_ACCESS_KEY_ID") && !told.contains("SECRET@"), "{told}");
    }
}
