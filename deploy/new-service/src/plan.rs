//! What is to be written: all of it, or nothing.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::PlanError;

/// New files, and files of the project that change; paths are relative to its root.
#[derive(Debug)]
pub struct Plan {
    root: PathBuf,
    new: BTreeMap<String, String>,
    changed: BTreeMap<String, String>,
}

impl Plan {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), new: BTreeMap::new(), changed: BTreeMap::new() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn create(&mut self, file: String, text: String) {
        self.new.insert(file, text);
    }

    /// `edit` answers the text as it is to be.
    pub(crate) fn change(&mut self, file: &str, edit: impl FnOnce(&str) -> Option<String>) -> Result<(), PlanError> {
        let text = self.read(file)?;
        let unexpected =
            || PlanError(format!("{file} has no list of services where one more could stand: add it by hand"));
        self.changed.insert(file.to_owned(), edit(&text).ok_or_else(unexpected)?);
        Ok(())
    }

    pub(crate) fn read(&self, file: &str) -> Result<String, PlanError> {
        let unread =
            |error| PlanError(format!("{file} can't be read: {error}; is {} the project?", self.root.display()));
        fs::read_to_string(self.root.join(file)).map_err(unread)
    }

    /// The files that it writes, the changed ones last.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        self.new.keys().chain(self.changed.keys()).map(String::as_str).collect()
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// A file can't be written. Whatever was written before is taken back.
    pub fn carry_out(&self) -> Result<(), PlanError> {
        let mut undo = Undo::default();
        for (file, text) in self.new.iter().chain(&self.changed) {
            undo.write(&self.root.join(file), text).map_err(|error| {
                undo.all();
                PlanError(format!("{file} can't be written: {error}; nothing was changed"))
            })?;
        }
        Ok(())
    }
}

/// What was done so far, to take it back.
#[derive(Default)]
struct Undo {
    folders: Vec<PathBuf>,
    /// Each with its content before, if there was any.
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Undo {
    fn write(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder)?;
            self.folders.push(folder.to_owned());
        }
        self.files.push((path.to_owned(), fs::read(path).ok()));
        fs::write(path, text)
    }

    /// As far as it goes: what can't be taken back is reported by what could not be written.
    fn all(&self) {
        for (path, before) in self.files.iter().rev() {
            let _ = match before {
                Some(bytes) => fs::write(path, bytes),
                None => fs::remove_file(path),
            };
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
