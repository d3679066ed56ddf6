//! A real OpenID Connect provider (`tests/oidc/provider.mjs`) and a browser that signs in there: cookies, redirects, forms.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actarium_store::storage::read_roots;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// A provider that runs until it is dropped.
pub struct Provider {
    child: Child,
    pub issuer: String,
    /// What its certificate is checked against, if it speaks TLS.
    roots: Option<RootCerts>,
}

impl Provider {
    pub fn start() -> Self {
        Self::start_with(&[], None)
    }

    /// Starts one that speaks TLS with a certificate of an authority that nobody knows; gives the authority's file.
    pub fn start_with_tls(folder: &Path) -> (Self, PathBuf) {
        let [authority, key, certificate] = make_certificates(folder);
        let roots = read_roots(&authority).unwrap();
        (Self::start_with(&[key, certificate], Some(roots)), authority)
    }

    fn start_with(arguments: &[PathBuf], roots: Option<RootCerts>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc");
        assert!(folder.join("node_modules").is_dir(), "run `npm ci` in tests/oidc first; tests/run does");
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut issuer = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut issuer).unwrap();
        let issuer = issuer.trim().to_owned();
        assert!(issuer.contains("://127.0.0.1:"), "the provider did not start");
        Self { child, issuer, roots }
    }

    /// Changes what it does; see the script.
    pub fn control(&self, changes: &Value) {
        let answer =
            agent(self.roots.clone()).post(format!("{}/control", self.issuer)).send(changes.to_string()).unwrap();
        assert_eq!(answer.status(), 204);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files of an authority, and of a key with a certificate by it for this machine.
fn make_certificates(folder: &Path) -> [PathBuf; 3] {
    let file = |name: &str| folder.join(name);
    let openssl = |arguments: &str| {
        let made =
            Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl is there");
        assert!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
    };
    std::fs::write(file("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout authority.key -out authority.pem -days 2 -subj /CN=Authority"));
    openssl(&format!("req {key} -keyout key.pem -out request.pem -subj /CN=127.0.0.1"));
    let signed = "-CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names";
    openssl(&format!("x509 -req -in request.pem -out certificate.pem {signed}"));
    [file("authority.pem"), file("key.pem"), file("certificate.pem")]
}

fn agent(roots: Option<RootCerts>) -> Agent {
    let tls = roots.map_or_else(TlsConfig::default, |roots| TlsConfig::builder().root_certs(roots).build());
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(60)));
    config.build().into()
}

/// What a browser was answered.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

/// A browser; a clone has the same cookies. It keeps cookies by host and port and goes where it is sent.
#[derive(Clone)]
pub struct Browser {
    agent: Agent,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Browser {
    pub fn new() -> Self {
        Self { agent: agent(None), cookies: BTreeMap::new() }
    }

    /// One that knows the provider's authority.
    pub fn knowing(provider: &Provider) -> Self {
        Self { agent: agent(provider.roots.clone()), cookies: BTreeMap::new() }
    }

    /// Signs in at a provider, beginning at its authorization endpoint: follows redirects, fills in the login form, consents.
    /// Gives the first address of another host that it is sent to, which it does not visit.
    pub fn sign_in(&mut self, url: &str, login: &str) -> String {
        let own = authority(url).to_owned();
        let mut page = self.send(url, None);
        // Login, consent and the redirects between them are far fewer.
        for _ in 0..20 {
            let next = match &page.location {
                Some(next) if authority(next) != own => return next.clone(),
                Some(next) => (next.clone(), None),
                None => {
                    let (action, form) = fill_in(&page, login);
                    (action, Some(form))
                }
            };
            page = self.send(&next.0, next.1.as_deref());
        }
        panic!("no end of redirects: {page:?}");
    }

    /// The `Cookie` header that it sends there.
    pub fn cookies_for(&self, url: &str) -> String {
        let jar = self.cookies.get(authority(url)).into_iter().flatten();
        let cookies: Vec<_> = jar.map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// One request, `POST` with a form.
    pub fn send(&mut self, url: &str, form: Option<&str>) -> Page {
        let cookies = self.cookies_for(url);
        let answer = match form {
            None => self.agent.get(url).header("cookie", cookies).call(),
            Some(form) => {
                let request = self.agent.post(url).header("cookie", cookies);
                request.header("content-type", "application/x-www-form-urlencoded").send(form)
            }
        };
        let mut answer = answer.unwrap();
        let jar = self.cookies.entry(authority(url).to_owned()).or_default();
        for line in answer.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let location = location.map(|next| absolute(url, &next));
        Page { status: answer.status().as_u16(), location, body: answer.body_mut().read_to_string().unwrap() }
    }
}

/// Scheme, host and port.
fn authority(url: &str) -> &str {
    let after = url.find("://").unwrap() + 3;
    let end = url[after..].find(['/', '?']).map_or(url.len(), |end| after + end);
    &url[..end]
}

fn absolute(base: &str, next: &str) -> String {
    if next.starts_with('/') { format!("{}{next}", authority(base)) } else { next.to_owned() }
}

/// The action of the page's form and what goes into it.
fn fill_in(page: &Page, login: &str) -> (String, String) {
    let between = |before: &str, after: &str| {
        let start = page.body.find(before).unwrap_or_else(|| panic!("no {before}: {page:?}")) + before.len();
        let end = page.body[start..].find(after).unwrap();
        &page.body[start..start + end]
    };
    let prompt = between("name=\"prompt\" value=\"", "\"");
    let form = match prompt {
        "login" => format!("prompt=login&login={login}&password=any"),
        other => format!("prompt={other}"),
    };
    (between("action=\"", "\"").to_owned(), form)
}

/// The value of a parameter of a URL's query, which has no characters that were encoded.
pub fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(there, _)| *there == name).map_or("", |(_, value)| value)
}
