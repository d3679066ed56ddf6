//! Signing in through a real OpenID Connect provider.

mod provider;
mod signing_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actarium_server::oidc::attempt::Attempt;
use actarium_server::oidc::endpoint::Reach;
use actarium_server::oidc::fetch::Fetcher;
use actarium_server::oidc::id_token::{ClaimSet, Invalid};
use actarium_server::oidc::issuers::{Answer, Asked, Issuers};
use actarium_server::oidc::refusal::Refusal;
use actarium_store::{Clock, SystemClock, SystemEntropy};
use serde_json::{Value, json};

use provider::{Browser, Provider, parameter};

const REDIRECT_URI: &str = "http://127.0.0.1:9/v1/session/oidc/callback/idp_test";
const HERE: Reach = Reach { private_networks: false, http_on_loopback: true };

/// The machine's clock, some seconds ahead.
struct Ahead(SystemClock, AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> i64 {
        self.0.now() + self.1.load(Ordering::Relaxed) as i64 * 1_000_000
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed() + Duration::from_secs(self.1.load(Ordering::Relaxed))
    }
}

/// A provider that knows this service and Ada, and what asks it.
struct World {
    provider: Provider,
    clock: Arc<Ahead>,
    issuers: Issuers,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let provider = Provider::start();
        let client =
            json!({"client_id": "actarium", "client_secret": "of-the-test: + %", "redirect_uris": [REDIRECT_URI]});
        let other = json!({"client_id": "other", "client_secret": "another", "redirect_uris": [REDIRECT_URI]});
        let ada = json!({"email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": ["ops"]});
        provider.control(&json!({"clients": [client, other], "accounts": {"ada": ada}}));
        let clock = Arc::new(Ahead(SystemClock::new(), AtomicU64::new(0)));
        let issuers = Issuers::new(Fetcher::new(HERE, None), HERE, clock.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { provider, clock, issuers, runtime }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            id: "idp_test",
            issuer: &self.provider.issuer,
            client_id: "actarium",
            client_secret: Some("of-the-test: + %"),
        }
    }

    fn attempt(&self) -> Attempt {
        Attempt::new("idp_test", "/", self.clock.now() / 1_000_000, &SystemEntropy)
    }

    /// Goes to the provider and back with a fresh browser; gives the address that it came back with.
    fn there_and_back(&self, attempt: &Attempt) -> String {
        let metadata = self.runtime.block_on(self.issuers.metadata(self.asked())).unwrap();
        let scope = "openid email profile groups";
        let url = attempt.authorization_url(&metadata.authorization_endpoint, "actarium", REDIRECT_URI, scope);
        let back = Browser::new().sign_in(&url, "ada");
        assert!(back.starts_with(&format!("{REDIRECT_URI}?")), "{back}");
        assert_eq!(parameter(&back, "state"), attempt.state);
        back
    }

    fn redeem(&self, asked: Asked<'_>, code: &str, attempt: &Attempt) -> Result<ClaimSet, Refusal> {
        let answer = Answer { code, verifier: &attempt.verifier, nonce: &attempt.nonce, redirect_uri: REDIRECT_URI };
        self.runtime.block_on(self.issuers.claims(asked, answer, &["email", "email_verified", "groups"]))
    }

    /// A whole sign-in.
    fn sign_in(&self) -> Result<ClaimSet, Refusal> {
        let attempt = self.attempt();
        let back = self.there_and_back(&attempt);
        self.redeem(self.asked(), parameter(&back, "code"), &attempt)
    }
}

#[test]
fn a_code_becomes_the_claims_of_the_person_once() {
    let world = World::new();
    let attempt = world.attempt();
    let back = world.there_and_back(&attempt);
    let claims = world.redeem(world.asked(), parameter(&back, "code"), &attempt).unwrap();
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["groups"], json!(["ops"]));
    let again = world.redeem(world.asked(), parameter(&back, "code"), &attempt);
    assert_eq!(again, Err(Refusal::CodeRefused));
}

#[test]
fn claims_that_the_id_token_leaves_out_are_asked_for() {
    let world = World::new();
    world.provider.control(&json!({"inIdToken": false}));
    let claims = world.sign_in().unwrap();
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["groups"], json!(["ops"]));
    // The userinfo endpoint speaks of whom the code was for, the ID token of somebody else.
    world.provider.control(&json!({"tamper": {"sub": "grace"}}));
    assert_eq!(world.sign_in(), Err(Refusal::AnotherSubject));
}

