//! Tables are brought up to date by a job with the owner's credentials; the service itself can't, and says so.

use std::time::{Duration, Instant};

use local::{ProcessSpec, ServiceProcess, binaries, databases};
use provision::databases::{Login, owner_of};

use crate::world::{World, test};

const SOON: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Starts order on a database of its own.
fn start(world: &World, name: &str, env: &[(&str, &str)]) -> ServiceProcess {
    let log = world.system.logs().join(format!("{name}.log"));
    let mut spec = ProcessSpec::new(name, binaries::sibling("order").expect("it is built"), log);
    spec.env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // Its words end the log even where backtraces are asked for.
    let spec = spec.env("RUST_BACKTRACE", "1");
    ServiceProcess::spawn(spec).expect("it starts")
}

/// Runs order until it ends; answers whether it went well, and what it said.
async fn order(world: &World, name: &str, env: &[(&str, &str)]) -> (bool, String) {
    let process = start(world, name, env);
    let status = process.wait_exit(SOON).await.expect("it ends");
    (status.success(), process.log_tail(20))
}

#[test]
fn the_service_expects_what_the_owners_job_applies() {
    test(|world| async {
        let (role, database) = ("freshman", "fresh");
        let login = |role: &str| Login::new(role, "secret");
        let (owner, service) = (login(&owner_of(role)), login(role));
        let admin = world.system.postgres.admin_url();
        databases::create_service_database(admin, database, &owner, &service).await.expect("a database");
        let url = |role: &str| world.system.postgres.url(database, role, "secret");
        let (service_url, owner_url) = (url(role), url(&owner.role));

        let expect = [("DATABASE_URL", service_url.as_str()), ("MIGRATIONS", "expect")];
        let (good, said) = order(world, "too-early", &expect).await;
        assert!(!good && said.contains("lacks engine migration 1") && said.contains("MIGRATIONS=only"), "{said}");

        let (good, said) =
            order(world, "without-the-right", &[("DATABASE_URL", &service_url), ("MIGRATIONS", "only")]).await;
        assert!(!good && said.contains("permission denied"), "{said}");

        let job = [("DATABASE_URL", owner_url.as_str()), ("MIGRATIONS", "only"), ("DATABASE_ROLE", role)];
        for _ in 0..2 {
            let (good, said) = order(world, "job", &job).await;
            assert!(good && said.contains("the tables are up to date"), "{said}");
        }

        // It gets as far as Kafka, which it waits for.
        let further = [expect[0], expect[1], ("KAFKA_BROKERS", "127.0.0.1:1")];
        let waiting = start(world, "in-time", &further);
        let since = Instant::now();
        while !waiting.log_tail(20).contains("the start waits for Kafka") {
            assert!(since.elapsed() < SOON, "not seen: that it waits for Kafka; last said: {}", waiting.log_tail(20));
            tokio::time::sleep(LOOK).await;
        }
        let said = waiting.log_tail(20);
        assert!(said.contains("KAFKA_BROKERS") && !said.contains("migration"), "{said}");
    });
}
