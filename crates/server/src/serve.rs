//! The service from its start to its stop: opening the store, putting together what requests share, serving, and ending
//! with everything that was accepted on disk. It prints nothing; whoever starts it is told the address.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actarium_core::catalog::Catalog;
use actarium_core::filter::Scope;
use actarium_store::{
    AppendError, Clock, Engine, EngineOptions, Entropy, NewOrganization, OpenError, Organization, ReadError,
    SystemClock, SystemEntropy,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use ureq::tls::RootCerts;

use crate::access::Credentials;
use crate::app::{App, OPERATOR_NAME, OPERATOR_SLUG};
use crate::connection;
use crate::copies::{self, Copies, CopyOptions};
use crate::directory::{Directory, LoadError};
use crate::exports;
use crate::forwarding::TrustedProxies;
use crate::limits;
use crate::mail::{MailError, MailOptions, Mailer};
use crate::masking::{MaskingOptions, MaskingRules};
use crate::metrics::Metrics;
use crate::oidc::attempt::Spent;
use crate::oidc::endpoint::Reach;
use crate::oidc::fetch::Fetcher;
use crate::oidc::issuers::Issuers;
use crate::openapi;
use crate::operator::{self, OperatorTokenError};
use crate::public_url::PublicUrl;
use crate::recorder::{OwnRecord, Recorder, service_target};
use crate::refusals::Refusals;
use crate::removals;
use crate::retention::{self, RetentionOptions, Work};
use crate::router::router;
use crate::scrub::{self, Passes};
use crate::signin::device::Devices;
use crate::signin::invitations;
use crate::signin::opening::SignIn;
use crate::signin::password::Passwords;
use crate::signin::session::Expiry;
use crate::signin::throttle::Throttle;
use crate::signin::upkeep;
use crate::signin::uses::Uses;
use crate::witnessing::{WitnessOptions, Witnesses, work as witness_work};
use crate::{demo_accounts, demo_loading};

/// How often it is looked whether gathered refusals are to be recorded.
const REFUSALS_SETTLED_EVERY: Duration = Duration::from_secs(5);
/// What the clock may show, in microseconds since 1970: no event was recorded before, and no time beyond the year 9999 can be written.
const CLOCK: std::ops::Range<i64> = 0..253_402_300_800_000_000;

/// How the service is started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The store: data folder, log name, limits.
    pub engine: EngineOptions,
    /// Where to listen; port 0 for any that is free.
    pub listen: SocketAddr,
    /// Whether to load the demo organization, if it is not there.
    pub demo: bool,
    /// The proxies that are believed about where requests come from.
    pub proxies: TrustedProxies,
    /// Where people reach the service, when it is another address than the one it listens on.
    pub public_url: Option<PublicUrl>,
    /// When sessions are over.
    pub sessions: Expiry,
    /// Where the identity providers of organizations may be.
    pub identity_providers: IdentityProviderOptions,
    /// What is masked in events.
    pub masking: MaskingOptions,
    /// How mail is sent; without it, links of invitations are shown to who invites.
    pub mail: Option<MailOptions>,
    /// Bounds of how long records are kept.
    pub retention: RetentionOptions,
    /// Who signs the logs' checkpoints.
    pub witnesses: WitnessOptions,
    /// Where checkpoints are copied to.
    pub copies: CopyOptions,
}

/// What the operator allows of the identity providers that organizations choose.
#[derive(Clone, Debug, Default)]
pub struct IdentityProviderOptions {
    /// Their addresses.
    pub reach: Reach,
    /// A PEM file of the certificates that theirs are checked against, instead of the public ones.
    pub roots: Option<PathBuf>,
}

impl ServerOptions {
    /// On a free port of this machine, without proxies, with sessions as they are meant to be.
    pub fn new(engine: EngineOptions) -> Self {
        Self {
            engine,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            demo: false,
            proxies: TrustedProxies::default(),
            public_url: None,
            sessions: Expiry::default(),
            identity_providers: IdentityProviderOptions::default(),
            masking: MaskingOptions::default(),
            mail: None,
            retention: RetentionOptions::default(),
            witnesses: WitnessOptions::default(),
            copies: CopyOptions::default(),
        }
    }
}

