//! Dependencies point one way: services → what is shared; the engine and the contracts know no service. A source file that is
//! taken from another package by `#[path]` or `include!` is a dependency too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What may depend on what: folders of packages, the first that fits counts.
const LAYERS: &[(&str, &[&str], &str)] = &[
    (
        "shared/choreography-core",
        &[],
        "rules and steps need no I/O and know no service: the rest belongs into the crates beside it",
    ),
    (
        "shared/choreography-check",
        &["shared/choreography", "shared/choreography-kafka"],
        "it reads descriptions, of other teams and languages too: what it must know of a service belongs into `describe`",
    ),
    (
        "shared/choreography-catalog",
        &["shared/choreography-check"],
        "it makes documents of data, of any team and language: what it must know stands in descriptions and schemas",
    ),
    ("shared/choreography-postgres", &["shared/choreography-core"], "the database's side knows the ports alone"),
    ("shared/choreography-kafka", &["shared/choreography-core"], "Kafka's side knows the ports alone"),
    (
        "shared/choreography-simulator",
        &["shared/choreography-core"],
        "the simulator knows no service: they are handed in",
    ),
    (
        "shared/choreography",
        &["shared/choreography-core", "shared/choreography-postgres", "shared/choreography-kafka"],
        "the engine knows no event and no service: let the caller pass in what it needs",
    ),
    (
        "shared/choreography-keys",
        &[
            "shared/choreography",
            "shared/choreography-core",
            "shared/choreography-postgres",
            "shared/choreography-kafka",
        ],
        "keys know no event and no service: what is sealed, and where, is handed in",
    ),
    (
        "shared/contracts",
        &["shared/choreography-core"],
        "the contracts are data: what needs more belongs into shared/shop or a service",
    ),
    (
        "shared/providers",
        &["shared/choreography"],
        "how providers are called knows no event and no service: what one is asked for belongs into its caller",
    ),
    (
        "shared/shop",
        &["shared/choreography", "shared/choreography-keys", "shared/contracts"],
        "shared/shop only joins what is shared: what one service alone needs belongs into that service",
    ),
    (
        "shared/api",
        &["shared/choreography", "shared/providers"],
        "what stands before an API knows none: rules belong there",
    ),
    ("services/", &["shared/"], "services know each other by events alone: share what both need under shared/"),
    ("deploy/new-service", &[], "it writes a service down: what that one needs stands in its template"),
    ("deploy/provision", &["shared/"], "what must be there first goes by deploy/choreography, and links no service"),
    ("deploy/traffic", &["shared/choreography", "deploy/provision"], "customers know the API, not what is behind it"),
    (
        "deploy/local",
        &["shared/", "deploy/provision"],
        "the launcher goes by deploy/choreography, links no service, and does not need the tests",
    ),
    (LINKS_ALL, &["shared/", "services/", "deploy/", "tests/"], "the shop's own rules are simulated"),
    (
        "tests/http-cost",
        &["shared/", "services/order", "deploy/", "tests/"],
        "what order's API costs is measured without the other services",
    ),
    (
        "tests/",
        &["shared/", "deploy/", "tests/"],
        "tests of the whole go by deploy/choreography and link no service: what is about one belongs beside it",
    ),
];

/// What a test may use besides, wherever it stands: real parts to run on.
const FOR_TESTS: &[&str] = &[
    "shared/",
    "deploy/",
    "tests/harness",
    "tests/layering",
    "tests/noting-server",
    "tests/one-service",
    "tests/openapi",
    "tests/published-schemas",
    "tests/test-log",
];
/// Where the tests of what all services have alike may take some as examples: one with calls, one with deadlines and
/// commands, one with further rows.
const EXAMPLES: (&str, &[&str]) = ("tests/one-service", &["services/payment", "services/order", "services/inventory"]);

/// A dependency between two packages of the project, by their folders. `dev`: of tests only.
#[derive(Debug)]
struct Edge {
    from: String,
    to: String,
    dev: bool,
    /// Where it stands.
    stands: String,
}

impl Edge {
    /// What is wrong with it and what to do, if anything.
    fn complaint(&self) -> Option<String> {
        let Some((_, allowed, advice)) = LAYERS.iter().find(|(layer, ..)| is_in(&self.from, layer)) else {
            return Some(format!("{} is in no layer: give it one in tests/layering", self.from));
        };
        let fine = |layers: &[&str]| layers.iter().any(|layer| is_in(&self.to, layer));
        let example = self.from == EXAMPLES.0 && EXAMPLES.1.contains(&self.to.as_str());
        if fine(allowed) || (self.dev && (fine(FOR_TESTS) || example)) {
            return None;
        }
        Some(format!("{} → {} ({}): {advice}", self.from, self.to, self.stands))
    }
}

