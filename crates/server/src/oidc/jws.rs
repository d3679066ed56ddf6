//! Signed tokens (JWS compact serialization, RFC 7515) and the public keys that they are checked with (JWK sets, RFC 7517).
//! Pure; what the claims mean is no business of this file.
//!
//! Only asymmetric algorithms exist here. `none` and the HMAC family are not in the enum, so no header can ask for them, and
//! a key serves only algorithms of its own family, so a public key can never be taken for a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use crate::limits;

/// The signature algorithms that are accepted (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of a header's `alg`; `None` for every one that is not accepted.
    pub fn read(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "PS256" => Algorithm::Ps256,
            "PS384" => Algorithm::Ps384,
            "PS512" => Algorithm::Ps512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            _ => return None,
        })
    }
}

/// Why a text is no signed token that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not in the form of one.
    Malformed,
    /// It wants an algorithm that is not accepted.
    Algorithm,
}

/// A signed token whose signature has not been checked.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// What was signed.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Takes a token apart; gives the id of the key that it names, too.
///
/// # Errors
/// See [`Unreadable`].
pub fn parse(token: &str) -> Result<(Unverified<'_>, Option<String>), Unreadable> {
    if token.len() > limits::ID_TOKEN_BYTES_MAX {
        return Err(Unreadable::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Unreadable::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Unreadable::Malformed)?;
    let header = decode(header).ok_or(Unreadable::Malformed)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| Unreadable::Malformed)?;
    // What is critical must be understood, and nothing of it is here (RFC 7515, section 4.1.11).
    if header.crit.is_some() {
        return Err(Unreadable::Malformed);
    }
    let algorithm = Algorithm::read(&header.alg).ok_or(Unreadable::Algorithm)?;
    Ok((Unverified { algorithm, signed, payload, signature }, header.kid))
}

impl Unverified<'_> {
    /// The payload, if the signature is the key's.
    pub fn verify(&self, key: &Key) -> Option<Vec<u8>> {
        let signature = decode(self.signature)?;
        key.verifies(self.algorithm, self.signed.as_bytes(), &signature).then(|| decode(self.payload))?
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A public key.
#[derive(Clone, Debug)]
pub struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Key {
    fn serves(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let family = match &self.material {
            Material::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Material::P256(_) => algorithm == Es256,
            Material::P384(_) => algorithm == Es384,
            Material::Ed25519(_) => algorithm == EdDsa,
        };
        family && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.serves(algorithm) {
            return false;
        }
        let plain = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match &self.material {
            Material::Rsa { n, e } => rsa(algorithm)
                .is_some_and(|algorithm| RsaPublicKeyComponents { n, e }.verify(algorithm, message, signature).is_ok()),
            Material::P256(point) => plain(&signature::ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => plain(&signature::ECDSA_P384_SHA384_FIXED, point),
            Material::Ed25519(key) => plain(&signature::ED25519, key),
        }
    }
}

/// Moduli from 2,048 to 8,192 bits.
fn rsa(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

/// The keys that an issuer signs with.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys that are not for signatures, of unknown kinds or damaged are left out, as RFC 7517, section 5
    /// has it: others may use them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let keys = document.keys.into_iter().take(limits::PROVIDER_KEYS_MAX);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok().and_then(read_key)).collect();
        Some(Self { keys })
    }

    /// The key for a token: the one it names or, if it names none, the only one that serves its algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let named = |key: &&Key| id.is_none() || key.id.as_deref() == id;
        let mut fitting = self.keys.iter().filter(|key| key.serves(algorithm)).filter(named);
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(first)
    }
}

fn read_key(jwk: Jwk) -> Option<Key> {
    if jwk.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if jwk.key_ops.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return None;
    }
    // A key for an algorithm that is not accepted serves none.
    let algorithm = match &jwk.alg {
        None => None,
        Some(name) => Some(Algorithm::read(name)?),
    };
    let part = |text: &Option<String>| text.as_deref().and_then(decode);
    let point = |bytes: usize| {
        let (x, y) = (part(&jwk.x)?, part(&jwk.y)?);
        (x.len() == bytes && y.len() == bytes).then(|| [&[4], &x[..], &y[..]].concat())
    };
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: without_zeros(part(&jwk.n)?), e: without_zeros(part(&jwk.e)?) },
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(part(&jwk.x)?),
        _ => return None,
    };
    Some(Key { id: jwk.kid, algorithm, material })
}

