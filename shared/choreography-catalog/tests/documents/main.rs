//! What is made of the shop's own folders, and whether it is what its readers expect.

mod asyncapi;
mod asyncapi_schema;
mod envelope;
mod eventcatalog;
mod pact;

use std::path::{Path, PathBuf};

use choreography_catalog::{Catalog, Files, differences};
use serde_json::Value;

/// The version that the committed documents have.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shop() -> Catalog {
    let root = root();
    let contracts = root.join("shared/contracts");
    Catalog::read(&root.join("deploy/choreography"), &contracts.join("schemas"), &contracts.join("golden")).unwrap()
}

/// What is committed is what would be written.
fn assert_committed(folder: &str, files: &Files, command: &str) {
    let differences = differences(&root().join(folder), files).unwrap();
    assert!(
        differences.is_empty(),
        "{}\nafter a wanted change: cargo run --release -p choreography-catalog -- {command}",
        differences.join("\n")
    );
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
