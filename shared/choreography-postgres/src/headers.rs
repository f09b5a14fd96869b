//! Kafka headers in a text column: a JSON list of `[name, value]`, readable in psql. A name or a value that is no text is
//! `{"hex": …}`; order, repeats and nulls survive. Of an outbox row those that the envelope in its payload implies are left out.

use serde::{Deserialize, Serialize};

use choreography_core::{outbox::implied_headers, trace::Header};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Bytes { hex: String },
}

/// What of the headers is not implied by the payload, and whether something is.
pub(super) fn encode_beside(payload: Option<&[u8]>, headers: &[Header]) -> (String, bool) {
    let implied = payload.and_then(implied_headers).filter(|implied| headers.starts_with(implied));
    (encode(&headers[implied.as_ref().map_or(0, Vec::len)..]), implied.is_some())
}

/// The headers from the payload that implies the first of them and from the column that has the others.
pub(super) fn decode_beside(payload: Option<&[u8]>, others: &str, implied: bool) -> sqlx::Result<Vec<Header>> {
    if !implied {
        return decode(others);
    }
    let mut headers = payload
        .and_then(implied_headers)
        .ok_or_else(|| sqlx::Error::Decode("the payload is no envelope that implies headers".into()))?;
    headers.extend(decode(others)?);
    Ok(headers)
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

    const EVENT: &str = r#"{"id":"00000000-0000-7000-8000-000000000000","type":"order.placed","version":1,
        "timestamp":"2026-01-02T03:04:05.678901Z","correlationId":"s","aggregateId":"o","payload":{},"source":"order"}"#;

    #[test]
    fn what_the_envelope_implies_is_left_out_and_comes_back() {
        let payload = Some(EVENT.as_bytes());
        let mut headers = implied_headers(EVENT.as_bytes()).unwrap();
        assert_eq!(headers.len(), 10);
        headers.push(Header::text("traceparent", "00-1-2-01"));
        let (others, implied) = encode_beside(payload, &headers);
        assert_eq!((others.as_str(), implied), (r#"[["traceparent","00-1-2-01"]]"#, true));
        assert_eq!(decode_beside(payload, &others, implied).unwrap(), headers);
    }

    #[test]
    fn headers_that_say_something_else_are_kept_whole() {
        let payload = Some(EVENT.as_bytes());
        let implied = implied_headers(EVENT.as_bytes()).unwrap();
        let mut other_time = implied.clone();
        other_time[9] = Header::text("ce_time", "2026-01-02T03:04:05Z");
        let (fewer, reversed) = (implied[..9].to_vec(), implied.iter().rev().cloned().collect());
        for headers in [other_time, fewer, reversed, Vec::new()] {
            let (all, implied) = encode_beside(payload, &headers);
            assert_eq!((&all, implied), (&encode(&headers), false));
            assert_eq!(decode_beside(payload, &all, implied).unwrap(), headers);
        }
        assert!(!encode_beside(None, &implied).1);
        assert!(decode_beside(Some(b"{}"), "[]", true).is_err());
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
