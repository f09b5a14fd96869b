//! Where everything is, once it stays up.

use local::{
    LeftOut, Result, System, binaries,
    system::{ADMIN_TOKEN, Running},
};

use super::outcomes;

/// Prints it, with how to start what was left out.
///
/// # Errors
/// When the system does not say where this program is.
pub fn print(system: &System, left_out: &[LeftOut]) -> Result<()> {
    println!("Everything stays up. Ctrl-C ends it.\n");
    for (name, Running { url, admin, .. }) in system.running() {
        print_service(&name, &url, &admin);
    }
    for LeftOut { service, url, admin, .. } in left_out {
        print_service(service, url, admin);
    }
    println!("  {:<12} {}/v1/ledger", "sandbox", system.sandbox().url);
    if let Some(jaeger) = system.jaeger_url() {
        println!("  {:<12} {jaeger}", "jaeger");
    }
    println!("  {:<12} {}", "broker", system.broker.bootstrap());
    println!("  {:<12} {}", "database", system.postgres.admin_url());
    println!("  {:<12} {}\n", "logs", system.logs().display());
    println!("  the admin routes need: -H 'Authorization: Bearer {ADMIN_TOKEN}'\n");
    println!(
        "  curl -i {}/orders -H 'Idempotency-Key: 1' -d '{}'\n",
        url(system, left_out, "order"),
        outcomes::example()
    );
    if let Some(inventory) = left_out.iter().find(|left_out| left_out.service == "inventory") {
        println!("  there is no stock yet: curl -X PUT {}/stock/chair -d '{{\"onHand\": 100}}'\n", inventory.url);
    }
    for LeftOut { service, env_file, .. } in left_out {
        println!("{service} does not run. Start it with the environment in {}:\n", env_file.display());
        println!("  (set -a; . {}; {})\n", env_file.display(), binaries::run_command(service)?);
    }
    Ok(())
}

fn print_service(name: &str, url: &str, admin: &str) {
    println!("  {name:<12} {url}   (metrics: {admin}/metrics, deferred events: {admin}/admin/deferred)");
}

fn url(system: &System, left_out: &[LeftOut], service: &str) -> String {
    let of_left_out = left_out.iter().find(|left_out| left_out.service == service);
    of_left_out.map_or_else(|| system.url(service), |left_out| left_out.url.clone())
}
