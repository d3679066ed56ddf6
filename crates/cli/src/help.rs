//! What the command line says of itself: texts that fit any width, and what is meant where options are not.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The same commands with texts after the options as paragraphs of one line, which are wrapped to the terminal's width where
/// they are shown. Examples keep their lines.
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
        if keeps_lines { paragraph.to_owned() } else { paragraph.lines().collect::<Vec<_>>().join(" ") }
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

/// Tells what is wrong with the options, and ends.
pub fn exit_with(error: &clap::Error) -> ! {
    let _ = error.print();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg)
        && let Some(phrase) = phrase_with_hyphen(unknown, &arguments)
    {
        eprintln!("\na phrase that begins with - comes last, after --: -- '{phrase}'");
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
    fn a_phrase_is_told_from_an_option() {
        let given = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let search = given("search --org demo -outcome:success");
        assert_eq!(phrase_with_hyphen("-o", &search), Some("-outcome:success"));
        assert_eq!(phrase_with_hyphen("-o", &given("search --org demo -o")), None);
        assert_eq!(phrase_with_hyphen("-o", &given("user list -outcome:success")), None);
        assert_eq!(phrase_with_hyphen("--oldst", &given("search --oldst")), None);
    }
}
