//! Kafka headers in a text column: a JSON list of `[name, value]`, readable in psql. A name or a value that is no text is
//! `{"hex": …}`; order, repeats and nulls survive.

use serde::{Deserialize, Serialize};

use choreography_core::trace::Header;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Bytes { hex: String },
}

pub(super) fn encode(headers: &[Header]) -> String {
    let list: Vec<(Text, Option<Text>)> =
        headers.iter().map(|header| (text(&header.name), header.value.as_deref().map(text))).collect();
    // Strings only: nothing in here can fail to serialise.
    serde_json::to_string(&list).expect("headers serialise")
}

fn text(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::Text(text.to_owned()),
        Err(_) => Text::Bytes { hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect() },
    }
}

pub(super) fn decode(text: &str) -> sqlx::Result<Vec<Header>> {
    let list: Vec<(Text, Option<Text>)> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    list.into_iter()
        .map(|(name, value)| Ok(Header { name: bytes(name)?, value: value.map(bytes).transpose()? }))
        .collect()
}

fn bytes(text: Text) -> sqlx::Result<Vec<u8>> {
    let hex = match text {
        Text::Text(text) => return Ok(text.into_bytes()),
        Text::Bytes { hex } => hex,
    };
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16));
    digits.collect::<Result<Vec<u8>, _>>().map_err(|error| sqlx::Error::Decode(error.into()))
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
            Header { name: Vec::new(), value: Some(Vec::new()) },
            Header { name: vec![b'a', 0xff, 0x00], value: None },
        ];
        assert_eq!(decode(&encode(&headers)).unwrap(), headers);
    }

    #[test]
    fn rows_written_before_names_could_be_bytes_are_read() {
        let row = r#"[["a","text"],["b",null],["c",{"hex":"ff00"}]]"#;
        let headers = [
            Header::text("a", "text"),
            Header { name: b"b".to_vec(), value: None },
            Header { name: b"c".to_vec(), value: Some(vec![0xff, 0]) },
        ];
        assert_eq!(decode(row).unwrap(), headers);
        assert_eq!(encode(&headers), row);
    }
}
