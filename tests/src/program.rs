//! Finds or builds what the tests run: the binary `actarium`, the shim and its probe.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the project.
#[must_use]
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project").to_path_buf()
}

/// The folder that Cargo builds into, found from where this test program lies.
fn target_folder() -> PathBuf {
    let this = std::env::current_exe().expect("the path of the test program");
    // <target>/<profile>/deps/<program>
    this.ancestors().nth(3).expect("a test program lies in <target>/<profile>/deps").to_path_buf()
}

/// The binary under test: `ACTARIUM_BIN`, else the one of this build's profile, which is built first.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn actarium() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find_actarium).clone()
}

fn find_actarium() -> PathBuf {
    if let Some(given) = std::env::var_os("ACTARIUM_BIN") {
        let path = PathBuf::from(given);
        assert!(path.is_file(), "ACTARIUM_BIN names no file: {}", path.display());
        return path;
    }
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(project()).args(["build", "--quiet", "-p", "actarium-cli", "--bin", "actarium"]);
    build.arg("--target-dir").arg(target_folder());
    if profile == "release" {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "the binary does not build");
    target_folder().join(profile).join("actarium")
}

/// Compiles C files of `tests/powercut` into `<target>/powercut/<name>`, once per test program.
fn compile(name: &str, sources: &[&str], flags: &[&str]) -> PathBuf {
    let folder = target_folder().join("powercut");
    std::fs::create_dir_all(&folder).expect("a folder for the shim");
    let unfinished = folder.join(format!("{name}.{}", std::process::id()));
    let sources_in = project().join("tests/powercut");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]).args(flags).arg("-o").arg(&unfinished);
    compiler.args(sources.iter().map(|source| sources_in.join(source)));
    assert!(compiler.status().expect("a C compiler, `cc`, is installed").success(), "{name} does not compile");
    let finished = folder.join(name);
    std::fs::rename(&unfinished, &finished).expect("putting the compiled file in its place");
    finished
}

/// The shim as a shared library to preload.
#[must_use]
pub fn shim() -> PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let sources = ["model.c", "adopt.c", "audit.c", "trace.c", "points.c", "clock.c", "interpose.c"];
        compile("powercut.so", &sources, &["-shared", "-fPIC"])
    })
    .clone()
}

/// The program that does to files what it is told, for the tests of the shim itself.
#[must_use]
pub fn probe() -> PathBuf {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| compile("probe", &["probe.c"], &[])).clone()
}
