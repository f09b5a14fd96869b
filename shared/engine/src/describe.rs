//! What a program takes part in, as JSON: for access rules, documents and checks of the choreography as a whole.

use std::collections::BTreeSet;

use clap::CommandFactory;
use serde_json::{Value, json};

use crate::routes::{Contradictions, Description, Service};

/// The one argument that asks for it. No setting, network or secret is needed.
const ARGUMENT: &str = "describe";

/// Prints the description if the program was asked for it, and says so: it has nothing else to do then.
///
/// # Errors
/// The routes contradict each other.
pub fn described<S: Service, C: CommandFactory>() -> Result<bool, Contradictions> {
    let asked = std::env::args().nth(1).is_some_and(|argument| argument == ARGUMENT);
    if asked {
        print!("{}", json_of::<S, C>()?);
    }
    Ok(asked)
}

/// The description with its settings, the variables of the environment that the program reads.
///
/// # Errors
/// The routes contradict each other.
pub fn json_of<S: Service, C: CommandFactory>() -> Result<String, Contradictions> {
    let described = Description::of::<S>()?;
    let command = C::command();
    let settings: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
        .collect();
    let json: Value = json!({
        "name": described.name,
        "reads": described.reads,
        "handles": described.handles,
        "compensates": described.compensates,
        "ignores": described.ignores,
        "publishes": described.publishes,
        "writes": described.writes,
        "calls": described.calls,
        "deadlines": described.deadlines,
        "tables": described.tables,
        "settings": settings,
    });
    Ok(format!("{json:#}\n"))
}
