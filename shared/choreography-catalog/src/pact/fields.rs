//! A golden payload without what a consumer does not read.

use std::collections::BTreeMap;

use choreography_check::FieldType;
use serde_json::Value;

/// What of a payload stands at the paths (`items[].sku`) that are read.
pub(super) fn of(payload: &Value, fields: &BTreeMap<String, FieldType>) -> Value {
    part(payload, "", fields)
}

fn part(json: &Value, path: &str, fields: &BTreeMap<String, FieldType>) -> Value {
    let below = |prefix: &str| fields.keys().any(|field| field.starts_with(prefix));
    match json {
        Value::Object(inner) => {
            // An object of which no field is named is read as a whole.
            if !path.is_empty() && !below(&format!("{path}.")) {
                return json.clone();
            }
            let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let read = |name: &str| {
                let path = at(name);
                fields.contains_key(&path) || below(&format!("{path}.")) || below(&format!("{path}[]"))
            };
            let kept = inner.iter().filter(|(name, _)| read(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), part(value, &at(name), fields))).collect())
        }
        Value::Array(values) => {
            let path = format!("{path}[]");
            Value::Array(values.iter().map(|value| part(value, &path, fields)).collect())
        }
        _ => json.clone(),
    }
}

#[cfg(test)]
mod tests {
    use choreography_check::JsonType;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_read_is_left_out_and_what_is_read_as_a_whole_stays_whole() {
        let field = FieldType { of: JsonType::String, optional: false };
        let fields = ["id", "items", "items[].sku", "to.city", "note"].map(|path| (path.to_owned(), field)).into();
        let payload = json!({
            "id": "a", "by": "b", "items": [{ "sku": "s", "price": 1 }], "to": { "city": "c", "line": "l" }, "note": { "x": 1 },
        });
        let read = json!({ "id": "a", "items": [{ "sku": "s" }], "to": { "city": "c" }, "note": { "x": 1 } });
        assert_eq!(of(&payload, &fields), read);
    }
}
