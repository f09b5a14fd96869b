//! Objects, field by field, and lists.

use serde_json::{Map, Value};

use super::{Difference, Kind, alternatives::Alternative, at, bounds};

const ANYTHING: Value = Value::Bool(true);

fn properties(of: &Alternative) -> Option<&Map<String, Value>> {
    of.keywords.get("properties").and_then(Value::as_object)
}

fn requires(of: &Alternative, name: &str) -> bool {
    let required = of.keywords.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

/// The fields that a reader knows, as they are written, and those that it must have.
pub(super) fn object(written: &Alternative, read: &Alternative, field: &str) -> Vec<Difference> {
    let path = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let given = |name: &str| properties(written).and_then(|properties| properties.get(name));
    let mut found = Vec::new();
    for (name, asked) in properties(read).into_iter().flatten() {
        let path = path(name);
        match given(name) {
            Some(given) => found.extend(at(given, asked, &path)),
            // What is not named is written where a schema says what further fields are like.
            None => match written.keywords.get("additionalProperties") {
                Some(given) if *given != Value::Bool(false) => found.extend(at(given, asked, &path)),
                _ if requires(written, name) => found.extend(at(&ANYTHING, asked, &path)),
                _ => {}
            },
        }
    }
    let needed =
        read.keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in needed.filter(|name| !requires(written, name)) {
        let (kind, what) = match given(name) {
            Some(_) => (Kind::FieldOptional, "it may be left out, and is needed"),
            None => (Kind::FieldMissing, "it is not written, and is needed"),
        };
        found.push(Difference::at(&path(name), kind, what.to_owned()));
    }
    found.extend(further(written, read, field));
    found
}

/// Fields that the reader does not name.
fn further(written: &Alternative, read: &Alternative, field: &str) -> Vec<Difference> {
    let none = |what: String| vec![Difference::at(field, Kind::FieldMissing, what)];
    match read.keywords.get("additionalProperties") {
        None | Some(Value::Bool(true)) => Vec::new(),
        Some(Value::Bool(false)) => {
            if !matches!(written.keywords.get("additionalProperties"), None | Some(Value::Bool(false))) {
                return none("further fields may be written, and none is allowed".into());
            }
            let names = properties(written).into_iter().flatten().map(|(name, _)| name);
            let unread: Vec<&str> = names
                .filter(|name| !properties(read).is_some_and(|known| known.contains_key(*name)))
                .map(String::as_str)
                .collect();
            if unread.is_empty() {
                Vec::new()
            } else {
                none(format!("{} may be written, and is not allowed", unread.join(", ")))
            }
        }
        Some(asked) => {
            let inner = format!("{field}.*");
            let named = properties(written).into_iter().flatten();
            let unread = named.filter(|(name, _)| !properties(read).is_some_and(|known| known.contains_key(*name)));
            let given = unread.map(|(_, given)| given).chain(written.keywords.get("additionalProperties"));
            given.flat_map(|given| at(given, asked, inner.trim_start_matches('.'))).collect()
        }
    }
}

/// A list: its entries, how many there are, and whether each comes once.
pub(super) fn list(written: &Alternative, read: &Alternative, field: &str) -> Vec<Difference> {
    let lengths = bounds::lengths(written, read, ["minItems", "maxItems"], "entries");
    let mut found: Vec<Difference> = lengths.map(|what| Difference::at(field, Kind::LengthChanged, what)).collect();
    let unique = |of: &Alternative| of.keywords.get("uniqueItems") == Some(&Value::Bool(true));
    if unique(read) && !unique(written) {
        let what = "an entry may be written twice, and must come once";
        found.push(Difference::at(field, Kind::LengthChanged, what.into()));
    }
    if let Some(asked) = read.keywords.get("items") {
        let given = written.keywords.get("items").unwrap_or(&ANYTHING);
        // A list that is always empty has no entries.
        if written.count("maxItems") != Some(0) {
            found.extend(at(given, asked, &format!("{field}[]")));
        }
    }
    found
}
