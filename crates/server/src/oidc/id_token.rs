//! Whether an ID token proves what it says (OpenID Connect Core 1.0, section 3.1.3.7). Pure: the time is given.
//!
//! A token that is let through here was signed by the issuer for this client and for this very attempt to sign in. Whom
//! it signs in to what is decided in `admission`.

use serde_json::{Map, Value};

use super::jws::{self, KeySet, Unreadable};
use crate::limits;

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer, letter by letter.
    pub issuer: &'a str,
    /// Who the token must be for.
    pub client_id: &'a str,
    /// The nonce of the attempt.
    pub nonce: &'a str,
    /// Now, in seconds since 1970-01-01T00:00:00Z.
    pub now_seconds: i64,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is not in the form of an ID token.
    Malformed,
    /// It is signed by an algorithm that is not accepted.
    Algorithm,
    /// No key of the issuer is the one that it names. Fresh keys may have it.
    UnknownKey,
    /// The signature is not the key's.
    Signature,
    /// Another issuer's.
    Issuer,
    /// For somebody else.
    Audience,
    /// Given to somebody else.
    AuthorizedParty,
    /// Its time is over.
    Expired,
    /// Issued in the future or too long ago.
    IssuedAt,
    /// Of another attempt.
    Nonce,
    /// It names nobody.
    Subject,
}

impl Invalid {
    /// The reason in a word, for the record.
    pub const fn name(self) -> &'static str {
        match self {
            Invalid::Malformed => "token_malformed",
            Invalid::Algorithm => "token_algorithm",
            Invalid::UnknownKey => "token_key_unknown",
            Invalid::Signature => "token_signature",
            Invalid::Issuer => "token_issuer",
            Invalid::Audience => "token_audience",
            Invalid::AuthorizedParty => "token_authorized_party",
            Invalid::Expired => "token_expired",
            Invalid::IssuedAt => "token_issued_at",
            Invalid::Nonce => "token_nonce",
            Invalid::Subject => "token_subject",
        }
    }
}

/// The claims of a token that holds.
pub type ClaimSet = Map<String, Value>;

/// Checks a token and gives its claims.
///
/// # Errors
/// See [`Invalid`].
pub fn validate(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<ClaimSet, Invalid> {
    let (unverified, key_id) = jws::parse(token).map_err(|unreadable| match unreadable {
        Unreadable::Malformed => Invalid::Malformed,
        Unreadable::Algorithm => Invalid::Algorithm,
    })?;
    let key = keys.find(key_id.as_deref(), unverified.algorithm).ok_or(Invalid::UnknownKey)?;
    let payload = unverified.verify(key).ok_or(Invalid::Signature)?;
    let claims: ClaimSet = serde_json::from_slice(&payload).map_err(|_| Invalid::Malformed)?;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &ClaimSet, expected: &Expected<'_>) -> Result<(), Invalid> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Invalid::Issuer);
    }
    check_audience(claims, expected.client_id)?;
    let leeway = limits::PROVIDER_CLOCK_LEEWAY_SECONDS;
    if seconds(claims, "exp").ok_or(Invalid::Malformed)? <= expected.now_seconds.saturating_sub(leeway) {
        return Err(Invalid::Expired);
    }
    if claims.contains_key("nbf")
        && seconds(claims, "nbf").ok_or(Invalid::Malformed)? > expected.now_seconds.saturating_add(leeway)
    {
        return Err(Invalid::IssuedAt);
    }
    let issued_at = seconds(claims, "iat").ok_or(Invalid::Malformed)?;
    let oldest = expected.now_seconds.saturating_sub(limits::ID_TOKEN_AGE_SECONDS_MAX + leeway);
    if issued_at < oldest || issued_at > expected.now_seconds.saturating_add(leeway) {
        return Err(Invalid::IssuedAt);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Invalid::Nonce);
    }
    let subject = text("sub").ok_or(Invalid::Subject)?;
    if subject.is_empty() || subject.len() > limits::SUBJECT_BYTES_MAX || subject.contains(char::is_control) {
        return Err(Invalid::Subject);
    }
    Ok(())
}

fn check_audience(claims: &ClaimSet, client_id: &str) -> Result<(), Invalid> {
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().ok_or(Invalid::Malformed)).collect::<Result<_, _>>()?
        }
        _ => return Err(Invalid::Audience),
    };
    if !audiences.contains(&client_id) {
        return Err(Invalid::Audience);
    }
    match claims.get("azp") {
        Some(party) if party != client_id => Err(Invalid::AuthorizedParty),
        // Several audiences: it must say to whom it was given.
        None if audiences.iter().any(|audience| *audience != client_id) => Err(Invalid::AuthorizedParty),
        _ => Ok(()),
    }
}

