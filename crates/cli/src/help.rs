//! What the command line says of itself: texts that fit any width, and what is meant where options are not.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Columns of a line of an example.
const EXAMPLE_COLUMNS: usize = 78;

/// The same commands with texts after the options as paragraphs of one line, which are wrapped to the terminal's width where
/// they are shown. Examples keep their lines; long ones are continued as a shell takes them.
pub fn unwrapped(mut command: clap::Command) -> clap::Command {
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(paragraphs(&text));
    }
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, unwrapped))
}

fn paragraphs(text: &str) -> String {
    let shown = text.split("\n\n").map(|paragraph| {
        let keeps_lines = paragraph.lines().any(|line| line.starts_with(' '));
        let lines: Vec<String> =
            paragraph.lines().map(|line| if keeps_lines { example(line) } else { line.to_owned() }).collect();
        lines.join(if keeps_lines { "\n" } else { " " })
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

/// A line of an example that fits: its remark on a line of its own, and what is still too long continued before an option.
fn example(line: &str) -> String {
    let is_long = |line: &str| line.chars().count() > EXAMPLE_COLUMNS;
    if !is_long(line) {
        return line.to_owned();
    }
    if let Some(at) = line.trim_start().find("    ").map(|at| at + line.len() - line.trim_start().len()) {
        return format!("{}\n      # {}", example(&line[..at]), line[at..].trim());
    }
    let fitting: usize = line.chars().take(EXAMPLE_COLUMNS - 2).map(char::len_utf8).sum();
    match line[..fitting].rfind(" --") {
        Some(at) if !line[..at].trim().is_empty() => {
            format!("{} \\\n{}", &line[..at], example(&format!("     {}", &line[at..])))
        }
        _ => line.to_owned(),
    }
}

/// Tells what is wrong with the options, and ends.
pub fn exit_with(error: &clap::Error) -> ! {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg)
        && let Some(phrase) = phrase_with_hyphen(unknown, &arguments)
    {
        eprintln!(
            "error: `{phrase}` is no option; a phrase that begins with - comes last, after --: -- '{phrase}'\n\n\
             For more information, try '--help'."
        );
    } else {
        let _ = error.print();
    }
    std::process::exit(error.exit_code())
}

/// The argument that was read as an option and is part of a phrase, such as `-outcome:success`.
fn phrase_with_hyphen<'a>(unknown: &str, arguments: &'a [String]) -> Option<&'a str> {
    let takes_phrases = ["search", "tail", "export"].iter().any(|name| arguments.iter().any(|given| given == name));
    let is_phrase = |given: &&String| {
        let is_negation = given.starts_with('-') && !given.starts_with("--") && given.chars().count() > 2;
        is_negation && given.starts_with(unknown)
    };
    arguments.iter().filter(|_| takes_phrases).find(is_phrase).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_prose_does_not() {
        let text = "Examples:\n  a\n  b \\\n    c\n\nOne\ntwo.\nThree.";
        assert_eq!(paragraphs(text), "Examples:\n  a\n  b \\\n    c\n\nOne two. Three.");
    }

    #[test]
    fn long_examples_are_continued() {
        let long = format!("  actarium a --first {} --second {} --third c", "1".repeat(30), "2".repeat(30));
        let continued = example(&long);
        assert!(continued.lines().all(|line| line.len() <= EXAMPLE_COLUMNS), "{continued}");
        assert_eq!(continued.replace(" \\\n      ", " "), long);
        let remarked = format!("  actarium a {}      what it does", "1".repeat(60));
        assert_eq!(example(&remarked), format!("  actarium a {}\n      # what it does", "1".repeat(60)));
    }

    #[test]
    fn a_phrase_is_told_from_an_option() {
        let given = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let search = given("search --org demo -outcome:success");
        assert_eq!(phrase_with_hyphen("-o", &search), Some("-outcome:success"));
        assert_eq!(phrase_with_hyphen("-o", &given("search --org demo -o")), None);
        assert_eq!(phrase_with_hyphen("-o", &given("user list -outcome:success")), None);
        assert_eq!(phrase_with_hyphen("--oldst", &given("search --oldst")), None);
    }
}
