//! What `mappings/kubernetes.toml` cannot say: taking the audit event out of what hosting providers put around it.
//!
//! Azure (AKS) sends it as a JSON text in `properties.log`; Google (GKE) sends a Cloud Audit Log entry whose method and
//! resource names say what the audit event would. What the envelope says besides stays beside it.

use serde_json::{Map, Value, json};

use super::input::parse_record;

/// Why a record is none: JSON Pointer and sentence.
type Problem = (String, String);

/// The audit event of a record, and what was around it.
pub(super) fn prepare(record: Value) -> Result<Value, Problem> {
    if record.pointer("/properties/log").is_some() {
        return from_azure(record);
    }
    if record.get("protoPayload").is_some_and(Value::is_object) {
        return from_google(record);
    }
    Ok(record)
}

fn from_azure(mut envelope: Value) -> Result<Value, Problem> {
    const AT: &str = "/properties/log";
    let log = envelope.pointer_mut(AT).map(Value::take).unwrap_or_default();
    let mut event = match log {
        Value::String(text) => parse_record(&text).map_err(|error| (AT.to_owned(), error))?,
        other => other,
    };
    let Some(fields) = event.as_object_mut() else {
        return Err((AT.to_owned(), "expected an audit event as a JSON object or its text".to_owned()));
    };
    fields.insert("envelope".to_owned(), envelope);
    Ok(event)
}

fn from_google(mut entry: Value) -> Result<Value, Problem> {
    let text_at = |entry: &Value, pointer: &str| entry.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let service = text_at(&entry, "/protoPayload/serviceName").unwrap_or_default();
    if service != "k8s.io" {
        let detail =
            format!("not of a Kubernetes API server but of the service `{}`; expected `k8s.io`", cut(&service));
        return Err(("/protoPayload/serviceName".to_owned(), detail));
    }
    let Some(method) = text_at(&entry, "/protoPayload/methodName") else {
        return Err(("/protoPayload/methodName".to_owned(), "expected the method as a text".to_owned()));
    };
    let resource_name = text_at(&entry, "/protoPayload/resourceName");
    let mut event = Map::new();
    event.insert("kind".to_owned(), json!("Event"));
    match GoogleMethod::parse(&method) {
        Some(parsed) => {
            event.insert("verb".to_owned(), json!(parsed.verb));
            event.insert("objectRef".to_owned(), parsed.object_ref(resource_name.as_deref()));
        }
        // Not about a resource: `io.k8s.readyz`.
        None => {
            let path = method.rsplit('.').next().unwrap_or_default();
            event.insert("verb".to_owned(), json!("get"));
            event.insert("requestURI".to_owned(), json!(format!("/{path}")));
        }
    }
    let moved = [
        ("/timestamp", "requestReceivedTimestamp"),
        ("/insertId", "auditID"),
        ("/protoPayload/request", "requestObject"),
        ("/protoPayload/response", "responseObject"),
        ("/protoPayload/requestMetadata/callerSuppliedUserAgent", "userAgent"),
    ];
    for (from, to) in moved {
        if let Some(value) = entry.pointer_mut(from).map(Value::take)
            && !value.is_null()
        {
            event.insert(to.to_owned(), value);
        }
    }
    if let Some(user) = entry.pointer_mut("/protoPayload/authenticationInfo/principalEmail").map(Value::take) {
        event.insert("user".to_owned(), json!({ "username": user }));
    }
    if let Some(address) = entry.pointer_mut("/protoPayload/requestMetadata/callerIP").map(Value::take) {
        event.insert("sourceIPs".to_owned(), json!([address]));
    }
    event.insert("envelope".to_owned(), entry);
    Ok(Value::Object(event))
}

fn cut(text: &str) -> String {
    const QUOTED_CHARS_MAX: usize = 64;
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

/// `io.k8s.core.v1.pods.exec.create` taken apart.
struct GoogleMethod<'a> {
    group: &'a str,
    version: &'a str,
    resource: &'a str,
    subresource: Option<&'a str>,
    verb: &'a str,
}

impl<'a> GoogleMethod<'a> {
    fn parse(method: &'a str) -> Option<Self> {
        let parts: Vec<&str> = method.split('.').collect();
        let version_at = parts.iter().position(|part| is_version(part))?;
        let group = parts[..version_at].last().copied().unwrap_or_default();
        match parts[version_at + 1..] {
            [resource, verb] => Some(Self { group, version: parts[version_at], resource, subresource: None, verb }),
            [resource, subresource, verb] => {
                Some(Self { group, version: parts[version_at], resource, subresource: Some(subresource), verb })
            }
            _ => None,
        }
    }

    /// `core/v1/namespaces/default/pods/web/exec` says which one.
    fn object_ref(&self, resource_name: Option<&str>) -> Value {
        let mut object = Map::new();
        object.insert("resource".to_owned(), json!(self.resource));
        object.insert("apiVersion".to_owned(), json!(self.version));
        if self.group != "core" && !self.group.is_empty() {
            object.insert("apiGroup".to_owned(), json!(self.group));
        }
        if let Some(subresource) = self.subresource {
            object.insert("subresource".to_owned(), json!(subresource));
        }
        let mut segments = resource_name.unwrap_or_default().split('/').skip_while(|part| !is_version(part)).skip(1);
        let mut first = segments.next();
        if first == Some("namespaces") && self.resource != "namespaces" {
            if let Some(namespace) = segments.next() {
                object.insert("namespace".to_owned(), json!(namespace));
            }
            first = segments.next();
        }
        if first == Some(self.resource)
            && let Some(name) = segments.next()
        {
            object.insert("name".to_owned(), json!(name));
        }
        Value::Object(object)
    }
}

/// `v1`, `v1beta2`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_methods_and_names() {
        let object = |method: &str, name: &str| GoogleMethod::parse(method).map(|parsed| parsed.object_ref(Some(name)));
        assert_eq!(
            object("io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/default/pods/web/exec"),
            Some(json!({
                "resource": "pods", "apiVersion": "v1", "subresource": "exec", "namespace": "default", "name": "web"
            }))
        );
        assert_eq!(
            object("io.k8s.authorization.rbac.v1.clusterroles.create", "rbac.authorization.k8s.io/v1/clusterroles/r"),
            Some(json!({"resource": "clusterroles", "apiVersion": "v1", "apiGroup": "rbac", "name": "r"}))
        );
        assert_eq!(
            object("io.k8s.core.v1.namespaces.delete", "core/v1/namespaces/old"),
            Some(json!({"resource": "namespaces", "apiVersion": "v1", "name": "old"}))
        );
        assert_eq!(object("io.k8s.core.v1.pods.list", ""), Some(json!({"resource": "pods", "apiVersion": "v1"})));
        assert!(GoogleMethod::parse("io.k8s.readyz").is_none());
    }

    #[test]
    fn an_event_comes_out_of_its_envelope() {
        let azure = json!({"category": "kube-audit", "properties": {"log": "{\"verb\":\"get\"}", "pod": "p"}});
        let expected =
            json!({"verb": "get", "envelope": {"category": "kube-audit", "properties": {"log": null, "pod": "p"}}});
        assert_eq!(prepare(azure), Ok(expected));
        assert!(prepare(json!({"properties": {"log": "{"}})).is_err());
        assert!(prepare(json!({"properties": {"log": 5}})).is_err());
        let other = json!({"protoPayload": {"serviceName": "compute.googleapis.com", "methodName": "x"}});
        assert_eq!(prepare(other).unwrap_err().0, "/protoPayload/serviceName");
    }
}
