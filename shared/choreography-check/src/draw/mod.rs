//! The choreography as a page: who reacts to what, the way of the events, and each service's states. Pages and pictures that
//! are made of descriptions say what runs.

mod flow;
mod states;
mod table;

use crate::{description::Description, read::Choreography};

/// A page in Markdown, with Mermaid's diagrams.
pub fn page(choreography: &Choreography) -> String {
    let services: Vec<&Description> = choreography.services.iter().map(|described| &described.service).collect();
    let mut page = format!("{}\n{}", table::of(&services), fenced(&flow::of(&services)));
    for service in services {
        if let Some(table) = &service.state_table {
            page.push_str(&format!("\n### {}\n\n{}", service.name, fenced(&states::of(table))));
        }
    }
    page
}

fn fenced(diagram: &str) -> String {
    format!("```mermaid\n{diagram}```\n")
}

/// A text as Mermaid takes it between quotation marks.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "#quot;"))
}
