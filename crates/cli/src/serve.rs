//! Running the service: options, log, signals.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actarium_server::copies::{CopyOptions, LOCK_DAYS_MAX};
use actarium_server::directory::governance::RetentionDays;
use actarium_server::forwarding::{ProxyHeader, TrustedProxies};
use actarium_server::mail::{MailOptions, MailSender, MailServer};
use actarium_server::masking::MaskingOptions;
use actarium_server::oidc::endpoint::Reach;
use actarium_server::public_url::PublicUrl;
use actarium_server::retention::RetentionOptions;
use actarium_server::signin::session::Expiry;
use actarium_server::witnessing::{WITNESSES_MAX, WitnessAddress, WitnessOptions};
use actarium_server::{IdentityProviderOptions, ServerOptions, console, demo_accounts, serve as run_server};
use actarium_store::{EngineOptions, Location};
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use tokio::sync::oneshot;

use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::stop_signals::StopSignals;

/// How long threads may still work when everything else has ended.
const LEFTOVER_TIME_MAX: Duration = Duration::from_secs(2);

const DAY_SECONDS: u64 = 24 * 60 * 60;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Run the service.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium serve --data-dir /var/lib/actarium --listen 127.0.0.1:8470
  actarium serve --data-dir data --demo

On an empty folder the log's keys and an operator's token (operator.token, readable by its owner only) are made. Stop it
with Ctrl-C or SIGTERM: what was accepted is finished first. RUST_LOG says how much is logged to stderr.")]
pub struct ServeArguments {
    /// The folder everything is kept in; created if it is not there
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where to listen: 127.0.0.1:8470, [::1]:8470, localhost:8470, or a port alone; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8470", value_parser = listen_address)]
    listen: SocketAddr,
    /// The log's name, the first part of every checkpoint's origin; fixed when the folder is created
    #[arg(long, value_name = "NAME")]
    log_name: Option<String>,
    /// The file of the key that signs checkpoints, on a volume of its own for instance; log.key in the data folder if not
    /// given. Made at the first start if it is not there
    #[arg(long, value_name = "FILE", env = "ACTARIUM_LOG_KEY")]
    log_key: Option<PathBuf>,
    /// Load the demo organization, if it is not there
    #[arg(long)]
    demo: bool,
    /// Where people reach the service, if not at the address it listens on: https://audit.example.com
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// A proxy in front of the service, whose word about client addresses is believed (an address or a network);
    /// repeatable
    #[arg(long, value_name = "CIDR", value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// The header in which these proxies name the client: x-forwarded-for or forwarded
    #[arg(long, value_name = "HEADER", default_value = "x-forwarded-for")]
    proxy_header: ProxyHeader,
    /// Minutes without a request after which a session is over
    #[arg(long, value_name = "MINUTES", default_value = "720", value_parser = clap::value_parser!(u64).range(1..=525_600))]
    session_idle_minutes: u64,
    /// Minutes after which a session is over in any case
    #[arg(long, value_name = "MINUTES", default_value = "10080", value_parser = clap::value_parser!(u64).range(1..=525_600))]
    session_minutes: u64,
    /// The place of the archive: a folder, which may be on another disk, or s3://bucket/prefix [default: the folder
    /// archive in the data folder]
    #[arg(long, alias = "archive-dir", value_name = "PLACE", env = "ACTARIUM_ARCHIVE")]
    archive: Option<Location>,
    /// Fewest days that organizations may keep records at hand
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    hot_days_min: u32,
    /// Fewest days that organizations may keep records in the archive after that
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    archive_days_min: u32,
    /// How the log on stderr is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(flatten)]
    identity_providers: IdentityProviderArguments,
    #[command(flatten)]
    witnesses: WitnessesArguments,
    #[command(flatten)]
    copies: CopiesArguments,
    #[command(flatten)]
    mail: MailArguments,
    #[command(flatten)]
    masking: MaskingArguments,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    tuning: Tuning,
}

