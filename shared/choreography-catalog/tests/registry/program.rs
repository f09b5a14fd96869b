//! The program, as one runs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::process::Command;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The steps of its report.
    pub fn steps(&self) -> Vec<Value> {
        let report: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        report["steps"].as_array().unwrap().clone()
    }
}

/// Registers at a registry, from the project's folder.
pub async fn register(registry: &str, arguments: &[&str]) -> Ran {
    register_as(None, registry, arguments).await
}

/// As [`register`], with a user's name and a file with their password.
pub async fn register_as(user: Option<(&str, &Path)>, registry: &str, arguments: &[&str]) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_choreography-catalog"));
    program.args(["register", "--registry", registry]).args(arguments).current_dir(root());
    for variable in ["USER", "USER_FILE", "PASSWORD", "PASSWORD_FILE"] {
        program.env_remove(format!("SCHEMA_REGISTRY_{variable}"));
    }
    if let Some((name, password)) = user {
        program.env("SCHEMA_REGISTRY_USER", name).env("SCHEMA_REGISTRY_PASSWORD_FILE", password);
    }
    let output = program.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder of the test's own, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-{name}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder of what is published: `loan.granted` in as many versions as there are kinds of its amount.
pub fn loans(name: &str, amounts: &[&str]) -> PathBuf {
    let folder = folder(name);
    let mut events = Vec::new();
    for (version, kind) in (1..).zip(amounts) {
        let file = format!("loan.granted.v{version}.r1.json");
        let revisions = json!([{ "since": format!("2026-01-0{version}"), "schema": file }]);
        events
            .push(json!({ "event": "loan.granted", "version": version, "last_written": null, "revisions": revisions }));
        let schema = json!({ "type": "object", "required": ["amount"], "properties": { "amount": { "type": kind } } });
        fs::write(folder.join(file), schema.to_string()).unwrap();
    }
    fs::write(folder.join("record.json"), json!({ "events": events, "readers": [] }).to_string()).unwrap();
    folder
}
