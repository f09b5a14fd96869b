//! The choreography as tables and diagrams of a page: who reacts to what, the way of the events, and each service's states.
//! What is made of descriptions says what runs.

mod cell;
mod fill;
mod flow;
mod matrix;
mod runs;
mod states;
mod table;

use crate::{description::Description, read::Choreography};

pub use fill::{PageError, fill};

/// A page in Markdown, with Mermaid's diagrams.
pub fn page(choreography: &Choreography) -> String {
    let services: Vec<&Description> = services(choreography).collect();
    let mut page = format!("{}\n{}", table::of(&services, None), fenced(&flow::of(&services)));
    for service in services {
        if let Some(table) = &service.state_table {
            page.push_str(&format!("\n### {}\n\n{}\n{}", service.name, fenced(&states::of(table)), matrix::of(table)));
        }
    }
    page
}

/// A part of a page by its name; `None` if there is none of that name.
///
/// - `flow`: the way of the events
/// - `services`: who reacts to what and publishes what; `services, at PATH` links each name, NAME in the path standing for it
/// - `topics`: each topic with its owner, what is published there, and who reads it
/// - `ends`: how sagas end, and the shortest way there
/// - `sequence EVENT`: the shortest run to an end in which an event of this type is published, as a sequence diagram
/// - `service NAME`: what one service consumes, publishes, calls and keeps
/// - `states NAME`: its states as a diagram and as a table
pub fn part(choreography: &Choreography, name: &str) -> Option<String> {
    let all: Vec<&Description> = services(choreography).collect();
    let named = |name: &str| all.iter().copied().find(|service| service.name == name);
    match name.split_once(' ') {
        None if name == "flow" => Some(fenced(&flow::of(&all))),
        None if name == "services" => Some(table::of(&all, None)),
        None if name == "topics" => Some(table::of_topics(choreography, &all)),
        None if name == "ends" => Some(runs::ends(&all)),
        Some(("sequence", event)) => Some(fenced(&runs::sequence(&all, event)?)),
        Some(("services,", path)) => Some(table::of(&all, Some(path.strip_prefix("at ")?))),
        Some(("service", name)) => Some(table::of_one(named(name)?)),
        Some(("states", name)) => {
            let table = named(name)?.state_table.as_ref()?;
            Some(format!("{}\n{}", fenced(&states::of(table)), matrix::of(table)))
        }
        _ => None,
    }
}

fn services(choreography: &Choreography) -> impl Iterator<Item = &Description> {
    choreography.services.iter().map(|described| &described.service)
}

fn fenced(diagram: &str) -> String {
    format!("```mermaid\n{diagram}```\n")
}

/// A text as Mermaid takes it between quotation marks.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "#quot;"))
}

/// Names as code, side by side.
fn code<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
