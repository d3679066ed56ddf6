//! Proofs for people: of one event, of whole exports, and checking them. What checks is `actarium-verify`'s own code.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actarium_store::Location;
use actarium_verify::{AskedQuery, Bundle, BundleError, Report, Trust, is_same_log, verify_asked, verify_export};
use clap::Args;

use crate::client::Client;
use crate::failure::Failure;
use crate::manage::OrgArgument;
use crate::show::{json_line, write_stdout};
use crate::verify_log;

/// How long the server may work on the next piece of an export.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// Prove that an event is in the log.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium prove --org demo 0199c1b2-… > event.tlog-proof
  actarium verify event.tlog-proof --key \"$(cat demo.key)\"")]
pub struct ProveArguments {
    #[command(flatten)]
    org: OrgArgument,
    /// The event's id
    id: String,
    /// The file to write; stdout if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Check an export, the proof of an event, a data folder or the log of a running service.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 sound · 1 something is wrong or missing · 2 wrong usage · 3 sound, but not anchored (with --require-anchor) · 4 could not be checked: the service cannot be reached, or refuses the credential

Examples:
  actarium verify export/ --key \"$(cat demo.key)\"
  actarium verify export.tar.zst --anchor last-year.checkpoint --require-anchor
  actarium verify denied.tar.zst --query 'outcome:denied' --key acme.key
  actarium verify https://audit.example.com --org acme --witness \"$(cat witness.key)\"
  actarium verify /var/lib/actarium --org acme --key acme.key

A running service is asked with the credential of ACTARIUM_TOKEN or `actarium login`; a log that is open needs
none. A data folder is only read, and no service may have it open."
)]
pub struct VerifyArguments {
    /// A folder or .tar.zst of `actarium export --proof`, a .tlog-proof of `actarium prove`, a data folder, or the address of
    /// a service
    #[arg(value_name = "WHAT")]
    export: PathBuf,
    /// Of a service or a data folder: which organization's log
    #[arg(long, env = "ACTARIUM_ORG")]
    org: Option<String>,
    /// Of a data folder: the place of the archive, if it is not the folder archive in it
    #[arg(long, value_name = "PLACE", env = "ACTARIUM_ARCHIVE")]
    archive: Option<Location>,
    /// Of a data folder: the file of the key that signs, if it is not log.key in it
    #[arg(long, value_name = "FILE", env = "ACTARIUM_LOG_KEY")]
    log_key: Option<PathBuf>,
    /// The log's verifier key, from a source of your own (or a file that holds it)
    #[arg(long)]
    key: Option<String>,
    /// A checkpoint of the log that you kept; may be given several times
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// The key of a witness whose signature counts (or a file that holds it); may be given several times
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// The changes of the log's key, from a later export or the service
    #[arg(long, value_name = "FILE")]
    handovers: Option<PathBuf>,
    /// Of an export: the phrase that you asked for; an export of another query is wrong. An empty one is no phrase
    #[arg(long, value_name = "PHRASE", allow_hyphen_values = true)]
    query: Option<String>,
    /// Of an export: the beginning that you asked for (RFC 3339); with --query or --to, none if not given
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Of an export: the end that you asked for, likewise
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Say no unless what you gave vouches for all that is shown
    #[arg(long)]
    require_anchor: bool,
    /// Write the report as one JSON object
    #[arg(long)]
    json: bool,
}

