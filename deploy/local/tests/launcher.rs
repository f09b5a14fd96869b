//! The launcher, started as a person starts it.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use local::{Kafka, KafkaOptions, Postgres, PostgresOptions, RunDir};

const PATIENCE: Duration = Duration::from_secs(180);

fn launcher(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const OUTCOMES: [&str; 11] = [
    "completed",
    "out of stock",
    "payment declined",
    "carrier refuses",
    "provider fails twice",
    "charged, never answered",
    "cancelled too late",
    "cancelled in time",
    "deadline passed",
    "duplicate event",
    "poison message",
];

#[test]
fn the_embedded_broker_shows_every_outcome_and_leaves_no_process_behind() {
    let output = launcher(&["--broker", "embedded", "--once"]).output().unwrap();
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(OUTCOMES.iter().all(|outcome| told.contains(outcome)), "{told}");
    assert!(told.contains("Money: captured = shipped + refunded"), "{told}");
    assert!(told.contains("in memory"), "it says which broker it took: {told}");
    let shown = |title: &str, event: &str| {
        told.lines().any(|line| line.contains(title) && line.ends_with(&format!("  {event}")))
    };
    assert!(told.contains("the first order took") && shown("the first", "order.completed"), "{told}");
    assert!(shown("carrier refuses", "payment.refunded"), "events are shown as they happen: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_run_already_are_used_as_they_are() {
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    let kafka = Kafka::start(&dir.path().join("kafka"), KafkaOptions::default()).await.unwrap();
    let (bootstrap, url) = (kafka.bootstrap().to_owned(), postgres.admin_url().to_owned());
    let output = tokio::task::spawn_blocking(move || {
        launcher(&["--kafka", &bootstrap, "--database-url", &url, "--once"]).output().unwrap()
    });
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", told(&output));
    // They outlive the launcher.
    assert!(postgres.admin_url().starts_with("postgres://"));
    let mut db = <sqlx::PgConnection as sqlx::Connection>::connect(postgres.admin_url()).await.unwrap();
    let databases: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database").fetch_all(&mut db).await.unwrap();
    let services = local::system::services();
    assert!(services.contains(&"notification"), "{services:?}");
    assert!(services.iter().all(|name| databases.iter().any(|has| has == name)), "{databases:?}");
}

#[test]
fn ctrl_c_ends_everything_that_was_started() {
    let dir = RunDir::create().unwrap();
    let log = dir.path().join("launcher.log");
    let out = std::fs::File::create(&log).unwrap();
    let mut launched = Launched(launcher(&["--broker", "embedded"]).stdout(out).spawn().unwrap());
    let child = &mut launched.0;
    let since = Instant::now();
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    while !read().contains("Everything stays up") {
        assert!(since.elapsed() < PATIENCE, "it did not come up: {}", read());
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself: {}", read());
        std::thread::sleep(Duration::from_millis(100));
    }
    let children = children_of(child.id());
    let services = local::system::services().len();
    assert!(children.len() >= services + 2, "the services, the sandbox and PostgreSQL run: {children:?}");
    interrupt(child);
    let left: Vec<u32> = children.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "still there: {left:?}: {}", read());
}

/// Ends with its test, also when that fails.
struct Launched(Child);

impl Drop for Launched {
    fn drop(&mut self) {
        interrupt(&mut self.0);
    }
}

/// As Ctrl-C does, if it still runs.
fn interrupt(child: &mut Child) {
    if child.try_wait().unwrap().is_none() {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
    }
}

/// Every process that descends from this one.
fn children_of(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "pid (name) state parent …", and the name may hold anything.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1).and_then(|text| text.parse::<u32>().ok()) == Some(parent) {
            found.push(pid);
            found.extend(children_of(pid));
        }
    }
    found
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    !after.is_empty() && after.split_whitespace().next() != Some("Z")
}
