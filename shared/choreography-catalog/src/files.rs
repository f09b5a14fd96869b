//! Files that are made from data, and are held against what is committed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::CatalogError;

/// Texts by their paths below a folder.
pub type Files = BTreeMap<String, String>;

/// Writes files below a folder. What else stands there stays.
///
/// # Errors
/// A file can't be written; it is named.
pub fn write(folder: &Path, files: &Files) -> Result<(), CatalogError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| CatalogError::Unwritable { path, source }
    };
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(unwritable(parent))?;
        fs::write(&path, text).map_err(unwritable(&path))?;
    }
    Ok(())
}

/// How a folder differs from what would be written there: a line for each file that is missing, other, or there for nothing.
///
/// # Errors
/// The folder is there and can't be read.
pub fn differences(folder: &Path, files: &Files) -> Result<Vec<String>, CatalogError> {
    let mut there = Files::new();
    if folder.exists() {
        gather(folder, folder, &mut there)?;
    }
    let line = |name: &str, problem: &str| format!("{}: {problem}", folder.join(name).display());
    let made = files.iter().filter_map(|(name, text)| match there.get(name) {
        None => Some(line(name, "is missing")),
        Some(other) if other != text => Some(line(name, "is not what the descriptions and schemas say")),
        Some(_) => None,
    });
    let mut lines: Vec<String> = made.collect();
    lines.extend(
        there.keys().filter(|name| !files.contains_key(*name)).map(|name| line(name, "is of nothing: delete it")),
    );
    Ok(lines)
}

fn gather(folder: &Path, root: &Path, found: &mut Files) -> Result<(), CatalogError> {
    let unreadable = |path: PathBuf| {
        move |source| CatalogError::Unreadable { path, source, advice: "see that it is a folder of texts" }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder.to_owned()))? {
        let path = entry.map_err(unreadable(folder.to_owned()))?.path();
        if path.is_dir() {
            gather(&path, root, found)?;
        } else {
            let text = fs::read_to_string(&path).map_err(unreadable(path.clone()))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.insert(name, text);
        }
    }
    Ok(())
}
