//! What a program did to a folder on the disk that forgets, as the shim wrote it down: every byte, name and sync, in order.
//! Must not judge what of it is durable.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The number of the watched folder itself.
pub const ROOT: usize = 0;

/// One step. Files and folders go by number: names come and go.
#[derive(Debug)]
pub enum Op {
    /// A file or folder came to be.
    New {
        /// Whether it is a folder.
        is_folder: bool,
        /// Its permission bits.
        mode: u32,
    },
    /// Bytes were written.
    Write {
        /// The file.
        object: usize,
        /// Where they begin.
        offset: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The file was cut or grew.
    Size {
        /// The file.
        object: usize,
        /// Its new size in bytes.
        bytes: usize,
    },
    /// A name came to stand for something, or for nothing.
    Name {
        /// The folder that the name is in.
        folder: usize,
        /// The name.
        name: String,
        /// What it stands for now.
        object: Option<usize>,
    },
    /// A name was changed within its folder.
    Move {
        /// The folder.
        folder: usize,
        /// The old name.
        from: String,
        /// The new one.
        to: String,
        /// What bears it.
        object: usize,
    },
    /// A file or folder was synced.
    Sync(Sync),
    /// Something was said to others: `answer`, or what the test had written down.
    Told(String),
}

/// A sync, and where in the program it was asked for.
#[derive(Debug)]
pub struct Sync {
    /// The file or folder.
    pub object: usize,
    /// `fsync`, `fdatasync`, `fsync-dir`, `sync-write`.
    pub kind: String,
    /// The chain of calls, a key of [`Trace::sites`].
    pub site: String,
    /// Its path at that moment.
    pub path: String,
    /// Its permission bits at that moment.
    pub mode: u32,
}

/// The steps of one or more lives on the same folder, the power staying on between them.
#[derive(Debug, Default)]
pub struct Trace {
    /// The steps, in order.
    pub ops: Vec<Op>,
    /// Addresses in the program by site, innermost first.
    pub sites: BTreeMap<String, Vec<u64>>,
    /// What each folder has by name now.
    names: Vec<BTreeMap<String, usize>>,
}

impl Trace {
    /// Adds a life: the shim's trace of it and its log.
    ///
    /// # Panics
    /// When the life did not begin on what the one before left, or did something that is not modelled.
    pub fn add(&mut self, file: &Path, log: &[String]) {
        let bytes = std::fs::read(file).expect("the trace of a life");
        let mut reader = Reader { bytes: &bytes, at: 0 };
        let mut numbers: HashMap<u64, usize> = HashMap::new();
        while let Some(line) = reader.line() {
            self.step(&line, &mut reader, &mut numbers);
        }
        for line in log {
            if let Some((site, addresses)) = line.strip_prefix("site ").and_then(|rest| rest.split_once(' ')) {
                let addresses = addresses.split(' ').filter_map(|text| u64::from_str_radix(&text[2..], 16).ok());
                self.sites.insert(site.to_owned(), addresses.collect());
            }
        }
    }

    fn step(&mut self, line: &str, reader: &mut Reader<'_>, numbers: &mut HashMap<u64, usize>) {
        let mut words = line.splitn(2, ' ');
        let (verb, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let words: Vec<&str> = rest.split(' ').collect();
        let object = |at: usize| numbers[&words[at].parse().expect("the number of an object")];
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        match verb {
            "there" => {
                let id = words[0].parse().expect("a number");
                let path = rest.splitn(3, ' ').nth(2).expect("a path");
                numbers.insert(id, self.found(path));
            }
            "new" => {
                numbers.insert(words[0].parse().expect("a number"), self.names.len());
                let mode = u32::from_str_radix(words[2], 8).expect("a mode");
                self.names.push(BTreeMap::new());
                self.ops.push(Op::New { is_folder: words[1] == "d", mode });
            }
            "write" => {
                let bytes = reader.take(number(2)).to_vec();
                self.ops.push(Op::Write { object: object(0), offset: number(1), bytes });
            }
            "size" => self.ops.push(Op::Size { object: object(0), bytes: number(1) }),
            "name" => {
                let name = rest.splitn(3, ' ').nth(2).expect("a name").to_owned();
                let (folder, named) = (object(0), (words[1] != "0").then(|| object(1)));
                match named {
                    Some(object) => self.names[folder].insert(name.clone(), object),
                    None => self.names[folder].remove(&name),
                };
                self.ops.push(Op::Name { folder, name, object: named });
            }
            "move" => {
                let (from, to) = (reader.line().expect("a name"), reader.line().expect("a name"));
                let folder = object(0);
                assert_eq!(folder, object(1), "moves between folders are not modelled: {from} to {to}");
                let moved = self.names[folder].remove(&from).expect("what was moved was there");
                self.names[folder].insert(to.clone(), moved);
                self.ops.push(Op::Move { folder, from, to, object: moved });
            }
            "sync" => {
                let path = rest.splitn(5, ' ').nth(4).expect("a path").to_owned();
                let mode = u32::from_str_radix(words[3], 8).expect("a mode");
                let (kind, site) = (words[1].to_owned(), words[2].to_owned());
                self.ops.push(Op::Sync(Sync { object: object(0), kind, site, path, mode }));
            }
            "told" => self.ops.push(Op::Told(rest.to_owned())),
            _ => panic!("the trace says {line}"),
        }
    }

    /// What a life found at its start.
    fn found(&mut self, path: &str) -> usize {
        if self.names.is_empty() {
            assert_eq!(path, ".", "a first life begins on an empty folder");
            self.names.push(BTreeMap::new());
            self.ops.push(Op::New { is_folder: true, mode: 0o755 });
        }
        let mut object = ROOT;
        for name in path.split('/').filter(|name| *name != ".") {
            object = *self.names[object].get(name).unwrap_or_else(|| panic!("{path} was not there before"));
        }
        object
    }
}

struct Reader<'r> {
    bytes: &'r [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next line; a last one that was cut off by the end of the process is none.
    fn line(&mut self) -> Option<String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += length + 1;
        Some(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn take(&mut self, length: usize) -> &[u8] {
        self.at += length;
        &self.bytes[self.at - length..self.at]
    }
}