/// A layer that ends in a slash holds many packages; any other is one.
fn is_in(folder: &str, layer: &str) -> bool {
    if layer.ends_with('/') { folder.starts_with(layer) } else { folder == layer }
}

/// The project's packages as Cargo knows them.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(ROOT).output().expect("cargo runs");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let root = metadata["workspace_root"].as_str().expect("a root");
    let folder = |path: &str| path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("a manifest");
        let from = folder(manifest.trim_end_matches("/Cargo.toml"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if let Some(path) = dependency["path"].as_str() {
                let dev = dependency["kind"] == "dev";
                let section = if dev { "dev-dependencies" } else { "dependencies" };
                let stands = format!("its {section} in Cargo.toml");
                edges.push(Edge { from: from.clone(), to: folder(path), dev, stands });
            }
        }
    }
    edges
}

/// The packages' folders.
fn packages(metadata: &Value) -> Vec<PathBuf> {
    let root = metadata["workspace_root"].as_str().expect("a root");
    let manifests = metadata["packages"].as_array().expect("packages").iter();
    let manifests = manifests.map(|package| Path::new(package["manifest_path"].as_str().expect("a manifest")));
    manifests
        .map(|manifest| manifest.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap().into())
        .collect()
}

/// All Rust files of a package, with their text.
fn sources(package: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(ROOT).join(package)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path.strip_prefix(ROOT).expect("below the root").to_owned(), text));
            }
        }
    }
    found
}

/// The dependencies on other packages whose sources a file takes as its own.
fn taken(file: &Path, text: &str, packages: &[PathBuf]) -> Vec<Edge> {
    let owner = |file: &Path| packages.iter().find(|package| file.starts_with(package));
    let Some(from) = owner(file) else { return Vec::new() };
    let mut edges = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let named = ["#[path = \"", "include!(\""].iter().find_map(|begin| code.split_once(begin));
        let Some((path, _)) = named.and_then(|(_, rest)| rest.split_once('"')) else { continue };
        let to = without_dots(&file.with_file_name(path));
        if !to.starts_with(from) {
            let to = owner(&to).unwrap_or(&to).display().to_string();
            let (stands, dev) = (format!("{}:{}", file.display(), at + 1), file.starts_with(from.join("tests")));
            edges.push(Edge { from: from.display().to_string(), to, dev, stands });
        }
    }
    edges
}

/// What a file names outside its package, by its own place or by the package's: it would be missing in what is packed.
fn outside<'a>(package: &Path, file: &Path, text: &'a str) -> Vec<&'a str> {
    let own = |piece: &str| match piece.strip_prefix('/') {
        Some(of_package) => without_dots(&package.join(of_package)).starts_with(package),
        None => without_dots(&file.with_file_name(piece)).starts_with(package),
    };
    let named = text.split('"').filter(|piece| piece.starts_with("../") || piece.starts_with("/.."));
    named.filter(|piece| !own(piece)).collect()
}

fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::ParentDir => drop(plain.pop()),
            component => plain.push(component),
        }
        plain
    })
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let mut edges = edges(&metadata);
    assert!(edges.iter().any(|edge| edge.from == "services/order" && edge.to == "shared/choreography"), "{edges:?}");
    let packages = packages(&metadata);
    let sources = packages.iter().flat_map(|package| sources(package));
    edges.extend(sources.flat_map(|(file, text)| taken(&file, &text, &packages)));
    let complaints: Vec<String> = edges.iter().filter_map(Edge::complaint).collect();
    assert!(complaints.is_empty(), "these dependencies point the wrong way:\n{}", complaints.join("\n"));
}

#[test]
fn a_dependency_that_points_the_wrong_way_is_named_with_what_to_do() {
    let complaint = |from: &str, to: &str, dev| {
        let (from, to, stands) = (from.to_owned(), to.to_owned(), "here".to_owned());
        Edge { from, to, dev, stands }.complaint().unwrap_or_default()
    };
    for (from, to, dev) in [
        ("shared/choreography", "shared/contracts", false),
        ("shared/contracts", "shared/choreography", false),
        ("shared/shop", "services/order", false),
        ("shared/choreography", "services/order", true),
        ("services/payment", "services/order", false),
        ("services/payment", "services/order", true),
        ("services/payment", "deploy/local", false),
        ("deploy/local", "tests/harness", false),
        ("deploy/local", "services/order", false),
        ("tests/harness", "services/order", false),
    ] {
        let said = complaint(from, to, dev);
        assert!(said.starts_with(&format!("{from} → {to}")) && said.contains(": "), "{from} → {to}: {said:?}");
    }
    assert!(complaint("shared/new", "shared/choreography", false).contains("give it one"));
    assert_eq!(complaint("services/payment", "deploy/local", true), "");
}

