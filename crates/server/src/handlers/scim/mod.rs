//! `/v1/orgs/{org}/scim/v2`: SCIM over the directory. What all its routes have in common is here: addresses, bodies,
//! entity tags, the form of answers, discovery, lists. `users` and `groups` have what is theirs.
//!
//! A token of SCIM acts within the rights that it was given. It sees and changes the organization's own view of people and
//! never learns whether somebody has an account elsewhere, nor changes one that others share.

pub mod groups;
pub mod users;

use std::sync::Arc;

use actarium_store::OrganizationId;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use crate::answers::bytes_answer;
use crate::directory::State;
use crate::dispatch::Call;
use crate::problem::{Kind, Problem};
use crate::scim::error::Refused;
use crate::scim::listing::{Query, QueryTexts, list_response};
use crate::scim::schema::ResourceType;
use crate::scim::select::Selection;
use crate::scim::{Attributes, content, discovery, etag};

/// A resource with all that is shown of it.
#[derive(Clone, Debug)]
pub struct Resource {
    resource_type: ResourceType,
    attributes: Attributes,
    version: String,
    location: String,
}

impl Resource {
    /// A resource out of its attributes without `meta`; `meta` has what else is known.
    fn new(resource_type: ResourceType, mut attributes: Attributes, mut meta: Attributes, location: String) -> Self {
        let version = etag::version(&attributes);
        meta.insert("resourceType".into(), resource_type.name().into());
        meta.insert("location".into(), location.clone().into());
        meta.insert("version".into(), version.clone().into());
        attributes.insert("meta".into(), Value::Object(meta));
        Self { resource_type, attributes, version, location }
    }
}

/// The address of SCIM in the organization of the call.
///
/// # Errors
/// 500 on a route without an organization.
fn base(call: &Call) -> Result<String, Problem> {
    Ok(format!("{}/v1/orgs/{}/scim/v2", call.origin(), call.organization()?.slug))
}

/// An answer of SCIM.
fn scim_answer(call: &Call, value: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Problem::new(Kind::Internal, "the answer could not be written")
    })?;
    Ok(bytes_answer(call.form, bytes))
}

