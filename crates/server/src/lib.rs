//! The service over HTTP: the API and who may use it, adapters for other systems' records, exports, measurements.
//!
//! A request goes `connection` → `observe` (request id, errors made into bytes, measurements) → `router` (made from the
//! table in `routes`) → `dispatch` (access, parameters, time) → one of `handlers`. Nothing below `handlers` knows HTTP,
//! and nothing but `access` decides who may do what.

pub mod access;
pub mod adapters;
mod answers;
pub mod app;
pub mod body;
pub mod connection;
pub mod console;
pub mod context;
pub mod continuing;
pub mod copies;
pub mod csv;
pub mod demo;
pub mod demo_accounts;
pub mod demo_loading;
pub mod denials;
pub mod directory;
pub mod dispatch;
pub mod exports;
pub mod failures;
pub mod form;
pub mod forwarding;
pub mod handlers;
pub mod limits;
pub mod mail;
pub mod masking;
pub mod metrics;
pub mod negotiation;
pub mod network;
pub mod observe;
pub mod oidc;
pub mod openapi;
pub mod operator;
mod own_records;
pub mod parameters;
pub mod patience;
pub mod problem;
pub mod public_url;
pub mod queries;
pub mod recorder;
pub mod refusals;
pub mod removals;
pub mod retention;
pub mod rotating;
pub mod router;
pub mod routes;
pub mod schemas;
pub mod scim;
pub mod scrub;
pub mod serve;
pub mod shares;
pub mod signin;
pub mod spelling;
pub mod token;
pub mod witness_service;
pub mod witnessing;

pub use serve::{IdentityProviderOptions, ServeError, ServerOptions, serve, serve_with};
