//! Actarium: server.
pub mod adapters;
