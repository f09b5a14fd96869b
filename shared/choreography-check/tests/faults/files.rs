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
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> Files {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        files.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), json);
    }
    Files(files)
}

/// The shop: a chain, with calls, and its pivot in the last service.
pub fn shop() -> Files {
    read("../../deploy/choreography")
}

/// Trips: two services at once, which a third one joins; one of them has no inbox.
pub fn trip() -> Files {
    read("tests/trip")
}

/// A line of a state table as lines of one state and one input each.
fn single(line: &Value) -> Vec<Value> {
    let each = |of: &Value| of.as_array().cloned().unwrap_or_else(|| vec![of.clone()]);
    let mut single = Vec::new();
    for from in each(&line["from"]) {
        for on in each(&line["on"]) {
            let mut one = line.clone();
            one["from"] = from.clone();
            one["on"] = on;
            single.push(one);
        }
    }
    single
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
            let single: Vec<Value> = lines.iter().flat_map(single).collect();
            let goes = |line: &&Value| line["on"] == on && (from == "*" || line["from"] == from);
            assert!(single.iter().any(|line| goes(&line)), "{from}, on {on} is not there");
            *lines = single.iter().filter(|line| !goes(line)).cloned().collect();
        })
    }

    /// Calls something otherwise, everywhere.
    pub fn rename(self, from: &str, to: &str) -> Self {
        let (from, to) = (format!("\"{from}\""), format!("\"{to}\""));
        let renamed = |json: Value| serde_json::from_str(&json.to_string().replace(&from, &to)).unwrap();
        Self(self.0.into_iter().map(|(file, json)| (file, renamed(json))).collect())
    }

    /// The services that have a state table, with the number of its lines.
    pub fn tables(&self) -> Vec<(String, usize)> {
        let lines = |json: &Value| Some(json.pointer("/state_table/transitions")?.as_array()?.len());
        self.0.iter().filter_map(|(name, json)| Some((name.clone(), lines(json)?))).collect()
    }

    pub fn choreography(&self) -> Choreography {
        let texts: Vec<(String, String)> =
            self.0.iter().map(|(name, json)| (format!("{name}.json"), json.to_string())).collect();
        let files = texts.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        Choreography::parse(files).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    pub fn report(&self) -> Report {
        check(&self.choreography(), LIMIT)
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
