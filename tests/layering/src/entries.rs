//! A service's entries outside its folder: each of them follows from what it describes, and a missing one is named.

use std::{collections::BTreeSet, fs, path::PathBuf};

use provision::choreography::{Choreography, Part};

/// Has a line for each service.
pub const COMPOSE: &str = "deploy/docker-compose.yml";
/// Has a line for each service.
pub const KUSTOMIZE: &str = "deploy/k8s/base/kustomization.yaml";
/// Says for each service that calls a provider where that is, in a file of the service's name.
pub const PRODUCTION: &str = "deploy/k8s/overlays/production";
/// What a service's folder has in its sources, if it takes part.
const TAKES_PART: &str = "impl Service for ";
/// Of each role in compose, as `provision databases` limits it there; and of all else.
const CONNECTIONS: (usize, usize) = (40 + 4, 16 + 3);

/// A project by its folder, or what is planted as one.
pub struct Project(pub PathBuf);

impl Project {
    /// A file's text; empty if it is not there.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    /// What stands in a folder.
    ///
    /// # Panics
    /// If the folder can't be read.
    pub fn names_in(&self, folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
    }

    /// The folders of services that take part: the sandbox has one, and does not.
    pub fn services(&self) -> Vec<String> {
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
            .filter(|name| name.ends_with(".json"))
            .map(|name| (name.clone(), self.read(&format!("{folder}/{name}"))))
            .collect();
        Choreography::read(files.iter().map(|(name, text)| (name.as_str(), text.as_bytes()))).expect("the owners")
    }

    /// What is missing, or there for no service. Each line names a service, a place, and what to do.
    pub fn wrong(&self) -> Vec<String> {
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
        wrong.extend(self.for_no_service(&services));
        let needed = connections(services.len());
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
                missing.extend(self.in_production(service));
            } else if text.contains(label) {
                missing.push(format!("{file}: it calls no provider: leave out {label}"));
            }
        }
        missing.extend(lacking(&file, &text, lines));
        missing
    }

    /// A service that calls a provider has to be told where that is, or it would ask the sandbox.
    fn in_production(&self, service: &str) -> Vec<String> {
        let (all, file) = (format!("{PRODUCTION}/kustomization.yaml"), format!("{PRODUCTION}/{service}.yaml"));
        let mut missing = lacking(&all, &self.read(&all), [format!("- path: {service}.yaml")]);
        missing.extend(lacking(&file, &self.read(&file), [format!("  name: {service}"), "_URL, value:".to_owned()]));
        missing
    }

    /// What is left of a service that has no folder. Another team's service has its file in deploy/choreography/ alone.
    fn for_no_service(&self, services: &[String]) -> Vec<String> {
        const NO_SERVICE: [&str; 2] = ["backing", "participant"];
        const NO_SERVICE_EITHER: [&str; 4] = ["named", "network", "service", "setup"];
        const NO_SERVICE_AT_ALL: [&str; 4] = ["ingress", "kustomization", "providers", "topics"];
        let of_compose = self.names_in("deploy/compose").into_iter();
        let of_compose = of_compose.filter_map(|file| Some(file.strip_suffix(".yml")?.to_owned()));
        let of_compose = of_compose.filter(|name| !NO_SERVICE.contains(&name.as_str()));
        let of_kustomize = self.names_in("deploy/k8s/base").into_iter().filter(|name| !name.contains('.'));
        let of_kustomize = of_kustomize.filter(|name| !NO_SERVICE_EITHER.contains(&name.as_str()));
        let of_production = self.names_in(PRODUCTION).into_iter();
        let of_production = of_production.filter_map(|file| Some(file.strip_suffix(".yaml")?.to_owned()));
        let of_production = of_production.filter(|name| !NO_SERVICE_AT_ALL.contains(&name.as_str()));
        let of_compose = of_compose.map(|name| (format!("deploy/compose/{name}.yml"), name));
        let of_production = of_production.map(|name| (format!("{PRODUCTION}/{name}.yaml"), name));
        let of_kustomize = of_kustomize.map(|name| (format!("deploy/k8s/base/{name}"), name));
        let left = of_compose.chain(of_kustomize).chain(of_production).filter(|(_, name)| !services.contains(name));
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
    // What stands behind a # is a comment, in TOML and in YAML.
    let lines_of_text: Vec<&str> =
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim_end()).collect();
    let has = |wanted: &str| {
        let stands =
            |line: &str| if wanted.starts_with("  ") { line == wanted } else { stands_in(line.trim(), wanted) };
        lines_of_text.iter().any(|line| stands(line))
    };
    lines.into_iter().filter(|line| !has(line)).map(|line| format!("{file} lacks {}", line.trim())).collect()
}

/// A line of a list stands alone; anything else may be part of a line, but not of a longer name.
fn stands_in(line: &str, wanted: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    if wanted.starts_with("- ") { line == wanted } else { line.split(wanted).skip(1).any(ends) }
}

/// What PostgreSQL must allow for so many services in compose.
#[must_use]
pub fn connections(services: usize) -> usize {
    let (each, others) = CONNECTIONS;
    services * each + others
}
