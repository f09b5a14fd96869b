//! The directory of one run: data and logs of everything it starts.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{LocalError, Result};

const PREFIX: &str = "choreography-run-";
const LOCK: &str = ".lock";
/// MB that the databases, the broker's log and the services' logs of a short run take, and some more.
const NEEDED: u64 = 500;

/// A fresh directory for temporary data, removed with everything in it when dropped. What an
/// earlier run left because it was killed is removed by the next one.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    keep: AtomicBool,
    /// Held while the run lives: a directory whose lock can be taken belongs to no run.
    _lock: File,
}

impl RunDir {
    /// Makes one that PostgreSQL's unprivileged user can enter too when this process is root.
    ///
    /// # Errors
    /// [`LocalError::Io`] when no temporary directory can be written, [`LocalError::NoRoom`] when its disk is nearly full.
    pub fn create() -> Result<Self> {
        let base = base_dir();
        sweep(&base);
        let disk = rustix::fs::statvfs(&base).map_err(std::io::Error::from);
        let disk = disk.map_err(LocalError::path("asking for the room in", &base))?;
        check_room(&base, disk.f_bavail.saturating_mul(disk.f_frsize) / 1_000_000)?;
        let name = uuid::Uuid::now_v7().simple().to_string();
        // Under its final name it is locked from the first moment, or a sweep could take it.
        let new = base.join(format!("choreography-new-{name}"));
        let path = base.join(format!("{PREFIX}{name}"));
        DirBuilder::new().mode(0o755).create(&new).map_err(LocalError::path("creating", &new))?;
        let lock = File::create(new.join(LOCK)).map_err(LocalError::path("locking", &new))?;
        lock.lock().map_err(LocalError::path("locking", &new))?;
        fs::rename(&new, &path).map_err(LocalError::path("renaming", &new))?;
        Ok(Self { path, keep: AtomicBool::new(false), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the directory in place when this handle is dropped, for a look at the logs. The next
    /// run removes it.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn check_room(dir: &Path, free: u64) -> Result<()> {
    if free >= NEEDED { Ok(()) } else { Err(LocalError::NoRoom { dir: dir.to_owned(), free, needed: NEEDED }) }
}

fn base_dir() -> PathBuf {
    [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()]
        .into_iter()
        .find(|dir| crate::postgres::user::usable_base(dir))
        .unwrap_or_else(std::env::temp_dir)
}

fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    let old = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in old {
        if let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_named_with_what_to_do() {
        let dir = Path::new("/tmp");
        assert!(check_room(dir, NEEDED).is_ok());
        let said = check_room(dir, 3).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.starts_with("only 3 MB are free in /tmp") && said.contains("TMPDIR"), "{said}");
    }
}
