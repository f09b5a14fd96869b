//! Kafka headers in a text column: a JSON list of `[name, value]`, readable in psql. A value that is no text is
//! `{"hex": …}`; order, repeats and nulls survive.

use serde::{Deserialize, Serialize};

use crate::trace::Header;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Null,
    Text(String),
    Bytes { hex: String },
}

pub(super) fn encode(headers: &[Header]) -> String {
    let list: Vec<(&str, Value)> = headers.iter().map(|header| (header.name.as_str(), value(header))).collect();
    // Strings only: nothing in here can fail to serialise.
    serde_json::to_string(&list).expect("headers serialise")
}

fn value(header: &Header) -> Value {
    match &header.value {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes { hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect() },
        },
    }
}

pub(super) fn decode(text: &str) -> sqlx::Result<Vec<Header>> {
    let list: Vec<(String, Value)> = serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    list.into_iter().map(|(name, value)| Ok(Header { name, value: bytes(value)? })).collect()
}

fn bytes(value: Value) -> sqlx::Result<Option<Vec<u8>>> {
    let hex = match value {
        Value::Null => return Ok(None),
        Value::Text(text) => return Ok(Some(text.into_bytes())),
        Value::Bytes { hex } => hex,
    };
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16));
    digits.collect::<Result<Vec<u8>, _>>().map(Some).map_err(|error| sqlx::Error::Decode(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_byte_by_byte() {
        let headers = vec![
            Header::text("a", "text \u{0} \"quoted\""),
            Header { name: "a".into(), value: None },
            Header { name: "b".into(), value: Some(vec![0xff, 0x00, 0x10]) },
            Header { name: String::new(), value: Some(Vec::new()) },
        ];
        assert_eq!(decode(&encode(&headers)).unwrap(), headers);
    }
}
