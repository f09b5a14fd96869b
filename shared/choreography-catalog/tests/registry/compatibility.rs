//! A registry that holds each schema against the one before it.

use serde_json::{Value, json};

use crate::{
    apicurio::Apicurio,
    program::{Ran, loans, register},
};

const SUBJECT: &str = "loan.granted";

async fn published(registry: &Apicurio, name: &str, amounts: &[&str], arguments: &[&str]) -> Ran {
    let folder = loans(name, amounts);
    register(&registry.url, &[&["--published", folder.to_str().unwrap()], arguments].concat()).await
}

fn did(ran: &Ran) -> Vec<Value> {
    ran.steps().iter().map(|step| step["did"].clone()).collect()
}

#[tokio::test]
async fn a_refused_version_is_named_and_is_registered_once_its_subjects_compatibility_is_lifted() {
    let registry = Apicurio::start().await;
    assert_eq!(published(&registry, "one", &["integer"], &[]).await.code, Some(0));
    registry.set_compatibility(SUBJECT, "BACKWARD").await;

    let breaking = ["integer", "string", "boolean"];
    let refused = published(&registry, "refused", &breaking, &[]).await;
    assert_eq!((refused.code, &*refused.err), (Some(1), ""), "{refused:?}");
    let lines: Vec<&str> = refused.out.lines().collect();
    assert_eq!(lines[0], "loan.granted version 1, revision 1: is there as version 1 of subject loan.granted, id 1");
    let words = "loan.granted version 2, revision 1: refused in subject loan.granted: the registry answered 409 (error_code 409): ";
    assert!(lines[1].starts_with(words) && lines[1].contains("Incompatible artifact: loan.granted"), "{refused:?}");
    assert!(lines[2].starts_with("  do: ") && lines[2].contains("--lift-compatibility"), "{refused:?}");
    assert_eq!(
        lines[3],
        "loan.granted version 3, revision 1: not tried: an earlier schema of subject loan.granted was refused"
    );
    assert_eq!(lines[4], format!("{}: 0 registered, 1 already there, 2 refused", registry.url));
    assert_eq!(registry.get("config/loan.granted").await["compatibilityLevel"], "BACKWARD", "it is left as it was");

    let dry = published(&registry, "dry", &breaking, &["--lift-compatibility", "--dry-run", "--json"]).await;
    assert_eq!(did(&dry), ["left-alone", "would-lift-compatibility", "would-register", "would-register"]);
    assert_eq!(registry.get("config/loan.granted").await["compatibilityLevel"], "BACKWARD");

    let everywhere = registry.get("config").await;
    let lifted = published(&registry, "lifted", &breaking, &["--lift-compatibility", "--json"]).await;
    assert_eq!(lifted.code, Some(0), "{lifted:?}");
    assert_eq!(did(&lifted), ["left-alone", "lifted-compatibility", "registered", "registered"]);
    assert_eq!(lifted.steps()[1]["from"], "BACKWARD");
    assert_eq!(registry.get("config/loan.granted").await["compatibilityLevel"], "NONE");
    assert_eq!(registry.get("config").await, everywhere, "that of all subjects is never touched");
    assert_eq!(registry.get("subjects/loan.granted/versions").await, json!([1, 2, 3]));
    let (_, third) = registry.schema(SUBJECT, 3).await;
    assert_eq!(third["properties"]["payload"]["properties"]["amount"]["type"], "boolean");

    registry.set_compatibility(SUBJECT, "FULL").await;
    let again = published(&registry, "again", &breaking, &["--lift-compatibility", "--json"]).await;
    assert_eq!(did(&again), ["left-alone", "left-alone", "left-alone"]);
    let level = registry.get("config/loan.granted").await["compatibilityLevel"].clone();
    assert_eq!(level, "FULL", "where nothing is registered nothing is lifted");
}