/// An address to listen on: one of IP, a name of this machine, or a port of the loopback address.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let example = "such as 127.0.0.1:8470, localhost:8470 or 8470";
    if !text.contains(':') || text.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!("needs a port, {example}"));
    }
    let found = std::net::ToSocketAddrs::to_socket_addrs(text)
        .map_err(|error| format!("{error}; give an address {example}"))?;
    // Of a name with several addresses, the one that most clients try.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(|address| !address.is_ipv4());
    found.into_iter().next().ok_or_else(|| format!("is the name of no address; give one {example}"))
}

/// An address or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| address())
        .map_err(|_| "must be an address or a network such as 10.0.0.0/8".into())
}

/// Where the identity providers that organizations choose may be.
#[derive(Args, Debug)]
#[command(next_help_heading = "Identity providers")]
struct IdentityProviderArguments {
    /// Let them be in private and local networks, for which the service then asks whatever an administrator names
    #[arg(long)]
    private_identity_providers: bool,
    /// Let them speak plain HTTP on this machine's loopback; for development
    #[arg(long)]
    loopback_identity_providers: bool,
    /// Certificates (PEM) that theirs are checked against, instead of the public ones
    #[arg(long, value_name = "FILE")]
    identity_provider_roots: Option<PathBuf>,
}

impl IdentityProviderArguments {
    fn options(&self) -> IdentityProviderOptions {
        let reach = Reach {
            private_networks: self.private_identity_providers,
            http_on_loopback: self.loopback_identity_providers,
        };
        IdentityProviderOptions { reach, roots: self.identity_provider_roots.clone() }
    }
}

/// Who signs checkpoints besides the log itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "Witnesses")]
struct WitnessesArguments {
    /// A witness that signs the logs' checkpoints, by its address and verifier key; repeatable
    #[arg(long = "witness", value_name = "URL=KEY", env = "ACTARIUM_WITNESS", value_delimiter = ' ')]
    witnesses: Vec<WitnessAddress>,
    /// Certificates (PEM) that witnesses' are checked against, instead of the public ones
    #[arg(long, value_name = "FILE")]
    witness_roots: Option<PathBuf>,
    /// Seconds between two looks at what witnesses have to sign
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    witness_seconds: u64,
}

/// Where checkpoints are copied to.
#[derive(Args, Debug)]
#[command(next_help_heading = "Copies of checkpoints")]
struct CopiesArguments {
    /// A folder, best on another machine, or s3://bucket/prefix that checkpoints are copied to; none there is ever
    /// replaced, and every start compares the logs with them
    #[arg(long, value_name = "PLACE")]
    copy_checkpoints: Option<Location>,
    /// Days for which the bucket's object lock is to keep anybody from changing or deleting a copy (in compliance mode)
    /// [default: what the bucket does by itself]
    #[arg(long, value_name = "DAYS", requires = "copy_checkpoints", value_parser = clap::value_parser!(u32).range(1..=i64::from(LOCK_DAYS_MAX)))]
    copy_checkpoints_lock: Option<u32>,
    /// Minutes between two copies of a log that grows
    #[arg(long, value_name = "MINUTES", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    copy_minutes: u64,
}

impl WitnessesArguments {
    fn options(&self) -> Result<WitnessOptions, Failure> {
        if self.witnesses.len() > WITNESSES_MAX {
            return Err(Failure::Usage(format!("at most {WITNESSES_MAX} witnesses")));
        }
        for (number, witness) in self.witnesses.iter().enumerate() {
            if self.witnesses[..number].iter().any(|other| other.key == witness.key) {
                return Err(Failure::Usage(format!("the witness {} is named twice", witness.key.name())));
            }
        }
        Ok(WitnessOptions {
            witnesses: self.witnesses.clone(),
            roots: self.witness_roots.clone(),
            every: Duration::from_secs(self.witness_seconds),
        })
    }
}

