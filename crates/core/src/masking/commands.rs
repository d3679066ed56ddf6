//! Credentials in the arguments of well-known programs whose options do not say that they are ones: `curl -u user:password`,
//! `sshpass -p …`, `mysql -p…`. Elsewhere `-u` and `-p` are anything, so the program is looked for in front of them.

use super::keys::{self, KeyRule};
use super::marks::{has_outside_marks, run_over_marks};
use super::texts::{Found, is_blank, is_word, run, run_back};
use crate::json::Json;

/// How an option holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// Behind the first colon of its value.
    BehindColon,
    /// It is its value.
    Whole,
    /// It is what follows the option's letter at once.
    Attached,
}

use Holds::{Attached, BehindColon, Whole};

/// Programs, their options, and how these hold a credential.
const OPTIONS: &[(&[&str], &[&str], Holds)] = &[
    (&["curl"], &["-u", "-U", "--user", "--proxy-user"], BehindColon),
    (&["http", "https", "httpie"], &["-a"], BehindColon),
    (&["sshpass"], &["-p"], Whole),
    (&["redis-cli"], &["-a"], Whole),
    (&["docker", "podman", "helm", "skopeo", "oras"], &["-p"], Whole),
    (&["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldappasswd"], &["-w"], Whole),
    (&["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "sshpass"], &["-p"], Attached),
    (&["curl"], &["-u"], Attached),
];
/// Programs whose option is a password where this command is among the arguments; elsewhere it is a port.
const WITH_LOGIN: [&str; 5] = ["docker", "podman", "helm", "skopeo", "oras"];
/// How far before an option its program is looked for.
const LINE_BYTES_MAX: usize = 512;

/// What is masked of the option that begins at a place, if it is one of these.
pub(super) fn credential(bytes: &[u8], at: usize) -> Option<Found> {
    let option = &bytes[at..run(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'-')];
    let is_short_or_named = OPTIONS.iter().any(|(_, options, holds)| {
        options.iter().any(|name| match holds {
            Attached => option.starts_with(name.as_bytes()),
            _ => option == name.as_bytes(),
        })
    });
    if !is_short_or_named || at == 0 {
        return None;
    }
    let before = command_before(bytes, at);
    OPTIONS.iter().filter(|(programs, ..)| runs_one_of(before, programs)).find_map(|(_, options, holds)| {
        options.iter().find_map(|name| {
            let from = at + name.len();
            bytes[at..].starts_with(name.as_bytes()).then(|| value(bytes, from, *holds)).flatten()
        })
    })
}

fn value(bytes: &[u8], from: usize, holds: Holds) -> Option<Found> {
    const RULE: &str = "password";
    let start = match (holds, bytes.get(from)?) {
        (Attached, b' ' | b'\t' | b'\n' | b'-' | b'=') => return None,
        (Attached, _) => from,
        (_, b'=') => from + 1,
        (_, b' ' | b'\t') => run(bytes, from, is_blank),
        _ => return None,
    };
    let (start, end) = match bytes.get(start)? {
        quote @ (b'"' | b'\'') => {
            let length = bytes[start + 1..].iter().position(|byte| byte == quote)?;
            (start + 1, start + 1 + length)
        }
        b'-' => return None,
        // A reference to a variable says where the value is.
        b'$' => return None,
        _ => {
            let belongs = |byte: u8| !byte.is_ascii_whitespace() && !b"\"'|;<>()".contains(&byte);
            (start, run_over_marks(bytes, start, belongs))
        }
    };
    let start = match holds {
        Whole => start,
        // The option's letter may begin another option that is written in one with it; of curl the value has a colon.
        Attached if !bytes[start..end].contains(&b':') && bytes[from - 1] == b'u' => return None,
        Attached if bytes[from - 1] == b'p' => start,
        Attached | BehindColon => start + bytes[start..end].iter().position(|byte| *byte == b':')? + 1,
    };
    let is_reference = matches!(bytes.get(start), Some(b'$'));
    (start < end && !is_reference).then_some((start, end, RULE))
}

/// The command line in front of a place, from what parts it from another.
fn command_before(bytes: &[u8], at: usize) -> &[u8] {
    let before = &bytes[at.saturating_sub(LINE_BYTES_MAX)..at];
    let is_within = |byte: u8| !b"|;&\n`(".contains(&byte);
    &before[run_back(before, is_within)..]
}

/// Whether one of the words is a program's name, its folder aside; some hold a credential only when they sign in.
fn runs_one_of(command: &[u8], programs: &[&str]) -> bool {
    let mut words = command.split(|byte| !(is_word(*byte) || matches!(byte, b'-' | b'.')));
    let Some(program) = words.find_map(|word| programs.iter().find(|name| word == name.as_bytes())) else {
        return false;
    };
    !WITH_LOGIN.contains(program) || words.any(|word| word == b"login")
}

/// The rule for an argument behind an option, where a command is written as a list.
pub(super) fn rule_of_argument(elements: &[Json<'_>], option: &str, text: &str) -> Option<KeyRule> {
    let Some(Json::Str(program)) = elements.first() else { return None };
    let program = program.rsplit('/').next().unwrap_or_default();
    let is_login = || elements.iter().any(|element| matches!(element, Json::Str(word) if word == "login"));
    let holds = OPTIONS.iter().find(|(programs, options, holds)| {
        *holds != Attached && programs.contains(&program) && options.contains(&option)
    });
    let (_, _, holds) = holds.filter(|_| !WITH_LOGIN.contains(&program) || is_login())?;
    let has_one = *holds == Whole || has_outside_marks(text, ':');
    keys::built_in("password").filter(|_| has_one && !text.starts_with(['-', '$']))
}
