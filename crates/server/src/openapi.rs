//! The OpenAPI 3.1 document, made from the route table and the named bounds, so that it cannot say anything else than
//! what the server does. `schemas` has the bodies.

use serde_json::{Map, Value, json};

use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::{Kind, PROBLEM_JSON};
use crate::routes::{Operation, Permission, ROUTES, Route, SLUG_REGEX};
use crate::schemas;
use crate::scim::error as scim;
use crate::token;

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter() {
        // OpenAPI has no parameter of several segments: to it, it is one.
        let item = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        item[route.method.name().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Actarium",
            "summary": "The audit log of a platform.",
            "description": "Who did what, to what, when, from where, and with what outcome.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "events", "description": "Recording and finding events."},
            {"name": "ingest", "description": "Taking in records of other systems."},
            {"name": "administration", "description": "Organizations and keys."},
            {"name": "directory", "description": "Users, groups, roles and permissions."},
            {"name": "service", "description": "The service itself."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator's token, or an on-premises key.",
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [tag(route)],
        "summary": route.summary,
        "description": route.description,
        "parameters": parameters(route),
        "responses": responses(route),
    });
    operation["security"] = match route.permission {
        Permission::Public => json!([]),
        Permission::OpenLog => json!([{}, {"bearer": []}]),
        _ => json!([{"bearer": []}]),
    };
    if !route.bodies.is_empty() {
        operation["requestBody"] = json!({"required": true, "content": content(route.bodies)});
    }
    operation
}

/// `EventsSearch` → `eventsSearch`.
fn operation_id(route: &Route) -> String {
    let name = format!("{:?}", route.operation);
    name[..1].to_ascii_lowercase() + &name[1..]
}

fn tag(route: &Route) -> &'static str {
    if route.path.contains("/scim") {
        "provisioning"
    } else if route.path.contains("/ingest/") {
        "ingest"
    } else if route.path.contains("/log/") || route.path.ends_with("/log") {
        "evidence"
    } else if route.path.contains("/events") || route.path.ends_with("/export") {
        "events"
    } else if route.path == "/v1/permissions"
        || ["/users", "/groups", "/roles"].iter().any(|part| route.path.contains(part))
    {
        "directory"
    } else if route.path.starts_with("/v1/orgs") || route.path.starts_with("/v1/admin") {
        "administration"
    } else {
        "service"
    }
}

fn content(forms: &[(&'static str, &'static str)]) -> Value {
    let mut content = Map::new();
    for (media, schema) in forms {
        content.insert((*media).into(), json!({"schema": schemas::reference(schema)}));
    }
    Value::Object(content)
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut list = Vec::new();
    if route.of_organization() {
        list.push(json!({
            "name": "org",
            "in": "path",
            "required": true,
            "description": "The organization's slug.",
            "schema": {"type": "string", "pattern": SLUG_REGEX},
            "example": "demo",
        }));
    }
    if route.path.contains("{id}") || route.path.contains("{*id}") {
        list.push(id_parameter(route));
    }
    if route.path.contains("{member}") {
        let description = "The id of the user or role within the group.";
        let schema = directory_id();
        list.push(
            json!({"name": "member", "in": "path", "required": true, "description": description, "schema": schema}),
        );
    }
    list.extend(route.parameters.iter().map(query_parameter));
    list.extend(header_parameters(route));
    list
}

fn id_parameter(route: &Route) -> Value {
    let (description, schema) = match route.operation {
        Operation::EventView => ("The event's id.", json!({"type": "string", "format": "uuid"})),
        Operation::LogTile => (
            "Level or `entries`, then number and width.",
            json!({"type": "string", "pattern": "^([0-9]{1,2}|entries)/(x[0-9]{3}/)*[0-9]{3}(\\.p/[0-9]{1,3})?$", "maxLength": 64}),
        ),
        Operation::ScimSchema => ("The schema's URN.", json!({"type": "string", "maxLength": 256})),
        Operation::KeyRevoke | Operation::ScimTokenRevoke => {
            let regex = format!("^[0-9A-Za-z]{{{}}}$", token::KEY_ID_CHARS);
            ("The id that is part of the secret.", json!({"type": "string", "pattern": regex}))
        }
        _ => ("Its id.", directory_id()),
    };
    json!({"name": "id", "in": "path", "required": true, "description": description, "schema": schema})
}

fn directory_id() -> Value {
    json!({"type": "string", "pattern": "^[0-9A-Za-z_.-]{1,64}$"})
}

fn query_parameter(parameter: &Parameter) -> Value {
    let one = form_schema(parameter.form);
    let schema = if parameter.repeatable {
        json!({"type": "array", "items": one, "minItems": 1, "maxItems": limits::PARAMETER_REPEATS_MAX})
    } else {
        one
    };
    let mut shown = json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    });
    if parameter.repeatable {
        shown["style"] = json!("form");
        shown["explode"] = json!(true);
    }
    if !parameter.example.is_empty() {
        let text = json!(parameter.example);
        let example = match parameter.form {
            Form::Integer { .. } => parameter.example.parse::<i64>().map_or(text, |number| json!(number)),
            _ => text,
        };
        shown["example"] = if parameter.repeatable { json!([example]) } else { example };
    }
    shown
}

