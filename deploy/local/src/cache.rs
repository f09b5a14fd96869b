//! Directories that are filled once and then shared by every run on this machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{LocalError, Result};

/// `$XDG_CACHE_HOME/choreography`, or `~/.cache/choreography`.
#[must_use]
pub fn user_cache() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("choreography")
}

/// Answers `dir`, filled by `fill` if it is not there yet. Of several processes that ask at once
/// one fills and the others wait; an interrupted fill is started afresh, never mistaken for a
/// whole one. `fill` blocks: call this outside async code.
///
/// # Errors
/// Those of `fill`, and [`LocalError::Io`] when the cache cannot be written.
pub fn fill_once(dir: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    if dir.is_dir() {
        return Ok(dir.to_owned());
    }
    let parent = dir.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(LocalError::path("creating", parent))?;
    let lock_path = beside(dir, ".lock");
    let lock = File::create(&lock_path).map_err(LocalError::path("locking", &lock_path))?;
    lock.lock().map_err(LocalError::path("locking", &lock_path))?;
    if dir.is_dir() {
        return Ok(dir.to_owned());
    }
    let partial = beside(dir, ".partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(LocalError::path("removing", &partial))?;
    }
    fill(&partial)?;
    fs::rename(&partial, dir).map_err(LocalError::path("renaming", &partial))?;
    Ok(dir.to_owned())
}

fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_fill_is_not_taken_for_a_whole_one() -> Result<()> {
        let run = crate::RunDir::create()?;
        let dir = run.path().join("cached");
        let write = |at: &Path, name: &str| {
            fs::create_dir_all(at)
                .and_then(|()| fs::write(at.join(name), name))
                .map_err(LocalError::path("writing", at))
        };
        let interrupted = fill_once(&dir, |at| {
            write(at, "half")?;
            Err(LocalError::NoUnprivilegedUser)
        });
        assert!(interrupted.is_err() && !dir.exists());
        fill_once(&dir, |at| write(at, "whole"))?;
        assert!(dir.join("whole").is_file() && !dir.join("half").exists());
        fill_once(&dir, |_| Err(LocalError::NoUnprivilegedUser))?;
        Ok(())
    }
}
