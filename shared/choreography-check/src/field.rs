//! The type of a payload's field, as one word: `integer`, or `integer?` where it may be missing.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JsonType {
    /// A text.
    String,
    /// A number without fraction.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// An object; its fields have paths of their own.
    Object,
    /// A list; what is in it has paths with `[]`.
    List,
}

const WORDS: [(&str, JsonType); 6] = [
    ("string", JsonType::String),
    ("integer", JsonType::Integer),
    ("number", JsonType::Number),
    ("boolean", JsonType::Boolean),
    ("object", JsonType::Object),
    ("list", JsonType::List),
];

impl JsonType {
    /// The type of a value; `None` for null, which says that there is none.
    pub fn of(value: &serde_json::Value) -> Option<Self> {
        use serde_json::Value;
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        })
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(WORDS.iter().find(|(_, of)| of == self).map_or("", |(word, _)| word))
    }
}

/// The type of a field, and whether it may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// What it is.
    pub of: JsonType,
    /// The writer may leave it out, or the reader does without it.
    pub optional: bool,
}

impl FieldType {
    fn parse(word: &str) -> Option<Self> {
        let (name, optional) = word.strip_suffix('?').map_or((word, false), |name| (name, true));
        let of = WORDS.iter().find(|(known, _)| *known == name)?.1;
        Some(Self { of, optional })
    }

    /// Whether what is written as this can be read as `read`.
    pub fn can_be_read_as(self, read: Self) -> bool {
        let widens = self.of == JsonType::Integer && read.of == JsonType::Number;
        (self.of == read.of || widens) && (read.optional || !self.optional)
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.of, if self.optional { "?" } else { "" })
    }
}

impl<'de> Deserialize<'de> for FieldType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| {
            let known = WORDS.map(|(word, _)| word).join(", ");
            D::Error::custom(format!(
                "{word:?} is no type of a field: it is one of {known}, with a ? if it may be missing"
            ))
        })
    }
}

#[cfg(test)]
impl schemars::JsonSchema for FieldType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldType".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words = WORDS.map(|(word, _)| word).join("|");
        schemars::json_schema!({
            "description": "The JSON type of a field, with a ? if it may be missing.",
            "type": "string",
            "pattern": format!(r"^({words})\??$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(word: &str) -> FieldType {
        FieldType::parse(word).unwrap()
    }

    #[test]
    fn what_is_always_written_suits_every_reader_and_what_may_be_missing_those_who_do_without_it() {
        let meets = |written: &str, read: &str| field(written).can_be_read_as(field(read));
        assert!(meets("string", "string") && meets("string", "string?") && meets("string?", "string?"));
        assert!(!meets("string?", "string") && !meets("string", "integer"));
        assert!(meets("integer", "number") && !meets("number", "integer"));
    }

    #[test]
    fn a_type_is_written_as_it_is_read() {
        for (word, _) in WORDS {
            assert_eq!(field(word).to_string(), word);
            assert_eq!(field(&format!("{word}?")).to_string(), format!("{word}?"));
        }
        assert_eq!(FieldType::parse("uuid"), None);
    }
}
