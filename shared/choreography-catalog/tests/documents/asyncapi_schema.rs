//! AsyncAPI's own JSON Schema, fetched once by npm into the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const PACKAGE: &str = "@asyncapi/specs@6.11.1";
/// What npm says of that package, so that nothing else is taken for it.
const INTEGRITY: &str =
    "sha512-A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ==";

/// The schema of AsyncAPI 3.1.0.
pub fn read() -> Value {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("asyncapi-specs-6.11.1");
    let file = folder.join("package/schemas/3.1.0.json");
    if !file.exists() {
        fetch(&folder);
    }
    serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
}

/// Unpacks the package beside its place and moves it there, so that half of it is never taken for the whole.
fn fetch(folder: &Path) {
    let new: PathBuf = folder.with_extension(format!("{}", std::process::id()));
    fs::create_dir_all(&new).unwrap();
    let packed = Command::new("npm").args(["pack", "--json", PACKAGE]).current_dir(&new).output();
    let packed = packed.unwrap_or_else(|error| {
        panic!("npm can't be run ({error}): install npm (Node.js); it fetches {PACKAGE}, once, to check the documents")
    });
    let said = String::from_utf8_lossy(&packed.stderr);
    assert!(packed.status.success(), "npm pack {PACKAGE} failed: see that npm reaches its registry\n{said}");
    let about: Value = serde_json::from_slice(&packed.stdout).unwrap();
    assert_eq!(about[0]["integrity"], INTEGRITY, "{PACKAGE} is not the one that these tests were written with");
    let archive = about[0]["filename"].as_str().unwrap();
    let unpacked = Command::new("tar").args(["xzf", archive]).current_dir(&new).status().expect("tar runs");
    assert!(unpacked.success(), "{archive} can't be unpacked");
    // Another process may have been first.
    if fs::rename(&new, folder).is_err() {
        assert!(folder.exists(), "{} can't be made", folder.display());
    }
}
