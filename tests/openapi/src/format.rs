//! OpenAPI's own JSON Schema, fetched once by npm; and what a document does not keep of it.

use published_schemas::{Package, references};
use serde_json::Value;

/// Carries the schemas that the OpenAPI Initiative publishes.
const PACKAGE: Package = Package {
    name: "@seriousme/openapi-schema-validator@2.11.0",
    integrity: "sha512-DL8TjmjkUS76OaK/TinoRtf6PrirsWfMZiv62ifP9eq3UOpoLqSGZKpCErxMzz0i1pjECSPYY+qZ1SRYEgiEvg==",
};

/// What is wrong with a document, by its place.
pub fn wrong(document: &Value) -> Vec<String> {
    let validator = jsonschema::options().build(&schema()).expect("OpenAPI's schema");
    let mut wrong: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let mut schemas = Vec::new();
    collect(document, &mut schemas);
    assert!(!schemas.is_empty(), "no schemas are found in the document");
    // What OpenAPI leaves to JSON Schema.
    wrong.extend(schemas.iter().filter_map(|schema| {
        let error = jsonschema::draft202012::meta::validate(schema).err()?;
        Some(format!("{schema}: {error}"))
    }));
    let leads = |reference: &&str| reference.strip_prefix('#').is_some_and(|at| document.pointer(at).is_some());
    wrong.extend(
        references(document).into_iter().filter(|reference| !leads(reference)).map(|at| format!("{at} leads nowhere")),
    );
    wrong
}

/// All schemas of a document.
fn collect<'a>(json: &'a Value, schemas: &mut Vec<&'a Value>) {
    match json {
        Value::Object(fields) => {
            schemas.extend(fields.get("schema"));
            let named = fields.get("schemas").and_then(Value::as_object);
            schemas.extend(named.into_iter().flatten().map(|(_, schema)| schema));
            fields.values().for_each(|value| collect(value, schemas));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, schemas)),
        _ => {}
    }
}

/// The schema of OpenAPI 3.1. It is fetched once, to where a test's program stands: `target/release/deps`.
fn schema() -> Value {
    let program = std::env::current_exe().expect("a program");
    let target = program.ancestors().nth(3).expect("a target folder");
    PACKAGE.json("schemas/v3.1/schema.json", &target.join("tmp/openapi-schema-validator-2.11.0"))
}
