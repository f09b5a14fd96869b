//! Who reacts to what, and publishes what.

use crate::description::Description;

pub(super) fn of(services: &[&Description]) -> String {
    let mut table = String::from("| service | reacts to | publishes |\n|---|---|---|\n");
    for service in services {
        table.push_str(&format!("| {} | {} | {} |\n", service.name, reacts_to(service), code(&service.publishes)));
    }
    table
}

/// Events first, then what is the service's own.
fn reacts_to(service: &Description) -> String {
    let mut parts = vec![code(&service.handles)];
    let own = [("commands", &service.commands), ("answers to", &service.calls), ("deadlines", &service.deadlines)];
    parts.extend(
        own.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("{what} {}", names.join(", "))),
    );
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
