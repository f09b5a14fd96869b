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

/// The crates that a package of the engine is built with.
fn crates(package: &str, features: &[&str]) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let features = features.join(",");
    let arguments =
        ["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{lib}"];
    let chosen = ["--package", package, "--no-default-features", "--features", &features];
    let output = Command::new(cargo).args(arguments).args(chosen).current_dir(ROOT).output().expect("cargo runs");
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|name| name.trim().replace('_', "-")).collect()
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
