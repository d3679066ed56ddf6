//! What `mappings/openchoreo.toml` cannot say: the claims of an actor as its groups.

use serde_json::{Map, Value};

/// The claim whose values are groups as they are; the values of other claims are written `claim:value`.
const GROUPS_CLAIM: &str = "groups";

/// Puts the values of `actor.entitlements` (claim → list of values) into `actor.groups`. What has another form stays as
/// it is and ends in the metadata.
pub(super) fn prepare(mut record: Value) -> Value {
    let Some(actor) = record.get_mut("actor").and_then(Value::as_object_mut) else { return record };
    let Some(groups) = actor.get("entitlements").and_then(Value::as_object).and_then(groups_of) else { return record };
    if !actor.contains_key("groups") {
        actor.remove("entitlements");
        actor.insert("groups".to_owned(), Value::Array(groups));
    }
    record
}

fn groups_of(claims: &Map<String, Value>) -> Option<Vec<Value>> {
    let mut groups = Vec::new();
    for (claim, values) in claims {
        let values = match values {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let value = value.as_str().filter(|value| !value.is_empty())?;
            groups.push(Value::String(if claim == GROUPS_CLAIM {
                value.to_owned()
            } else {
                format!("{claim}:{value}")
            }));
        }
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_become_groups_or_stay() {
        let record = json!({"actor": {"id": "a", "entitlements": {"groups": ["dev", "ops"], "tier": "gold"}}});
        let expected = json!({"actor": {"id": "a", "groups": ["dev", "ops", "tier:gold"]}});
        assert_eq!(prepare(record), expected);
        for unchanged in [
            json!({"actor": {"entitlements": {"groups": [1]}}}),
            json!({"actor": {"entitlements": ["x"]}}),
            json!({"actor": "x"}),
            json!({}),
        ] {
            assert_eq!(prepare(unchanged.clone()), unchanged);
        }
    }
}