/// What is masked in events before they are stored.
#[derive(Args, Debug)]
#[command(next_help_heading = "Masking of credentials")]
struct MaskingArguments {
    /// Let organizations add to what is masked, but neither switch it off nor exempt keys
    #[arg(long)]
    enforce_masking: bool,
    /// A key whose values are masked besides the built-in ones; repeatable
    #[arg(long, value_name = "KEY", value_parser = masking_key)]
    mask_key: Vec<String>,
    /// A key whose values stay although its name is that of a credential; repeatable
    #[arg(long, value_name = "KEY", value_parser = masking_key)]
    keep_key: Vec<String>,
}

fn masking_key(text: &str) -> Result<String, String> {
    let is_key = actarium_core::masking::Masking::is_key(text);
    is_key
        .then(|| text.to_owned())
        .ok_or_else(|| "must have a letter or digit of ASCII and no control characters".into())
}

/// How mail is sent: without a server, the links of invitations are shown to who invites.
#[derive(Args, Debug)]
#[command(next_help_heading = "Mail")]
struct MailArguments {
    /// The mail server: smtps://[user@]host[:465], or smtp://[user@]host[:587] with STARTTLS (without it on this machine
    /// alone). Needs --mail-from and --public-url
    #[arg(long, value_name = "URL", requires_all = ["mail_from", "public_url"])]
    smtp_url: Option<MailServer>,
    /// A file with the password of the server's user; else it is taken from ACTARIUM_SMTP_PASSWORD
    #[arg(long, value_name = "FILE", requires = "smtp_url")]
    smtp_password_file: Option<PathBuf>,
    /// Certificates (PEM) that the mail server's is checked against, instead of the public ones
    #[arg(long, value_name = "FILE", requires = "smtp_url")]
    smtp_roots: Option<PathBuf>,
    /// Whom mails come from: "Audit log <audit@example.com>"
    #[arg(long, value_name = "ADDRESS", requires = "smtp_url")]
    mail_from: Option<MailSender>,
}

/// The environment variable with the mail server's password.
const SMTP_PASSWORD_VARIABLE: &str = "ACTARIUM_SMTP_PASSWORD";

impl MailArguments {
    fn options(&self) -> Result<Option<MailOptions>, Failure> {
        let (Some(server), Some(from)) = (self.smtp_url.clone(), self.mail_from.clone()) else { return Ok(None) };
        let password = match &self.smtp_password_file {
            Some(path) => {
                let read = std::fs::read_to_string(path);
                let unreadable = |error| Failure::Refused(format!("{}: {error}", path.display()));
                Some(read.map_err(unreadable)?.trim_end_matches(['\r', '\n']).to_owned())
            }
            None if server.user.is_some() => std::env::var(SMTP_PASSWORD_VARIABLE).ok(),
            None => None,
        };
        Ok(Some(MailOptions { server, password, from, roots: self.smtp_roots.clone() }))
    }
}

/// How much is held, and how long repeats are recognised.
#[derive(Args, Debug)]
#[command(next_help_heading = "Bounds")]
struct Bounds {
    /// Days for which an external_id from the same credential, or an Idempotency-Key, is recognised when it comes again
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = clap::value_parser!(u64).range(7..=365))]
    idempotency_days: u64,
    /// Bytes of events that are not sealed yet held in memory, over all organizations; others are read from the journal.
    /// Columns that queries make of them come on top
    #[arg(long, value_name = "BYTES", default_value = "50331648", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    tail_bytes: u64,
    /// Bytes of columns of sealed events kept in memory for queries
    #[arg(long, value_name = "BYTES", default_value = "134217728", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    cache_bytes: u64,
    /// Bytes of events of one organization that may wait to be sealed; beyond it its writers wait, and after some seconds are
    /// told to come again (503)
    #[arg(long, value_name = "BYTES", default_value = "201326592", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    unsealed_bytes: u64,
}

