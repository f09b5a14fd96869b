//! Apache Kafka's jars, fetched once by Maven.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::java::Jars;
use crate::{LocalError, Result, cache};

const POM: &str = include_str!("../../../kafka/pom.xml");
/// The one in the POM.
const VERSION: &str = "4.3.1";

/// `KAFKA_VERSION` names another release than the usual one, to try it: `KAFKA_VERSION=4.4.0`.
fn version() -> String {
    let named = std::env::var("KAFKA_VERSION").unwrap_or_default();
    if named.is_empty() { VERSION.to_owned() } else { named }
}

fn pom_of(version: &str) -> String {
    POM.replace(&element(VERSION), &element(version))
}

fn element(version: &str) -> String {
    format!("<version>{version}</version>")
}

/// Each release has its own.
pub(super) fn cache_dir() -> PathBuf {
    cache::user_cache().join(format!("kafka-{}", version()))
}

pub(super) fn holds_a_broker(libs: &Path) -> bool {
    let names = std::fs::read_dir(libs).into_iter().flatten().flatten();
    names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .any(|name| name.starts_with("kafka-server-") && name.ends_with(".jar"))
}

/// The directory that holds the jars. Blocks while Maven fetches them (about 43 MB).
pub(super) fn provide(jars: &Jars) -> Result<PathBuf> {
    match jars {
        Jars::Home(dir) | Jars::Cached(dir) => Ok(dir.clone()),
        Jars::Fetch { maven, into } => cache::fill_once(into, |dir| {
            let version = version();
            tracing::info!("fetching Apache Kafka {version} by Maven into {}", into.display());
            fetch(maven, &version, dir)
        }),
    }
}

fn fetch(maven: &Path, version: &str, into: &Path) -> Result<()> {
    std::fs::create_dir_all(into).map_err(LocalError::path("creating", into))?;
    let pom = into.join("pom.xml");
    std::fs::write(&pom, pom_of(version)).map_err(LocalError::path("writing", &pom))?;
    let mut command = Command::new(maven);
    command
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", into.display()));
    run(&mut command, "Maven").map_err(|error| match error {
        LocalError::Failed { output, .. } => LocalError::NoJars(first_error(&output)),
        other => other,
    })
}

/// What Maven says first; the rest is mostly how to make it say more.
fn first_error(output: &str) -> String {
    let error = output.lines().find_map(|line| line.strip_prefix("[ERROR] "));
    error.unwrap_or_else(|| output.trim()).to_owned()
}

/// Runs a helper program to its end.
pub(super) fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command.output().map_err(LocalError::io(format!("starting {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(LocalError::Failed { program: name.into(), status: output.status.to_string(), output: said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_mavens_lines_the_first_error_is_told() {
        let said = "Downloading\n[ERROR] Plugin x could not be resolved: Unknown host\n[ERROR] -> [Help 1]\n[ERROR] \n";
        assert_eq!(first_error(said), "Plugin x could not be resolved: Unknown host");
        assert_eq!(first_error("no JDK\n"), "no JDK");
    }

    #[test]
    fn another_release_takes_the_usual_ones_place_and_nothing_elses() {
        assert_eq!(pom_of(VERSION), POM);
        let other = pom_of("4.4.0");
        assert!(other.contains("<artifactId>kafka_2.13</artifactId>\n      <version>4.4.0</version>"), "{other}");
        assert!(!other.contains(VERSION), "{other}");
        assert!(other.contains("<artifactId>log4j-slf4j-impl</artifactId>\n      <version>2."), "{other}");
    }
}
