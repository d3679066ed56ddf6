//! What is known of a request besides what it asks for: its id, where it comes from, with which program.

use std::net::IpAddr;
use std::sync::Arc;

use actarium_store::Entropy;
use axum::http::{HeaderMap, HeaderName, header};
use serde_json::{Value, json};

use crate::forwarding::Sender;
use crate::limits;

/// The header that carries the request id both ways.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The address of the other end of a connection; an extension of each of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The context of a request.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its id: the client's if it sent a good one, else one made here.
    pub request_id: Arc<str>,
    /// The address it came from: the connection's, or what a trusted proxy says (see `forwarding`).
    pub ip: Option<IpAddr>,
    /// Whether it came over TLS, as far as a trusted proxy says so.
    pub tls: bool,
    /// What the client says it is.
    pub user_agent: Option<Arc<str>>,
}

impl Context {
    /// The context of a request with these headers.
    pub fn new(headers: &HeaderMap, sender: Sender, entropy: &dyn Entropy) -> Self {
        let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_request_id(id));
        let request_id = given.map_or_else(|| make_request_id(entropy), Arc::from);
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let user_agent = user_agent
            .filter(|text| !text.is_empty() && text.len() <= actarium_core::limits::USER_AGENT_CHARS_MAX)
            .map(Arc::from);
        Self { request_id, ip: sender.ip, tls: sender.tls, user_agent }
    }

    /// As the `context` of an event.
    pub fn to_json(&self) -> Value {
        let mut context = json!({"request_id": &*self.request_id, "surface": "api"});
        if let Some(ip) = self.ip {
            context["ip"] = Value::String(ip.to_string());
        }
        if let Some(user_agent) = &self.user_agent {
            context["user_agent"] = Value::String(user_agent.to_string());
        }
        context
    }
}

/// Whether a text may be a request id: it goes into logs and headers as it is.
fn is_request_id(text: &str) -> bool {
    (1..=limits::REQUEST_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte))
}

/// A random UUID (RFC 9562, version 4).
fn make_request_id(entropy: &dyn Entropy) -> Arc<str> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let bits = u128::from_be_bytes(bytes) & !(0xf << 76) | 4 << 76;
    let bits = bits & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn a_good_id_is_taken_over_and_a_bad_one_replaced() {
        let context = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(&REQUEST_ID, id.parse().unwrap());
            Context::new(&headers, Sender { ip: None, tls: false }, &Ones).request_id.to_string()
        };
        assert_eq!(context("req-42"), "req-42");
        let made = "ffffffff-ffff-4fff-bfff-ffffffffffff";
        assert_eq!(context("a b"), made);
        assert_eq!(context("<script>"), made);
        assert_eq!(context(&"x".repeat(129)), made);
    }
}