/// Endings of files that an export with proofs is not written as.
const OTHER_ENDINGS: [&str; 12] =
    ["zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "zstd", "json", "ndjson", "csv", "tlog-proof"];

/// What of an export with proofs is asked for besides a filter.
#[derive(Args, Clone, Debug, Default)]
pub struct ProofChoices {
    /// Write what proves the events too: a folder, or a .tar.zst by its name; whole log if nothing is asked for
    #[arg(long, requires = "output", conflicts_with = "format")]
    pub proof: bool,
    /// With --proof: show of every other event what the filter reads, so that nothing can be left out
    #[arg(long, requires = "proof")]
    complete: bool,
    /// With --proof: the first sequence number
    #[arg(long, requires = "proof", value_name = "SEQ")]
    first_seq: Option<u64>,
    /// With --proof: the sequence number after the last
    #[arg(long, requires = "proof", value_name = "SEQ")]
    end_seq: Option<u64>,
    /// With --proof: a checkpoint that you kept; the export proves that the log begins with it. May be given several times
    #[arg(long, requires = "proof", value_name = "FILE")]
    anchor: Vec<PathBuf>,
}

impl ProofChoices {
    /// As parameters of the API.
    fn query(&self, client: &Client, org: &OrgArgument) -> Result<Vec<(String, String)>, Failure> {
        let mut query = Vec::new();
        let mut push = |name: &str, value: String| query.push((name.to_owned(), value));
        if self.complete {
            push("complete", "true".to_owned());
        }
        if let Some(first) = self.first_seq {
            push("first_seq", first.to_string());
        }
        if let Some(end) = self.end_seq {
            push("end_seq", end.to_string());
        }
        if !self.anchor.is_empty() {
            let key = client.get_plain(&org.path("log/key"), &[])?;
            let origin = key.split('+').next().unwrap_or_default();
            for file in &self.anchor {
                push("anchor", anchor_size(file, origin)?.to_string());
            }
        }
        Ok(query)
    }
}

/// The size of a checkpoint of the log with this origin.
fn anchor_size(file: &Path, origin: &str) -> Result<u64, Failure> {
    let mut trust = Trust::default();
    add_anchor(&mut trust, file)?;
    let anchor = &trust.anchors[0].checkpoint;
    let refused = |what: String| Err(Failure::Usage(format!("--anchor {}: {what}", file.display())));
    if !is_same_log(&anchor.origin, origin) {
        return refused(format!("it is a checkpoint of {}; give one of {origin}", anchor.origin));
    }
    if anchor.size == 0 {
        return refused("it is of 0 events, and every log begins with nothing; give one of 1 or more".to_owned());
    }
    Ok(anchor.size)
}

fn add_anchor(trust: &mut Trust, file: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    trust.add_anchor(&bytes).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}

/// Writes the proof of an event.
pub fn prove(client: &Client, arguments: &ProveArguments) -> Result<(), Failure> {
    let path = arguments.org.path_of("events", &arguments.id);
    let mut proof = String::new();
    let mut stream = client.stream(&path, &[("proof".to_owned(), "true".to_owned())], "text/plain", SILENCE_MAX)?;
    stream
        .read_to_string(&mut proof)
        .map_err(|error| Failure::Unavailable(format!("the answer was broken off: {error}")))?;
    match &arguments.output {
        None => write_stdout(proof.as_bytes()),
        Some(file) => {
            std::fs::write(file, proof).map_err(|error| Failure::Refused(format!("{}: {error}", file.display())))
        }
    }
}

/// Writes an export with what proves it, and says what that is.
pub fn export(
    client: &Client,
    org: &OrgArgument,
    mut query: Vec<(String, String)>,
    choices: &ProofChoices,
    output: &Path,
) -> Result<(), Failure> {
    query.extend(choices.query(client, org)?);
    // `export/` is the folder `export`; what is not complete lies beside it.
    let output = &output.components().collect::<PathBuf>();
    let named = |error: std::io::Error| Failure::Refused(format!("{}: {error}", output.display()));
    let ending = output.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_archive = ending == "zst";
    if OTHER_ENDINGS.contains(&&*ending) {
        let stem = output.with_extension("");
        let stem = if stem.extension().is_some_and(|ending| ending == "tar") { stem.with_extension("") } else { stem };
        return Err(Failure::Usage(format!(
            "{}: an export with proofs is a .tar.zst or a folder: give {stem}.tar.zst or {stem}",
            output.display(),
            stem = stem.display()
        )));
    }
    if !is_archive && output.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::Usage(format!(
            "{output} is there and not empty; give a folder that is new or empty, {output}/export, or a file, {output}/export.tar.zst",
            output = output.display()
        )));
    }
    let mut part = output.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut stream = client.stream(&org.path("export/proof"), &query, "*/*", SILENCE_MAX)?;
    let written = std::fs::File::create(&part).map_err(named).and_then(|mut file| {
        std::io::copy(&mut stream, &mut file).and_then(|_| file.sync_all()).map_err(|error| {
            Failure::Unavailable(format!("the export was broken off: {error}; what is there is not complete"))
        })
    });
    let opened = written.and_then(|()| Bundle::open(&part).map_err(|error| Failure::Refused(error.to_string())));
    let done = opened.and_then(|bundle| {
        let report = verify_export(&bundle, &Trust::default()).map_err(|error| Failure::Refused(error.to_string()))?;
        if !report.is_sound() {
            return Err(Failure::Refused(format!("the server gave an export that does not verify\n{report}")));
        }
        if is_archive {
            std::fs::rename(&part, output).map_err(named)?;
        } else {
            unpack(&bundle, output).map_err(named)?;
        }
        Ok(report)
    });
    if !is_archive || done.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    let report = done?;
    let place = if is_archive { output.display().to_string() } else { format!("folder {}", output.display()) };
    report.statements.iter().for_each(|statement| eprintln!("{place}: {statement}"));
    Ok(())
}

