//! The credentials that `actarium login` keeps: a file of its owner's, with one token for each server.
//!
//! It knows neither how a token is made nor whether it is still good.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Its first lines.
const HEAD: &str = "# Written by `actarium login`. Whoever can read it can do what its owner may.\n\n";

/// A token that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Whose it is.
    pub email: String,
    /// The token.
    pub token: String,
    /// Until when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether `actarium login` made it, so that nothing else uses it.
    #[serde(default)]
    pub made_by_login: bool,
}

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    servers: BTreeMap<String, Stored>,
}

/// The credentials, and where they are kept.
#[derive(Debug)]
pub struct Credentials {
    /// Without a home there is nothing to load and nowhere to save.
    path: Option<PathBuf>,
    content: Content,
}

impl Credentials {
    /// Those of the person who runs the command.
    ///
    /// # Errors
    /// For a file that cannot be read, that others can read, or that is none of ours.
    pub fn load() -> Result<Self, Failure> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let configuration = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
        let path = configuration.map(|folder| folder.join("actarium").join("credentials.toml"));
        let content = path.as_deref().map(read).transpose()?.flatten().unwrap_or_default();
        Ok(Self { path, content })
    }

    /// The credential of a server.
    pub fn of(&self, url: &str) -> Option<&Stored> {
        self.content.servers.get(url)
    }

    /// Keeps a credential in place of the one that was there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&mut self, url: &str, stored: Stored) -> Result<&Path, Failure> {
        self.content.servers.insert(url.to_owned(), stored);
        self.save()
    }

    /// Forgets a credential.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget(&mut self, url: &str) -> Result<(), Failure> {
        if self.content.servers.remove(url).is_some() {
            self.save()?;
        }
        Ok(())
    }

    /// Writes the file beside the old one and puts it in its place, so that there is always a whole one.
    fn save(&self) -> Result<&Path, Failure> {
        let Some(path) = self.path.as_deref() else {
            return Err(Failure::Usage("HOME or XDG_CONFIG_HOME must say where credentials are kept".to_owned()));
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        let named = |place: &Path, error: std::io::Error| Failure::Refused(format!("{}: {error}", place.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| named(folder, error))?;
        let text = toml::to_string(&self.content).map_err(|error| Failure::Refused(error.to_string()))?;
        let part = folder.join(format!("credentials.toml.{}.part", std::process::id()));
        let written = write_private(&part, &format!("{HEAD}{text}")).and_then(|()| std::fs::rename(&part, path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&part);
            named(path, error)
        })?;
        Ok(path)
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // Left by a process of the same number that was killed.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Option<Content>, Failure> {
    let wrong = |text: String| Failure::Usage(format!("{}: {text}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let mode = file.metadata().map_err(|error| wrong(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!(
            "others than its owner can read or change it (mode {mode:04o}), so its tokens are not used; \
             `chmod 600` it, and `actarium login` anew if somebody may have read it"
        )));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    // The parser's own message shows the line, which may hold a token.
    let content = toml::from_str(&text)
        .map_err(|error: toml::de::Error| wrong(format!("it is no file of credentials: {}", error.message())))?;
    Ok(Some(content))
}
