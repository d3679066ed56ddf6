//! `/v1/orgs/{org}/on-prem-keys`: keys are made, shown, changed and revoked. A change and its record are one commit.

use actarium_core::row::Micros;
use actarium_core::time;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::{created, json_answer, no_content};
use crate::app::App;
use crate::directory::key::{Key, OnPremKey};
use crate::directory::{Edit, Kept, change};
use crate::dispatch::Call;
use crate::form::{Form, Holds, name_of_one_who_acts, readable, yet_to_come};
use crate::limits;
use crate::network;
use crate::problem::{Kind, Problem};
use crate::recorder::OwnRecord;
use crate::token;

/// What a body says about a key: of what may be removed, `Some(None)` says that it is.
struct Wanted {
    name: Option<String>,
    environment: Option<Option<String>>,
    expires_at: Option<Option<Micros>>,
    networks: Option<Option<Vec<String>>>,
}

impl Wanted {
    fn read(body: &[u8], now: Micros, new: bool) -> Result<Self, Problem> {
        let fields = [
            ("name", Holds::Text),
            ("environment", Holds::Text),
            ("expires_at", Holds::Text),
            ("networks", Holds::Texts),
        ];
        let mut form = Form::read_fields(body, &fields)?;
        let name = if new {
            Some(form.needed("name", name_of_one_who_acts))
        } else {
            form.optional("name", name_of_one_who_acts)
        };
        if !new && form.is_null("name") {
            form.refuse("/name", "a key has a name; leave it out to keep it");
        }
        let environment = form.optional("environment", |text| readable(text, limits::ENVIRONMENT_CHARS_MAX));
        let expires_at = form.optional("expires_at", |text| yet_to_come(text, now).map(drop));
        let networks = form.list("networks").map(|texts| networks(&mut form, &texts));
        let nulls = ["environment", "expires_at", "networks"].map(|name| form.is_null(name));
        form.finish()?;
        let expires_at = expires_at.map(|text| yet_to_come(&text, now)).transpose();
        let expires_at = expires_at.map_err(|detail| Problem::new(Kind::InvalidContent, detail))?;
        Ok(Self {
            name,
            environment: given(environment, nulls[0]),
            expires_at: given(expires_at, nulls[1]),
            networks: given(networks, nulls[2]),
        })
    }

    fn put_into(self, key: &mut OnPremKey) {
        key.name = self.name.unwrap_or_else(|| std::mem::take(&mut key.name));
        if let Some(environment) = self.environment {
            key.environment = environment;
        }
        if let Some(expires_at) = self.expires_at {
            key.expires_at = expires_at;
        }
        if let Some(networks) = self.networks {
            key.networks = networks.unwrap_or_default();
        }
    }
}

/// What is said of something that may be removed.
fn given<T>(value: Option<T>, null: bool) -> Option<Option<T>> {
    if null { Some(None) } else { value.map(Some) }
}

/// The networks as they are kept: each once, in one spelling.
fn networks(form: &mut Form, texts: &[String]) -> Vec<String> {
    if texts.is_empty() || texts.len() > limits::NETWORKS_PER_KEY_MAX {
        let most = limits::NETWORKS_PER_KEY_MAX;
        let detail = format!(
            "must be a list of 1 to {most} addresses and networks; null for a key that may be used from anywhere"
        );
        form.refuse("/networks", &detail);
        return Vec::new();
    }
    let mut shown = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match network::parse(text).map(|network| network::shown(&network)) {
            Ok(network) if shown.contains(&network) => {}
            Ok(network) => shown.push(network),
            Err(detail) => form.refuse(&format!("/networks/{index}"), &detail),
        }
    }
    shown
}

fn shown(app: &App, id: &str, key: &OnPremKey) -> Value {
    let last_used_at = app.sign_in.uses.last(id, key.last_used_at.unwrap_or(Micros::MIN));
    json!({
        "id": id,
        "name": key.name,
        "environment": key.environment,
        "created_at": time::to_text(key.created_at),
        "expires_at": key.expires_at.map(time::to_text),
        "networks": (!key.networks.is_empty()).then_some(&key.networks),
        "last_used_at": (last_used_at != Micros::MIN).then(|| time::to_text(last_used_at)),
    })
}

fn target(id: &str, name: &str) -> Value {
    json!({"type": "on_prem_key", "id": id, "name": name})
}

fn no_such_key() -> Problem {
    Problem::new(Kind::NotFound, "the organization has no such key")
}