#[test]
fn a_code_is_worth_nothing_to_another_client_attempt_or_secret() {
    let world = World::new();
    let (attempt, other) = (world.attempt(), world.attempt());
    let code_of = |back: String| parameter(&back, "code").to_owned();
    let mixed = Attempt { nonce: attempt.nonce.clone(), ..other.clone() };
    let code = code_of(world.there_and_back(&attempt));
    assert_eq!(world.redeem(world.asked(), &code, &mixed), Err(Refusal::CodeRefused), "another code verifier");
    let code = code_of(world.there_and_back(&attempt));
    let stranger = Asked { client_id: "other", client_secret: Some("another"), ..world.asked() };
    assert_eq!(world.redeem(stranger, &code, &attempt), Err(Refusal::CodeRefused), "another client");
    let code = code_of(world.there_and_back(&attempt));
    let guess = Asked { client_secret: Some("a guess"), ..world.asked() };
    assert_eq!(world.redeem(guess, &code, &attempt), Err(Refusal::CodeRefused), "another secret");
    let nonce = Attempt { nonce: other.nonce.clone(), ..attempt.clone() };
    let code = code_of(world.there_and_back(&attempt));
    assert_eq!(world.redeem(world.asked(), &code, &nonce), Err(Refusal::Token(Invalid::Nonce)), "another nonce");
}

#[test]
fn tokens_that_prove_nothing_are_refused_by_their_fault() {
    let world = World::new();
    let now = world.clock.now() / 1_000_000;
    let faults: [(Value, Invalid); 8] = [
        (json!({"nonce": "another"}), Invalid::Nonce),
        (json!({"aud": "other"}), Invalid::Audience),
        (json!({"aud": ["actarium", "other"]}), Invalid::AuthorizedParty),
        (json!({"iss": "https://id.example.com"}), Invalid::Issuer),
        (json!({"exp": now - 3600, "iat": now - 7200}), Invalid::Expired),
        (json!({"iat": now + 7200}), Invalid::IssuedAt),
        (json!({"alg": "none"}), Invalid::Algorithm),
        (json!({"alg": "HS256"}), Invalid::Algorithm),
    ];
    for (tamper, invalid) in faults {
        world.provider.control(&json!({ "tamper": tamper }));
        assert_eq!(world.sign_in(), Err(Refusal::Token(invalid)), "{tamper}");
    }
    world.provider.control(&json!({"tamper": {"name": "Ada Example"}}));
    assert_eq!(world.sign_in().unwrap()["name"], "Ada Example", "what is signed again without a fault holds");
}

#[test]
fn fresh_keys_are_asked_for_but_not_all_the_time() {
    let world = World::new();
    assert!(world.sign_in().is_ok());
    world.provider.control(&json!({"rotate": true}));
    assert_eq!(world.sign_in(), Err(Refusal::Token(Invalid::UnknownKey)), "the keys were asked for a moment ago");
    world.clock.1.fetch_add(31, Ordering::Relaxed);
    assert!(world.sign_in().is_ok());
    assert!(world.sign_in().is_ok());
}

#[test]
fn only_the_issuer_itself_is_believed_and_only_where_it_may_be_asked() {
    let world = World::new();
    let ask = |issuers: &Issuers, issuer: &str| {
        let asked = Asked { issuer, ..world.asked() };
        world.runtime.block_on(issuers.metadata(asked)).map(|_| ())
    };
    let by_another_name = world.provider.issuer.replace("127.0.0.1", "localhost");
    assert_eq!(ask(&world.issuers, &by_another_name), Err(Refusal::Unusable));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unused = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    assert_eq!(ask(&world.issuers, &unused), Err(Refusal::Unreachable));
    let strict = Issuers::new(Fetcher::new(Reach::default(), None), Reach::default(), world.clock.clone());
    assert_eq!(ask(&strict, &world.provider.issuer), Err(Refusal::Unreachable));
    assert_eq!(ask(&world.issuers, &world.provider.issuer), Ok(()));
}
