//! The power-cut shim on its own: what is forgotten and what is kept, before anything else relies on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use actarium_tests::replay::{Loss, State, Trace};
use actarium_tests::{Cut, Disk, Random, program};

/// Runs calls in a folder under the shim until the power goes; returns what the probe said.
fn run(disk: &Disk, cut: &Cut, script: &str) -> String {
    let mut probe = Command::new(program::probe());
    disk.watch(&mut probe, cut);
    probe.current_dir(disk.living()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = probe.spawn().expect("the probe runs");
    // The probe may be gone before it has read everything: that is the point of some scripts.
    let _ = child.stdin.take().expect("its stdin").write_all(script.as_bytes());
    let said = child.wait_with_output().expect("the probe ends");
    assert!(!said.status.success(), "it ends by the cut");
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Every file and folder below `folder` with its content.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            if path.is_dir() {
                found.insert(format!("{name}/"), String::new());
                open.push(path);
            } else {
                found.insert(name, String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned());
            }
        }
    }
    found
}

/// What is left after the script, as `name=content` in the order of names.
fn left_after(cut: &Cut, script: &str) -> String {
    let disk = Disk::new();
    let said = run(&disk, cut, script);
    assert_eq!(said, "", "every call succeeds");
    show(&tree(&disk.durable()))
}

fn show(tree: &BTreeMap<String, String>) -> String {
    tree.iter().map(|(name, content)| format!("{name}={content}")).collect::<Vec<_>>().join(" ")
}

/// The same where nothing survives by chance; what was written down meanwhile gives the same.
fn left(script: &str) -> String {
    let disk = Disk::new();
    assert_eq!(run(&disk, &Cut::traced(), script), "", "every call succeeds");
    let mut trace = Trace::default();
    trace.add(&disk.trace(), &disk.log());
    let nothing = BTreeSet::new();
    let mut state = State::new(&trace.ops, &nothing);
    state.go_to(trace.ops.len());
    state.image(Loss::Everything).assert_is(&disk.durable());
    state.image(Loss::Of(usize::MAX)).assert_is(&disk.living());
    show(&tree(&disk.durable()))
}

const FILE: &str = "write a 0 old\nfsync a\nfsync .\n";

#[test]
fn a_file_needs_its_own_sync_and_its_folders() {
    assert_eq!(left("write a 0 text\n"), "");
    assert_eq!(left("write a 0 text\nfsync a\n"), "", "the name was not synced");
    assert_eq!(left("write a 0 text\nfsync .\n"), "a=", "the bytes were not synced");
    assert_eq!(left("write a 0 text\nfsync a\nfsync .\n"), "a=text");
    assert_eq!(left("write a 0 text\nfdatasync a\nfsync .\n"), "a=text");
    assert_eq!(left("write a 0 text\nfsync .\nfsync a\n"), "a=text", "in either order");
}

#[test]
fn later_bytes_need_a_later_sync() {
    assert_eq!(left(&format!("{FILE}write a 1 XX\n")), "a=old");
    assert_eq!(left(&format!("{FILE}write a 1 XX\nfsync a\n")), "a=oXX");
    assert_eq!(left(&format!("{FILE}append a er\n")), "a=old");
    assert_eq!(left(&format!("{FILE}append a er\nfsync a\nappend a st\n")), "a=older");
    assert_eq!(left(&format!("{FILE}dsync a er\n")), "a=older", "O_DSYNC syncs each write");
}

#[test]
fn a_shorter_file_needs_a_sync_too() {
    assert_eq!(left(&format!("{FILE}truncate a 1\n")), "a=old");
    assert_eq!(left(&format!("{FILE}truncate a 1\nfsync a\n")), "a=o");
    assert_eq!(left(&format!("{FILE}truncate a 1\ntruncate a 3\nfsync a\n")), "a=o\0\0", "no old bytes come back");
    assert_eq!(left(&format!("{FILE}truncate a 0\nwrite a 2 !\nfsync a\n")), "a=\0\0!");
}

#[test]
fn names_need_their_folders_sync() {
    assert_eq!(left(&format!("{FILE}rename a b\n")), "a=old");
    assert_eq!(left(&format!("{FILE}rename a b\nfsync .\n")), "b=old");
    assert_eq!(left(&format!("{FILE}unlink a\n")), "a=old");
    assert_eq!(left(&format!("{FILE}unlink a\nfsync .\n")), "");
    assert_eq!(left(&format!("{FILE}unlink a\nwrite a 0 new\nfsync a\n")), "a=old", "the new file has no durable name");
    assert_eq!(left(&format!("{FILE}unlink a\nwrite a 0 new\nfsync a\nfsync .\n")), "a=new");
    assert_eq!(left(&format!("{FILE}link a b\nunlink a\nfsync .\nwrite b 0 new\nfsync b\n")), "b=new");
}

