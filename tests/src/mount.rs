//! A file system of a few megabytes in memory, for what happens when a disk is full or read-only. Needs root; where
//! mounting is not permitted the tests that use it say so and pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one. `None`, with a message, when that is not permitted here.
    ///
    /// # Panics
    /// When no folder can be made to mount it on.
    #[must_use]
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("actarium-small-").tempdir().expect("a temporary folder");
        let size = format!("size={mebibytes}m,mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        println!("SKIPPED: mounting a tmpfs is not permitted here, so a full or read-only disk is not tried");
        None
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file that takes up space until it is removed.
    ///
    /// # Panics
    /// When it does not fit.
    #[must_use]
    pub fn ballast(&self, mebibytes: usize) -> PathBuf {
        let path = self.path().join("ballast");
        std::fs::write(&path, vec![7; mebibytes << 20]).expect("room for the ballast");
        path
    }

    /// Makes it read-only.
    ///
    /// # Panics
    /// When something still has a file open for writing.
    pub fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).output().expect("mount runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
