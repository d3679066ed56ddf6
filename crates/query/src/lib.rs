//! Actarium: query.
