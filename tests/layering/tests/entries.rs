//! Where a service stands besides its folder: each of these places follows from what it describes, and what is missing is named.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use provision::choreography::{Choreography, Part};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const COMPOSE: &str = "deploy/docker-compose.yml";
const KUSTOMIZE: &str = "deploy/k8s/base/kustomization.yaml";
/// What a service's folder has in its sources, if it takes part.
const TAKES_PART: &str = "impl Service for ";
/// Of each role in compose, as `provision databases` limits it there; and of all else.
const CONNECTIONS: (usize, usize) = (40 + 4, 16 + 3);

/// A project, or what is planted as one.
struct Project(PathBuf);

impl Project {
    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    fn names_in(&self, folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
    }

    /// The folders of services that take part: the sandbox has one, and does not.
    fn services(&self) -> Vec<String> {
        let takes_part = |service: &String| {
            let source = format!("services/{service}/src");
            self.names_in(&source).iter().any(|file| self.read(&format!("{source}/{file}")).contains(TAKES_PART))
        };
        self.names_in("services").into_iter().filter(takes_part).collect()
    }

    fn choreography(&self) -> Choreography {
        let folder = "deploy/choreography";
        let files: Vec<(String, String)> = self
            .names_in(folder)
            .into_iter()
            .map(|name| (name.clone(), self.read(&format!("{folder}/{name}"))))
            .collect();
        Choreography::read(files.iter().map(|(name, text)| (name.as_str(), text.as_bytes()))).expect("the owners")
    }

    /// What is missing, or there for nobody. Each line names a service, a place, and what to do.
    fn wrong(&self) -> Vec<String> {
        let (services, choreography) = (self.services(), self.choreography());
        let mut wrong: Vec<String> = Vec::new();
        wrong.extend(choreography.refused.iter().map(|refused| format!("deploy/choreography/{refused}")));
        wrong.extend(choreography.disagreements());
        for service in &services {
            let part = choreography.parts.iter().find(|part| part.service == *service);
            let missing = [self.in_cargo(service), describes(service, part), self.in_compose(service)];
            let missing = missing.into_iter().flatten().chain(self.in_kustomize(service, part));
            wrong.extend(missing.map(|missing| format!("{service}: {missing}")));
        }
        wrong.extend(self.for_nobody(&services));
        let (each, others) = CONNECTIONS;
        let needed = services.len() * each + others;
        let most = self.read("deploy/compose/backing.yml");
        let most = most.split("max_connections=").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
        if most.is_none_or(|most: usize| most < needed) {
            wrong.push(format!("deploy/compose/backing.yml: {} roles need max_connections={needed}", services.len()));
        }
        wrong
    }

    fn in_cargo(&self, service: &str) -> Vec<String> {
        let member = format!("\"services/{service}\",");
        lacking("Cargo.toml", &self.read("Cargo.toml"), [member])
    }

    fn in_compose(&self, service: &str) -> Vec<String> {
        let file = format!("compose/{service}.yml");
        let mut missing = lacking(COMPOSE, &self.read(COMPOSE), [format!("- {file}")]);
        let lines = [
            format!("- secrets-{service}:/secrets/{service}"),
            format!("- secrets-{service}-migrations:/secrets/{service}-migrations"),
            format!("  {service}-migrations:"),
            format!("DATABASE_ROLE: {service}"),
            format!("[secrets-{service}-migrations:/run/secrets:ro]"),
            format!("  {service}:"),
            format!("command: [{service}]"),
            format!("KAFKA_USERNAME: {service}"),
            format!("[secrets-{service}:/run/secrets:ro]"),
            format!("  secrets-{service}:"),
            format!("  secrets-{service}-migrations:"),
        ];
        missing.extend(lacking(&format!("deploy/{file}"), &self.read(&format!("deploy/{file}")), lines));
        missing
    }

    fn in_kustomize(&self, service: &str, part: Option<&Part>) -> Vec<String> {
        let file = format!("deploy/k8s/base/{service}/kustomization.yaml");
        let text = self.read(&file);
        let mut missing = lacking(KUSTOMIZE, &self.read(KUSTOMIZE), [format!("- {service}")]);
        let mut lines = vec!["resources: [../service]".to_owned(), format!("app.kubernetes.io/name: {service}}}")];
        if let Some(part) = part {
            lines.push(format!("/metadata/topic, value: \"{}\"", part.reads.join(",")));
            let label = "choreography/calls: provider";
            if !part.calls.is_empty() {
                lines.push(label.to_owned());
            } else if text.contains(label) {
                missing.push(format!("{file}: it calls nobody: leave out {label}"));
            }
        }
        missing.extend(lacking(&file, &text, lines));
        missing
    }

    /// What is left of a service that has no folder. Another team's service has its file in deploy/choreography/ alone.
    fn for_nobody(&self, services: &[String]) -> Vec<String> {
        const NO_SERVICE: [&str; 2] = ["backing", "participant"];
        const NO_SERVICE_EITHER: [&str; 4] = ["named", "network", "service", "setup"];
        let of_compose = self.names_in("deploy/compose").into_iter();
        let of_compose = of_compose.filter_map(|file| Some(file.strip_suffix(".yml")?.to_owned()));
        let of_compose = of_compose.filter(|name| !NO_SERVICE.contains(&name.as_str()));
        let of_kustomize = self.names_in("deploy/k8s/base").into_iter().filter(|name| !name.contains('.'));
        let of_kustomize = of_kustomize.filter(|name| !NO_SERVICE_EITHER.contains(&name.as_str()));
        let of_compose = of_compose.map(|name| (format!("deploy/compose/{name}.yml"), name));
        let of_kustomize = of_kustomize.map(|name| (format!("deploy/k8s/base/{name}"), name));
        let left = of_compose.chain(of_kustomize).filter(|(_, name)| !services.contains(name));
        left.map(|(place, name)| format!("{name}: {place} is there, and services/{name} is not")).collect()
    }
}

