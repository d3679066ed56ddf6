//! Embeds the console: `ACTARIUM_CONSOLE_DIR` names the folder of its finished bundle, and every file in it becomes part of
//! the program. Without it the program has no console and says how to get one. It must not build the console itself.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const BUNDLE: &str = "ACTARIUM_CONSOLE_DIR";
/// Endings of the forms that the bundle has beside a file.
const COMPRESSED: [&str; 2] = ["br", "gz"];

fn main() {
    println!("cargo::rerun-if-env-changed={BUNDLE}");
    let mut listed = String::from("&[\n");
    if let Some(folder) = env::var_os(BUNDLE).filter(|folder| !folder.is_empty()).map(PathBuf::from) {
        assert!(folder.join("index.html").is_file(), "{BUNDLE}: {} holds no index.html", folder.display());
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        gather(&folder, &mut files);
        files.sort();
        for file in &files {
            let name = file.strip_prefix(&folder).expect("it was found there").to_str().expect("its name is UTF-8");
            let form = |ending: &str| {
                let beside = PathBuf::from(format!("{}.{ending}", file.display()));
                if beside.is_file() { format!("Some({})", included(&beside)) } else { "None".to_owned() }
            };
            let [brotli, gzip] = COMPRESSED.map(form);
            let plain = included(file);
            writeln!(listed, "    File {{ name: {name:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},")
                .expect("a text takes every text");
        }
    }
    listed.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo says where"));
    fs::write(out.join("console_files.rs"), listed).expect("the list can be written");
}

/// Every file below a folder but the compressed forms of others.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the bundle can be read") {
        let path = entry.expect("the bundle can be read").path();
        if path.is_dir() {
            gather(&path, files);
        } else if !path.extension().is_some_and(|ending| COMPRESSED.iter().any(|one| ending == *one)) {
            files.push(path);
        }
    }
}

fn included(file: &Path) -> String {
    let whole = fs::canonicalize(file).expect("the file is there");
    format!("include_bytes!({:?})", whole.to_str().expect("its name is UTF-8"))
}
