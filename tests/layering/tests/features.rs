//! A feature of the engine that is left out takes its dependencies with it.

use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A feature of `choreography`, and crates that nothing else of it needs.
const FEATURES: [(&str, &[&str]); 4] = [
    ("tls", &["openssl-sys"]),
    ("http", &["axum", "utoipa"]),
    ("prometheus", &["metrics-exporter-prometheus", "metrics-util"]),
    ("otlp", &["opentelemetry_sdk", "opentelemetry-otlp", "tonic"]),
];

/// A line of each crate that is compiled for the chosen packages.
fn compiled(chosen: &[&str], format: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", format];
    let output = Command::new(cargo).args(arguments).args(chosen).current_dir(ROOT).output().expect("cargo runs");
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    // A star marks what the tree has shown before.
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// The crates that a package of the engine is built with.
fn crates(package: &str, features: &[&str]) -> Vec<String> {
    let chosen = ["--package", package, "--no-default-features", "--features", &features.join(",")];
    compiled(&chosen, "{lib}").into_iter().map(|name| name.trim().replace('_', "-")).collect()
}

fn has(crates: &[String], name: &str) -> bool {
    crates.iter().any(|of| *of == name.replace('_', "-"))
}

#[test]
fn each_feature_brings_its_crates_and_without_it_they_are_gone() {
    let all: Vec<&str> = FEATURES.map(|(feature, _)| feature).to_vec();
    for (feature, brings) in FEATURES {
        let with = crates("choreography", &[feature]);
        let others: Vec<&str> = all.iter().copied().filter(|other| *other != feature).collect();
        let without = crates("choreography", &others);
        for name in brings {
            assert!(has(&with, name), "{feature} brings {name}");
        }
        let left: Vec<_> = brings.iter().filter(|name| has(&without, name)).collect();
        assert!(left.is_empty(), "without {feature} there still is {left:?}");
    }
}

#[test]
fn the_core_knows_no_database_no_broker_and_no_http() {
    let crates = crates("choreography-core", &[]);
    assert!(has(&crates, "tokio"), "{crates:?}");
    for name in ["sqlx", "rdkafka", "axum", "hyper", "opentelemetry_sdk", "metrics-exporter-prometheus"] {
        assert!(!has(&crates, name), "{name}");
    }
    // What tokio brings for sockets and signals.
    for name in ["mio", "socket2", "signal-hook-registry"] {
        assert!(
            !has(&crates, name),
            "choreography-core does no I/O: leave out the feature of tokio that brings {name}"
        );
    }
}

#[test]
fn descriptions_are_checked_without_kafka_and_http() {
    let (with, without) = (crates("choreography-check", &["observe"]), crates("choreography-check", &[]));
    for name in ["rdkafka", "reqwest", "tokio", "choreography"] {
        assert!(has(&with, name), "observe brings {name}");
        assert!(!has(&without, name), "without observe there still is {name}");
    }
}

#[test]
fn a_first_look_compiles_no_openssl_and_no_crate_twice() {
    let names: Vec<&str> = provision::choreography::services().into_iter().filter(|name| is_here(name)).collect();
    // What `cargo run` compiles, and what the launcher has Cargo compile then (deploy/local/src/binaries.rs).
    let launcher = vec!["--package", "local"];
    let mut shop = vec!["--no-default-features", "--package", "local", "--package", "sandbox"];
    shop.extend(names.iter().flat_map(|name| ["--package", *name]));
    let [first, then] = [launcher, shop].map(|chosen| compiled(&chosen, "{p} [{f}]"));
    assert!(names.len() > 3, "{names:?}");
    for set in [&first, &then] {
        assert!(!set.iter().any(|line| line.starts_with("openssl-sys ")), "OpenSSL is compiled");
    }
    let twice: Vec<_> = first.iter().filter(|line| !then.contains(line)).collect();
    assert!(twice.is_empty(), "compiled again, with other features: {twice:#?}");
}

fn is_here(service: &str) -> bool {
    std::path::Path::new(ROOT).join("services").join(service).is_dir()
}