/// Makes a key and shows its secret, this once.
///
/// # Errors
/// 422 for what is against the rules, 409 when the organization has as many keys as it may have.
pub async fn create(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let app = call.app.clone();
    let now = app.clock.now();
    let wanted = Wanted::read(&read.bytes, now, true)?;
    let mut random = [0; token::RANDOM_BYTES];
    app.entropy.fill(&mut random);
    let (id, secret) = token::key(&random);
    let mut key = OnPremKey {
        name: String::new(),
        environment: None,
        created_at: now,
        expires_at: None,
        networks: Vec::new(),
        last_used_at: None,
        sha256: token::to_hex(&token::hash(&secret)),
    };
    wanted.put_into(&mut key);
    let mut answer = shown(&app, &id, &key);
    answer["secret"] = json!(secret);
    change(&app, call.standing(), move |state| {
        if state.keys().of(organization).count() >= limits::KEYS_PER_ORGANIZATION_MAX {
            let most = limits::KEYS_PER_ORGANIZATION_MAX;
            let detail = format!("the organization has {most} keys, the most it may have; revoke one first");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let mut edit = Edit::default();
        edit.put(Some(organization), &id, None, &key)?;
        edit.record(organization, creation_record(&call, &id, &key));
        Ok((edit, ()))
    })
    .await?;
    created(&answer)
}

fn creation_record(call: &Call, id: &str, key: &OnPremKey) -> OwnRecord {
    let mut record = call.record("on_prem_key.create", target(id, &key.name));
    if let Some(environment) = &key.environment {
        record = record.on(json!({"type": "environment", "id": environment}));
    }
    if let Some(at) = key.expires_at {
        record = record.with("expires_at", time::to_text(at));
    }
    if key.networks.is_empty() { record } else { record.with_whole("networks", &key.networks.join(" ")) }
}

/// Lists the organization's keys, oldest first.
///
/// # Errors
/// None that are the client's.
pub fn list(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    call.app.directory.read(|state| {
        let mut keys: Vec<_> = state.keys().of(organization).collect();
        keys.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
        let shown: Vec<_> = keys.into_iter().map(|key| shown(&call.app, &key.id, key)).collect();
        json_answer(&json!({ "keys": shown }))
    })
}

/// Shows a key.
///
/// # Errors
/// 404 if the organization has no such key.
pub fn view(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let key = call.app.directory.read(|state| state.keys().get_of(organization, &call.id).cloned());
    let key = key.ok_or_else(no_such_key)?;
    json_answer(&shown(&call.app, &key.id, &key))
}

/// Changes a key: the next request with it is held to what it is now.
///
/// # Errors
/// 404 if the organization has no such key, 422 for what is against the rules.
pub async fn update(mut call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let (_, read) = call.read_body().await?;
    let app = call.app.clone();
    let wanted = Wanted::read(&read.bytes, app.clock.now(), false)?;
    let answer = change(&app, call.standing(), move |state| {
        let before: &Key = state.keys().get_of(organization, &call.id).ok_or_else(no_such_key)?;
        let mut after = before.document.clone();
        wanted.put_into(&mut after);
        let mut edit = Edit::default();
        if after != before.document {
            edit.put(Some(organization), &call.id, Some(&**before), &after)?;
            edit.record(organization, update_record(&call, before, &after));
        }
        Ok((edit, shown(&call.app, &call.id, &after)))
    });
    json_answer(&answer.await?)
}

/// Everything that changed, before and after.
fn update_record(call: &Call, before: &Kept<OnPremKey>, after: &OnPremKey) -> OwnRecord {
    let time_of = |key: &OnPremKey| json!(key.expires_at.map(time::to_text));
    let networks_of = |key: &OnPremKey| json!((!key.networks.is_empty()).then_some(&key.networks));
    call.record("on_prem_key.update", target(&before.id, &after.name))
        .changing("/name", &*before.name, &*after.name)
        .changing("/environment", json!(before.environment), json!(after.environment))
        .changing("/expires_at", time_of(before), time_of(after))
        .changing("/networks", networks_of(before), networks_of(after))
}

/// Revokes a key: the next request with it is refused.
///
/// # Errors
/// 404 if the organization has no such key.
pub async fn revoke(call: Call) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let app = call.app.clone();
    change(&app, call.standing(), move |state| {
        let key = state.keys().get_of(organization, &call.id).ok_or_else(no_such_key)?;
        let mut edit = Edit::default();
        edit.delete::<OnPremKey>(Some(organization), &key.id, key.version);
        edit.record(organization, call.record("on_prem_key.revoke", target(&key.id, &key.name)));
        Ok((edit, ()))
    })
    .await?;
    Ok(no_content())
}