fn describes(service: &str, part: Option<&Part>) -> Vec<String> {
    let file = format!("deploy/choreography/{service}.json");
    match part {
        Some(_) => Vec::new(),
        None => vec![format!("{file} is missing: cargo run -p {service} -- describe > {file}")],
    }
}

/// The lines that a file lacks, or that it is not there.
fn lacking(file: &str, text: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    if text.is_empty() {
        return vec![format!("{file} is missing: make it like another service's")];
    }
    let has = |wanted: &str| {
        text.lines().any(|line| if wanted.starts_with("  ") { line == wanted } else { stands_in(line.trim(), wanted) })
    };
    lines.into_iter().filter(|line| !has(line)).map(|line| format!("{file} lacks {}", line.trim())).collect()
}

/// A line of a list stands alone; anything else may be part of a line, but not of a longer name.
fn stands_in(line: &str, wanted: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    if wanted.starts_with("- ") { line == wanted } else { line.split(wanted).skip(1).any(ends) }
}

#[test]
fn each_service_stands_wherever_it_must() {
    let wrong = Project(ROOT.into()).wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A copy of all that is looked at, which goes with the test.
struct Planted(Project);

impl Planted {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("entries-{}-{number}", std::process::id()));
        let planted = Self(Project(root));
        let real = Project(ROOT.into());
        let mut files = vec!["Cargo.toml".to_owned(), COMPOSE.to_owned(), KUSTOMIZE.to_owned()];
        for folder in ["deploy/choreography", "deploy/compose"] {
            files.extend(real.names_in(folder).into_iter().map(|name| format!("{folder}/{name}")));
        }
        for service in real.services() {
            files.push(format!("services/{service}/src/lib.rs"));
            files.push(format!("deploy/k8s/base/{service}/kustomization.yaml"));
        }
        for file in files {
            planted.write(&file, &real.read(&file));
        }
        planted
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.0.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.0.read(file);
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, &text.replace(from, to));
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0.0);
    }
}

#[test]
fn what_a_new_service_lacks_is_named_until_it_stands_everywhere() {
    let planted = Planted::new();
    assert_eq!(planted.0.wrong(), [""; 0]);
    planted.write("services/loyalty/src/lib.rs", "impl Service for Loyalty {}");
    let like = ": make it like another service's";
    assert_eq!(
        planted.0.wrong(),
        [
            "loyalty: Cargo.toml lacks \"services/loyalty\",".to_owned(),
            "loyalty: deploy/choreography/loyalty.json is missing: \
             cargo run -p loyalty -- describe > deploy/choreography/loyalty.json"
                .to_owned(),
            "loyalty: deploy/docker-compose.yml lacks - compose/loyalty.yml".to_owned(),
            format!("loyalty: deploy/compose/loyalty.yml is missing{like}"),
            "loyalty: deploy/k8s/base/kustomization.yaml lacks - loyalty".to_owned(),
            format!("loyalty: deploy/k8s/base/loyalty/kustomization.yaml is missing{like}"),
        ]
    );

    // Its entries are another's with the name replaced.
    planted.edit("Cargo.toml", "\"services/notification\",", "\"services/notification\",\n    \"services/loyalty\",");
    planted.edit(COMPOSE, "- compose/notification.yml", "- compose/notification.yml\n      - compose/loyalty.yml");
    planted.edit(KUSTOMIZE, "- notification", "- notification\n  - loyalty");
    for file in ["choreography/#.json", "compose/#.yml", "k8s/base/#/kustomization.yaml"] {
        let of = |service: &str| format!("deploy/{}", file.replace('#', service));
        let text = planted.0.read(&of("notification")).replace("notification", "loyalty");
        planted.write(&of("loyalty"), &text);
    }
    assert_eq!(planted.0.wrong(), [""; 0]);

    planted.edit("deploy/compose/loyalty.yml", "KAFKA_USERNAME: loyalty", "KAFKA_USERNAME: order");
    planted.edit("deploy/k8s/base/loyalty/kustomization.yaml", "order-events", "payment-events");
    planted.edit("deploy/compose/backing.yml", "max_connections=400", "max_connections=200");
    assert_eq!(
        planted.0.wrong(),
        [
            "loyalty: deploy/compose/loyalty.yml lacks KAFKA_USERNAME: loyalty",
            "loyalty: deploy/k8s/base/loyalty/kustomization.yaml lacks /metadata/topic, value: \"order-events\"",
            "deploy/compose/backing.yml: 6 roles need max_connections=283",
        ]
    );
}

#[test]
fn what_is_left_of_a_service_that_went_is_named() {
    let planted = Planted::new();
    fs::remove_dir_all(planted.0.0.join("services/notification")).expect("it goes");
    assert_eq!(
        planted.0.wrong(),
        [
            "notification: deploy/compose/notification.yml is there, and services/notification is not",
            "notification: deploy/k8s/base/notification is there, and services/notification is not",
        ]
    );
}