/// What tests and measurements turn; the defaults are meant to stay.
#[derive(Args, Debug)]
struct Tuning {
    /// Rows of an organization that are sealed at once
    #[arg(long, hide = true)]
    seal_rows: Option<u64>,
    /// Fewer rows than this stay in the journal for a day
    #[arg(long, hide = true)]
    seal_small_rows: Option<u64>,
    /// Milliseconds without writes after which rows are sealed
    #[arg(long, hide = true)]
    seal_settle_millis: Option<u64>,
    /// Rows of a segment that merging aims at
    #[arg(long, hide = true)]
    seal_target_rows: Option<u64>,
    /// Whether rows are sealed without being asked
    #[arg(long, hide = true, action = clap::ArgAction::Set)]
    seal_automatic: Option<bool>,
    /// Bytes in the journal's write-ahead log from which it is written from its beginning again
    #[arg(long, hide = true)]
    wal_bytes: Option<u64>,
}

impl ServeArguments {
    fn engine(&self) -> EngineOptions {
        let mut options = EngineOptions::new(&self.data_dir);
        options.log_name.clone_from(&self.log_name);
        options.log_key.clone_from(&self.log_key);
        options.archive.clone_from(&self.archive);
        let tuning = &self.tuning;
        let set = |place: &mut u64, value: Option<u64>| *place = value.unwrap_or(*place);
        set(&mut options.seal.rows, tuning.seal_rows);
        set(&mut options.seal.small_rows, tuning.seal_small_rows);
        set(&mut options.seal.target_rows, tuning.seal_target_rows);
        set(&mut options.limits.tail_bytes_max, Some(self.bounds.tail_bytes));
        set(&mut options.limits.cache_bytes_max, Some(self.bounds.cache_bytes));
        set(&mut options.limits.unsealed_bytes_max, Some(self.bounds.unsealed_bytes));
        options.idempotency_window = Duration::from_secs(DAY_SECONDS * self.bounds.idempotency_days);
        set(&mut options.limits.wal_bytes, tuning.wal_bytes);
        if let Some(millis) = tuning.seal_settle_millis {
            options.seal.settle = Duration::from_millis(millis);
        }
        options.seal.automatic = tuning.seal_automatic.unwrap_or(options.seal.automatic);
        options
    }
}

/// Serves until SIGINT or SIGTERM.
pub fn serve(arguments: ServeArguments) -> Result<(), Failure> {
    read_program_ahead();
    log_to_stderr(arguments.log_format);
    let options = ServerOptions {
        listen: arguments.listen,
        demo: arguments.demo,
        proxies: TrustedProxies { networks: arguments.trusted_proxy.clone(), header: arguments.proxy_header },
        public_url: arguments.public_url.clone(),
        sessions: Expiry {
            idle: Duration::from_secs(60 * arguments.session_idle_minutes),
            absolute: Duration::from_secs(60 * arguments.session_minutes),
        },
        identity_providers: arguments.identity_providers.options(),
        retention: RetentionOptions {
            days_min: RetentionDays { hot_days: arguments.hot_days_min, archive_days: arguments.archive_days_min },
            ..RetentionOptions::default()
        },
        masking: MaskingOptions {
            enforced: arguments.masking.enforce_masking,
            mask_keys: arguments.masking.mask_key.clone(),
            keep_keys: arguments.masking.keep_key.clone(),
        },
        witnesses: arguments.witnesses.options()?,
        copies: CopyOptions {
            place: arguments.copies.copy_checkpoints.clone(),
            every: Duration::from_secs(60 * arguments.copies.copy_minutes),
            lock_days: arguments.copies.copy_checkpoints_lock,
        },
        mail: arguments.mail.options()?,
        ..ServerOptions::new(arguments.engine())
    };
    let told = Told { data_dir: arguments.data_dir.clone(), demo: arguments.demo };
    run(options, Some(told))
}

/// Has the kernel read the whole program in, beside what goes on. Otherwise its pages are read one by one as the first
/// requests after a start come upon them, and these wait for each.
fn read_program_ahead() {
    #[cfg(target_os = "linux")]
    if let Ok(program) = std::fs::File::open("/proc/self/exe") {
        // It is an advice; whoever cannot take it starts all the same.
        let _ = rustix::fs::fadvise(&program, 0, None, rustix::fs::Advice::WillNeed);
    }
}

/// Load the demo organization.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  actarium demo --data-dir data && actarium serve --data-dir data

