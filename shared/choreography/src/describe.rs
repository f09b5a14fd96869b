//! What a program takes part in, as JSON: for access rules, documents and checks of the choreography as a whole.

mod fields;

use std::collections::BTreeSet;

use choreography_core::{
    EventType,
    routes::{Description, EventContract, RoutesError, Service},
};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{program, settings::table};

/// What a task prints: `describe`, or the settings. No setting, network or secret is needed for it. `None`: it is another task.
///
/// # Errors
/// The routes contradict each other.
pub(crate) fn asked_for<S: Service, O: Args>(task: Option<&str>) -> Result<Option<String>, RoutesError> {
    match task {
        Some("describe") => json_of::<S, O>().map(Some),
        Some("settings") => Ok(Some(table::of(&program::command::<S, O>()))),
        _ => Ok(None),
    }
}

/// The description with its settings: the variables of the environment that the program reads. `O` are its own, beside
/// the engine's.
///
/// # Errors
/// The routes contradict each other.
pub fn json_of<S: Service, O: Args>() -> Result<String, RoutesError> {
    let described = Description::of::<S>()?;
    let command = program::command::<S, O>();
    let settings: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
        .collect();
    let events: Map<String, Value> = described.events.iter().map(of_contract).collect();
    let mut json = of_saga(&described)?;
    let engine = json!({
        "name": described.name,
        "group": described.name,
        "deduplicates": true,
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
        "events": events,
    });
    json.extend(engine.as_object().cloned().unwrap_or_default());
    for (field, topics) in [("owns_keys", &described.owns_keys), ("reads_keys", &described.reads_keys)] {
        if !topics.is_empty() {
            json.insert(field.to_owned(), json!(topics));
        }
    }
    Ok(format!("{:#}\n", Value::Object(json)))
}

/// What the service itself says of its part in a saga.
fn of_saga(described: &Description) -> Result<Map<String, Value>, RoutesError> {
    let Some(saga) = described.saga else { return Ok(Map::new()) };
    serde_json::from_str(saga).map_err(|error| {
        RoutesError(vec![format!("on.saga(…) of {} was given what is no JSON object: {error}", described.name)])
    })
}

fn of_contract(contract: &EventContract) -> (String, Value) {
    let EventContract { event_type: EventType { name, topic, owner, version }, accepts, schema } = contract;
    let mut json = json!({ "topic": topic, "owner": owner, "version": version });
    if !accepts.is_empty() {
        json["accepts"] = accepts.as_slice().into();
    }
    if let Some(fields) = schema().as_deref().and_then(fields::of) {
        json["fields"] = fields.into();
    }
    ((*name).to_owned(), json)
}

#[cfg(test)]
mod tests {
    use choreography_core::table;

    use super::*;
    use crate::{Routes, nothing};

    struct Thanks;

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Account {
        told: bool,
    }

    table!(Account in accounts by order_id: told);

    impl Service for Thanks {
        type Aggregate = Account;

        const NAME: &'static str = "thanks";

        fn routes(on: &mut Routes<Self>) {
            on.saga(r#"{ "state_table": { "initial": "none" }, "name": "another" }"#);
            on.deadline("late", |_, _| Ok(nothing()));
        }
    }

    #[derive(clap::Args)]
    struct Settings {
        #[arg(long, env = "SIZE_OF_PARTY")]
        _size: Option<u32>,
        #[arg(long, env = "NAME_OF_HOST")]
        _host: Option<String>,
        #[arg(long)]
        _said_on_the_command_line: bool,
    }

    #[test]
    fn a_service_describes_its_routes_and_the_variables_that_it_reads() {
        let mut json: Value = serde_json::from_str(&json_of::<Thanks, Settings>().unwrap()).unwrap();
        let settings: Vec<String> = serde_json::from_value(json["settings"].take()).unwrap();
        assert!(settings.is_sorted() && settings.contains(&"DATABASE_URL".to_owned()), "the engine's: {settings:?}");
        json["settings"] = settings.into_iter().filter(|setting| setting.contains("_OF_")).collect();
        let expected = json!({
            "name": "thanks",
            "group": "thanks",
            "deduplicates": true,
            "state_table": { "initial": "none" },
            "reads": [],
            "handles": [],
            "compensates": [],
            "ignores": [],
            "publishes": [],
            "writes": [],
            "calls": [],
            "deadlines": ["late"],
            "tables": ["accounts"],
            "settings": ["NAME_OF_HOST", "SIZE_OF_PARTY"],
            "events": {},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_task_prints_the_description_or_the_settings_and_others_print_nothing() {
        let asked = |task| asked_for::<Thanks, Settings>(task).unwrap();
        assert!(asked(Some("describe")).is_some_and(|json| json.starts_with('{')));
        assert!(asked(Some("settings")).is_some_and(|table| table.contains("| `SIZE_OF_PARTY` |")));
        assert_eq!((asked(Some("archive")), asked(Some("--help")), asked(None)), (None, None, None));
    }
}
