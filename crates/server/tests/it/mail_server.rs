//! A mail server for tests: it speaks SMTP (RFC 5321) on a port of this machine and keeps the bytes that it was sent.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long a test waits for a mail.
const MAIL_TIME_MAX: Duration = Duration::from_secs(10);

/// A mail as it came over the wire.
#[derive(Debug, Default)]
pub struct Received {
    /// The path of `MAIL FROM`.
    pub from: String,
    /// The paths of `RCPT TO`.
    pub to: Vec<String>,
    /// Headers and body, without the dots that SMTP puts before dots.
    pub content: String,
}

impl Received {
    /// The headers, folded lines joined.
    pub fn header(&self, name: &str) -> String {
        let head = self.content.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let wanted = format!("{name}: ");
        let found: Vec<_> = head.split("\r\n").filter_map(|line| line.strip_prefix(&wanted)).collect();
        assert_eq!(found.len(), 1, "{name} in {head}");
        found[0].to_owned()
    }

    /// The content with the line breaks taken out that the quoted-printable encoding puts in (RFC 2045, section 6.7).
    pub fn unfolded(&self) -> String {
        self.content.replace("=\r\n", "")
    }

    /// The secret of the link in it.
    pub fn secret(&self) -> String {
        let content = self.unfolded();
        let from = content.find("/invitation#").unwrap_or_else(|| panic!("no link: {content}"));
        let rest = &content[from + "/invitation#".len()..];
        rest.split(char::is_whitespace).next().unwrap().to_owned()
    }
}

/// What the server does with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes it.
    Takes,
    /// It refuses every recipient.
    Refuses,
}

/// A running mail server; it ends with the test.
pub struct MailServer {
    pub address: SocketAddr,
    mails: Receiver<Received>,
}

impl MailServer {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, sender) = (stream.unwrap(), sender.clone());
                std::thread::spawn(move || converse(&stream, manner, &sender));
            }
        });
        Self { address, mails }
    }

    /// The next mail.
    pub fn mail(&self) -> Received {
        self.mails.recv_timeout(MAIL_TIME_MAX).expect("a mail comes")
    }

    /// Whether nothing has come that was not asked for.
    pub fn is_empty(&self) -> bool {
        self.mails.try_recv().is_err()
    }
}

fn converse(stream: &TcpStream, manner: Manner, mails: &Sender<Received>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let say = |line: &str| (&mut &*stream).write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 mail.test ESMTP")?;
    let mut received = Received::default();
    loop {
        let line = read_line(&mut reader)?;
        let command = line.to_ascii_uppercase();
        match () {
            () if command.starts_with("EHLO ") => say("250-mail.test\r\n250 8BITMIME")?,
            () if command.starts_with("MAIL FROM:") => {
                received.from = path_of(&line);
                say("250 ok")?;
            }
            () if command.starts_with("RCPT TO:") && manner == Manner::Refuses => say("550 5.1.1 no such mailbox")?,
            () if command.starts_with("RCPT TO:") => {
                received.to.push(path_of(&line));
                say("250 ok")?;
            }
            () if command == "DATA" => {
                say("354 go on")?;
                loop {
                    let line = read_line(&mut reader)?;
                    if line == "." {
                        break;
                    }
                    received.content += line.strip_prefix('.').unwrap_or(&line);
                    received.content += "\r\n";
                }
                say("250 taken")?;
                mails.send(std::mem::take(&mut received)).ok()?;
            }
            () if command == "QUIT" => return say("221 bye"),
            () => say("250 ok")?,
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// What stands between the brackets of a command.
fn path_of(line: &str) -> String {
    let (from, to) = (line.find('<').unwrap(), line.find('>').unwrap());
    line[from + 1..to].to_owned()
}
