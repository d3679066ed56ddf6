//! `GET /v1/orgs/{org}/events/histogram` and `…/facets`: counts of what a search finds.

use std::sync::Arc;

use actarium_core::filter::Filter;
use actarium_core::limits::OCCURRED_AHEAD_MICROS_MAX;
use actarium_core::row::Micros;
use actarium_query::{FacetField, FacetRequest, HistogramRequest, Interval};
use actarium_store::Organization;
use axum::response::Response;
use serde::Serialize;

use crate::answers::json_answer;
use crate::dispatch::Call;
use crate::limits;
use crate::parameters::invalid;
use crate::problem::Problem;
use crate::queries::{
    criteria, menu_key, query_problem, reaches_archive, remember_search, run, search_record, snapshot,
};

/// Counts, and whether they took the archive to make.
#[derive(Serialize)]
struct Counted<T> {
    #[serde(flatten)]
    counts: T,
    archive: bool,
}

/// Counts events over time.
///
/// # Errors
/// See the route table.
pub async fn histogram(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let now = call.app.clock.now();
    let mut criteria = criteria(&call.parameters, now)?;
    if criteria.range.to == Micros::MAX {
        // Buckets need an end: that of the events that may be there.
        criteria.range.to = now.saturating_add(OCCURRED_AHEAD_MICROS_MAX + 1).max(criteria.range.from);
    }
    let interval = call.parameters.one("interval").map(Interval::parse).transpose();
    let interval = interval.map_err(|error| invalid("interval", &error.to_string()))?;
    record_once(call, &organization, &criteria.filter)?;
    let request = HistogramRequest { range: criteria.range, filter: criteria.filter, interval };
    let (engine, scope) = (call.app.engine.clone(), call.scope.clone());
    let histogram = run(&call.app.turns.counts, organization.id, limits::QUERY_TIME_MAX, move |stop| {
        let snapshot = snapshot(&engine, &organization)?;
        let counts = actarium_query::histogram(&snapshot, &scope, &request, stop).map_err(query_problem)?;
        Ok(Counted { counts, archive: reaches_archive(&snapshot, request.range) })
    })
    .await?;
    json_answer(&histogram)
}

/// Counts the most frequent values of fields.
///
/// # Errors
/// See the route table.
pub async fn facets(call: &Call) -> Result<Response, Problem> {
    let organization = call.organization()?;
    let criteria = criteria(&call.parameters, call.app.clock.now())?;
    let mut fields: Vec<FacetField> = Vec::new();
    for name in call.parameters.all("field") {
        let field = FacetField::from_name(name).ok_or_else(|| invalid("field", "there is no such field"))?;
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let limit = call.parameters.integer("limit").map_or(limits::FACET_VALUES_DEFAULT, |limit| limit as usize);
    if !belongs_to_menu(call, &organization, &criteria.filter, &fields) {
        record_once(call, &organization, &criteria.filter)?;
    }
    let request = FacetRequest { range: criteria.range, filter: criteria.filter, fields, limit };
    let (engine, scope) = (call.app.engine.clone(), call.scope.clone());
    let facets = run(&call.app.turns.counts, organization.id, limits::QUERY_TIME_MAX, move |stop| {
        let snapshot = snapshot(&engine, &organization)?;
        let counts = actarium_query::facets(&snapshot, &scope, &request, stop).map_err(query_problem)?;
        Ok(Counted { counts, archive: reaches_archive(&snapshot, request.range) })
    })
    .await?;
    json_answer(&facets)
}

/// Counts are recorded like a search, unless they belong to one that was: a console asks for page, histogram and facets of
/// the same search at once.
pub fn record_once(call: &Call, organization: &Arc<Organization>, filter: &Filter) -> Result<(), Problem> {
    if !remember_search(call, organization, filter) {
        return Ok(());
    }
    let record = search_record(call, organization, filter, "audit_log.search");
    call.app.recorder.note(organization.id, &record)
}

/// Whether the values of one field are counted as they may be chosen anew: under a search that was recorded, but for what it
/// asks of that field itself.
fn belongs_to_menu(call: &Call, organization: &Organization, filter: &Filter, fields: &[FacetField]) -> bool {
    let [field] = fields else { return false };
    call.app.recorder.remembers_search(menu_key(call, organization, filter, field.name()))
}