/// Some issuers write a leading zero, which RFC 7518, section 6.3.1.1 forbids and the verifier refuses.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number[zeros..].to_vec()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    /// An Ed25519 key to sign with; `seed` tells one from another.
    pub fn signer(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    /// The set that holds the signers' public keys under these ids.
    pub fn key_set(keys: &[(&str, u8)]) -> KeySet {
        let keys: Vec<_> = keys
            .iter()
            .map(|(id, seed)| {
                let x = URL_SAFE_NO_PAD.encode(signer(*seed).public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
            })
            .collect();
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    pub fn token(header: &Value, payload: &Value, seed: u8) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = URL_SAFE_NO_PAD.encode(signer(seed).sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn verify(token: &str, keys: &KeySet) -> Option<Vec<u8>> {
        let (unverified, id) = parse(token).ok()?;
        unverified.verify(keys.find(id.as_deref(), unverified.algorithm)?)
    }

    /// RFC 7515, appendix A.2 (RS256) and A.3 (ES256): tokens and keys as printed there.
    const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn published() -> Value {
        json!({"keys": [
            {"kty": "RSA", "n": RSA_N, "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        ]})
    }

    #[test]
    fn the_examples_of_the_rfc_verify() {
        let keys = KeySet::read(published().to_string().as_bytes()).unwrap();
        for token in [RS256, ES256] {
            let payload = String::from_utf8(verify(token, &keys).expect("verifies")).unwrap();
            assert!(payload.contains("\"iss\":\"joe\""), "{payload}");
            let (unverified, _) = parse(token).unwrap();
            let changed = token.replace("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Uj");
            assert!(verify(&changed, &keys).is_none(), "{:?}", unverified.algorithm);
        }
    }

    #[test]
    fn none_and_shared_secrets_are_no_algorithms() {
        for alg in ["none", "None", "NONE", "HS256", "HS384", "HS512", "RS1", "ES256K", "", "RSA-OAEP"] {
            let token = token(&json!({"alg": alg}), &json!({}), 1);
            assert_eq!(parse(&token).map(|_| ()), Err(Unreadable::Algorithm), "{alg}");
        }
        let unsigned = token(&json!({"alg": "EdDSA"}), &json!({}), 1);
        let (signed, _) = unsigned.rsplit_once('.').unwrap();
        assert!(verify(&format!("{signed}."), &key_set(&[("a", 1)])).is_none());
        for alg in [json!(null), json!(5), json!(["EdDSA"])] {
            let token = token(&json!({ "alg": alg }), &json!({}), 1);
            assert_eq!(parse(&token).map(|_| ()), Err(Unreadable::Malformed), "{alg}");
        }
    }

    #[test]
    fn a_key_serves_its_own_family_purpose_and_algorithm_only() {
        let find = |key: Value, alg: Algorithm| {
            let set = KeySet::read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
            set.find(None, alg).is_some()
        };
        let rsa = json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"});
        assert!(find(rsa.clone(), Algorithm::Rs256) && find(rsa.clone(), Algorithm::Ps512));
        assert!(!find(rsa.clone(), Algorithm::Es256) && !find(rsa.clone(), Algorithm::EdDsa));
        let with = |name: &str, value: Value| {
            let mut key = rsa.clone();
            key[name] = value;
            key
        };
        assert!(find(with("alg", json!("RS256")), Algorithm::Rs256));
        assert!(!find(with("alg", json!("RS256")), Algorithm::Rs512));
        assert!(!find(with("alg", json!("HS256")), Algorithm::Rs256));
        assert!(!find(with("use", json!("enc")), Algorithm::Rs256));
        assert!(!find(with("key_ops", json!(["encrypt"])), Algorithm::Rs256));
        assert!(!find(with("n", json!("not base64!")), Algorithm::Rs256));
        assert!(!find(json!({"kty": "oct", "k": "c2VjcmV0"}), Algorithm::Rs256));
    }

    #[test]
    fn a_token_is_checked_with_the_key_that_it_names() {
        let keys = key_set(&[("a", 1), ("b", 2)]);
        let header = |kid: &str| json!({"alg": "EdDSA", "kid": kid});
        assert!(verify(&token(&header("a"), &json!({}), 1), &keys).is_some());
        assert!(verify(&token(&header("b"), &json!({}), 2), &keys).is_some());
        assert!(verify(&token(&header("a"), &json!({}), 2), &keys).is_none());
        assert!(verify(&token(&header("c"), &json!({}), 1), &keys).is_none());
        // Without a name it must be plain which one is meant.
        let unnamed = token(&json!({"alg": "EdDSA"}), &json!({}), 1);
        assert!(verify(&unnamed, &keys).is_none());
        assert!(verify(&unnamed, &key_set(&[("a", 1)])).is_some());
    }

    #[test]
    fn what_is_critical_must_be_understood() {
        let token = token(&json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}), &json!({}), 1);
        assert_eq!(parse(&token).map(|_| ()), Err(Unreadable::Malformed));
    }

    proptest::proptest! {
        #[test]
        fn anything_is_read_or_refused(text in ".{0,300}", bytes in proptest::collection::vec(0u8.., 0..300)) {
            let _ = verify(&text, &key_set(&[("a", 1)]));
            let _ = KeySet::read(&bytes);
        }

        #[test]
        fn no_changed_character_verifies(at in 0usize..1000, to in "[A-Za-z0-9._-]") {
            let good = token(&json!({"alg": "EdDSA", "kid": "a"}), &json!({"sub": "ada"}), 1);
            let at = at % good.len();
            let mut changed = good.clone();
            changed.replace_range(at..=at, &to);
            let keys = key_set(&[("a", 1)]);
            proptest::prop_assert_eq!(verify(&changed, &keys).is_some(), changed == good);
        }
    }
}
