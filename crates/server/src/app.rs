//! What all requests share: the engine, the credentials, the recorder, the bounds on what runs at one moment.
//! It is put together once, at the start, and holds no state of a single request.

use std::net::SocketAddr;
use std::sync::Arc;

use actarium_core::masking::Masking;
use actarium_store::{Clock, Engine, Entropy, Organization, OrganizationId};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::access::Credentials;
use crate::body;
use crate::copies::Copies;
use crate::directory::Directory;
use crate::exports;
use crate::forwarding::TrustedProxies;
use crate::limits;
use crate::mail::Mailer;
use crate::masking::MaskingRules;
use crate::metrics::Metrics;
use crate::oidc::attempt::Spent;
use crate::oidc::issuers::Issuers;
use crate::public_url::PublicUrl;
use crate::recorder::Recorder;
use crate::refusals::Refusals;
use crate::removals;
use crate::retention::Work;
use crate::scrub::Passes;
use crate::shares::Shares;
use crate::signin::opening::SignIn;
use crate::witnessing::Witnesses;

/// Slug of the operator's own organization.
pub const OPERATOR_SLUG: &str = "actarium";
/// Name of the operator's own organization.
pub const OPERATOR_NAME: &str = "Actarium";

/// How many of each kind of work may run at one moment.
pub struct Turns {
    /// Pages, single events, tails.
    pub lookups: Arc<Shares>,
    /// Histograms and facets.
    pub counts: Arc<Shares>,
    /// Exports.
    pub exports: Arc<Shares>,
    /// Downloads of kept exports.
    pub downloads: Arc<Shares>,
    /// Live tails.
    pub tails: Arc<Shares>,
    /// Bodies being decoded.
    pub decodings: Arc<Shares>,
}

impl Default for Turns {
    fn default() -> Self {
        let shared = |turns| Arc::new(Shares::new(turns));
        Self {
            lookups: shared(limits::LOOKUPS_AT_ONCE_MAX),
            counts: shared(limits::COUNTS_AT_ONCE_MAX),
            exports: shared(limits::EXPORTS_AT_ONCE_MAX),
            downloads: shared(limits::DOWNLOADS_AT_ONCE_MAX),
            tails: shared(limits::TAILS_AT_ONCE_MAX),
            decodings: shared(limits::DECODINGS_AT_ONCE_MAX),
        }
    }
}

/// What all requests share.
pub struct App {
    /// The store.
    pub engine: Arc<Engine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What requests are checked against.
    pub credentials: Credentials,
    /// People, organizations, groups and roles.
    pub directory: Directory,
    /// Passwords, tries, last uses.
    pub sign_in: SignIn,
    /// The proxies that are believed.
    pub proxies: TrustedProxies,
    /// Where the service listens.
    pub listening_on: SocketAddr,
    /// Where people reach the service, if that was told.
    pub public_url: Option<PublicUrl>,
    /// What sends mail, if the operator has named a mail server.
    pub mailer: Option<Mailer>,
    /// The identity providers of organizations, asked and remembered.
    pub issuers: Issuers,
    /// Attempts to sign in through them that came back.
    pub spent_attempts: Spent,
    /// What is masked in events.
    pub masking: MaskingRules,
    /// How long records are kept, and the work of it.
    pub retention: Work,
    /// The work of erasures and redactions.
    pub removals: removals::Work,
    /// The work of kept exports.
    pub exports: exports::Work,
    /// Who signs the logs' checkpoints besides the log itself.
    pub witnesses: Witnesses,
    /// Where checkpoints are copied to, if the operator has named a place.
    pub copies: Option<Copies>,
    /// When segments were read again last.
    pub scrubs: Passes,
    /// Actarium's own records.
    pub recorder: Arc<Recorder>,
    /// Denials and refusals on their way to being records.
    pub refusals: Refusals,
    /// Measurements.
    pub metrics: Arc<Metrics>,
    /// The operator's own organization.
    pub operator_organization: Arc<Organization>,
    /// The admission of bodies.
    pub bodies: Arc<Shares>,
    /// The same of those who have no credential, so that they keep nobody else waiting.
    pub strangers_bodies: Arc<Shares>,
    /// What may run at one moment.
    pub turns: Turns,
    /// Cancelled when the service is to stop: streams end then.
    pub stopping: CancellationToken,
    /// What cursors are authenticated with, together with who searches.
    pub cursor_secret: [u8; 32],
    /// `/openapi.json`.
    pub openapi: Bytes,
    /// `/v1/catalog`.
    pub catalog: Bytes,
}

impl App {
    /// What is masked in the events of an organization.
    pub fn masking_of(&self, organization: OrganizationId) -> Arc<Masking> {
        self.directory.read(|state| {
            let settings = state.access(organization).settings();
            self.masking.of(settings.map(|settings| &settings.document))
        })
    }

    /// The admission of bodies, that of strangers' bodies, and turns of a fresh start.
    pub fn fresh_bounds() -> (Arc<Shares>, Arc<Shares>, Turns) {
        let admission = body::admission;
        let (all, strangers) = (limits::BODIES_IN_FLIGHT_BYTES_MAX, limits::STRANGERS_BODIES_IN_FLIGHT_BYTES_MAX);
        (admission(all), admission(strangers), Turns::default())
    }
}