/// Why the service did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; --listen takes another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no operator's token.
    #[error(transparent)]
    OperatorToken(#[from] OperatorTokenError),
    /// The directory cannot be read.
    #[error(transparent)]
    Directory(#[from] ReadError),
    /// What belongs to the start cannot be recorded.
    #[error("the start cannot be recorded: {0}")]
    Record(#[from] AppendError),
    /// People, groups, roles and keys cannot be read.
    #[error(transparent)]
    People(#[from] LoadError),
    /// Certificates that others' are checked against cannot be read.
    #[error("{path}: {source}")]
    Roots {
        /// Their file.
        path: String,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The place of the copies of checkpoints cannot be used.
    #[error("the place that checkpoints are copied to: {0}")]
    Copies(String),
    /// Mail cannot be sent as the options say.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A fault of this program.
    #[error("{0}")]
    Fault(String),
}

/// Serves until `shutdown` is done, then finishes what was accepted. Tells `listening` the address once requests are
/// answered.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    options: ServerOptions,
    listening: oneshot::Sender<SocketAddr>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    serve_with(options, clock, Arc::new(SystemEntropy), listening, shutdown).await
}

/// [`serve`] with a clock and randomness of the caller's.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve_with(
    options: ServerOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    listening: oneshot::Sender<SocketAddr>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let now = clock.now();
    if !CLOCK.contains(&now) {
        return Err(ServeError::Fault(format!(
            "the clock shows {} seconds since 1970, a time that no event can bear; set it right first",
            now / 1_000_000
        )));
    }
    let unusable = |source| ServeError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let (engine, credentials, directory) = open(&options, clock.clone(), entropy.clone()).await?;
    let operator_organization = operator_organization(&engine, clock.as_ref()).await?;
    let after = last_end(&engine, &operator_organization).await;
    if options.demo {
        demo_loading::load(&engine, &clock).await?;
    }
    let app = put_together(
        (&options, address),
        engine.clone(),
        (credentials, directory),
        operator_organization,
        clock,
        entropy,
    )?;
    crate::directory::settle(&app).await.map_err(|problem| ServeError::Fault(problem.detail.to_string()))?;
    if options.demo {
        demo_accounts::make(&app, &options.engine.data_dir).await?;
    }
    copies::compare(&app).await;
    witness_work::ask_at_start(&app).await;
    upkeep::remember_networks(&app);
    tidy_invitations(&app).await;
    note_service(&app, "service.start", after);
    let settling = settle_refusals(app.clone());
    let tidying = tidy_credentials(app.clone());
    let retaining = tokio::spawn(retention::keep_up(app.clone()));
    let mut watching = vec![tokio::spawn(scrub::keep_up(app.clone())), tokio::spawn(scrub::tell(app.clone()))];
    watching.push(tokio::spawn(copies::keep_up(app.clone())));
    watching.push(tokio::spawn(removals::keep_up(app.clone())));
    watching.push(tokio::spawn(exports::keep_up(app.clone())));
    for witness in 0..options.witnesses.witnesses.len() {
        watching.push(tokio::spawn(witness_work::keep_up(app.clone(), witness)));
    }
    tracing::info!(%address, log = engine.log_name(), version = env!("CARGO_PKG_VERSION"), "listening");
    if !address.ip().is_loopback() && options.public_url.is_none() {
        tracing::warn!(
            %address,
            "this is plain HTTP, where others reach it: put a proxy with TLS in front, named by --trusted-proxy and --public-url"
        );
    }
    // Nobody may be waiting for it any more; that is no reason not to serve.
    let _ = listening.send(address);
    let stopping = app.stopping.clone();
    let serving = tokio::spawn(connection::serve(listener, router(app.clone()), app.clone(), stopping.clone()));
    shutdown.await;
    tracing::info!("stopping");
    stopping.cancel();
    let served = serving.await;
    settling.abort();
    tidying.abort();
    retaining.abort();
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    exports::stop(&app).await;
    finish(app).await?;
    tracing::info!("stopped");
    served.map_err(|error| ServeError::Fault(format!("serving ended with a fault: {error}")))
}

async fn open(
    options: &ServerOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<(Arc<Engine>, Credentials, Directory), ServeError> {
    let engine_options = options.engine.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let data_dir = engine_options.data_dir.clone();
        let engine = Engine::open(engine_options, clock, entropy.clone())?;
        let operator = operator::read_or_make(&data_dir, entropy.as_ref())?;
        let directory = Directory::load(&engine)?;
        Ok((engine, Credentials { operator }, directory))
    });
    opening.await.unwrap_or_else(|error| Err(ServeError::Fault(format!("opening the store failed: {error}"))))
}

/// The operator's own organization, made at the first start.
async fn operator_organization(engine: &Engine, clock: &dyn Clock) -> Result<Arc<Organization>, ServeError> {
    if let Some(organization) = engine.organization(OPERATOR_SLUG) {
        return Ok(organization);
    }
    // It is the first that there ever is, and says which others were made.
    if !engine.organizations().is_empty() {
        let detail = format!(
            "there are organizations, and `{OPERATOR_SLUG}`, the operator's own log, is not among them: it was taken away. Nothing is \
             changed; `actarium verify` tells what there is, and a backup has it"
        );
        return Err(ServeError::Fault(detail));
    }
    let id = engine.new_organization_id();
    let target = json!({"type": "organization", "id": OPERATOR_SLUG, "name": OPERATOR_NAME});
    let record = OwnRecord::new("organization.create", service_actor(), target);
    let rows = record.encode(clock).map_err(|problem| ServeError::Fault(problem.detail.to_string()))?;
    let new = NewOrganization { id, slug: OPERATOR_SLUG.into(), name: OPERATOR_NAME.into() };
    Ok(engine.create_organization(new, vec![(id, rows)]).await?)
}

/// Everything that requests share, without a listener: for measuring parts of a request by themselves.
///
/// # Errors
/// See [`ServeError`].
pub async fn put_together_for(
    options: &ServerOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<App>, ServeError> {
    let (engine, credentials, directory) = open(options, clock.clone(), entropy.clone()).await?;
    let operator_organization = operator_organization(&engine, clock.as_ref()).await?;
    let address = (options, options.listen);
    put_together(address, engine, (credentials, directory), operator_organization, clock, entropy)
}

fn put_together(
    (options, address): (&ServerOptions, SocketAddr),
    engine: Arc<Engine>,
    (credentials, directory): (Credentials, Directory),
    operator_organization: Arc<Organization>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Arc<App>, ServeError> {
    if options.public_url.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "links begin with the address that is listened on: say `--public-url` if people reach the service under another");
    }
    let metrics = Arc::new(Metrics::default());
    let recorder = Arc::new(Recorder::start(engine.clone(), clock.clone(), metrics.clone()));
    let refusals = Refusals::new(recorder.clone(), clock.clone());
    let (bodies, strangers_bodies, turns) = App::fresh_bounds();
    let issuers = issuers(&options.identity_providers, clock.clone())?;
    let mailer = options.mail.as_ref().map(|mail| Mailer::new(mail, clock.clone(), entropy.clone())).transpose()?;
    let as_bytes = |value: &Value| {
        serde_json::to_vec(value).map(Bytes::from).map_err(|error| ServeError::Fault(error.to_string()))
    };
    let openapi = as_bytes(&openapi::document())?;
    let catalog = as_bytes(&json!({"families": Catalog::builtin().families()}))?;
    let cursor_secret = engine.derived_secret("cursors");
    let devices = Devices::new(engine.derived_secret("devices"), limits::DEVICE_TIME_MAX);
    let recorded_before = engine.last_recorded_at();
    Ok(Arc::new(App {
        engine,
        clock,
        entropy: entropy.clone(),
        credentials,
        directory,
        sign_in: SignIn {
            passwords: Passwords::new(entropy.clone()),
            throttle: Throttle::default(),
            devices,
            uses: Uses::default(),
            expiry: options.sessions,
        },
        proxies: options.proxies.clone(),
        public_url: options.public_url.clone(),
        listening_on: address,
        mailer,
        issuers,
        spent_attempts: Spent::default(),
        masking: MaskingRules::new(options.masking.clone()),
        retention: Work::new(options.retention, recorded_before),
        removals: removals::Work::default(),
        exports: exports::Work::new(&options.engine.data_dir),
        witnesses: Witnesses::new(&options.witnesses, roots(options.witnesses.roots.as_ref())?),
        copies: Copies::open(&options.copies).map_err(ServeError::Copies)?,
        scrubs: Passes::default(),
        recorder,
        refusals,
        metrics,
        operator_organization,
        bodies,
        strangers_bodies,
        turns,
        stopping: CancellationToken::new(),
        cursor_secret,
        openapi,
        catalog,
    }))
}

fn roots(path: Option<&PathBuf>) -> Result<Option<RootCerts>, ServeError> {
    let read = |path: &PathBuf| {
        actarium_store::storage::read_roots(path)
            .map_err(|source| ServeError::Roots { path: path.display().to_string(), source })
    };
    path.map(read).transpose()
}

fn issuers(options: &IdentityProviderOptions, clock: Arc<dyn Clock>) -> Result<Issuers, ServeError> {
    let roots = roots(options.roots.as_ref())?;
    Ok(Issuers::new(Fetcher::new(options.reach, roots), options.reach, clock))
}

/// Id of the service as an actor.
pub const SERVICE_ID: &str = "actarium";

/// The service as the actor of its own records.
pub fn service_actor() -> Value {
    json!({"type": "system", "id": SERVICE_ID, "name": "Actarium"})
}

fn note_service(app: &App, action: &'static str, after: Option<&'static str>) {
    let mut record =
        OwnRecord::new(action, service_actor(), service_target()).with("version", env!("CARGO_PKG_VERSION"));
    if let Some(after) = after {
        record = record.with("after", after);
    }
    if let Err(problem) = app.recorder.note(app.operator_organization.id, &record) {
        tracing::error!(action, detail = %problem.detail, "the service's own record is lost");
    }
}

/// How the run before this one ended: a clean stop is the last that the operator's log has of it. To be asked before this
/// run records anything.
async fn last_end(engine: &Arc<Engine>, operator_organization: &Arc<Organization>) -> Option<&'static str> {
    let (engine, operator_organization) = (engine.clone(), operator_organization.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let snapshot = crate::queries::snapshot(&engine, &operator_organization).ok()?;
        // The first record is that of the organization's creation: nothing ran before it.
        let last = snapshot.size.checked_sub(1).filter(|last| *last > 0)?;
        let event = actarium_query::get(&snapshot, &Scope::Everything, last, &[]).ok()??;
        let event: Value = serde_json::from_slice(&event).ok()?;
        Some(if event["action"] == "service.stop" { "clean" } else { "crash" })
    });
    looking.await.ok().flatten()
}

