//! A folder as it is and as much of it as is durable, at one step of a trace; and what a power cut may leave of it. Must not
//! choose the moments.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::trace::{Op, ROOT};

/// Bytes of a file. Copies share them until one changes.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Arc<Vec<u8>>,
    digest: Arc<OnceLock<[u8; 32]>>,
}

impl Content {
    fn changed(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(Arc::make_mut(&mut self.bytes));
        self.digest = Arc::default();
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Write { offset, bytes, .. } => self.changed(|content| {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }),
            Op::Size { bytes, .. } => self.changed(|content| content.resize(*bytes, 0)),
            _ => {}
        }
    }

    fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| Sha256::digest(&*self.bytes).into())
    }
}

#[derive(Debug, Default)]
struct Object {
    is_folder: bool,
    mode: u32,
    living: Content,
    durable: Content,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Steps that changed it since its last sync.
    pending: Vec<usize>,
}

/// Does to names what a step did. What stands for a name is known even where an earlier step got lost.
fn rename(names: &mut BTreeMap<String, usize>, op: &Op) {
    match op {
        Op::Name { name, object: Some(object), .. } => {
            names.insert(name.clone(), *object);
        }
        Op::Name { name, object: None, .. } => {
            names.remove(name);
        }
        Op::Move { from, to, object, .. } => {
            names.remove(from);
            names.insert(to.clone(), *object);
        }
        _ => {}
    }
}

/// What a power cut takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// All that was not synced.
    Everything,
    /// What was not synced of one file, or of the names in one folder. Everything else got to the disk by itself.
    Of(usize),
    /// The older half of what was not synced of one file or folder, while the newer half got to the disk.
    OlderHalfOf(usize),
}

/// A folder as it goes through a trace.
#[derive(Debug)]
pub struct State<'t> {
    ops: &'t [Op],
    ignored: &'t BTreeSet<usize>,
    objects: Vec<Object>,
    /// How many steps were made.
    pub at: usize,
}

impl<'t> State<'t> {
    /// Before the first step. Syncs whose steps are in `ignored` do nothing.
    #[must_use]
    pub fn new(ops: &'t [Op], ignored: &'t BTreeSet<usize>) -> Self {
        Self { ops, ignored, objects: Vec::new(), at: 0 }
    }

    /// Makes the steps before `step`.
    pub fn go_to(&mut self, step: usize) {
        while self.at < step {
            self.make(self.at);
            self.at += 1;
        }
    }

    fn make(&mut self, step: usize) {
        let op = &self.ops[step];
        match op {
            Op::New { is_folder, mode } => {
                self.objects.push(Object { is_folder: *is_folder, mode: *mode, ..Object::default() });
            }
            Op::Write { object, .. } | Op::Size { object, .. } => {
                let object = &mut self.objects[*object];
                object.living.apply(op);
                object.pending.push(step);
            }
            Op::Name { folder, .. } | Op::Move { folder, .. } => {
                let folder = &mut self.objects[*folder];
                rename(&mut folder.names, op);
                folder.pending.push(step);
            }
            Op::Sync(sync) if !self.ignored.contains(&step) => {
                let object = &mut self.objects[sync.object];
                object.mode = sync.mode;
                object.durable = object.living.clone();
                object.durable_names.clone_from(&object.names);
                object.pending.clear();
            }
            Op::Sync(_) => {}
            Op::Told(what) => assert_ne!(what, "sync of everything", "not modelled"),
        }
    }

    /// What a power cut would leave now, if it took this.
    #[must_use]
    pub fn image(&self, loss: Loss) -> Image {
        let mut image = Image::default();
        self.list(ROOT, "", loss, &mut image);
        image
    }

    fn list(&self, folder: usize, path: &str, loss: Loss, image: &mut Image) {
        let of = &self.objects[folder];
        let names = match loss {
            Loss::Everything => Cow::Borrowed(&of.durable_names),
            Loss::Of(lost) if lost == folder => Cow::Borrowed(&of.durable_names),
            Loss::OlderHalfOf(lost) if lost == folder => {
                let mut names = of.durable_names.clone();
                self.newer_half(of).for_each(|op| rename(&mut names, op));
                Cow::Owned(names)
            }
            _ => Cow::Borrowed(&of.names),
        };
        for (name, number) in &*names {
            let object = &self.objects[*number];
            let path = format!("{path}{name}");
            if object.is_folder {
                self.list(*number, &format!("{path}/"), loss, image);
                image.entries.insert(path, Entry { mode: object.mode, content: None });
            } else {
                let content = Some(self.content(*number, loss));
                image.entries.insert(path, Entry { mode: object.mode, content });
            }
        }
    }

    fn content(&self, number: usize, loss: Loss) -> Content {
        let object = &self.objects[number];
        match loss {
            Loss::Everything => object.durable.clone(),
            Loss::Of(lost) if lost == number => object.durable.clone(),
            Loss::OlderHalfOf(lost) if lost == number => {
                let mut content = object.durable.clone();
                self.newer_half(object).for_each(|op| content.apply(op));
                content
            }
            _ => object.living.clone(),
        }
    }

    fn newer_half(&self, object: &Object) -> impl Iterator<Item = &'t Op> {
        let steps = object.pending[object.pending.len().div_ceil(2)..].to_vec();
        let ops = self.ops;
        steps.into_iter().map(move |step| &ops[step])
    }
}

#[derive(Debug)]
struct Entry {
    mode: u32,
    /// `None` for a folder.
    content: Option<Content>,
}

/// What a power cut leaves.
#[derive(Debug, Default)]
pub struct Image {
    entries: BTreeMap<String, Entry>,
}

impl Image {
    /// The same for images that are the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for (path, entry) in &self.entries {
            digest.update(format!("{path}\0{:o}\0", entry.mode));
            digest.update(entry.content.as_ref().map_or(&[0; 32], Content::digest));
        }
        digest.finalize().into()
    }

    /// Writes it into an empty folder.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn write(&self, to: &Path) {
        // A folder comes before what is in it.
        for (path, entry) in &self.entries {
            let place = to.join(path);
            match &entry.content {
                None => std::fs::create_dir(&place).expect("a folder"),
                Some(content) => std::fs::write(&place, &*content.bytes).expect("a file"),
            }
            let mode = std::fs::Permissions::from_mode(entry.mode);
            std::fs::set_permissions(&place, mode).expect("its mode");
        }
    }

    /// Holds it against a folder.
    ///
    /// # Panics
    /// When they differ.
    pub fn assert_is(&self, folder: &Path) {
        let there: BTreeSet<String> = below(folder).into_iter().collect();
        let known: BTreeSet<String> = self.entries.keys().cloned().collect();
        assert_eq!(known, there, "names in {}", folder.display());
        for (path, entry) in &self.entries {
            let Some(content) = &entry.content else { continue };
            let bytes = std::fs::read(folder.join(path)).expect("a file");
            assert!(bytes == *content.bytes, "{path} is {} bytes, and was {}", content.bytes.len(), bytes.len());
        }
    }
}

/// Everything in a folder, by its path in it.
fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(below(&entry.path()).into_iter().map(|path| format!("{name}/{path}")));
        }
        found.push(name);
    }
    found
}
