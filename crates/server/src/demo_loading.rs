//! Loading the demo organization into the store, once.
//!
//! The moment for which it is made up is kept in the directory, so that a load that was interrupted goes on with the same
//! events, of which none is recorded twice.

use std::sync::Arc;

use actarium_core::event::{Intake, encode_value};
use actarium_core::row::{EncodedRows, Micros};
use actarium_store::{
    Append, AppendError, Change, Clock, DirectoryChange, DuplicateScope, Engine, NewOrganization, Organization,
};
use serde_json::json;

use crate::adapters::{Adapter, AdapterOptions, adapt_and_encode};
use crate::app::OPERATOR_SLUG;
use crate::demo::{self, Demo};
use crate::recorder::OwnRecord;
use crate::serve::{ServeError, service_actor};

/// Kind of the directory entry that says how far the load has come.
const DIRECTORY_KIND: &str = "demo_load";
const DIRECTORY_ID: &str = "load";
/// Events of one commit.
const BATCH_EVENTS: usize = 1_000;
/// Source of the demo's events.
const SOURCE: &str = "api";
/// Sender of the demo's events.
const SENDER: &str = "demo";

/// Loads the demo organization, unless it has been loaded.
///
/// # Errors
/// If it cannot be recorded.
pub async fn load(engine: &Arc<Engine>, clock: &Arc<dyn Clock>) -> Result<(), ServeError> {
    let organization = match engine.organization(demo::SLUG) {
        Some(organization) => organization,
        None => create(engine, clock.as_ref()).await?,
    };
    let (reading, id) = (engine.clone(), organization.id);
    let entry = tokio::task::spawn_blocking(move || reading.directory_entry(DIRECTORY_KIND, Some(id), DIRECTORY_ID));
    let entry = entry.await.map_err(|error| ServeError::Fault(error.to_string()))??;
    // Without an entry the load is complete, or somebody has made an organization of that name.
    let Some(entry) = entry else { return Ok(()) };
    let now: Micros = entry.document.parse().map_err(|_| ServeError::Fault("the demo's entry is damaged".into()))?;
    let batches = tokio::task::spawn_blocking(move || batches(now));
    let batches = batches.await.map_err(|error| ServeError::Fault(error.to_string()))??;
    let mut events = 0;
    for rows in batches {
        let mut append = Append::new(organization.id, rows);
        append.duplicates = DuplicateScope::WholeLog;
        events += engine.append(append).await?.events.len();
    }
    let done = DirectoryChange {
        kind: DIRECTORY_KIND.into(),
        organization: Some(organization.id),
        id: DIRECTORY_ID.into(),
        expected_version: Some(entry.version),
        document: None,
    };
    engine.change(Change { directory: vec![done], ..Change::default() }).await?;
    tracing::info!(organization = demo::SLUG, events, "the demo organization is loaded");
    Ok(())
}

async fn create(engine: &Engine, clock: &dyn Clock) -> Result<Arc<Organization>, ServeError> {
    let id = engine.new_organization_id();
    let target = json!({"type": "organization", "id": demo::SLUG, "name": demo::NAME});
    let record = OwnRecord::new("organization.create", service_actor(), target);
    let rows = record.encode(clock).map_err(|problem| ServeError::Fault(problem.detail.to_string()))?;
    let pending = DirectoryChange {
        kind: DIRECTORY_KIND.into(),
        organization: Some(id),
        id: DIRECTORY_ID.into(),
        expected_version: None,
        document: Some(clock.now().to_string()),
    };
    let listed = engine.organization(OPERATOR_SLUG).map(|operator| (operator.id, rows.clone()));
    let change = Change {
        organizations: vec![NewOrganization { id, slug: demo::SLUG.into(), name: demo::NAME.into() }],
        directory: vec![pending],
        records: std::iter::once((id, rows)).chain(listed).collect(),
    };
    engine.change(change).await?;
    engine.organization_by_id(id).ok_or(ServeError::Record(AppendError::UnknownOrganization))
}

/// The demo's events, encoded, in the order in which they are to be recorded.
fn batches(now: Micros) -> Result<Vec<EncodedRows>, ServeError> {
    let fault =
        |what: &str, detail: String| ServeError::Fault(format!("{what} of the demo is against the rules: {detail}"));
    let demo = Demo::new(demo::DEFAULT_SEED, now);
    let mut batches = vec![EncodedRows::new()];
    for event in demo.operations() {
        let intake = if event.own { Intake::own(now) } else { Intake::new(SOURCE, SENDER, now) };
        let row = encode_value(&event.value, &intake).map_err(|refusal| fault("an event", refusal.to_string()))?;
        push(&mut batches, &row);
    }
    let options = AdapterOptions::new(now);
    let adapted = adapt_and_encode(Adapter::CloudTrail, &demo.cloudtrail_ndjson(), &options)
        .map_err(|refused| fault("the CloudTrail file", refused.to_string()))?;
    if let Some(refused) = adapted.refused.first() {
        return Err(fault("a CloudTrail record", refused.detail.clone()));
    }
    for row in adapted.rows.iter() {
        let mut one = EncodedRows::new();
        one.push(&row);
        push(&mut batches, &one);
    }
    Ok(batches)
}

fn push(batches: &mut Vec<EncodedRows>, rows: &EncodedRows) {
    match batches.last_mut() {
        Some(last) if last.len() < BATCH_EVENTS => last.append(rows),
        _ => batches.push(rows.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_demo_can_be_recorded() {
        let now = 1_764_000_000_000_000;
        let batches = batches(now).unwrap();
        assert!(batches.iter().map(EncodedRows::len).sum::<usize>() > 2_900 + 5_000);
        assert!(batches.iter().all(|batch| (1..=BATCH_EVENTS).contains(&batch.len())));
    }
}
