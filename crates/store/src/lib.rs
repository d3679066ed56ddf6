//! Actarium: store.
pub mod committed;
pub mod segment;
