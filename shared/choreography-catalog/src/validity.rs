//! Whether a value keeps a schema.

use serde_json::Value;

/// What is wrong with a value, by its schema; `None` if nothing is.
pub(crate) fn problem(schema: &Value, value: &Value) -> Option<String> {
    let validator = match jsonschema::options().should_validate_formats(true).build(schema) {
        Ok(validator) => validator,
        Err(error) => return Some(format!("the schema is none: {error}")),
    };
    let first = validator.iter_errors(value).next()?;
    Some(format!("{}: {first}", first.instance_path()))
}