#[test]
fn replacing_by_rename_leaves_the_old_or_the_new() {
    let replace = format!("{FILE}write t 0 new\nfsync t\nrename t a\n");
    assert_eq!(left(&replace), "a=old");
    assert_eq!(left(&format!("{replace}fsync .\n")), "a=new");
    let careless = format!("{FILE}write t 0 new\nrename t a\nfsync .\n");
    assert_eq!(left(&careless), "a=", "renamed without a sync of the bytes: an empty file");
}

#[test]
fn folders_need_their_parents_sync() {
    let made = "mkdir d\nmkdir d/e\nwrite d/e/a 0 text\nfsync d/e/a\nfsync d/e\n";
    assert_eq!(left(made), "");
    assert_eq!(left(&format!("{made}fsync .\n")), "d/=");
    assert_eq!(left(&format!("{made}fsync d\n")), "");
    assert_eq!(left(&format!("{made}fsync d\nfsync .\n")), "d/= d/e/= d/e/a=text");
    let moved = format!("{made}fsync d\nmkdir f\nfsync .\nrename d/e/a f/a\n");
    let left_of_moved = |rest: &str| left_after(&Cut::default(), &format!("{moved}{rest}"));
    assert_eq!(left_of_moved("fsync d/e\n"), "d/= d/e/= d/e/a=text f/=", "not lost between two folders");
    assert_eq!(left_of_moved("fsync f\n"), "d/= d/e/= d/e/a=text f/= f/a=text");
    assert_eq!(left_of_moved("fsync f\nfsync d/e\n"), "d/= d/e/= f/= f/a=text");
    let removed = "mkdir d\nfsync .\nrmdir d\n";
    assert_eq!(left(removed), "d/=");
    assert_eq!(left(&format!("{removed}fsync .\n")), "");
}

#[test]
fn the_living_folder_shows_everything_until_the_cut() {
    let disk = Disk::new();
    run(&disk, &Cut::default(), "write a 0 text\nmkdir d\nwrite d/b 0 more\nrename a c\n");
    assert_eq!(show(&tree(&disk.living())), "c=text d/= d/b=more");
    assert_eq!(show(&tree(&disk.durable())), "");
}

#[test]
fn what_was_there_at_the_start_is_durable() {
    let mut disk = Disk::new();
    run(
        &disk,
        &Cut::default(),
        "mkdir d\nwrite d/a 0 one\nwrite d/b 0 two\nfsync d/a\nfsync d/b\nfsync d\nfsync .\nunlink d/a\n",
    );
    disk.restore();
    run(&disk, &Cut::default(), "write d/b 0 TWO\nunlink d/a\nwrite d/c 0 x\nfsync d/c\n");
    assert_eq!(show(&tree(&disk.durable())), "d/= d/a=one d/b=two");
}

#[test]
fn what_was_not_synced_stays_so_while_the_power_stays_on() {
    let mut disk = Disk::new();
    run(
        &disk,
        &Cut::default(),
        &format!("{FILE}mkdir d\nwrite d/b 0 new\nwrite g 0 g\nfsync g\nfsync .\nunlink g\nappend a er\nrename a c\n"),
    );
    assert_eq!(show(&tree(&disk.durable())), "a=old d/= g=g");
    // Killed, and started again on the same folder: the next process sees everything, and owns nothing durable by that.
    disk.go_on();
    run(&disk, &Cut::default(), "write d/b 3 er\n");
    assert_eq!(show(&tree(&disk.living())), "c=older d/= d/b=newer");
    assert_eq!(show(&tree(&disk.durable())), "a=old d/= g=g");
    disk.go_on();
    run(&disk, &Cut::default(), "fsync .\n");
    assert_eq!(show(&tree(&disk.durable())), "c=old d/=");
    disk.go_on();
    run(&disk, &Cut::default(), "fsync c\nfsync d/b\nfsync d\n");
    assert_eq!(show(&tree(&disk.durable())), "c=older d/= d/b=newer");
}

