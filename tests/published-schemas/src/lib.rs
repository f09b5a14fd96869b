//! What a document is held against: a schema that its format's authors publish by npm, fetched once; and its own references.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A package of npm.
pub struct Package {
    /// Its name and version, as `@asyncapi/specs@6.11.1`.
    pub name: &'static str,
    /// What npm says of it, so that nothing else is taken for it.
    pub integrity: &'static str,
}

impl Package {
    /// A JSON file of the package, which is fetched into this folder if it is not there yet.
    ///
    /// # Panics
    /// It can't be fetched, is another package, or has no such file.
    #[must_use]
    pub fn json(&self, file: &str, folder: &Path) -> Value {
        let file = folder.join("package").join(file);
        if !file.exists() {
            self.fetch(folder);
        }
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Unpacks it beside its place and moves it there, so that half of it is never taken for the whole.
    fn fetch(&self, folder: &Path) {
        let Self { name, integrity } = self;
        let new: PathBuf = folder.with_extension(format!("{}", std::process::id()));
        fs::create_dir_all(&new).expect("a folder");
        let packed = Command::new("npm").args(["pack", "--json", name]).current_dir(&new).output();
        let packed = packed.unwrap_or_else(|error| {
            panic!("npm can't be run ({error}): install npm (Node.js); it fetches {name}, once, to check the documents")
        });
        let said = String::from_utf8_lossy(&packed.stderr);
        assert!(packed.status.success(), "npm pack {name} failed: see that npm reaches its registry\n{said}");
        let about: Value = serde_json::from_slice(&packed.stdout).expect("npm answers in JSON");
        assert_eq!(about[0]["integrity"], *integrity, "{name} is not the one that these tests were written with");
        let archive = about[0]["filename"].as_str().expect("npm names the archive");
        let unpacked = Command::new("tar").args(["xzf", archive]).current_dir(&new).status().expect("tar runs");
        assert!(unpacked.success(), "{archive} can't be unpacked");
        // Another process may have been first.
        if fs::rename(&new, folder).is_err() {
            assert!(folder.exists(), "{} can't be made", folder.display());
        }
    }
}

/// All references in a document.
#[must_use]
pub fn references(document: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    collect(document, &mut found);
    found
}

fn collect<'a>(json: &'a Value, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
