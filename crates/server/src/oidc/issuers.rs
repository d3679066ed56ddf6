//! What is known of issuers at present, and how they are asked: metadata and keys are kept for a while, and asked for again
//! when a token names a key that is not among them; how many questions are open at one moment is bounded, for each provider
//! too, so that a slow one keeps nobody from signing in through another.
//!
//! What is kept belongs to one provider of one organization, so that nobody learns from an answer's time whether another
//! organization uses the same issuer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actarium_store::Clock;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::discovery::{self, ClientAuthentication, Metadata};
use super::endpoint::{self, Reach};
use super::fetch::{FetchError, Fetcher};
use super::id_token::{ClaimSet, Expected, Invalid, validate};
use super::jws::KeySet;
use super::refusal::Refusal;
use crate::limits;

/// Asks issuers and remembers what they said.
pub struct Issuers {
    fetcher: Fetcher,
    reach: Reach,
    clock: Arc<dyn Clock>,
    at_once: Arc<Semaphore>,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

/// What is known of one provider's issuer.
struct Known {
    issuer: String,
    turns: Semaphore,
    metadata: tokio::sync::Mutex<Option<Aged<Metadata>>>,
    /// When asking for metadata last failed.
    failed_at: Mutex<Option<Duration>>,
    keys: tokio::sync::Mutex<Option<Aged<KeySet>>>,
}

#[derive(Clone)]
struct Aged<T> {
    value: Arc<T>,
    since: Duration,
}

/// A provider as far as it must be known to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The provider's id.
    pub id: &'a str,
    /// Its issuer.
    pub issuer: &'a str,
    /// How this service is called there.
    pub client_id: &'a str,
    /// The secret, if it has one.
    pub client_secret: Option<&'a str>,
}

