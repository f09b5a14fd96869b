//! Where secrets are kept, and how they are handed to their readers.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use super::random;
use crate::{ProvisionError, Result};

/// The user that a file is for: one of the images that compose names.
#[derive(Debug, Clone, Copy)]
pub enum User {
    /// Of the project's own image.
    Services,
    Kafka,
    Postgres,
    Prometheus,
}

impl User {
    fn id(self) -> u32 {
        match self {
            Self::Services => 10_001,
            Self::Kafka => 1_000,
            Self::Postgres => 999,
            Self::Prometheus => 65_534,
        }
    }
}

/// The originals and, beside them, the readers' directories.
pub struct Store {
    dir: PathBuf,
    originals: PathBuf,
    give: bool,
}

impl Store {
    pub fn open(dir: PathBuf, give: bool) -> Result<Self> {
        let originals = dir.join("originals");
        fs::create_dir_all(&originals).map_err(ProvisionError::file("making", &originals))?;
        Ok(Self { dir, originals, give })
    }

    /// To hand out what is no secret of the originals.
    pub fn readers(dir: PathBuf, give: bool) -> Self {
        Self { originals: dir.join("originals"), dir, give }
    }

    /// A password or a token: the one that was made first.
    pub fn password(&self, name: &str) -> Result<String> {
        self.original(name, random::password)
    }

    /// Reads an original, or makes it.
    pub fn original(&self, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
        let path = self.originals.join(name);
        match fs::read_to_string(&path) {
            Ok(found) if found.trim().is_empty() => Err(ProvisionError::Empty { path }),
            Ok(found) => Ok(found),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = make()?;
                write(&path, &made, None)?;
                Ok(made)
            }
            Err(error) => Err(ProvisionError::file("reading", path)(error)),
        }
    }

    /// Is there a directory for a reader, or can one be made? In a container whose own files can't be written to, readers
    /// have what is mounted for them; one without is not here.
    pub fn is_here(&self, reader: &str) -> Result<bool> {
        let dir = self.dir.join(reader);
        match fs::create_dir_all(&dir) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => Ok(false),
            Err(error) => Err(ProvisionError::file("making", dir)(error)),
        }
    }

    /// Writes a reader's copy. A program that reads it while it is replaced sees the old or the new one, whole.
    pub fn hand(&self, reader: &str, name: &str, content: &str, user: User) -> Result<()> {
        let dir = self.dir.join(reader);
        fs::create_dir_all(&dir).map_err(ProvisionError::file("making", &dir))?;
        let path = dir.join(name);
        write(&path, content, self.give.then_some(user))
    }
}

fn write(path: &Path, content: &str, owner: Option<User>) -> Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    if let Err(error) = fs::remove_file(&new)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(ProvisionError::file("removing", new)(error));
    }
    // Its owner's eyes only, from the first moment.
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&new);
    let mut file = file.map_err(ProvisionError::file("making", &new))?;
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(ProvisionError::file("writing", &new))?;
    if let Some(user) = owner {
        let id = Some(user.id());
        fchown(&file, id, id).map_err(ProvisionError::file("giving away", &new))?;
    }
    fs::rename(&new, path).map_err(ProvisionError::file("replacing", path))
}
