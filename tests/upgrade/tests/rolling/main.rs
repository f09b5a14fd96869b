//! The services of an earlier commit beside those of the present build: upgraded one by one, and rolled back one by one, while
//! clients order all the time.

mod clients;
mod rest;

use harness::{World, story_of_builds};
use local::system::services;

use clients::Clients;

/// So many inputs each of two replicas has to take while both run, before one of them goes.
const SHARED: u64 = 5;

/// The base knows nothing of sealed addresses, so none is sealed before it is gone for good.
const PRESENT_SETTINGS: [(&str, &str); 1] = [("PERSONAL_DATA", "clear")];

/// What the base calls settings that were renamed since.
const BASE_SETTINGS: [(&str, &str); 1] = [("SLOW_POLL", "300ms")];

/// A replica of the base that is started on a database of the present build. The base refuses one with a service's migrations that
/// it does not know; later builds don't.
const ROLLED_BACK: [(&str, &str); 2] = [("SLOW_POLL", "300ms"), ("MIGRATIONS", "expect")];

/// This one gets no chance to finish what it has begun.
const KILLED: &str = "payment";

#[test]
fn sagas_under_way_survive_a_rolling_upgrade_and_the_way_back() {
    let services = services();
    let base = upgrade::programs(&services).expect("the base's programs");
    story_of_builds(&services, |world| async move {
        let services = world.system.services();
        // One that the base does not have is there from the beginning, as it is now.
        let (old, added): (Vec<_>, Vec<_>) = services.iter().partition(|service| base.join(service).is_file());
        for service in added {
            world.system.spawn(service, service, &PRESENT_SETTINGS).expect("the present build starts");
        }
        for service in &old {
            world.system.spawn_from(&base, service, service, &BASE_SETTINGS).expect("the base starts");
        }
        for service in &services {
            world.system.wait_ready(service).await.expect("the base gets ready");
        }
        let clients = Clients::start(world.stocked("chair", 100_000).await, world.stocked("nothing", 0).await);
        clients.go_to(vec![world.system.url("order")]);

        for service in &old {
            let new = format!("{service}-new");
            world.system.spawn(service, &new, &PRESENT_SETTINGS).expect("the present build starts");
            replace(&world, &clients, service, service, &new).await;
        }
        let upgraded = clients.placed().len();
        for service in &old {
            let back = format!("{service}-back");
            world.system.spawn_from(&base, service, &back, &ROLLED_BACK).expect("the base starts again");
            replace(&world, &clients, service, &format!("{service}-new"), &back).await;
        }
        let placed = clients.finish().await;
        eprintln!("upgrade: {upgraded} orders until all were upgraded, {} until all were back", placed.len());
        rest::check(&world, &placed).await;
    });
}

/// Both replicas run for a while; then the first goes.
async fn replace(world: &World, clients: &Clients, service: &str, leaving: &str, coming: &str) {
    world
        .system
        .wait_ready(coming)
        .await
        .unwrap_or_else(|error| panic!("{coming} gets ready beside {leaving}: {error}"));
    if service == "order" {
        clients.go_to([leaving, coming].map(|replica| world.system.url(replica)).to_vec());
    }
    let before = [applied(world, leaving).await, applied(world, coming).await];
    world
        .until(&format!("{leaving} and {coming} share the work"), || async {
            let now = [applied(world, leaving).await, applied(world, coming).await];
            let share = [now[0].saturating_sub(before[0]), now[1].saturating_sub(before[1])];
            if share.iter().all(|inputs| *inputs >= SHARED) { Ok(()) } else { Err(format!("{share:?} inputs")) }
        })
        .await;
    if service == KILLED {
        world.system.kill(leaving).expect("it dies");
    } else {
        let running = world.system.find(leaving).expect("it runs");
        running.process.terminate().expect("it is told");
        let status = running.process.wait_exit(harness::PATIENCE).await.expect("it ends");
        assert!(status.success(), "{leaving} drained: {status}\n{}", running.process.log_tail(20));
        world.system.kill(leaving).expect("it is forgotten");
    }
    if service == "order" {
        clients.go_to(vec![world.system.url(coming)]);
    }
}

/// How many inputs a replica's rules have taken.
async fn applied(world: &World, replica: &str) -> u64 {
    let Some(running) = world.system.find(replica) else { return 0 };
    let metrics = world.shop.text(&format!("{}/metrics", running.admin)).await.unwrap_or_default();
    let line = metrics.lines().find(|line| line.starts_with("saga_inputs_total{verdict=\"applied\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}
