//! The binary `actarium`.
fn main() {}
