//! Actarium: server.
