//! The target `rows` of `core_targets` under libFuzzer.
#![no_main]
#![allow(dead_code)]

#[path = "../core_targets.rs"]
mod core_targets;
#[path = "../mutate.rs"]
mod mutate;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    core_targets::rows(input);
});
