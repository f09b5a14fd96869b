//! `/metrics` has what alerts and dashboards ask for, and no ids as labels.

use std::collections::BTreeSet;
use std::path::Path;

use harness::{story, typed};
use serde_json::json;
use uuid::Uuid;

/// Words that begin with `saga_` in a text.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("saga_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn whatever_alerts_and_dashboards_ask_for_is_told() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        for (city, ends) in [("Vienna", "completed"), ("Nowhere", "cancelled")] {
            let order = world.place(&[(&chair, 1)], "tok_visa", city).await;
            world.eventually(&order, ends).await;
        }
        // Told of services that read it, once such an event came.
        let unheard = typed("order.gift_wrapped", &Uuid::now_v7().to_string(), json!({"ribbon": "red"}));
        world.type_in("order-events", &unheard).await;
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let mut asked = BTreeSet::new();
        for file in ["prometheus/alerts.yml", "grafana/dashboards/sagas.json"] {
            asked.extend(names(&std::fs::read_to_string(deploy.join(file)).expect(file)));
        }
        // Only told while a call has no answer.
        let rare = BTreeSet::from(["saga_call_oldest_age_seconds".to_owned(), "saga_calls_unresolved".to_owned()]);
        world
            .until("all of them are told", || async {
                let mut told = BTreeSet::new();
                for service in world.system.services() {
                    let url = format!("{}/metrics", world.system.admin_url(service));
                    told.extend(names(&world.shop.text(&url).await.map_err(|error| error.to_string())?));
                }
                let missing: Vec<&String> =
                    asked.iter().filter(|name| !told.contains(*name) && !rare.contains(*name)).collect();
                if missing.is_empty() { Ok(()) } else { Err(format!("missing: {missing:?}")) }
            })
            .await;
        for service in world.system.services() {
            let metrics =
                world.shop.text(&format!("{}/metrics", world.system.admin_url(service))).await.expect("metrics");
            for line in metrics.lines().filter(|line| !line.starts_with('#')) {
                let labels =
                    line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
                let id = labels.split('"').find(|value| Uuid::parse_str(value).is_ok());
                assert_eq!(id, None, "an id as a label: {line}");
            }
        }
    });
}
