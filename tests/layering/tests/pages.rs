//! What pages show of the choreography is made of the descriptions: tables, pictures, who may do what.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use choreography_check::{Choreography, fill, part};
use layering::entries::Project;
use provision::{
    choreography::{PARTS, topics},
    kafka::{Operation, Resource, access_of},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Made for another service than any that is described.
const TEMPLATE: &str = "deploy/new-service/template";
const UPDATE: &str = "UPDATE_PAGES=1 cargo test --release --workspace --test pages";

/// All pages, by their places below the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let (mut pages, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let name = entry.file_name().into_string().expect("a name");
            let path = folder.join(&name);
            let is_source = !name.starts_with('.') && name != "target" && path != Path::new(TEMPLATE);
            if entry.path().is_dir() && is_source {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.insert(path, fs::read_to_string(entry.path()).expect("text"));
            }
        }
    }
    pages
}

/// A part that follows from what `provision` makes.
fn of_provision(name: &str) -> Option<String> {
    match name {
        "access" => Some(access()),
        "partitions" => Some(partitions()),
        _ => None,
    }
}

/// What each user may do at Kafka.
fn access() -> String {
    let mut table = String::from(
        "| user, and its group | reads, with their settings | reads customers' keys, with their settings | writes | writes dead letters to |\n|---|---|---|---|---|\n",
    );
    for part in PARTS.iter() {
        let acls = access_of(part);
        let of_keys = |topic: &String| part.owns_keys.contains(topic) || part.reads_keys.contains(topic);
        let topics = |operation: Operation, is_shown: &dyn Fn(&String) -> bool| {
            let named = acls.iter().filter(|acl| acl.operation == operation).filter_map(|acl| match &acl.resource {
                Resource::Topic(topic) => is_shown(topic).then(|| format!("`{topic}`")),
                Resource::Group(_) => None,
            });
            named.collect::<Vec<_>>().join(", ")
        };
        let is_dead = |topic: &String| topic.ends_with(".dlq");
        let read = topics(Operation::Read, &|topic| !of_keys(topic));
        let all = |operation: Operation| topics(operation, &|_| true);
        assert_eq!(all(Operation::Read), all(Operation::DescribeConfigs), "the table says so");
        table.push_str(&format!(
            "| `{}` | {read} | {} | {} | {} |\n",
            part.service,
            topics(Operation::Read, &of_keys),
            topics(Operation::Write, &|topic| !is_dead(topic)),
            topics(Operation::Write, &is_dead)
        ));
    }
    table
}

/// The topics as `provision kafka` makes them.
fn partitions() -> String {
    let mut table = String::from("| topic | partitions | settings |\n|---|---|---|\n");
    for topic in topics() {
        let settings: Vec<String> = topic.config.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
        table.push_str(&format!("| `{}` | {} | {} |\n", topic.name, topic.partitions, settings.join(", ")));
    }
    table
}

#[test]
fn what_pages_show_of_the_choreography_is_what_the_services_describe() {
    let described = Choreography::read(&[Path::new(ROOT).join("deploy/choreography")]).expect("the descriptions");
    let mut stale = Vec::new();
    for (place, page) in pages() {
        let made = fill(&page, |name| part(&described, name).or_else(|| of_provision(name)));
        let made = made.unwrap_or_else(|wrong| panic!("{}: {wrong}", place.display()));
        if made == page {
            continue;
        }
        if std::env::var_os("UPDATE_PAGES").is_some() {
            fs::write(Path::new(ROOT).join(&place), made).expect("it can be written");
        } else {
            stale.push(place.display().to_string());
        }
    }
    assert!(stale.is_empty(), "after a wanted change: {UPDATE}\n{}", stale.join("\n"));
}

#[test]
fn the_saga_stands_in_the_architecture_and_each_service_in_its_own_page() {
    let pages = pages();
    let lacks = |place: &str, name: &str| {
        let page = pages.get(Path::new(place)).unwrap_or_else(|| panic!("{place} is missing"));
        (!page.contains(&format!("<!-- generated: {name}"))).then(|| format!("{place}: <!-- generated: {name} -->"))
    };
    let mut lacking: Vec<String> = [
        lacks("shared/docs/architecture.md", "flow -->"),
        lacks("shared/docs/architecture.md", "services, at ../../services/NAME -->"),
        lacks("shared/docs/security.md", "access -->"),
        lacks("deploy/choreography/README.md", "topics -->"),
        lacks("deploy/choreography/README.md", "partitions -->"),
    ]
    .into_iter()
    .flatten()
    .collect();
    for service in Project(ROOT.into()).services() {
        let place = format!("services/{service}/README.md");
        lacking.extend(["service", "states"].iter().filter_map(|what| lacks(&place, &format!("{what} {service} -->"))));
    }
    assert!(lacking.is_empty(), "write these comments, each with its end, then {UPDATE}\n{}", lacking.join("\n"));
}