/// A time claim (`NumericDate`), whole seconds or with a fraction.
fn seconds(claims: &ClaimSet, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
    seconds.filter(|seconds| (0..limits::CLAIM_TIME_SECONDS_MAX).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::super::jws::tests::{key_set, token};
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    const EXPECTED: Expected<'static> =
        Expected { issuer: "https://id.example.com", client_id: "actarium", nonce: "n-1", now_seconds: NOW };

    fn claims() -> Value {
        json!({
            "iss": "https://id.example.com", "aud": "actarium", "sub": "248289761001", "nonce": "n-1",
            "iat": NOW - 2, "exp": NOW + 300,
        })
    }

    fn outcome(claims: &Value) -> Result<(), Invalid> {
        let token = token(&json!({"alg": "EdDSA", "kid": "a"}), claims, 1);
        validate(&token, &key_set(&[("a", 1)]), &EXPECTED).map(|_| ())
    }

    fn outcome_with(name: &str, value: Value) -> Result<(), Invalid> {
        let mut claims = claims();
        claims[name] = value;
        outcome(&claims)
    }

    #[test]
    fn a_token_of_the_issuer_for_this_client_and_attempt_holds() {
        assert_eq!(outcome(&claims()), Ok(()));
        assert_eq!(outcome_with("aud", json!(["actarium"])), Ok(()));
        assert_eq!(outcome_with("azp", json!("actarium")), Ok(()));
        assert_eq!(outcome_with("exp", json!(NOW as f64 + 300.5)), Ok(()));
        assert_eq!(outcome_with("exp", json!(NOW - 59)), Ok(()), "clocks differ a little");
        assert_eq!(outcome_with("iat", json!(NOW + 59)), Ok(()), "clocks differ a little");
    }

    #[test]
    fn every_claim_that_is_wrong_is_noticed() {
        for (name, value, invalid) in [
            ("iss", json!("https://id.example.com/"), Invalid::Issuer),
            ("iss", json!(["https://id.example.com"]), Invalid::Issuer),
            ("aud", json!("other"), Invalid::Audience),
            ("aud", json!(["other"]), Invalid::Audience),
            ("aud", json!([]), Invalid::Audience),
            ("aud", json!(null), Invalid::Audience),
            ("aud", json!(["actarium", 5]), Invalid::Malformed),
            ("aud", json!(["actarium", "other"]), Invalid::AuthorizedParty),
            ("azp", json!("other"), Invalid::AuthorizedParty),
            ("azp", json!(null), Invalid::AuthorizedParty),
            ("exp", json!(NOW - 60), Invalid::Expired),
            ("exp", json!(0), Invalid::Expired),
            ("exp", json!("1900000000"), Invalid::Malformed),
            ("exp", json!(-5), Invalid::Malformed),
            ("exp", json!(1e300), Invalid::Malformed),
            ("iat", json!(NOW + 61), Invalid::IssuedAt),
            ("iat", json!(NOW - 3600), Invalid::IssuedAt),
            ("iat", json!(null), Invalid::Malformed),
            ("nbf", json!(NOW + 61), Invalid::IssuedAt),
            ("nonce", json!("n-2"), Invalid::Nonce),
            ("nonce", json!(null), Invalid::Nonce),
            ("sub", json!(""), Invalid::Subject),
            ("sub", json!(7), Invalid::Subject),
            ("sub", json!("a\nb"), Invalid::Subject),
            ("sub", json!("x".repeat(256)), Invalid::Subject),
        ] {
            assert_eq!(outcome_with(name, value.clone()), Err(invalid), "{name} {value}");
        }
        for name in ["iss", "aud", "exp", "iat", "nonce", "sub"] {
            let mut missing = claims();
            missing.as_object_mut().unwrap().remove(name);
            assert!(outcome(&missing).is_err(), "{name}");
        }
        let several = json!({"aud": ["actarium", "other"], "azp": "actarium"});
        let mut both = claims();
        both.as_object_mut().unwrap().extend(several.as_object().unwrap().clone());
        assert_eq!(outcome(&both), Ok(()));
    }

    #[test]
    fn signatures_come_first() {
        let forged = token(&json!({"alg": "EdDSA", "kid": "a"}), &claims(), 2);
        assert_eq!(validate(&forged, &key_set(&[("a", 1)]), &EXPECTED), Err(Invalid::Signature));
        assert_eq!(validate(&forged, &key_set(&[("b", 1)]), &EXPECTED), Err(Invalid::UnknownKey));
        let unsigned = token(&json!({"alg": "none"}), &claims(), 1);
        assert_eq!(validate(&unsigned, &key_set(&[("a", 1)]), &EXPECTED), Err(Invalid::Algorithm));
        assert_eq!(validate("a.b", &key_set(&[("a", 1)]), &EXPECTED), Err(Invalid::Malformed));
    }
}
