//! The file that archived rows go to.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};

/// Lines of JSON, each on the disk before its row is deleted.
pub(super) struct ArchiveFile {
    file: File,
    path: PathBuf,
    is_empty: bool,
}

impl ArchiveFile {
    /// A new file: what earlier runs have kept is never touched.
    pub fn create(folder: &Path, service: &str, now: DateTime<Utc>) -> Result<Self> {
        let path = folder.join(format!("{service}-{}.jsonl", now.format("%Y%m%dT%H%M%S%.6fZ")));
        let file = File::create_new(&path).with_context(|| format!("{} could not be made", path.display()))?;
        // Its name must be on the disk as well.
        File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| folder.display().to_string())?;
        Ok(Self { file, path, is_empty: true })
    }

    pub fn keep(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = lines.join("\n");
        text.push('\n');
        self.is_empty = false;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }

    /// Where it is; `None`: nothing was kept, so it is gone.
    pub fn finish(self) -> Result<Option<PathBuf>> {
        if !self.is_empty {
            return Ok(Some(self.path));
        }
        fs::remove_file(&self.path).with_context(|| format!("{} could not be removed", self.path.display()))?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_in_a_new_file_and_an_empty_one_is_removed() {
        let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
        fs::create_dir(&folder).unwrap();
        let create = || ArchiveFile::create(&folder, "order", DateTime::UNIX_EPOCH);
        assert_eq!(create().unwrap().finish().unwrap(), None);
        let mut file = create().unwrap();
        file.keep(&["1".into(), "2".into()]).unwrap();
        file.keep(&["3".into()]).unwrap();
        let path = file.finish().unwrap().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
        assert_eq!(path.file_name().unwrap(), "order-19700101T000000.000000Z.jsonl");
        assert!(create().is_err(), "an earlier file is not touched");
        fs::remove_dir_all(&folder).unwrap();
    }
}
