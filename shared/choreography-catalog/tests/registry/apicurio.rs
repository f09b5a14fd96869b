//! Apicurio Registry, which speaks Confluent's API too: fetched once by Maven, with its storage in memory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use local::{
    LocalError, ProcessSpec, RunDir, ServiceProcess,
    cache::{fill_once, user_cache},
    can_run_apache_kafka,
    ports::free_port,
};
use reqwest::Client;
use serde_json::{Value, json};

const VERSION: &str = "2.6.13.Final";
/// Without a project Maven makes a folder with an odd name for what it notes.
const POM: &str = "<project><modelVersion>4.0.0</modelVersion><groupId>choreography</groupId><artifactId>registry</artifactId>\
                   <version>1</version><packaging>pom</packaging></project>";
const READY: Duration = Duration::from_secs(120);

/// A running registry, empty at first. Dropping it ends it, and its directory goes.
pub struct Apicurio {
    /// Its API as Confluent has it.
    pub url: String,
    http: Client,
    _process: ServiceProcess,
    _dir: RunDir,
}

impl Apicurio {
    /// Starts it on a port of its own. If it does not come up, the end of its log is shown.
    pub async fn start() -> Self {
        let home = tokio::task::spawn_blocking(home).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        // The Java that runs Kafka here is new enough for it.
        let java = can_run_apache_kafka().unwrap_or_else(|error| panic!("{error}")).java;
        let (dir, port) = (RunDir::create().unwrap(), free_port().unwrap());
        let jar = home.join(format!("apicurio-registry-app-{VERSION}-runner.jar"));
        let spec = ProcessSpec::new("apicurio", java, dir.path().join("apicurio.log"))
            .args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"])
            .arg(format!("-Dquarkus.http.port={port}"))
            .args(["-jar".to_owned(), jar.display().to_string()]);
        let process = ServiceProcess::spawn(spec).unwrap();
        let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
        let ready = process.wait_ready(&format!("{url}/subjects"), READY).await;
        ready.unwrap_or_else(|error| panic!("{error}"));
        Self { url, http: Client::new(), _process: process, _dir: dir }
    }

    /// What stands at a path, read as JSON.
    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    /// The version of a subject: its id and its schema.
    pub async fn schema(&self, subject: &str, version: u64) -> (u64, Value) {
        let found = self.get(&format!("subjects/{subject}/versions/{version}")).await;
        assert_eq!(found["schemaType"], "JSON", "{found}");
        (found["id"].as_u64().unwrap(), serde_json::from_str(found["schema"].as_str().unwrap()).unwrap())
    }

    /// Sets the compatibility of a subject.
    pub async fn set_compatibility(&self, subject: &str, level: &str) {
        let put = self.http.put(format!("{}/config/{subject}", self.url)).json(&json!({ "compatibility": level }));
        assert!(put.send().await.unwrap().status().is_success());
    }
}

/// Where it is unpacked.
fn home() -> local::Result<PathBuf> {
    fill_once(&user_cache().join(format!("apicurio-registry-{VERSION}")), unpack)
}

fn unpack(into: &Path) -> local::Result<()> {
    fs::create_dir_all(into).unwrap();
    fs::write(into.join("pom.xml"), POM).unwrap();
    let fetched = Command::new("mvn")
        .args(["-q", "-B", "dependency:unpack"])
        .arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"))
        .arg(format!("-DoutputDirectory={}", into.display()))
        .current_dir(into)
        .output()
        .unwrap_or_else(|error| panic!("Maven can't be run ({error}): install it; it fetches Apicurio Registry, once"));
    if fetched.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&fetched.stdout).into_owned();
    Err(LocalError::Failed { program: "Maven".into(), status: fetched.status.to_string(), output })
}
