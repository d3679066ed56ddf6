//! One attempt to sign in, from the way to the provider to the way back. Pure: randomness and time are given.
//!
//! The attempt lives in the browser that began it, in a cookie that only this service can read or make (it is sealed with
//! the master key), so nothing is kept for attempts that are never finished, and any node can finish one that
//! another began. `Spent` sees to it that each comes back only once.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use actarium_store::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::endpoint::with_query;
use crate::limits;

/// The place under which the cookie is sealed.
pub const SEALED_PLACE: &str = "sign_in/oidc";

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider's id; providers' ids are unique over all organizations.
    pub provider: String,
    /// What the provider gives back to show that it answers this attempt.
    pub state: String,
    /// What the ID token must hold.
    pub nonce: String,
    /// The secret behind the code challenge (RFC 7636).
    pub verifier: String,
    /// The path that the browser goes to in the end.
    pub return_to: String,
    /// When it is over, seconds since 1970.
    pub expires_at_seconds: i64,
}

impl Attempt {
    /// A fresh attempt.
    pub fn new(provider: &str, return_to: &str, now_seconds: i64, entropy: &dyn Entropy) -> Self {
        Self {
            provider: provider.to_owned(),
            state: random_text(entropy),
            nonce: random_text(entropy),
            verifier: random_text(entropy),
            return_to: return_to.to_owned(),
            expires_at_seconds: now_seconds + limits::SIGN_IN_ATTEMPT_SECONDS_MAX,
        }
    }

    /// Whether this is what came back from the provider's answer, in time.
    pub fn is_answered_by(&self, provider: &str, state: &str, now_seconds: i64) -> bool {
        let same: bool = self.state.as_bytes().ct_eq(state.as_bytes()).into();
        same && self.provider == provider && now_seconds < self.expires_at_seconds
    }

    /// Where the browser is sent.
    pub fn authorization_url(&self, endpoint: &str, client_id: &str, redirect_uri: &str, scope: &str) -> String {
        let parameters = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("scope", scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge(&self.verifier)),
            ("code_challenge_method", "S256"),
        ];
        with_query(endpoint, &parameters)
    }
}

/// 256 bits that nobody can guess, as 43 characters.
fn random_text(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The code challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// The attempts that came back, for as long as they could come back again. When there are too many, the oldest are
/// forgotten: their codes are used up at the provider all the same.
#[derive(Default)]
pub struct Spent {
    states: Mutex<States>,
}

#[derive(Default)]
struct States {
    known: HashSet<[u8; 32]>,
    order: VecDeque<(Duration, [u8; 32])>,
}

impl Spent {
    /// Spends an attempt. Whether it had not been spent before.
    pub fn spend(&self, state: &str, now: Duration) -> bool {
        let digest: [u8; 32] = Sha256::digest(state.as_bytes()).into();
        let mut states = self.states.lock();
        let kept = Duration::from_secs(limits::SIGN_IN_ATTEMPT_SECONDS_MAX.unsigned_abs());
        while let Some((spent_at, oldest)) = states.order.front().copied() {
            let full = states.order.len() >= limits::SIGN_INS_REMEMBERED_MAX;
            if !full && now.saturating_sub(spent_at) <= kept {
                break;
            }
            states.order.pop_front();
            states.known.remove(&oldest);
        }
        if states.known.contains(&digest) {
            return false;
        }
        states.known.insert(digest);
        states.order.push_back((now, digest));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn attempt() -> Attempt {
        Attempt::new("idp_a", "/events", 1000, &Counting(0.into()))
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn an_attempt_is_answered_by_its_state_provider_and_in_time() {
        let attempt = attempt();
        let distinct = [&attempt.state, &attempt.nonce, &attempt.verifier];
        assert!(distinct.iter().all(|text| text.len() == 43));
        assert!(distinct[0] != distinct[1] && distinct[1] != distinct[2] && distinct[0] != distinct[2]);
        assert!(attempt.is_answered_by("idp_a", &attempt.state, 1599));
        assert!(!attempt.is_answered_by("idp_a", &attempt.state, 1600));
        assert!(!attempt.is_answered_by("idp_b", &attempt.state, 1001));
        assert!(!attempt.is_answered_by("idp_a", &attempt.nonce, 1001));
        assert!(!attempt.is_answered_by("idp_a", "", 1001));
    }

    #[test]
    fn the_provider_is_told_everything_but_the_verifier() {
        let attempt = attempt();
        let url = attempt.authorization_url("https://id/auth", "us", "https://we/back", "openid email");
        assert!(
            url.starts_with("https://id/auth?response_type=code&client_id=us&redirect_uri=https%3A%2F%2Fwe%2Fback&")
        );
        assert!(url.contains("&scope=openid%20email&") && url.ends_with("&code_challenge_method=S256"));
        assert!(url.contains(&attempt.state) && url.contains(&attempt.nonce) && !url.contains(&attempt.verifier));
    }

    #[test]
    fn an_attempt_comes_back_once() {
        let spent = Spent::default();
        let at = Duration::from_secs;
        assert!(spent.spend("a", at(0)));
        assert!(!spent.spend("a", at(1)));
        assert!(spent.spend("b", at(1)));
        assert!(!spent.spend("a", at(600)));
        // By now it is over for good, and its place is free.
        assert!(spent.spend("c", at(700)));
        assert_eq!(spent.states.lock().known.len(), 1);
        for number in 0..limits::SIGN_INS_REMEMBERED_MAX + 10 {
            assert!(spent.spend(&format!("n{number}"), at(700)));
        }
        assert_eq!(spent.states.lock().known.len(), limits::SIGN_INS_REMEMBERED_MAX);
        assert_eq!(spent.states.lock().order.len(), limits::SIGN_INS_REMEMBERED_MAX);
    }
}