/// The answer about one resource.
fn resource_answer(
    call: &Call,
    status: StatusCode,
    resource: Resource,
    selection: &Selection,
) -> Result<Response, Problem> {
    let headers = [(header::ETAG, resource.version), (header::CONTENT_LOCATION, resource.location.clone())];
    let mut response = scim_answer(call, &selection.apply(resource.resource_type, resource.attributes))?;
    *response.status_mut() = status;
    let made = (status == StatusCode::CREATED).then_some((header::LOCATION, resource.location));
    for (name, value) in headers.into_iter().chain(made) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// The answer to a look at one resource: nothing more than its tag if the client has it as it is.
fn look_answer(call: &Call, resource: Resource) -> Result<Response, Problem> {
    let selection = selection(call, &[resource.resource_type])?;
    if listed(&call.headers, &header::IF_NONE_MATCH).is_some_and(|list| etag::listed(&list, &resource.version)) {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        if let Ok(version) = HeaderValue::from_str(&resource.version) {
            response.headers_mut().insert(header::ETAG, version);
        }
        return Ok(response);
    }
    resource_answer(call, StatusCode::OK, resource, &selection)
}

/// All values of a header that is a list.
fn listed(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Refuses a change of a resource that is not any more as the client has it.
///
/// # Errors
/// 412.
fn must_match(headers: &HeaderMap, version: &str) -> Result<(), Problem> {
    match listed(headers, &header::IF_MATCH) {
        Some(list) if !etag::listed(&list, version) => Err(Problem::new(
            Kind::PreconditionFailed,
            "the resource is not any more as `If-Match` says; read it again",
        )),
        _ => Ok(()),
    }
}

/// Works something out of what there is, on a thread of its own and before the turn of the change that it is for: what a client asks
/// for may take long, and all changes of all organizations have their turns one after the other.
///
/// # Errors
/// What `work` refuses.
async fn worked_out<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Problem> {
    let working = tokio::task::spawn_blocking(work);
    let done = working.await.map_err(|_| Problem::new(Kind::Internal, "the change could not be worked out"))?;
    Ok(done?)
}

/// The answer to a change whose resource was changed each time while it was worked out.
fn changed_meanwhile() -> Problem {
    Problem::new(Kind::Unavailable, "the resource is being changed by others; send the change again").retry_after(1)
}

/// Reads the body as JSON.
///
/// # Errors
/// See [`Call::read_body`] and [`content::parse`].
async fn read_json(call: &mut Call) -> Result<Value, Problem> {
    let (_, read) = call.read_body().await?;
    content::parse(&read.bytes)
}

/// `attributes` and `excludedAttributes` of the call.
fn selection(call: &Call, types: &[ResourceType]) -> Result<Selection, Problem> {
    let list = |name: &str| call.parameters.one(name).into_iter().flat_map(|names| names.split(','));
    Ok(Selection::read(types, list("attributes"), list("excludedAttributes"))?)
}

/// What of SCIM there is.
///
/// # Errors
/// 500 for a fault of this program.
pub fn service_provider_config(call: &Call) -> Result<Response, Problem> {
    scim_answer(call, &discovery::service_provider_config(&base(call)?))
}

/// The types of resources.
///
/// # Errors
/// 500 for a fault of this program.
pub fn resource_types(call: &Call) -> Result<Response, Problem> {
    listed_whole(call, discovery::resource_types(&base(call)?))
}

/// One type of resources.
///
/// # Errors
/// 404 if there is none with the id.
pub fn resource_type(call: &Call) -> Result<Response, Problem> {
    one_of(call, discovery::resource_types(&base(call)?))
}

/// The schemas.
///
/// # Errors
/// 500 for a fault of this program.
pub fn schemas(call: &Call) -> Result<Response, Problem> {
    listed_whole(call, discovery::schemas(&base(call)?))
}

/// One schema.
///
/// # Errors
/// 404 if there is none with the id.
pub fn schema(call: &Call) -> Result<Response, Problem> {
    one_of(call, discovery::schemas(&base(call)?))
}

fn listed_whole(call: &Call, resources: Vec<Value>) -> Result<Response, Problem> {
    scim_answer(call, &list_response(resources.len(), 0, resources))
}

fn one_of(call: &Call, resources: Vec<Value>) -> Result<Response, Problem> {
    match resources.iter().find(|resource| resource["id"] == call.id.as_str()) {
        Some(resource) => scim_answer(call, resource),
        None => Err(Problem::new(Kind::NotFound, "there is nothing with this id; the list has all there are")),
    }
}

/// Lists resources as parameters ask for them.
///
/// # Errors
/// 400 for a query that cannot be read.
pub async fn list(call: &Call, resource_type: ResourceType) -> Result<Response, Problem> {
    let types = [resource_type];
    let texts = QueryTexts {
        filter: call.parameters.one("filter"),
        sort_by: call.parameters.one("sortBy"),
        sort_order: call.parameters.one("sortOrder"),
        start_index: call.parameters.integer("startIndex"),
        count: call.parameters.integer("count"),
    };
    let query = Query::read(&types, texts, selection(call, &types)?)?;
    found(call, &types, query).await
}

/// Lists resources as a body asks for them.
///
/// # Errors
/// 400 for a query that cannot be read.
pub async fn search(mut call: Call, types: &'static [ResourceType]) -> Result<Response, Problem> {
    let body = read_json(&mut call).await?;
    let query = Query::from_message(types, &body)?;
    found(&call, types, query).await
}

/// Something that may be asked for, as it was when the request looked.
enum Candidate {
    User(Box<users::Entry>),
    Group(Box<groups::Entry>),
}

impl Candidate {
    fn key(&self) -> (ResourceType, String) {
        match self {
            Candidate::User(entry) => (ResourceType::User, entry.id().to_owned()),
            Candidate::Group(entry) => (ResourceType::Group, entry.id().to_owned()),
        }
    }

    fn resource(&self, base: &str) -> Resource {
        match self {
            Candidate::User(entry) => entry.resource(base),
            Candidate::Group(entry) => entry.resource(base),
        }
    }
}

/// Finds, sorts and shows a page. The directory is only looked at: what has to be put together for the filter is put together
/// on a thread of its own, so that a long list keeps nobody waiting.
async fn found(call: &Call, types: &[ResourceType], query: Query) -> Result<Response, Problem> {
    let organization = call.organization()?.id;
    let base: Arc<str> = base(call)?.into();
    let directory = &call.app.directory;
    let mut candidates = Vec::new();
    directory.read(|state| {
        if types.contains(&ResourceType::User) {
            candidates.extend(users::candidates(state, organization, &query).map(|e| Candidate::User(Box::new(e))));
        }
        if types.contains(&ResourceType::Group) {
            candidates.extend(groups::candidates(state, organization, &query).map(|e| Candidate::Group(Box::new(e))));
        }
    });
    let (query, keys) = if query.filter.is_none() && query.sort_by.is_none() {
        (query, candidates.iter().map(Candidate::key).collect())
    } else {
        let base = base.clone();
        let choosing = tokio::task::spawn_blocking(move || {
            let keys = chosen(&candidates, &query, &base);
            (query, keys)
        });
        choosing.await.map_err(|_| Problem::new(Kind::Internal, "finding resources failed"))?
    };
    let page: Vec<_> = keys.iter().skip(query.skipped).take(query.count).collect();
    let entries: Vec<_> =
        directory.read(|state| page.iter().filter_map(|key| candidate(state, organization, key)).collect());
    let shown = entries.iter().map(|entry| {
        let resource = entry.resource(&base);
        Value::Object(query.selection.apply(resource.resource_type, resource.attributes))
    });
    scim_answer(call, &list_response(keys.len(), query.skipped, shown.collect()))
}

fn chosen(candidates: &[Candidate], query: &Query, base: &str) -> Vec<(ResourceType, String)> {
    let whole = candidates.iter().map(|candidate| (candidate.key(), candidate.resource(base).attributes));
    let mut matching: Vec<_> = whole.filter(|(_, attributes)| query.matches(attributes)).collect();
    query.sort(&mut matching, |(_, attributes)| attributes);
    matching.into_iter().map(|(key, _)| key).collect()
}

fn candidate(state: &State, organization: OrganizationId, (kind, id): &(ResourceType, String)) -> Option<Candidate> {
    match kind {
        ResourceType::User => {
            users::Entry::of(state, organization, id, true).map(|entry| Candidate::User(Box::new(entry)))
        }
        ResourceType::Group => {
            groups::Entry::of(state, organization, id, true).map(|entry| Candidate::Group(Box::new(entry)))
        }
    }
}