fn form_schema(form: Form) -> Value {
    match form {
        Form::Text { chars_max } => json!({"type": "string", "minLength": 1, "maxLength": chars_max}),
        Form::Pattern { regex, chars_max } => {
            json!({"type": "string", "pattern": regex, "minLength": 1, "maxLength": chars_max})
        }
        Form::Time => json!({"anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "pattern": "^(now|-[1-9][0-9]{0,3}[smhdw])$"},
        ]}),
        Form::Integer { min, max, default } => {
            let mut schema = json!({"type": "integer", "minimum": min, "maximum": max});
            if let Some(default) = default {
                schema["default"] = json!(default);
            }
            schema
        }
        Form::OneOf(words) => json!({"type": "string", "enum": words, "default": words.first()}),
        Form::OneOfRequired(words) => json!({"type": "string", "enum": words}),
    }
}

fn header_parameters(route: &Route) -> Vec<Value> {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    let mut list = Vec::new();
    if route.operation == Operation::EventsRecord {
        let chars_max = limits::IDEMPOTENCY_KEY_CHARS_MAX;
        let regex = format!("^[!-~]{{1,{chars_max}}}$");
        let schema = json!({"type": "string", "pattern": regex, "minLength": 1, "maxLength": chars_max});
        let description = "The same key with the same body records nothing a second time; with another body it is 409.";
        list.push(header("Idempotency-Key", description, schema));
        let description = "`receipt`: the answer comes with a signed checkpoint and the events' inclusion proofs.";
        list.push(header("Prefer", description, json!({"type": "string"})));
    }
    if matches!(route.operation, Operation::ScimUserView | Operation::ScimGroupView) {
        list.push(header("If-None-Match", "Versions that the client has; 304 for one of them.", entity_tags()));
    }
    if route.problems.contains(&Kind::PreconditionFailed) && route.path.contains("{id}") {
        list.push(header("If-Match", "The version that the client has; 412 if it is another by now.", entity_tags()));
    }
    if route.operation == Operation::EventsTail {
        let schema = json!({"type": "string", "pattern": "^[0-9]{1,13}$"});
        list.push(header("Last-Event-ID", "`seq` of the last event seen; a stream goes on after it.", schema));
    }
    list
}

fn entity_tags() -> Value {
    json!({"type": "string"})
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for answer in route.answers {
        let mut shown = json!({"description": answer.description, "headers": {"x-request-id": request_id_header()}});
        if !answer.forms.is_empty() {
            shown["content"] = content(answer.forms);
        }
        responses.insert(answer.status.to_string(), shown);
    }
    for (status, kinds) in problems(route) {
        let names: Vec<_> = kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
        let mut headers = json!({"x-request-id": request_id_header()});
        if status == 503 {
            let schema = json!({"type": "integer", "minimum": 1});
            headers["Retry-After"] = json!({"description": "Seconds after which to try again.", "schema": schema});
        }
        let shown = json!({
            "description": format!("{}: {}", kinds[0].title(), names.join(", ")),
            "headers": headers,
            "content": problem_content(route),
        });
        responses.insert(status.to_string(), shown);
    }
    Value::Object(responses)
}

/// Errors of SCIM have a form of their own.
fn problem_content(route: &Route) -> Value {
    if scim::is_scim_path(route.path) {
        json!({scim::SCIM_JSON: {"schema": schemas::reference("ScimError")}})
    } else {
        json!({PROBLEM_JSON: {"schema": schemas::reference("Problem")}})
    }
}

fn request_id_header() -> Value {
    json!({"description": "The request's id: the client's, or one made for it.", "schema": {"type": "string"}})
}

/// The problems of a route by status, ascending.
fn problems(route: &Route) -> Vec<(u16, Vec<Kind>)> {
    let mut kinds: Vec<Kind> = route.problems.to_vec();
    kinds.extend([
        Kind::InvalidParameter,
        Kind::NotAcceptable,
        Kind::UriTooLong,
        Kind::HeadersTooLarge,
        Kind::Internal,
    ]);
    if route.permission != Permission::Public {
        kinds.push(Kind::Unauthenticated);
        if route.permission != Permission::Authenticated {
            kinds.push(Kind::Forbidden);
        }
    }
    if route.path.contains('{') || route.operation == Operation::Seal {
        kinds.push(Kind::NotFound);
    }
    if !route.streams && !kinds.contains(&Kind::Unavailable) {
        kinds.push(Kind::Unavailable);
    }
    let mut by_status: Vec<(u16, Vec<Kind>)> = Vec::new();
    for kind in kinds {
        let status = kind.status().as_u16();
        match by_status.iter_mut().find(|(one, _)| *one == status) {
            Some((_, list)) if !list.contains(&kind) => list.push(kind),
            Some(_) => {}
            None => by_status.push((status, vec![kind])),
        }
    }
    by_status.sort_by_key(|(status, _)| *status);
    by_status
}
