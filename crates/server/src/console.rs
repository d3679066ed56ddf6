//! The console's files, as they were built into the program (`build.rs`), and the page that says how to get it where it was
//! not. A path that is no file of it is one of its pages: the console itself knows which there are. Nothing of an
//! organization is in it: what it shows it asks of the API, as the person who is signed in.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use bytes::Bytes;

use crate::negotiation;
use crate::problem::PROBLEM_JSON;

/// A file of the console.
struct File {
    name: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// The page that all addresses of the console have.
const INDEX: &str = "index.html";
/// Where the files are whose names hold a hash of what they hold.
const HASHED: &str = "assets/";
const HTML: &str = "text/html; charset=utf-8";

/// What a page of the console may do: run and show what came with it, ask this service, and nothing else. No script or
/// style within a page counts, no text becomes markup, and no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const NOT_BUILT: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Actarium</title>\
<h1>This program was built without the console</h1>\
<p><code>make build</code> builds the console and puts it into the program; it needs Node.js 20.19 or later and npm.</p>\
<p>The API is there: <a href=\"/openapi.json\">/openapi.json</a> is its reference.</p></html>\n";

/// Whether the console is in this program.
pub fn is_built_in() -> bool {
    !FILES.is_empty()
}

/// The console's answer to a request that met no route of the API; `None` where it has none.
pub fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.strip_prefix('/')?;
    if !matches!(*method, Method::GET | Method::HEAD) || name == "v1" || name.starts_with("v1/") {
        return None;
    }
    if let Some(file) = file(name) {
        return Some(give(file, headers));
    }
    // A browser that goes somewhere asks for a page; a program that asks for nothing in particular gets the API's word.
    let prefers_page =
        || negotiation::choose(headers, &[PROBLEM_JSON, "text/html"]).is_ok_and(|form| form == "text/html");
    let wants_page = name.is_empty() || prefers_page();
    if name.starts_with(HASHED) || !wants_page {
        return None;
    }
    Some(file(INDEX).map_or_else(not_built, |index| give(index, headers)))
}

fn file(name: &str) -> Option<&'static File> {
    FILES.binary_search_by(|file| file.name.cmp(name)).ok().map(|at| &FILES[at])
}

fn not_built() -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(NOT_BUILT)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    response
}

fn give(file: &'static File, headers: &HeaderMap) -> Response {
    let accepted = Accepted::of(headers);
    let (encoding, bytes) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if accepted.brotli => (Some("br"), bytes),
        (_, Some(bytes)) if accepted.gzip => (Some("gzip"), bytes),
        _ => (None, file.plain),
    };
    let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
    let answer = response.headers_mut();
    let mut put = |name, value| answer.insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, media_type(file.name));
    put(header::VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        put(header::CONTENT_ENCODING, encoding);
    }
    let lasts = file.name.starts_with(HASHED);
    put(header::CACHE_CONTROL, if lasts { "public, max-age=31536000, immutable" } else { "no-cache" });
    if file.name == INDEX {
        put(header::CONTENT_SECURITY_POLICY, POLICY);
        put(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => HTML,
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Which compressed forms a client takes (RFC 9110, section 12.5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Accepted {
    brotli: bool,
    gzip: bool,
}

impl Accepted {
    fn of(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for coding in lines.flat_map(|line| line.split(',')) {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            let takes = weight.is_some_and(|weight| weight > 0.0);
            match name.trim() {
                name if name.eq_ignore_ascii_case("br") => accepted.brotli = takes,
                name if name.eq_ignore_ascii_case("gzip") => accepted.gzip = takes,
                _ => {}
            }
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str, accept: &str) -> Option<Response> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        answer(&method, path, &headers)
    }

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn pages_are_for_browsers_and_never_in_place_of_the_api() {
        for path in ["/", "/orgs/demo/audit-logs", "/sign-in", "/v1x"] {
            let page = asked(Method::GET, path, BROWSER).unwrap();
            assert_eq!(page.headers()[header::CONTENT_TYPE], HTML, "{path}");
        }
        assert!(asked(Method::GET, "/", "*/*").is_some());
        assert!(asked(Method::HEAD, "/sign-in", BROWSER).is_some());
        for (method, path, accept) in [
            (Method::GET, "/v1/orgs/demo/nothing", BROWSER),
            (Method::GET, "/v1", BROWSER),
            (Method::GET, "/orgs/demo", "*/*"),
            (Method::GET, "/orgs/demo", "application/json"),
            (Method::GET, "/assets/nothing.js", BROWSER),
            (Method::POST, "/", BROWSER),
        ] {
            assert!(asked(method, path, accept).is_none(), "{path}");
        }
    }

    #[test]
    fn compressed_forms_are_for_who_takes_them() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
            Accepted::of(&headers)
        };
        assert_eq!(of("gzip, deflate, br, zstd"), Accepted { brotli: true, gzip: true });
        assert_eq!(of("br;q=0, GZIP;q=0.5"), Accepted { brotli: false, gzip: true });
        assert_eq!(of("identity"), Accepted::default());
        assert_eq!(of("gzip;q=x"), Accepted::default());
    }

    #[test]
    fn files_can_be_found_by_name() {
        assert!(FILES.is_sorted_by(|one, other| one.name < other.name));
        assert_eq!(is_built_in(), file(INDEX).is_some());
    }
}