/// What came back from the provider for this attempt.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The code.
    pub code: &'a str,
    /// The secret behind the challenge.
    pub verifier: &'a str,
    /// The nonce that the ID token must hold.
    pub nonce: &'a str,
    /// Where the code was sent.
    pub redirect_uri: &'a str,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Issuers {
    /// Knows nothing yet.
    pub fn new(fetcher: Fetcher, reach: Reach, clock: Arc<dyn Clock>) -> Self {
        let at_once = Arc::new(Semaphore::new(limits::PROVIDER_QUESTIONS_AT_ONCE_MAX));
        Self { fetcher, reach, clock, at_once, known: Mutex::default() }
    }

    /// What the operator allows of URLs.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Forgets a provider, or what is known of the issuer that it had.
    pub fn forget(&self, id: &str) {
        self.known.lock().remove(id);
    }

    /// The provider's endpoints.
    ///
    /// # Errors
    /// If it cannot be asked or says nothing that can be used.
    pub async fn metadata(&self, asked: Asked<'_>) -> Result<Arc<Metadata>, Refusal> {
        let known = self.known(asked);
        let mut kept = known.metadata.lock().await;
        if let Some(metadata) = self.fresh(&kept) {
            return Ok(metadata);
        }
        // Anybody can ask for the way to a provider: those who wait for one that does not answer must not ask in turn.
        let now = self.clock.elapsed();
        if known.failed_at.lock().is_some_and(|at| now.saturating_sub(at) < limits::PROVIDER_FAILURE_REMEMBERED_TIME) {
            return Err(Refusal::Unreachable);
        }
        let url = endpoint::discovery(asked.issuer);
        let bytes = self.ask(&known, move |fetcher| fetcher.get(&url, None)).await.map_err(|error| {
            *known.failed_at.lock() = Some(self.clock.elapsed());
            refusal(&error)
        })?;
        let metadata = discovery::read(&bytes, asked.issuer, self.reach).map_err(|detail| {
            tracing::warn!(
                provider = asked.id,
                issuer = asked.issuer,
                detail,
                "the metadata of an identity provider cannot be used"
            );
            Refusal::Unusable
        })?;
        Ok(self.keep(&mut kept, metadata))
    }

    /// Redeems a code and gives the claims of the person who signed in: those of the ID token and, where `wanted` are
    /// not among them, of the userinfo endpoint.
    ///
    /// # Errors
    /// If the provider cannot be asked, does not take the code, or proves nothing.
    pub async fn claims(&self, asked: Asked<'_>, answer: Answer<'_>, wanted: &[&str]) -> Result<ClaimSet, Refusal> {
        let metadata = self.metadata(asked).await?;
        let known = self.known(asked);
        let tokens = self.redeem(&known, &metadata, asked, answer).await?;
        let mut claims = self.validated(&known, &metadata, asked, answer, &tokens.id_token).await?;
        let complete = wanted.iter().all(|name| claims.contains_key(*name));
        if let (false, Some(url), Some(token)) = (complete, metadata.userinfo_endpoint.clone(), tokens.access_token) {
            let more = self.userinfo(&known, url, token).await?;
            if more.get("sub") != claims.get("sub") {
                return Err(Refusal::AnotherSubject);
            }
            // What is signed goes before what is not.
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(claims)
    }

    async fn redeem(
        &self,
        known: &Known,
        metadata: &Metadata,
        asked: Asked<'_>,
        answer: Answer<'_>,
    ) -> Result<Tokens, Refusal> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", answer.code),
            ("redirect_uri", answer.redirect_uri),
            ("code_verifier", answer.verifier),
        ];
        let mut authorization = None;
        match (asked.client_secret, metadata.client_authentication) {
            (Some(secret), ClientAuthentication::Basic) => authorization = Some(basic(asked.client_id, secret)),
            (Some(secret), ClientAuthentication::Form) => {
                form.extend([("client_id", asked.client_id), ("client_secret", secret)]);
            }
            (None, _) => form.push(("client_id", asked.client_id)),
        }
        let (url, form) = (metadata.token_endpoint.clone(), endpoint::form(&form));
        let asking = self.ask(known, move |fetcher| fetcher.post(&url, &form, authorization.as_deref()));
        let bytes = asking.await.map_err(|error| match error {
            Some(FetchError::Status { status: 400 | 401 | 403, .. }) => Refusal::CodeRefused,
            other => refusal(&other),
        })?;
        serde_json::from_slice(&bytes).map_err(|_| Refusal::Unusable)
    }

    /// Checks an ID token; with fresh keys, if it names one that is not known.
    async fn validated(
        &self,
        known: &Known,
        metadata: &Metadata,
        asked: Asked<'_>,
        answer: Answer<'_>,
        token: &str,
    ) -> Result<ClaimSet, Refusal> {
        let check = |keys: &KeySet| {
            let now_seconds = self.clock.now().div_euclid(1_000_000);
            let expected =
                Expected { issuer: asked.issuer, client_id: asked.client_id, nonce: answer.nonce, now_seconds };
            validate(token, keys, &expected)
        };
        let mut kept = known.keys.lock().await;
        if let Some(keys) = self.fresh(&kept) {
            let checked = check(&keys);
            let age = kept.as_ref().map_or(Duration::MAX, |kept| self.clock.elapsed().saturating_sub(kept.since));
            if checked != Err(Invalid::UnknownKey) || age < limits::PROVIDER_KEYS_ASKED_AGAIN_TIME {
                return checked.map_err(Refusal::Token);
            }
        }
        let url = metadata.jwks_uri.clone();
        let bytes = self.ask(known, move |fetcher| fetcher.get(&url, None)).await.map_err(|error| refusal(&error))?;
        let keys = self.keep(&mut kept, KeySet::read(&bytes).ok_or(Refusal::Unusable)?);
        check(&keys).map_err(Refusal::Token)
    }

    async fn userinfo(&self, known: &Known, url: String, token: String) -> Result<ClaimSet, Refusal> {
        // It becomes a header as it is.
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::Unusable);
        }
        let authorization = format!("Bearer {token}");
        let asking = self.ask(known, move |fetcher| fetcher.get(&url, Some(&authorization)));
        let bytes = asking.await.map_err(|error| refusal(&error))?;
        serde_json::from_slice(&bytes).map_err(|_| Refusal::Unusable)
    }

    fn known(&self, asked: Asked<'_>) -> Arc<Known> {
        let mut all = self.known.lock();
        if let Some(known) = all.get(asked.id).filter(|known| known.issuer == asked.issuer) {
            return known.clone();
        }
        let known = Arc::new(Known {
            issuer: asked.issuer.to_owned(),
            turns: Semaphore::new(limits::QUESTIONS_PER_PROVIDER_MAX),
            metadata: tokio::sync::Mutex::default(),
            failed_at: Mutex::default(),
            keys: tokio::sync::Mutex::default(),
        });
        all.insert(asked.id.to_owned(), known.clone());
        known
    }

    fn fresh<T>(&self, kept: &Option<Aged<T>>) -> Option<Arc<T>> {
        let kept = kept.as_ref()?;
        let age = self.clock.elapsed().saturating_sub(kept.since);
        (age < limits::PROVIDER_REMEMBERED_TIME).then(|| kept.value.clone())
    }

    fn keep<T>(&self, kept: &mut Option<Aged<T>>, value: T) -> Arc<T> {
        let value = Arc::new(value);
        *kept = Some(Aged { value: value.clone(), since: self.clock.elapsed() });
        value
    }

    /// Asks on a thread that may block. `Err(None)`: too many questions are open.
    async fn ask(
        &self,
        known: &Known,
        question: impl FnOnce(&Fetcher) -> Result<Vec<u8>, FetchError> + Send + 'static,
    ) -> Result<Vec<u8>, Option<FetchError>> {
        let _turn = known.turns.try_acquire().map_err(|_| None)?;
        let place = self.at_once.clone().try_acquire_owned().map_err(|_| None)?;
        let fetcher = self.fetcher.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let answer = question(&fetcher);
            drop(place);
            answer
        });
        let answer = asking.await.map_err(|_| None)?;
        if let Err(error) = &answer {
            tracing::warn!(issuer = known.issuer, %error, "an identity provider gave no usable answer");
        }
        answer.map_err(Some)
    }
}

fn refusal(error: &Option<FetchError>) -> Refusal {
    match error {
        None => Refusal::Busy,
        Some(FetchError::Unreachable { .. }) => Refusal::Unreachable,
        Some(FetchError::Status { .. }) => Refusal::Unusable,
    }
}

/// HTTP Basic as RFC 6749, section 2.3.1 wants it: name and secret form-encoded first.
fn basic(client_id: &str, secret: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{}:{}", endpoint::encode(client_id), endpoint::encode(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}