fn unpack(bundle: &Bundle, folder: &Path) -> std::io::Result<()> {
    let Bundle::Files(files) = bundle else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        // Names come from the server: none may lead out of the folder.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(std::io::Error::other(format!("{name:?} is no file of an export")));
        }
        let mut file = std::fs::File::create(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    Ok(())
}

/// The text itself, or what the file of that name holds.
fn text_or_file(text: &str) -> String {
    if text.contains('+') { text.to_owned() } else { std::fs::read_to_string(text).unwrap_or_else(|_| text.to_owned()) }
}

/// What the reader brings along.
fn trust_of(arguments: &VerifyArguments) -> Result<Trust, Failure> {
    let mut trust = Trust::default();
    let usage = |error: actarium_verify::TrustError| Failure::Usage(error.to_string());
    if let Some(key) = &arguments.key {
        trust.add_key(&text_or_file(key)).map_err(usage)?;
    }
    for witness in &arguments.witness {
        trust.add_witness(&text_or_file(witness)).map_err(usage)?;
    }
    for file in &arguments.anchor {
        add_anchor(&mut trust, file)?;
    }
    if let Some(file) = &arguments.handovers {
        let bytes = std::fs::read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        trust.add_handovers(&bytes).map_err(usage)?;
    }
    Ok(trust)
}

/// Checks an export, a proof or a log. The exit code is the answer.
pub fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let trust = trust_of(arguments)?;
    let asked = AskedQuery::parse(arguments.query.as_deref(), arguments.from.as_deref(), arguments.to.as_deref());
    let asked = asked.map_err(|error| Failure::Usage(error.to_string()))?;
    let what = arguments.export.to_string_lossy();
    let is_service = what.starts_with("https://") || what.starts_with("http://");
    let is_folder = !is_service && verify_log::is_data_folder(&arguments.export);
    if asked.is_some() && (is_service || is_folder) {
        let told = "--query, --from and --to are for exports; of a service or a data folder the whole log is verified";
        return Err(Failure::Usage(told.to_owned()));
    }
    let report = if is_service {
        let org = arguments.org.as_deref().ok_or_else(|| Failure::Usage("whose log? Give --org".to_owned()))?;
        verify_log::served(&what, org, &trust)?
    } else if is_folder {
        let folder = verify_log::DataFolder {
            path: &arguments.export,
            archive: arguments.archive.as_ref(),
            log_key: arguments.log_key.as_deref(),
        };
        verify_log::folder(&folder, arguments.org.as_deref(), &trust)?
    } else {
        let verified = verify_asked(&arguments.export, &trust, asked.as_ref(), arguments.json);
        verified.map_err(|error| match &error {
            BundleError::Cut { .. } => Failure::Refused(error.to_string()),
            BundleError::Io { .. } | BundleError::Foreign { .. } => Failure::Usage(error.to_string()),
        })?
    };
    tell(&report, arguments)
}

fn tell(report: &Report, arguments: &VerifyArguments) -> Result<(), Failure> {
    match arguments.json {
        true => json_line(&report.to_json(arguments.require_anchor))?,
        false => write_stdout(report.to_string().as_bytes())?,
    }
    match report.exit_code(arguments.require_anchor) {
        0 => Ok(()),
        code => Err(Failure::Verdict(code)),
    }
}
