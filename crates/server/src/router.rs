//! The router, made from the route table.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use crate::app::App;
use crate::console;
use crate::dispatch::dispatch;
use crate::observe::observe;
use crate::problem::{Kind, Problem};
use crate::routes::{self, ROUTES, Route, methods_of};

/// The service as a whole.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in ROUTES.iter().copied() {
        let handler = move |State(app): State<Arc<App>>, request: Request| dispatch(app, route, request);
        router = router.route(route.path, on(filter(route), handler));
    }
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_a_route)
        .layer(from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

fn filter(route: &Route) -> MethodFilter {
    match route.method {
        routes::Method::Get => MethodFilter::GET,
        routes::Method::Post => MethodFilter::POST,
        routes::Method::Put => MethodFilter::PUT,
        routes::Method::Patch => MethodFilter::PATCH,
        routes::Method::Delete => MethodFilter::DELETE,
    }
}

/// What is no route of the API may be one of the console's files or pages.
async fn not_a_route(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    console::answer(&method, uri.path(), &headers).unwrap_or_else(not_found)
}

fn not_found() -> Response {
    Problem::new(Kind::NotFound, "there is nothing at this path; /openapi.json lists what there is").into_response()
}

async fn method_not_allowed(path: MatchedPath) -> Response {
    let allow = methods_of(path.as_str());
    let mut problem = Problem::new(Kind::MethodNotAllowed, format!("allowed here: {allow}"));
    problem.allow = Some(allow);
    problem.into_response()
}
