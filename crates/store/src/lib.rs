//! Actarium: store.
