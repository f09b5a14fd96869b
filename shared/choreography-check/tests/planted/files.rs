//! Descriptions to plant a fault in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use choreography_check::{Choreography, LIMIT, Report, check};
use serde_json::{Value, json};

/// The descriptions of a choreography, by the names of their files without `.json`.
pub struct Files(BTreeMap<String, Value>);

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn read(name: &str) -> Files {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        let json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        files.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), json);
    }
    Files(files)
}

/// The shop: a chain, with calls, and its pivot in the last service.
pub fn shop() -> Files {
    read("shop")
}

/// Trips: two services at once, which a third one joins; one of them has no inbox.
pub fn trip() -> Files {
    read("trip")
}

impl Files {
    /// One file, to change it.
    pub fn of(&mut self, file: &str) -> &mut Value {
        self.0.get_mut(file).unwrap()
    }

    /// Changes a file.
    pub fn with(mut self, file: &str, change: impl FnOnce(&mut Value)) -> Self {
        change(self.of(file));
        self
    }

    /// Sets what stands at a JSON pointer.
    pub fn set(self, file: &str, pointer: &str, value: Value) -> Self {
        self.with(file, |json| {
            if let Some(there) = json.pointer_mut(pointer) {
                *there = value;
                return;
            }
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(parent).unwrap()[key] = value;
        })
    }

    /// Takes a file out.
    pub fn without(mut self, file: &str) -> Self {
        self.0.remove(file).unwrap();
        self
    }

    /// Adds words to a list.
    pub fn add(self, file: &str, list: &str, words: &[&str]) -> Self {
        self.with(file, |json| {
            if json[list].is_null() {
                json[list] = json!([]);
            }
            json[list].as_array_mut().unwrap().extend(words.iter().map(|word| json!(word)));
        })
    }

    /// Takes a word out of a list.
    pub fn drop(self, file: &str, list: &str, word: &str) -> Self {
        self.with(file, |json| {
            let list = json[list].as_array_mut().unwrap();
            let before = list.len();
            list.retain(|of| of != word);
            assert_eq!(list.len() + 1, before, "{word} is not there");
        })
    }

    /// Adds lines to a state table.
    pub fn lines(self, file: &str, lines: &[Value]) -> Self {
        self.with(file, |json| json["state_table"]["transitions"].as_array_mut().unwrap().extend_from_slice(lines))
    }

    /// Takes the lines of an input out of a state table: those of one state, or of all (`*`).
    pub fn no_line(self, file: &str, from: &str, on: &str) -> Self {
        self.with(file, |json| {
            let lines = json["state_table"]["transitions"].as_array_mut().unwrap();
            let mut kept = Vec::new();
            let mut found = false;
            for mut line in std::mem::take(lines) {
                let has = |of: &Value, word: &str| {
                    *of == word || of.as_array().is_some_and(|many| many.contains(&json!(word)))
                };
                if !has(&line["on"], on) || !(from == "*" || has(&line["from"], from)) {
                    kept.push(line);
                    continue;
                }
                found = true;
                // What is left of a line that has other inputs, or other states.
                for (key, word) in [("on", on), ("from", from)] {
                    let others: Vec<Value> = line[key]
                        .as_array()
                        .map_or(vec![], |many| many.iter().filter(|of| **of != word).cloned().collect());
                    let mut rest = line.clone();
                    if !others.is_empty() && !(key == "from" && from == "*") {
                        rest[key] = json!(others);
                        kept.push(rest);
                    }
                    line[key] = json!(word);
                }
            }
            assert!(found, "{from}, on {on} is not there");
            *lines = kept;
        })
    }

    /// Calls something otherwise, everywhere.
    pub fn rename(self, from: &str, to: &str) -> Self {
        let (from, to) = (format!("\"{from}\""), format!("\"{to}\""));
        let renamed = |json: Value| serde_json::from_str(&json.to_string().replace(&from, &to)).unwrap();
        Self(self.0.into_iter().map(|(file, json)| (file, renamed(json))).collect())
    }

    pub fn report(&self) -> Report {
        let texts: Vec<(String, String)> =
            self.0.iter().map(|(name, json)| (format!("{name}.json"), json.to_string())).collect();
        let files = texts.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let read = Choreography::parse(files).unwrap_or_else(|wrong| panic!("{wrong}"));
        check(&read, LIMIT)
    }

    /// Kinds and places of all that is found.
    pub fn found(&self) -> Vec<String> {
        let report = self.report();
        println!("{report}");
        report.findings.iter().map(|finding| format!("{} at {}", finding.kind, finding.place)).collect()
    }
}

/// Nothing is found.
#[track_caller]
pub fn clean(files: &Files) {
    assert_eq!(files.found(), Vec::<String>::new());
}