`actarium serve --demo` does the same when it starts.")]
pub struct DemoArguments {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Loads the demo organization and stops.
pub fn demo(arguments: DemoArguments) -> Result<(), Failure> {
    log_to_stderr(LogFormat::Text);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    run(ServerOptions { listen, demo: true, ..ServerOptions::new(EngineOptions::new(&arguments.data_dir)) }, None)?;
    eprintln!("the organization `demo` is in {}", arguments.data_dir.display());
    Ok(())
}

/// What is told once the service listens.
struct Told {
    data_dir: PathBuf,
    demo: bool,
}

/// Runs the service until a signal; without anything to tell, until it listens.
fn run(options: ServerOptions, told: Option<Told>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve_until_signal(options, told));
    // Everything accepted is on disk. Threads that still work on what nobody waits for do not hold up the end.
    runtime.shutdown_timeout(LEFTOVER_TIME_MAX);
    ended
}

async fn serve_until_signal(options: ServerOptions, told: Option<Told>) -> Result<(), Failure> {
    let (listening, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let telling = tokio::spawn(async move {
        let Ok(address) = address.await else { return };
        match told {
            Some(told) => {
                tell(address, &told);
                // Dropping it would stop the service; only a signal does.
                std::future::pending::<()>().await;
                drop(stop);
            }
            None => drop(stop),
        }
    });
    let mut signals = StopSignals::listen()?;
    let shutdown = async move {
        tokio::select! {
            () = signals.next() => {}
            _ = stopped => {}
        }
        // What was accepted is finished first; whoever asks again does not want to wait for it.
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        });
    };
    let served = run_server(options, listening, shutdown).await;
    telling.abort();
    served.map_err(|error| Failure::Refused(error.to_string()))
}

fn tell(address: SocketAddr, told: &Told) {
    // Whoever started it may have closed stdout; that is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    let token = told.data_dir.join("operator.token");
    let token = token.display();
    let organization = if told.demo { "demo" } else { "actarium" };
    // As it was called, so that the lines below can be pasted.
    let program = std::env::args().next().unwrap_or_else(|| "actarium".to_owned());
    // Without a bundle there is a page, but no console.
    if console::is_built_in() {
        let sign_in = console_sign_in(told);
        eprintln!("\n  console  http://{address}{sign_in}");
    }
    eprintln!(
        "
  API      http://{address}   (reference: http://{address}/openapi.json)
  operator its token, for the API, is in {token}

  export ACTARIUM_URL=http://{address} ACTARIUM_TOKEN=$(cat {token})
  {program} search --org {organization}
  {program} setup --org acme --email you@example.com     an organization of your own, with its administrator
  curl -H \"authorization: Bearer $ACTARIUM_TOKEN\" \"$ACTARIUM_URL/v1/orgs/{organization}/events?limit=3\"

  Ctrl-C stops it.
"
    );
}

/// How somebody gets into the console of the demo: never the password itself, since this is written to logs.
fn console_sign_in(told: &Told) -> String {
    let path = told.data_dir.join(demo_accounts::FILE_NAME);
    let Some(kept) = told.demo.then(|| std::fs::read_to_string(&path).ok()).flatten() else { return String::new() };
    let email = kept.lines().next().unwrap_or_default();
    format!("\n  sign in  as {email} with the password in {}", path.display())
}

pub fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Told on stderr, with a panic of whatever thread it is if that cannot be written either: on a full disk.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_may_be_a_name_or_a_port() {
        let listen = |text: &str| listen_address(text).map(|address| address.to_string());
        assert_eq!(listen("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        assert_eq!(listen("[::1]:8470").as_deref(), Ok("[::1]:8470"));
        assert_eq!(listen("8470").as_deref(), Ok("127.0.0.1:8470"));
        assert_eq!(listen(":8470").as_deref(), Ok("127.0.0.1:8470"));
        assert!(listen_address("localhost:8470").unwrap().ip().is_loopback());
        for wrong in ["localhost", "127.0.0.1", "::1", "", "70000"] {
            assert!(listen(wrong).unwrap_err().contains("127.0.0.1:8470"), "{wrong}");
        }
    }
}
