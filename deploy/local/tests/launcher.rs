//! The launcher, started as a person starts it.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use local::{Jaeger, Kafka, KafkaOptions, Postgres, PostgresOptions, RunDir, binaries, shop};

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
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    until_it_says("Everything stays up", child, &log);
    let children = children_of(child.id());
    let services = local::system::services().len();
    assert!(children.len() >= services + 2, "the services, the sandbox and PostgreSQL run: {children:?}");
    interrupt(child);
    let left: Vec<u32> = children.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "still there: {left:?}: {}", read());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_jaeger_each_order_has_a_link_to_its_trace_there() {
    let dir = RunDir::create().unwrap();
    // A new machine builds it first, which takes minutes.
    drop(Jaeger::start(&dir.path().join("jaeger"), |what| eprintln!("{what}")).await.unwrap());
    let log = dir.path().join("launcher.log");
    let out = std::fs::File::create(&log).unwrap();
    let mut command = launcher(&["--broker", "embedded", "--jaeger"]);
    let mut launched = Launched(command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap());
    until_it_says("Everything stays up", &mut launched.0, &log);
    let said = std::fs::read_to_string(&log).unwrap();
    let mut lines = said.lines().map(str::trim);
    let link = lines
        .find(|line| line.starts_with("completed") && line.contains("/trace/"))
        .unwrap_or_else(|| panic!("{said}"));
    let trace = link.split_whitespace().last().unwrap().replace("/trace/", "/api/traces/");
    let (since, http) = (Instant::now(), shop::Shop::default());
    // Services send their spans some time after they end.
    loop {
        let answer = http.get(&trace).await;
        let processes =
            answer.as_ref().map_or_else(|_| String::new(), |answer| answer.body["data"][0]["processes"].to_string());
        if ["order", "inventory", "payment", "shipping"].iter().all(|name| processes.contains(&format!("\"{name}\""))) {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "not all services are in {trace}: {processes}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_interrupted_amid_orders_drain_so_the_next_start_looks_for_no_crash() {
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    let log = dir.path().join("launcher.log");
    let out = std::fs::File::create(&log).unwrap();
    let mut command = launcher(&["--broker", "embedded", "--database-url", postgres.admin_url()]);
    let mut launched = Launched(command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap());
    until_it_says("placing orders of every outcome", &mut launched.0, &log);
    interrupt(&mut launched.0);
    let (server, _) = postgres.admin_url().rsplit_once('/').unwrap();
    for service in local::system::services() {
        let url = format!("{server}/{service}");
        let mut db = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
        let runs: i64 = sqlx::query_scalar("SELECT count(*) FROM runs").fetch_one(&mut db).await.unwrap();
        let said = std::fs::read_to_string(&log).unwrap();
        assert_eq!(runs, 0, "a run of {service} did not end as it should: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_left_out_is_started_by_hand_and_killed_amid_an_order_which_ends_all_the_same() {
    let dir = RunDir::create().unwrap();
    let log = dir.path().join("launcher.log");
    let out = std::fs::File::create(&log).unwrap();
    let mut command = launcher(&["--broker", "embedded", "--without", "payment"]);
    let mut launched = Launched(command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap());
    until_it_says("payment does not run", &mut launched.0, &log);
    let env_file = binaries::profile_dir().unwrap().join("payment.env");
    assert_eq!(std::fs::metadata(&env_file).unwrap().permissions().mode() & 0o777, 0o600);

    let orders = address("order", &log) + "/orders";
    let order = shop::order(&[("chair", 1)], "tok_visa", "Vienna");
    let placed = shop::Shop::default().post(&orders, &order, &[]).await.unwrap();
    assert_eq!(placed.status, 202, "{placed:?}");
    let id = placed.body["orderId"].as_str().unwrap().to_owned();
    until_it_says(&format!("{id}  inventory.reserved"), &mut launched.0, &log);
    // The first one is killed as soon as it is ready, and the order goes on with the second.
    let mut payment = by_hand(&env_file);
    until_ready(&address("payment", &log)).await;
    payment.0.kill().unwrap();
    payment.0.wait().unwrap();
    let again = by_hand(&env_file);
    until_it_says(&format!("{id}  order.completed"), &mut launched.0, &log);
    drop(again);
    interrupt(&mut launched.0);
    assert!(!env_file.exists(), "its environment is gone with what it leads to");
}

#[test]
fn a_service_that_is_not_known_is_refused_with_those_that_are() {
    let output = launcher(&["--without", "paymnt"]).output().unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("invalid value 'paymnt'"), "{told}");
    assert!(local::system::services().iter().all(|service| told.contains(service)), "{told}");
}

fn until_it_says(what: &str, launcher: &mut Child, log: &Path) {
    let since = Instant::now();
    let read = || std::fs::read_to_string(log).unwrap_or_default();
    while !read().contains(what) {
        assert!(since.elapsed() < PATIENCE, "it did not say {what:?}: {}", read());
        assert!(launcher.try_wait().unwrap().is_none(), "it ended by itself: {}", read());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// As the launcher printed it.
fn address(service: &str, log: &Path) -> String {
    let said = std::fs::read_to_string(log).unwrap();
    let mut lines = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines
        .find(|words| words.first() == Some(&service) && words.get(1).is_some_and(|word| word.starts_with("http")));
    line.unwrap_or_else(|| panic!("no address of {service}: {said}"))[1].to_owned()
}

/// As the launcher says how to, but with the program that is built already.
fn by_hand(env_file: &Path) -> Launched {
    let start =
        format!("set -a; . '{}'; exec '{}'", env_file.display(), binaries::sibling("payment").unwrap().display());
    Launched(Command::new("sh").args(["-c", &start]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

async fn until_ready(url: &str) {
    let (since, http) = (Instant::now(), shop::Shop::default());
    loop {
        let answer = http.get(&format!("{url}/readyz")).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "it did not get ready: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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