#[test]
fn a_source_that_is_taken_from_another_package_is_a_dependency() {
    let packages = ["services/payment", "services/sandbox", "shared/contracts"].map(PathBuf::from);
    let complaints = |file: &str, text: &str| -> Vec<String> {
        taken(Path::new(file), text, &packages).iter().filter_map(Edge::complaint).collect()
    };
    let planted = "mod world;\n#[path = \"../../../payment/src/provider/mod.rs\"]\nmod provider;";
    let found = complaints("services/sandbox/tests/contract/main.rs", planted);
    let expected = "services/sandbox → services/payment (services/sandbox/tests/contract/main.rs:2): ";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    let found = complaints("shared/contracts/src/lib.rs", "include!(\"../../../services/payment/src/calls.rs\");");
    assert!(found.len() == 1 && found[0].contains("shared/contracts/src/lib.rs:1"), "{found:?}");
    let outside = complaints("services/payment/src/lib.rs", "#[path = \"../../lost.rs\"]\nmod lost;");
    assert!(outside.len() == 1 && outside[0].contains("services/lost.rs"), "{outside:?}");
    let own = "#[path = \"calls_tests.rs\"]\nmod tests;\n#[path = \"../src/lib.rs\"]\nmod whole;";
    assert!(complaints("services/payment/src/calls.rs", own).is_empty());
    let shared = "#[path = \"../../../shared/contracts/src/item.rs\"]\nmod item;";
    assert!(complaints("services/payment/src/calls.rs", shared).is_empty(), "what is shared may be depended on");
}

/// What `.ci/run` makes packages of.
const PACKED: [&str; 5] =
    ["choreography-core", "choreography-postgres", "choreography-kafka", "choreography", "choreography-simulator"];

#[test]
fn what_is_packed_of_the_engine_takes_no_file_from_outside_its_folder() {
    let packed = packages(&metadata()).into_iter().filter(|package| package.starts_with("shared"));
    let packed =
        packed.filter(|package| package.file_name().is_some_and(|name| PACKED.iter().any(|packed| name == *packed)));
    let mut found = Vec::new();
    for package in packed {
        for (file, text) in sources(&package) {
            found.extend(
                outside(&package, &file, &text).into_iter().map(|named| format!("{}: {named}", file.display())),
            );
        }
    }
    assert!(found.is_empty(), "move these files into the crate that takes them:\n{}", found.join("\n"));
    let found = |text| outside(Path::new("shared/one"), Path::new("shared/one/tests/it.rs"), text);
    assert_eq!(found("include_str!(\"../../other/a.sql\")"), ["../../other/a.sql"]);
    assert_eq!(found("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../a.sql\")"), ["/../a.sql"]);
    assert_eq!(found("#[path = \"../examples/a.rs\"]"), [""; 0]);
}

/// Drives the rules of the shop's services in one process. All else goes by deploy/choreography, so that a service can be
/// added without a change to it.
const LINKS_ALL: &str = "tests/simulation";

/// Which services each package outside services/ links, tests included, if it is more than one.
fn linking_several(edges: &[Edge]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut linked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| is_in(&edge.to, "services/") && !is_in(&edge.from, "services/")) {
        linked.entry(&edge.from).or_default().insert(&edge.to);
    }
    linked.retain(|_, services| services.len() > 1);
    linked
}

#[test]
fn the_simulation_alone_links_the_services() {
    let metadata = metadata();
    let mut edges = edges(&metadata);
    let packages = packages(&metadata);
    let sources = packages.iter().flat_map(|package| sources(package));
    edges.extend(sources.flat_map(|(file, text)| taken(&file, &text, &packages)));
    let linking = linking_several(&edges);
    // Which ones serve as examples is held by the layers.
    let who: Vec<&str> = linking.keys().copied().filter(|who| *who != EXAMPLES.0).collect();
    assert_eq!(
        who,
        [LINKS_ALL],
        "only the simulation may link several services; go by deploy/choreography: {linking:?}"
    );

    let edge = |from: &str, to: &str| Edge { from: from.into(), to: to.into(), dev: true, stands: "here".into() };
    let planted = [
        edge("tests/one", "services/order"),
        edge("tests/two", "services/order"),
        edge("tests/two", "services/payment"),
    ];
    assert_eq!(linking_several(&planted).into_keys().collect::<Vec<_>>(), ["tests/two"]);
}
