//! Seeded generator of realistic events, and the load that the comparison puts on Actarium.
fn main() {}
