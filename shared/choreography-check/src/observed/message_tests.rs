use super::*;

const GOOD: &str = r#"{"id":"01990000-0000-7000-8000-000000000001","type":"order.placed","version":2,"timestamp":"2026-08-01T10:00:00Z","correlationId":"s","aggregateId":"o","causationId":"01990000-0000-7000-8000-000000000002","source":"order","payload":{"orderId":"o","items":[{"sku":"a","price":3},{"sku":"b","price":1.5}],"tags":["x"],"gone":null}}"#;

fn told(topic: &str, payload: &str, headers: &[(&str, &str)]) -> Fact {
    let headers: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let (key, payload) = (Some(&b"o"[..]), Some(payload.as_bytes()));
    read(&Message { topic, partition: 3, offset: 7, key, payload, headers: &headers })
}

fn problem(payload: &str) -> &'static str {
    match told("order-events", payload, &[]) {
        Fact::Invalid { topic, problem, place } => {
            assert_eq!((topic.as_str(), place.as_str()), ("order-events", "at order-events[3]@7"));
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_says_its_type_version_source_cause_and_fields() {
    let Fact::Event(event) = told("order-events", GOOD, &[("event-type", "order.placed"), ("event-version", "2")])
    else {
        panic!("it is an event")
    };
    assert_eq!((event.topic.as_str(), event.event.as_str(), event.version), ("order-events", "order.placed", 2));
    assert_eq!(event.source.as_deref(), Some("order"));
    assert_eq!(event.cause, Some(event.id + 1));
    let fields: Vec<String> = event.fields.iter().map(|(path, of)| format!("{path}: {of}")).collect();
    let expected =
        ["items: list", "items[].price: integer", "items[].price: number", "items[].sku: string", "orderId: string"];
    assert_eq!(fields, [&expected[..], &["tags: list", "tags[]: string"]].concat());
    assert_eq!(event.place, "at order-events[3]@7, event 01990000-0000-7000-8000-000000000001");
}

#[test]
fn what_is_no_event_says_why_and_nothing_of_its_content() {
    assert_eq!(problem(""), "it has no value");
    assert_eq!(problem("[1]"), "it is no JSON object");
    assert_eq!(problem("{junk"), "it is no JSON");
    assert_eq!(problem(&GOOD.replace("\"version\":2,", "")), "its envelope lacks a field, or has one of another type");
    assert_eq!(problem(&GOOD.replace("01990000-0000-7000-8000-000000000001", "no id")), problem("{}"));
    let name = "a name in its envelope is empty, too long, or has control characters";
    assert_eq!(problem(&GOOD.replace("order.placed", "\\u001b[2J")), name);
    assert_eq!(problem(&GOOD.replace("order.placed", &"o".repeat(201))), name);
    assert_eq!(
        problem(&GOOD.replace("\"aggregateId\":\"o\"", "\"aggregateId\":\"p\"")),
        "its key is not its aggregateId"
    );
    let payload = GOOD.split_once("\"payload\"").map_or("", |(before, _)| before);
    assert_eq!(problem(&format!("{payload}\"payload\":[]}}")), "its payload is no JSON object");
    let contradicts = told("order-events", GOOD, &[("event-version", "1")]);
    let expected = "its headers say another type or version than it does";
    assert!(matches!(contradicts, Fact::Invalid { problem, .. } if problem == expected), "{contradicts:?}");
}

#[test]
fn a_dead_letter_says_who_gave_up_what_and_why() {
    let headers = [
        ("dead-letter-topic", "order-events"),
        ("dead-letter-consumer-group", "payment"),
        ("dead-letter-error-class", "refused"),
    ];
    let expected = |group: &str, class: &str, event: Option<&str>| Fact::DeadLetter {
        topic: "order-events".into(),
        group: group.into(),
        class: class.into(),
        event: event.map(Into::into),
        place: "at order-events.dlq[3]@7".into(),
    };
    assert_eq!(told("order-events.dlq", GOOD, &headers), expected("payment", "refused", Some("order.placed")));
    assert_eq!(told("order-events.dlq", "junk", &[]), expected("somebody", "no reason", None));
}

#[test]
fn a_payload_of_many_fields_is_cut() {
    let many: Vec<String> = (0..2 * MOST_FIELDS).map(|number| format!("\"f{number}\":1")).collect();
    let payload = GOOD.split_once("\"payload\"").map_or("", |(before, _)| before);
    let deep = "{\"a\":".repeat(100) + "1" + &"}".repeat(100);
    for (content, most) in [(format!("{{{}}}", many.join(",")), MOST_FIELDS), (deep, DEEPEST + 1)] {
        let Fact::Event(event) = told("order-events", &format!("{payload}\"payload\":{content}}}"), &[]) else {
            panic!("it is an event")
        };
        assert!(!event.fields.is_empty() && event.fields.len() <= most, "{}", event.fields.len());
    }
}
