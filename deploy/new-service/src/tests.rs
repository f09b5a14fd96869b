use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A copy of the manifests, which goes with the test.
struct Project(PathBuf);

impl Project {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let copy = Self(std::env::temp_dir().join(format!("new-service-{}-{number}", std::process::id())));
        let mut files =
            ["Cargo.toml", "Cargo.lock", "rustfmt.toml", "deploy/docker-compose.yml"].map(PathBuf::from).to_vec();
        files.push("deploy/k8s/base/kustomization.yaml".into());
        for folder in ["deploy/choreography", "deploy/compose"] {
            let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap().flatten();
            // What stands in folders below is made of these files.
            let names = entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name());
            files.extend(names.map(|name| Path::new(folder).join(name)));
        }
        for file in files {
            copy.write(file.to_str().unwrap(), &fs::read_to_string(Path::new(ROOT).join(&file)).unwrap());
        }
        copy
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// All files with what is in them, and all folders.
    fn all(&self) -> Vec<(PathBuf, Option<String>)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                found.push((path.clone(), fs::read_to_string(&path).ok()));
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn refuses(&self, name: &str, why: &str) {
        let before = self.all();
        let refused = plan(&self.0, name).and_then(|plan| plan.carry_out()).expect_err(name);
        assert!(refused.0.contains(why), "{name:?}: {refused}");
        assert_eq!(self.all(), before, "{name:?}: nothing is written");
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn it_stands_in_five_places_and_three_lists() {
    let project = Project::new();
    let before = project.all();
    let plan = plan(&project.0, "planted").unwrap();
    plan.carry_out().unwrap();
    for file in plan.files() {
        assert!(!project.read(file).contains("newcomer"), "{file} speaks of the template");
        assert!(!project.read(file).contains("Newcomer"), "{file} speaks of the template");
    }
    assert!(project.read("services/planted/src/lib.rs").contains("impl Service for Planted {"));
    assert!(project.read("services/planted/Cargo.toml").contains("name = \"planted\""));
    assert!(project.read("services/planted/tests/planted.rs").contains("use planted::"));
    assert!(project.read("migrations/planted/0001_planted.sql").contains("CREATE TABLE"));
    assert!(project.read("deploy/k8s/base/planted/kustomization.yaml").contains("app.kubernetes.io/name: planted}"));
    let (cargo, compose) = (project.read("Cargo.toml"), project.read("deploy/docker-compose.yml"));
    assert!(
        cargo.contains(
            "    \"services/planted\",
"
        ),
        "{cargo}"
    );
    assert!(compose.contains("- compose/planted.yml\n"), "{compose}");
    let kustomize = project.read("deploy/k8s/base/kustomization.yaml");
    assert!(kustomize.contains("  - planted\ncomponents:\n"), "{kustomize}");
    // Nothing else has changed.
    let written: Vec<PathBuf> = plan.files().iter().map(|file| project.0.join(file)).collect();
    let mut changed: Vec<PathBuf> =
        project.all().into_iter().filter(|now| !before.contains(now)).map(|(path, _)| path).collect();
    changed.retain(|path| path.is_file());
    assert_eq!(changed.into_iter().collect::<BTreeSet<_>>(), written.into_iter().collect());
}

#[test]
fn its_description_says_of_settings_and_events_what_the_others_say() {
    let project = Project::new();
    plan(&project.0, "planted").unwrap().carry_out().unwrap();
    let text = project.read("deploy/choreography/planted.json");
    let described: Value = serde_json::from_str(&text).unwrap();
    let other: Value = serde_json::from_str(&project.read("deploy/choreography/notification.json")).unwrap();
    assert_eq!((&described["name"], &described["reads"]), (&"planted".into(), &other["reads"]));
    let contract = |of: &Value, event: &str| of["events"][event].clone();
    for event in ["order.placed", "order.completed"] {
        assert_eq!(contract(&described, event), contract(&other, event), "{event}");
    }
    let ignored = contract(&described, "order.cancelled");
    assert_eq!(ignored, json!({ "topic": "order-events", "owner": "order", "version": 1 }));
    assert_eq!(described["state_table"]["initial"], "none");
    let settings = |of: &Value| -> Vec<String> { serde_json::from_value(of["settings"].clone()).unwrap() };
    let mine: Vec<String> = settings(&other).into_iter().filter(|setting| !setting.starts_with("MAIL_")).collect();
    assert_eq!(settings(&described), mine);
    assert!(text.ends_with("}\n") && text.starts_with("{\n  \"calls\": []"), "{text}");
}

#[test]
fn the_next_ones_ports_are_free() {
    let project = Project::new();
    let ports = |name: &str| {
        let compose = project.read(&format!("deploy/compose/{name}.yml"));
        let port = |inside: &str| -> u16 {
            let before = compose.split(inside).next().unwrap();
            before.rsplit(':').next().unwrap().parse().unwrap_or_else(|_| panic!("{compose}"))
        };
        (port(":8080\""), port(":9464\""))
    };
    let (api, admin) = ports("notification");
    for (name, further) in [("planted", 1), ("audit", 2)] {
        plan(&project.0, name).unwrap().carry_out().unwrap();
        let found = ports(name);
        assert!(found >= (api + further, admin + further), "{name}: {found:?}");
        project.write("Cargo.lock", &format!("{}name = \"{name}\"\n", project.read("Cargo.lock")));
    }
    assert_eq!(ports("audit"), (ports("planted").0 + 1, ports("planted").1 + 1));
    project.refuses("audit", "is taken already");
}

#[test]
fn a_name_that_does_not_fit_is_refused() {
    let project = Project::new();
    for name in ["", "x", "Loyalty", "loyalty-points", "loyalty_points", "2fast", "über", "../x", &"x".repeat(31)] {
        project.refuses(name, "cannot be a service's name");
    }
    for name in ["match", "test", "core", "async"] {
        project.refuses(name, "is a word of Rust");
    }
    for name in ["admin", "postgres", "newcomer", "order", "choreography", "serde", "jaeger", "participant"] {
        project.refuses(name, "is taken already");
    }
}

#[test]
fn what_is_there_is_left_alone() {
    for left in name::places("planted") {
        let project = Project::new();
        project.write(if left.contains('.') { left.clone() } else { format!("{left}/notes") }.as_str(), "mine");
        project.refuses("planted", &format!("{left} exists already"));
    }
    // An empty folder is none's.
    let project = Project::new();
    fs::create_dir_all(project.0.join("services/planted")).unwrap();
    plan(&project.0, "planted").unwrap().carry_out().unwrap();
}

#[test]
fn a_project_that_is_laid_out_otherwise_is_left_alone() {
    let without = |file: &str, part: &str| {
        let project = Project::new();
        project.write(file, &project.read(file).replace(part, "#"));
        project
    };
    without("Cargo.toml", "    \"services/").refuses("planted", "Cargo.toml has no list of services");
    without("deploy/docker-compose.yml", "- compose/").refuses("planted", "deploy/docker-compose.yml has no list");
    let kustomize = "deploy/k8s/base/kustomization.yaml";
    without(kustomize, "resources:").refuses("planted", "kustomization.yaml has no list");
    let nowhere = plan(Path::new("/nowhere"), "planted").unwrap_err();
    assert!(nowhere.0.contains("is /nowhere the project?"), "{nowhere}");
}

#[test]
fn what_was_written_before_a_file_that_cannot_be_is_taken_back() {
    let project = Project::new();
    fs::create_dir_all(project.0.join("services")).unwrap();
    let plan = plan(&project.0, "planted").unwrap();
    // A file where a folder has to be.
    project.write("services/planted", "");
    let before = project.all();
    let refused = plan.carry_out().unwrap_err();
    assert!(refused.0.starts_with("services/planted/Cargo.toml can't be written"), "{refused}");
    assert_eq!(project.all(), before);
}
