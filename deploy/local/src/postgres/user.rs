//! The unprivileged user that PostgreSQL runs as when this process is root.

use std::{
    ffi::CString,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use crate::{LocalError, Result, process::RunAs};

/// `None` when this process may run PostgreSQL as itself.
///
/// # Errors
/// [`LocalError::NoUnprivilegedUser`] when it is root and there is no unprivileged user to drop to.
pub fn unprivileged() -> Result<Option<RunAs>> {
    if !is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"].into_iter().find_map(look_up).map(Some).ok_or(LocalError::NoUnprivilegedUser)
}

/// Makes `dir` and gives it to the user that PostgreSQL will run as.
///
/// # Errors
/// [`LocalError::NotTraversable`] when that user cannot get there.
pub fn provide_dir(dir: &Path, user: Option<&RunAs>) -> Result<()> {
    fs::create_dir_all(dir).map_err(LocalError::path("creating", dir))?;
    if let Some(user) = user {
        if !others_can_enter(dir.parent().unwrap_or(dir)) {
            return Err(LocalError::NotTraversable { user: user.name.clone(), dir: dir.to_owned() });
        }
        give(dir, user)?;
    }
    Ok(())
}

/// Changes the owner of a file or directory.
pub(super) fn give(path: &Path, user: &RunAs) -> Result<()> {
    chown(path, Some(user.uid), Some(user.gid)).map_err(LocalError::path("changing the owner of", path))
}

/// Can data that PostgreSQL's user must reach lie below this directory?
pub(crate) fn usable_base(dir: &Path) -> bool {
    dir.is_dir() && (!is_root() || others_can_enter(dir))
}

pub(super) fn is_root() -> bool {
    // SAFETY: geteuid only reads.
    unsafe { libc::geteuid() == 0 }
}

fn others_can_enter(dir: &Path) -> bool {
    let Ok(real) = dir.canonicalize() else {
        return false;
    };
    real.ancestors().all(|part| fs::metadata(part).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

fn look_up(name: &str) -> Option<RunAs> {
    let c_name = CString::new(name).ok()?;
    // SAFETY: the name is a C string; the answer points into static memory, is read at once, and
    // nothing else in this crate calls getpw functions.
    let (uid, gid) = unsafe {
        let entry = libc::getpwnam(c_name.as_ptr());
        if entry.is_null() {
            return None;
        }
        ((*entry).pw_uid, (*entry).pw_gid)
    };
    Some(RunAs { name: name.into(), uid, gid })
}
