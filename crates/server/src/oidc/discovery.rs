//! What a provider says of itself (OpenID Connect Discovery 1.0). Pure.

use serde::Deserialize;

use super::endpoint::{self, Reach};

/// How this service proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Name and secret in the `Authorization` header (RFC 6749, section 2.3.1).
    Basic,
    /// Name and secret in the form.
    Form,
}

/// A provider's endpoints and habits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where a code becomes tokens.
    pub token_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Where claims are that the ID token leaves out.
    pub userinfo_endpoint: Option<String>,
    /// How a client with a secret proves itself.
    pub client_authentication: ClientAuthentication,
    /// Whether the answer to the browser always names the issuer (RFC 9207).
    pub names_issuer: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Reads the metadata of an issuer.
///
/// # Errors
/// What is wrong with them, for the operator's log.
pub fn read(bytes: &[u8], issuer: &str, reach: Reach) -> Result<Metadata, String> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    // Section 4.3: else one issuer could pass for another.
    if document.issuer != issuer {
        return Err(format!("the issuer calls itself {:?}", document.issuer.chars().take(200).collect::<String>()));
    }
    let checked = |name: &str, url: String| match endpoint::check(&url, reach) {
        Ok(()) => Ok(url),
        Err(detail) => Err(format!("{name} {detail}")),
    };
    let methods = document.token_endpoint_auth_methods_supported;
    let supports = |method: &str| methods.as_ref().is_none_or(|methods| methods.iter().any(|known| known == method));
    // Basic is what holds where nothing is said.
    let client_authentication =
        if supports("client_secret_basic") { ClientAuthentication::Basic } else { ClientAuthentication::Form };
    Ok(Metadata {
        authorization_endpoint: checked("authorization_endpoint", document.authorization_endpoint)?,
        token_endpoint: checked("token_endpoint", document.token_endpoint)?,
        jwks_uri: checked("jwks_uri", document.jwks_uri)?,
        userinfo_endpoint: document.userinfo_endpoint.map(|url| checked("userinfo_endpoint", url)).transpose()?,
        client_authentication,
        names_issuer: document.authorization_response_iss_parameter_supported,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({
            "issuer": "https://id.example.com",
            "authorization_endpoint": "https://id.example.com/auth?realm=a",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/jwks",
        })
    }

    fn read_document(document: &Value) -> Result<Metadata, String> {
        read(document.to_string().as_bytes(), "https://id.example.com", Reach::default())
    }

    #[test]
    fn what_is_needed_is_read() {
        let metadata = read_document(&document()).unwrap();
        assert_eq!(metadata.client_authentication, ClientAuthentication::Basic);
        assert_eq!(metadata.userinfo_endpoint, None);
        assert!(!metadata.names_issuer);
        let mut form = document();
        form["token_endpoint_auth_methods_supported"] = json!(["client_secret_post", "private_key_jwt"]);
        assert_eq!(read_document(&form).unwrap().client_authentication, ClientAuthentication::Form);
    }

    #[test]
    fn another_issuer_or_endpoints_elsewhere_are_refused() {
        for (name, value) in [
            ("issuer", "https://id.example.com/"),
            ("issuer", "https://other.example.com"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("token_endpoint", "http://169.254.169.254/latest"),
            ("jwks_uri", "file:///etc/passwd"),
            ("userinfo_endpoint", "http://id.example.com/me"),
        ] {
            let mut changed = document();
            changed[name] = json!(value);
            assert!(read_document(&changed).is_err(), "{name} {value}");
        }
        for missing in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let mut changed = document();
            changed.as_object_mut().unwrap().remove(missing);
            assert!(read_document(&changed).is_err(), "{missing}");
        }
    }
}
