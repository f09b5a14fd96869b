//! The way of the events from service to service. What overtakes is drawn with dots: it leads back.

use super::quoted;
use crate::description::Description;

pub(super) fn of(services: &[&Description]) -> String {
    let mut flow = String::from("flowchart LR\n");
    for (index, service) in services.iter().enumerate() {
        flow.push_str(&format!("    s{index}[{}]\n", quoted(&service.name)));
    }
    for (from, writer) in services.iter().enumerate() {
        for (to, reader) in services.iter().enumerate() {
            for event in writer.publishes.iter().filter(|event| reader.handles(event)) {
                let arrow = if reader.compensates.contains(event) { "-.->" } else { "-->" };
                flow.push_str(&format!("    s{from} {arrow}|{}| s{to}\n", quoted(event)));
            }
        }
    }
    for (from, writer) in services.iter().enumerate() {
        for (index, outcome) in writer.outcomes.iter().enumerate() {
            flow.push_str(&format!("    s{from} --> o{from}_{index}([{}])\n", quoted(outcome)));
        }
    }
    flow
}
