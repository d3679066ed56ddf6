//! Short runs of the fuzz targets of the core; `fuzz/README.md` says how to run them long.

#[path = "../../../fuzz/core_targets.rs"]
mod core_targets;
#[path = "../../../fuzz/mutate.rs"]
mod mutate;

fn run(name: &str) {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"));
    let target = core_targets::TARGETS.iter().find(|target| target.name == name).expect("a target");
    mutate::fuzz(folder, target);
}

#[test]
fn phrase() {
    run("phrase");
}

#[test]
fn events() {
    run("events");
}

#[test]
fn rows() {
    run("rows");
}

#[test]
fn parts() {
    run("parts");
}

#[test]
fn texts() {
    run("texts");
}

/// The fuzzer itself: a fault that no seed has is found, and its input saved without what does not matter.
#[test]
fn a_fault_is_found_and_made_small() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-itself");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("seeds/itself")).expect("a folder");
    std::fs::write(folder.join("seeds/itself/harmless"), "nothing to see here").expect("a seed");
    let target = mutate::Target {
        name: "itself",
        run: |input| {
            assert!(!input.windows(4).any(|window| window == b"ab((" || window == b"))ab"));
            0
        },
        dictionary: &["ab", "((", "))", "x"],
    };
    let run = std::panic::catch_unwind(|| mutate::fuzz(&folder, &target));
    let message = *run.expect_err("a fault").downcast::<String>().expect("a message");
    assert!(message.contains("FUZZ_SEED="), "{message}");
    let saved: Vec<_> = std::fs::read_dir(folder.join("crashes")).expect("a folder").collect();
    let input = std::fs::read(saved[0].as_ref().expect("a file").path()).expect("the input");
    assert!(input == b"ab((" || input == b"))ab", "{}", String::from_utf8_lossy(&input));
}