#[test]
fn a_sync_can_be_ignored() {
    let script = "write a 0 text\nwrite b 0 text\nfsync a\nfdatasync b\nfsync .\n";
    let ignoring = |rule: &str| left_after(&Cut { ignore: Some(rule.to_owned()), ..Cut::default() }, script);
    assert_eq!(ignoring("fsync:a"), "a= b=text");
    assert_eq!(ignoring("fdatasync:*"), "a=text b=");
    assert_eq!(ignoring("fsync-dir:."), "");
    assert_eq!(ignoring("fsync:b;fsync:c"), "a=text b=text", "other kinds and paths are not meant");
}

#[test]
fn the_power_goes_at_a_point() {
    let script = "write a 0 1\nfsync a\nfsync .\nappend a 2\nfsync a\nappend a 3\nfsync a\nprint unreached\n";
    let at = |point: &str| {
        let disk = Disk::new();
        let said = run(&disk, &Cut { at: Some(point.to_owned()), ..Cut::default() }, script);
        assert_eq!(said, "", "the cut comes before the end");
        assert!(disk.cut_reason().is_some_and(|why| why.starts_with(&point[..5])), "{}", disk.account());
        show(&tree(&disk.durable()))
    };
    assert_eq!(at("before:fsync:a:1"), "");
    assert_eq!(at("after:fsync:a:2"), "a=12");
    assert_eq!(at("before:fsync:a:3"), "a=12");
    assert_eq!(at("after:fsync-dir:.:1"), "a=1");
    assert_eq!(at("after:create:a:1"), "");
}

#[test]
fn calls_can_fail() {
    let disk = Disk::new();
    let script = "write a 0 1\nwrite b 0 1\nfsync a\n";
    let mut probe = Command::new(program::probe());
    disk.watch(&mut probe, &Cut::default());
    probe.env("POWERCUT_FAIL", "write:a:ENOSPC;create:b:EROFS;fsync:a:EIO");
    probe.current_dir(disk.living()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = probe.spawn().expect("the probe runs");
    child.stdin.take().expect("its stdin").write_all(script.as_bytes()).expect("a script");
    let said = String::from_utf8(child.wait_with_output().expect("it ends").stdout).expect("text");
    assert_eq!(said, "failed a ENOSPC\nfailed b EROFS\nfailed fsync a EIO\n");
}

#[test]
fn survivors_are_sectors_and_whole_names() {
    let mut random = Random::from_env("survivors_are_sectors_and_whole_names");
    let (mut none, mut some, mut all, mut named) = (0, 0, 0, 0);
    for _ in 0..40 {
        let disk = Disk::new();
        let script = "fill a 8192\nfsync .\nfill a 8192\nwrite n 0 1\nwrite t 0 new\nfsync t\nrename t r\nstay\n";
        let cut = Cut { survivors: Some(random.bits()), at: Some("after:rename:r:1".to_owned()), ..Cut::default() };
        run(&disk, &cut, script);
        let left = tree(&disk.durable());
        let bytes = left["a"].as_bytes();
        assert!(bytes.len() <= 8192);
        for sector in bytes.chunks(512) {
            assert!(sector.iter().all(|&byte| byte == b'x') || sector.iter().all(|&byte| byte == 0), "a torn sector");
        }
        match bytes.iter().filter(|&&byte| byte == b'x').count() {
            0 => none += 1,
            8192 => all += 1,
            _ => some += 1,
        }
        named += usize::from(left.contains_key("n"));
        if let Some(renamed) = left.get("r") {
            assert_eq!(renamed, "new", "synced before it was renamed");
        }
    }
    assert!(some >= 10 && (5..=35).contains(&named), "none {none}, some {some}, all {all}, named {named}");
}

#[test]
fn an_audit_finds_what_the_shim_did_not_see() {
    let disk = Disk::new();
    let mut probe = Command::new(program::probe());
    disk.watch(&mut probe, &Cut::default());
    probe.current_dir(disk.living()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = probe.spawn().expect("the probe runs");
    let stdin = child.stdin.as_mut().expect("its stdin");
    stdin.write_all(b"write a 0 text\nfsync a\nwrite a 1 E\nwrite b 0 unsynced\nprint ready\n").expect("a script");
    stdin.flush().expect("sent");
    while !disk.log().iter().any(|line| line == "create b") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(disk.audit(), Vec::<String>::new());
    std::fs::write(disk.living().join("c"), "beside the shim").expect("a file");
    std::fs::write(disk.living().join("a"), "tExT").expect("a file");
    assert_eq!(disk.audit(), ["unseen c", "written unseen a"]);
    assert!(disk.command("cut"));
    child.wait().expect("it ends");
    assert!(!disk.command("cut"), "nobody listens any more");
}
