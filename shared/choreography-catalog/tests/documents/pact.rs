//! The contracts have Pact's format, version 4, and say what each consumer needs.

use std::collections::BTreeMap;

use choreography_catalog::{CatalogError, EventVersion, pact::contracts};
use choreography_check::{FieldType, JsonType};
use serde_json::{Value, json};

use crate::{json, shop};

/// What Pact V4 says of a file of asynchronous messages, and nothing besides. https://github.com/pact-foundation/pact-specification
fn format() -> Value {
    let name = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string", "minLength": 1 } }, "additionalProperties": false });
    let matcher = json!({ "oneOf": [
        { "properties": { "match": { "enum": ["integer", "number", "boolean"] } }, "required": ["match"], "additionalProperties": false },
        { "properties": { "match": { "const": "regex" }, "regex": { "type": "string", "format": "regex" } }, "required": ["match", "regex"], "additionalProperties": false },
        { "properties": { "match": { "const": "type" }, "min": { "type": "integer" }, "max": { "type": "integer" } }, "required": ["match"], "additionalProperties": false },
    ] });
    let rules = json!({ "type": "object", "propertyNames": { "pattern": "^\\$" }, "additionalProperties": {
        "type": "object", "required": ["combine", "matchers"], "additionalProperties": false,
        "properties": { "combine": { "enum": ["AND", "OR"] }, "matchers": { "type": "array", "minItems": 1, "items": matcher } },
    } });
    let interaction = json!({
        "type": "object", "additionalProperties": false,
        "required": ["type", "key", "description", "pending", "contents", "metadata", "matchingRules"],
        "properties": {
            "type": { "const": "Asynchronous/Messages" },
            "key": { "type": "string", "minLength": 1 },
            "description": { "type": "string", "minLength": 1 },
            "pending": { "type": "boolean" },
            "contents": {
                "type": "object", "required": ["content", "contentType", "encoded"], "additionalProperties": false,
                "properties": { "content": { "type": "object" }, "contentType": { "const": "application/json" }, "encoded": { "const": false } },
            },
            "metadata": { "type": "object", "required": ["contentType"] },
            "matchingRules": {
                "type": "object", "required": ["body"], "additionalProperties": false,
                "properties": { "body": rules, "metadata": { "type": "object", "maxProperties": 0 } },
            },
        },
    });
    json!({
        "type": "object", "required": ["consumer", "provider", "interactions", "metadata"], "additionalProperties": false,
        "properties": {
            "consumer": name, "provider": name,
            "interactions": { "type": "array", "minItems": 1, "items": interaction },
            "metadata": { "const": { "pactSpecification": { "version": "4.0" } } },
        },
    })
}

/// What stands in an example where a rule's path leads.
fn at<'a>(content: &'a Value, path: &str) -> Option<&'a Value> {
    content.pointer(&path.trim_start_matches('$').replace("[*]", ".0").replace('.', "/"))
}

#[test]
fn each_contract_has_the_format_of_pact_4() {
    let format = jsonschema::options().should_validate_formats(true).build(&format()).unwrap();
    let contracts = contracts(&shop()).unwrap();
    assert!(contracts.contains_key("inventory-order.json") && contracts.contains_key("notification-order.json"));
    for (file, contract) in contracts {
        let wrong: Vec<String> =
            format.iter_errors(&json(&contract)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{file}: {}", wrong.join("\n"));
    }
}

#[test]
fn each_rule_is_about_a_part_of_the_example_and_is_kept_by_it() {
    for (file, contract) in contracts(&shop()).unwrap() {
        for interaction in json(&contract)["interactions"].as_array().unwrap() {
            let content = &interaction["contents"]["content"];
            for (path, rule) in interaction["matchingRules"]["body"].as_object().unwrap() {
                let value = at(content, path).unwrap_or_else(|| panic!("{file}: {path}"));
                let matcher = &rule["matchers"][0];
                let kept = match matcher["match"].as_str().unwrap() {
                    "regex" => {
                        let schema = json!({ "type": "string", "pattern": matcher["regex"] });
                        jsonschema::is_valid(&schema, value)
                    }
                    "integer" => value.is_i64(),
                    _ => true,
                };
                assert!(kept, "{file}: {path} is {value}, and the rule {matcher}");
            }
        }
    }
}

#[test]
fn a_contract_asks_for_what_its_consumer_reads_and_for_no_more() {
    let mut shop = shop();
    for described in &mut shop.choreography.services {
        let contract =
            described.service.events.get_mut("order.placed").filter(|_| described.service.name == "inventory");
        if let Some(contract) = contract {
            let field = FieldType { of: JsonType::String, optional: false };
            let read: BTreeMap<String, FieldType> =
                ["orderId", "items[].sku"].map(|path| (path.to_owned(), field)).into();
            contract.fields = Some(read);
        }
    }
    let contract = json(&contracts(&shop).unwrap()["inventory-order.json"]);
    let payload = &contract["interactions"][0]["contents"]["content"]["payload"];
    let expected = json!({
        "orderId": "01990000-0000-7000-8000-000000000001", "items": [{ "sku": "chair" }, { "sku": "lamp" }],
    });
    assert_eq!(payload, &expected);
    let rules = contract["interactions"][0]["matchingRules"]["body"].as_object().unwrap();
    let of_payload: Vec<&str> = rules.keys().map(String::as_str).filter(|path| path.contains("payload")).collect();
    assert_eq!(of_payload, ["$.payload.items", "$.payload.items[*].sku", "$.payload.orderId"]);
}

#[test]
fn what_is_handled_and_has_no_golden_payload_is_named() {
    let mut shop = shop();
    shop.golden.remove(&EventVersion::new("order.placed", 1));
    let error = contracts(&shop).unwrap_err();
    assert!(matches!(error, CatalogError::NoGolden { .. }), "{error}");
    assert!(error.to_string().starts_with(
        "order.placed version 1 has no golden payload, and inventory handles it: put order.placed.v1.json"
    ));
}
