//! What a browser holds of a session, and when a session is over. Pure: headers and times are passed in.
//!
//! The cookie carries the session's token. From the token the browser is also given a second one, the CSRF token, which a
//! page of ours can read and send along, and a page of somebody else's cannot (OWASP: cookie-to-header with a value bound
//! to the session). It is derived, so nothing of it is kept.

use std::time::Duration;

use actarium_core::row::Micros;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header in which changes made with a cookie carry the CSRF token.
pub const CSRF_HEADER: &str = "x-csrf-token";

const COOKIE: &str = "actarium_session";
const DEVICE_COOKIE: &str = "actarium_device";
const DEVICE_COOKIE_OF_HOST: &str = "__Host-actarium_device";
/// Browsers take a cookie of this name only over TLS, from this very host, for all of it: no other host of the same
/// domain can set it (RFC 6265bis, section 4.1.3.2).
const COOKIE_OF_HOST: &str = "__Host-actarium_session";

/// How a session's cookie is named and flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieForm {
    /// Whether browsers always come over TLS, because the public URL says so.
    pub of_host: bool,
    /// Whether this request came over TLS.
    pub secure: bool,
}

impl CookieForm {
    /// The cookie's name.
    pub const fn name(self) -> &'static str {
        if self.of_host { COOKIE_OF_HOST } else { COOKIE }
    }

    /// The `Set-Cookie` that hands out a token.
    pub fn hand_out(self, token: &str, time_max: Duration) -> String {
        self.set(token, time_max.as_secs())
    }

    /// The `Set-Cookie` that takes it back.
    pub fn take_back(self) -> String {
        self.set("", 0)
    }

    fn set(self, value: &str, max_age_seconds: u64) -> String {
        self.set_named(self.name(), value, max_age_seconds)
    }

    fn set_named(self, name: &str, value: &str, max_age_seconds: u64) -> String {
        let secure = if self.of_host || self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    const fn device_name(self) -> &'static str {
        if self.of_host { DEVICE_COOKIE_OF_HOST } else { DEVICE_COOKIE }
    }

    /// The `Set-Cookie` of what the browser keeps of an account (see `device`).
    pub fn keep_device(self, value: &str, time_max: Duration) -> String {
        self.set_named(self.device_name(), value, time_max.as_secs())
    }

    /// What a browser has kept of an account.
    pub fn device(self, headers: &HeaderMap) -> Option<&str> {
        Self::value(headers, self.device_name())
    }

    /// The token of a request's cookie.
    pub fn token(self, headers: &HeaderMap) -> Option<&str> {
        Self::value(headers, self.name())
    }

    fn value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }
}

/// The CSRF token that belongs to a session's token.
pub fn csrf_token(token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"actarium/csrf/v1");
    BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether a request carries the CSRF token of its session.
pub fn has_csrf_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(CSRF_HEADER).map_or(&b""[..], |value| value.as_bytes());
    csrf_token(token).as_bytes().ct_eq(given).into()
}

/// Whether a request's `Origin`, where one is sent, is the service's own: the public URL's, or else that of the host
/// that the request was sent to.
pub fn is_own_origin(headers: &HeaderMap, public_origin: Option<&str>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    match public_origin {
        Some(own) => origin.eq_ignore_ascii_case(own),
        None => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
        }
    }
}

/// When a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Time without any request after which it is over.
    pub idle: Duration,
    /// Time after its beginning at which it is over in any case.
    pub absolute: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { idle: Duration::from_secs(12 * 60 * 60), absolute: Duration::from_secs(7 * 24 * 60 * 60) }
    }
}

impl Expiry {
    /// The moment at which a session is over, if it is not used again before.
    pub fn ends_at(&self, created_at: Micros, last_used_at: Micros) -> Micros {
        let after = |moment: Micros, time: Duration| moment.saturating_add(time.as_micros() as Micros);
        after(created_at, self.absolute).min(after(last_used_at, self.idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn cookies_have_every_flag_that_fits() {
        let plain = CookieForm { of_host: false, secure: false };
        let week = Expiry::default().absolute;
        assert_eq!(plain.hand_out("t", week), "actarium_session=t; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax");
        let proxied = CookieForm { secure: true, ..plain };
        assert!(proxied.hand_out("t", week).ends_with("; HttpOnly; SameSite=Lax; Secure"));
        let of_host = CookieForm { of_host: true, secure: false };
        assert_eq!(of_host.take_back(), "__Host-actarium_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn the_cookie_is_found_by_its_exact_name() {
        let plain = CookieForm { of_host: false, secure: false };
        let sent = headers(&[("cookie", "a=b; actarium_session=t1; x"), ("cookie", "__Host-actarium_session=t2")]);
        assert_eq!(plain.token(&sent), Some("t1"));
        assert_eq!(CookieForm { of_host: true, secure: true }.token(&sent), Some("t2"));
        assert_eq!(plain.token(&headers(&[("cookie", "xactarium_session=t; actarium_session2=t")])), None);
        assert_eq!(plain.token(&headers(&[])), None);
    }

    #[test]
    fn the_csrf_token_belongs_to_one_session() {
        let sent = headers(&[(CSRF_HEADER, &csrf_token("t1"))]);
        assert!(has_csrf_token(&sent, "t1"));
        assert!(!has_csrf_token(&sent, "t2"));
        assert!(!has_csrf_token(&headers(&[]), "t1"));
        assert!(!has_csrf_token(&headers(&[(CSRF_HEADER, "")]), "t1"));
        assert!(!csrf_token("t1").contains("t1"));
    }

    #[test]
    fn a_foreign_origin_is_told_from_our_own() {
        let from = |origin: &str| headers(&[("host", "log.example:8470"), ("origin", origin)]);
        assert!(is_own_origin(&headers(&[("host", "log.example:8470")]), None));
        assert!(is_own_origin(&from("http://log.example:8470"), None));
        for foreign in ["http://log.example", "http://evil.example", "null", "http://log.example:8470.evil.example"] {
            assert!(!is_own_origin(&from(foreign), None), "{foreign}");
        }
        assert!(is_own_origin(&from("https://audit.example"), Some("https://audit.example")));
        assert!(!is_own_origin(&from("http://audit.example"), Some("https://audit.example")));
        assert!(!is_own_origin(&from("http://log.example:8470"), Some("https://audit.example")));
    }

    #[test]
    fn a_session_is_over_at_the_earlier_of_its_two_ends() {
        let expiry = Expiry::default();
        let hour = 3_600_000_000;
        assert_eq!(expiry.ends_at(0, 0), 12 * hour);
        assert_eq!(expiry.ends_at(0, 100 * hour), 112 * hour);
        assert_eq!(expiry.ends_at(0, 167 * hour), 168 * hour);
    }
}