fn settle_refusals(app: Arc<App>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(REFUSALS_SETTLED_EVERY).await;
            app.refusals.settle(false);
        }
    })
}

fn tidy_credentials(app: Arc<App>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(limits::CREDENTIALS_TIDIED_EVERY).await;
            if let Err(problem) = upkeep::tidy(&app, false).await {
                tracing::warn!(detail = %problem.detail, "credentials could not be tidied; it is tried again");
            }
            tidy_invitations(&app).await;
        }
    })
}

async fn tidy_invitations(app: &Arc<App>) {
    if let Err(problem) = invitations::tidy(app).await {
        tracing::warn!(detail = %problem.detail, "invitations that are over could not be marked; it is tried again");
    }
}

/// Writes what is still to be recorded, then closes the store.
async fn finish(app: Arc<App>) -> Result<(), ServeError> {
    app.refusals.settle(true);
    if let Err(problem) = upkeep::tidy(&app, true).await {
        tracing::warn!(detail = %problem.detail, "when credentials were used last could not be written down");
    }
    app.recorder.end();
    let flushing = async {
        app.recorder.flush(None).await;
        note_service(&app, "service.stop", None);
        app.recorder.flush(None).await;
    };
    if tokio::time::timeout(limits::SHUTDOWN_TIME_MAX, flushing).await.is_err() {
        tracing::error!("own records could not be written before the stop");
    }
    let engine = app.engine.clone();
    let closing = tokio::task::spawn_blocking(move || engine.shutdown());
    closing.await.map_err(|error| ServeError::Fault(format!("closing the store failed: {error}")))?;
    // What the logs ended with was published by that.
    if tokio::time::timeout(limits::SHUTDOWN_TIME_MAX, copies::copy_all(&app)).await.is_err() {
        tracing::error!("the last checkpoints could not be copied before the stop");
    }
    Ok(())
}
