//! Asking the person at the terminal: answers, secrets that are not shown, and whether something is really to be done.
//!
//! Where stdin is no terminal, answers are its lines, and nobody is asked whether they mean it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::show::inert;

/// Bytes of an answer, and of a file with a secret.
const ANSWER_BYTES_MAX: u64 = 4096;

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;

/// Whether there is somebody to ask.
pub fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a line of text. What is asked for has a name for whoever gives it another way.
///
/// # Errors
/// If nothing is answered.
pub fn ask(question: &str, otherwise: &str) -> Result<String, Failure> {
    let answer =
        if is_somebody_there() { Terminal::open()?.ask(question)? } else { line_of_stdin(question, otherwise)? };
    let answer = answer.trim().to_owned();
    if answer.is_empty() { Err(Failure::Usage(format!("{question}: nothing was answered"))) } else { Ok(answer) }
}

/// Asks for a secret, which is not shown as it is typed. It may be empty.
///
/// # Errors
/// If nothing is answered.
pub fn ask_secret(question: &str, otherwise: &str) -> Result<String, Failure> {
    if is_somebody_there() { Terminal::open()?.ask_secret(question) } else { line_of_stdin(question, otherwise) }
}

/// How often a new secret is asked for that is not typed the same twice.
const TRIES_MAX: usize = 3;

/// Asks somebody at the terminal for a new secret, twice; `None` if it is left empty.
///
/// # Errors
/// If it is not typed the same twice.
pub fn ask_new_secret(question: &str, if_empty: &str) -> Result<Option<String>, Failure> {
    for _ in 0..TRIES_MAX {
        let first = ask_secret(&format!("{question} (empty: {if_empty})"), "--password-file")?;
        if first.is_empty() {
            return Ok(None);
        }
        if ask_secret("Once more", "--password-file")? == first {
            return Ok(Some(first));
        }
        crate::show::note("these are two different ones");
    }
    Err(Failure::Usage(format!("the password was not typed the same twice in {TRIES_MAX} tries")))
}

/// The secret of a file, without the line break at its end. `-` is a line of stdin, or asks on a terminal.
///
/// # Errors
/// If there is none, or more than a line.
pub fn secret_of_file(file: &Path, question: &str) -> Result<String, Failure> {
    if file == Path::new("-") {
        return ask_secret(question, "a line of stdin");
    }
    let wrong = |text: String| Failure::Usage(format!("{}: {text}", file.display()));
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| wrong(error.to_string()))?;
    opened.take(ANSWER_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    let secret = without_line_break(&text);
    if secret.is_empty() || secret.contains(['\n', '\r']) || text.len() as u64 > ANSWER_BYTES_MAX {
        return Err(wrong(format!("it must hold one line of at most {ANSWER_BYTES_MAX} bytes, the secret")));
    }
    Ok(secret.to_owned())
}

/// Goes on if `yes`, if nobody is there to ask, or if they want it, once they are told what they lose.
///
/// # Errors
/// If they do not want it.
pub fn confirm(yes: bool, loss: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
    if yes || !is_somebody_there() {
        return Ok(());
    }
    let loss = loss()?;
    let mut terminal = Terminal::open()?;
    let lines: Vec<String> = loss.lines().map(inert).collect();
    let answer = terminal.ask(&format!("{}\nGo on? [y/N]", lines.join("\n")))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Refused("nothing was changed".to_owned()))
    }
}

fn line_of_stdin(question: &str, otherwise: &str) -> Result<String, Failure> {
    let mut line = Vec::new();
    std::io::stdin().lock().take(ANSWER_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(Failure::Usage(format!(
            "{question}: nobody is there to ask, and stdin has no line of it; {otherwise} gives it"
        )));
    }
    let text = String::from_utf8(line).map_err(|_| Failure::Usage(format!("{question}: stdin is not UTF-8")))?;
    Ok(without_line_break(&text).to_owned())
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The terminal that the command was started from, wherever stdout and stderr go.
struct Terminal {
    file: File,
}

impl Terminal {
    fn open() -> Result<Self, Failure> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty");
        Ok(Self { file: file.map_err(|error| Failure::Usage(format!("there is no terminal to ask on: {error}")))? })
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        write!(self.file, "{question}: ")?;
        self.line()
    }

    fn ask_secret(&mut self, question: &str) -> Result<String, Failure> {
        // Hidden before it is asked: whoever is quick is not shown either.
        let hidden = Hidden::begin(&self.file)?;
        write!(self.file, "{question}: ")?;
        let line = self.line();
        drop(hidden);
        let line = line?;
        if line.as_bytes().contains(&INTERRUPT) {
            writeln!(self.file)?;
            return Err(Failure::Interrupted("nothing was sent".to_owned()));
        }
        Ok(line)
    }

    /// A line, or what is typed up to an interrupt.
    fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        let mut byte = [0];
        // Byte by byte, for the next question has a reader of its own.
        while line.len() < ANSWER_BYTES_MAX as usize && self.file.read(&mut byte)? == 1 {
            line.push(byte[0]);
            if matches!(byte[0], b'\n' | INTERRUPT) {
                break;
            }
        }
        if line.is_empty() {
            return Err(Failure::Interrupted("nothing was sent".to_owned()));
        }
        let text = String::from_utf8(line).map_err(|_| Failure::Usage("what was typed is not UTF-8".to_owned()))?;
        Ok(without_line_break(&text).to_owned())
    }
}

/// A terminal that does not show what is typed, until it is dropped. Ctrl-C ends the line instead of the process, which
/// would leave the terminal as it is.
struct Hidden {
    file: File,
    before: Termios,
}

impl Hidden {
    fn begin(file: &File) -> Result<Self, Failure> {
        let before = tcgetattr(file).map_err(std::io::Error::from)?;
        let mut during = before.clone();
        during.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        during.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        during.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // What was typed before is not taken for the secret.
        tcsetattr(file, OptionalActions::Flush, &during).map_err(std::io::Error::from)?;
        Ok(Self { file: file.try_clone()?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let read = |content: &str| {
            std::fs::write(&file, content).unwrap();
            secret_of_file(&file, "Password").ok()
        };
        assert_eq!(read(" with blanks \n").as_deref(), Some(" with blanks "));
        assert_eq!(read("without").as_deref(), Some("without"));
        assert_eq!(read("dos\r\n").as_deref(), Some("dos"));
        assert_eq!(read(""), None);
        assert_eq!(read("\n"), None);
        assert_eq!(read("two\nlines\n"), None);
        assert!(secret_of_file(&folder.path().join("none"), "Password").is_err());
    }
}
