//! A short run of the fuzz target of the adapters; `fuzz/README.md` says how to run such targets long.

#[path = "../../../fuzz/mutate.rs"]
mod mutate;

use actarium_core::limits::EVENT_BYTES_MAX;
use actarium_core::row::EncodedRows;
use actarium_server::adapters::{Adapter, AdapterOptions, adapt, adapt_and_encode};

/// 2026-11-01T00:00:00Z, after everything in the corpus.
const NOW: i64 = 1_793_491_200_000_000;

const PIECES: &[&str] = &[
    "{\"Records\":[",
    "{\"kind\":\"EventList\",\"items\":[",
    "\"userIdentity\":{\"type\":\"AssumedRole\"",
    "\"eventName\":",
    "\"eventTime\":0",
    "\"stage\":\"Panic\"",
    "\"properties\":{\"log\":\"{}\"}",
    "\"protoPayload\":{\"serviceName\":\"k8s.io\",",
    "\"methodName\":\"io.k8s.core.v1.pods.create\"",
    "\"objectRef\":{\"resource\":\"secrets\"}",
    "\"schema_version\":\"1.9\",",
    "\"entitlements\":{\"groups\":[\"a\"]}",
    "\"@timestamp\":1621305118553",
    "\"action\":\"audit_log.x\"",
    "\"arn:aws:iam::1:role/x\"",
    "{\"a\":",
    "[[",
    "{}",
    "null",
    "\"é\"",
    "1e15",
    "\n",
    "\n{\"",
    "..",
    "/",
    "~",
];

/// Whatever comes in, every record is accounted for; what is mapped is a valid event within its limits, except for what
/// only the server can know; what is refused is refused with a reason.
fn adapters(input: &[u8]) -> u64 {
    let options = AdapterOptions::new(NOW);
    let mut words = String::new();
    for adapter in Adapter::ALL {
        let Ok(mapped) = adapt(adapter, input, &options) else { continue };
        let records = mapped.events.len() + mapped.skipped + mapped.refused.len() + mapped.refused_more;
        let encoded = adapt_and_encode(adapter, input, &options).expect("it was read before");
        let accounted = encoded.rows.len() + encoded.skipped + encoded.refused.len() + encoded.refused_more;
        assert_eq!(accounted, records);
        assert_eq!(encoded.indices.len(), encoded.rows.len());
        for row in 0..encoded.rows.len() {
            assert!(encoded.rows.row_bytes(row).len() <= EVENT_BYTES_MAX);
        }
        let again = EncodedRows::from_bytes(encoded.rows.as_bytes().to_vec());
        assert_eq!(again.as_ref(), Ok(&encoded.rows));
        for refused in &encoded.refused {
            assert!(!refused.detail.is_empty());
            let by_validation = !mapped.refused.contains(refused);
            let allowed = ["reserved", "only Actarium", "ahead"].iter().any(|word| refused.detail.contains(word));
            assert!(!by_validation || allowed, "the adapter made what is no event: {refused:?}");
            words.push_str(&refused.detail.chars().take(24).collect::<String>());
        }
        words.push_str(&"r".repeat(encoded.rows.len().min(8)));
    }
    mutate::outcome(&words)
}

#[test]
fn adapters_account_for_everything() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"));
    mutate::fuzz(folder, &mutate::Target { name: "adapters", run: adapters, dictionary: PIECES });
}
