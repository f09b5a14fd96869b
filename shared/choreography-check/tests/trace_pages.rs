//! Reading traces page by page, from a server that answers as Jaeger does. The story `observed` reads a real one.
#![cfg(feature = "observe")]

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use choreography_check::{
    Choreography,
    observed::{Observations, Window, compare, jaeger},
};
use serde_json::{Value, json};

/// Spans of order that take a message in, one each millisecond.
const SPANS: i64 = 1_000;

/// One trace with one span.
fn trace(millisecond: i64) -> Value {
    let tag = |key: &str, value: &str| json!({ "key": key, "type": "string", "value": value });
    let tags = [
        tag("messaging.operation.type", "process"),
        tag("messaging.destination.name", "shipping-events"),
        tag("messaging.consumer.group.name", "order"),
        tag("saga.event_type", "shipping.dispatched"),
        tag("saga.outcome", "applied"),
    ];
    let span = json!({
        "traceID": millisecond.to_string(), "spanID": "a", "operationName": "process shipping-events", "references": [],
        "startTime": millisecond * 1_000, "duration": 1, "tags": tags, "processID": "p1",
    });
    let processes = json!({ "p1": { "serviceName": "order" } });
    json!({ "traceID": millisecond.to_string(), "spans": [span], "processes": processes })
}

/// What Jaeger answers: no more traces than it was asked for, the latest first.
fn answer(path: &str, services: &Value) -> Value {
    if path == "/api/services" {
        return json!({ "data": services });
    }
    let asked = |name: &str| -> i64 {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{path} lacks {name}"))
    };
    let time: Range<i64> = asked("start")..asked("end") + 1;
    let limit = usize::try_from(asked("limit")).unwrap();
    let found = (0..SPANS).rev().filter(|millisecond| time.contains(&(millisecond * 1_000)));
    json!({ "data": found.take(limit).map(trace).collect::<Vec<_>>() })
}

fn serve(mut stream: TcpStream, services: &Value) -> Option<String> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    while !lines.next()?.ok()?.is_empty() {}
    let body = answer(&path, services).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    Some(path)
}

/// Its address, and what it is asked.
fn server(services: Value) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Some(path) = stream.ok().and_then(|stream| serve(stream, &services)) else { continue };
            if send.send(path).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

fn window(seconds: Range<u64>) -> Window {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    Window { since: at(seconds.start), until: at(seconds.end) }
}

#[test]
fn all_traces_of_a_time_are_read_though_an_answer_has_some_only() {
    let (url, asked) = server(json!(["order"]));
    let mut seen = Observations::default();
    jaeger::observe(&url, &window(0..10), &mut seen).unwrap();
    let order = r#"{"name": "order", "reads": ["shipping-events"], "handles": []}"#;
    let comparison = compare(&Choreography::parse([("order.json", order)]).unwrap(), &seen);
    let what = &comparison.undeclared[0].what;
    assert!(what.contains(&format!("it was seen {SPANS} times, first in trace ")), "each once: {what}");
    let read = format!("{SPANS} traces of order, from 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z");
    assert_eq!(comparison.read, [read]);
    let asked = asked.try_iter().count();
    assert!((10..200).contains(&asked), "{asked} requests");
}

#[test]
fn a_jaeger_that_has_nothing_says_what_to_do() {
    let observe = |url: &str, time| {
        let mut seen = Observations::default();
        jaeger::observe(url, &window(time), &mut seen).unwrap_err().to_string()
    };
    let (empty, _asked) = server(Value::Null);
    let said = observe(&empty, 0..10);
    assert!(said.contains("has traces of no service: see whether OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
    let (late, _asked) = server(json!(["order"]));
    let said = observe(&late, 100..110);
    assert!(said.ends_with("from 1970-01-01T00:01:40Z to 1970-01-01T00:01:50Z: choose an earlier --since"), "{said}");
    let said = observe("http://127.0.0.1:1", 0..10);
    assert!(
        said.starts_with("Jaeger at http://127.0.0.1:1: ") && said.ends_with("such as http://HOST:16686"),
        "{said}"
    );
}
