//! The wire format is pinned by the files in `golden/`: changing one of them changes what other teams read.

use std::{collections::BTreeSet, fs};

use crate::support::{compact, golden, golden_folder, golden_json, golden_name, places, samples};
use contracts::{Event, topic};
use serde_json::json;

#[test]
fn every_event_type_has_a_sample() {
    let sampled: Vec<_> = samples::all().iter().map(Event::event_type).collect();
    let missing: Vec<_> = Event::TYPES.iter().filter(|event_type| !sampled.contains(event_type)).collect();
    assert!(missing.is_empty(), "add a sample to shared/contracts/tests/wire/support/samples.rs: {missing:?}");
    assert_eq!(sampled, Event::TYPES, "samples stand in the order of the table in event.rs");
}

#[test]
fn golden_files_pin_the_wire_format() {
    for sample in samples::all() {
        let name = golden_name(&sample);
        assert_eq!(sample.to_payload().unwrap(), compact(&golden(&sample)), "{name}: written");
        let read = Event::parse(sample.event_type(), sample.version(), &golden(&sample));
        assert_eq!(read, Ok(sample), "{name}: read");
    }
}

#[test]
fn there_is_a_golden_file_for_each_version_that_is_read_and_no_other() {
    let files = fs::read_dir(golden_folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let versions = Event::versions();
    let names = versions.iter().map(|(event_type, version)| format!("{event_type}.v{version}.json"));
    let (files, names) = (files.collect::<BTreeSet<_>>(), names.collect::<BTreeSet<_>>());
    assert_eq!(files.difference(&names).collect::<Vec<_>>(), [""; 0], "golden files of versions that are not read");
    assert_eq!(
        names.difference(&files).collect::<Vec<_>>(),
        [""; 0],
        "versions without a file in shared/contracts/golden"
    );
}

#[test]
fn a_golden_file_of_each_version_is_read() {
    for (event_type, version) in Event::versions() {
        let file = golden_folder().join(format!("{event_type}.v{version}.json"));
        let read = Event::parse(event_type, version, &fs::read_to_string(file).unwrap());
        assert_eq!(read.unwrap().event_type(), event_type, "version {version}");
    }
}

#[test]
fn every_type_stands_on_the_topic_of_the_service_it_is_named_after() {
    for sample in samples::all() {
        let (service, _) = sample.event_type().split_once('.').unwrap();
        assert_eq!(sample.topic(), format!("{service}-events"));
        assert_eq!(topic::owner(sample.event_type()), Some(sample.topic()));
        assert!(topic::ALL.contains(&sample.topic()));
    }
    assert_eq!(topic::owner("order.lost"), None);
    assert_eq!(topic::dead_letter_topic(topic::ORDER_EVENTS), "order-events.dlq");
}

#[test]
fn unknown_fields_are_tolerated_in_every_object_of_every_event() {
    for sample in samples::all() {
        let payload = golden_json(&sample);
        let inner = places(&payload).into_iter().map(|(pointer, _)| pointer);
        for pointer in inner.chain([String::new()]) {
            let mut payload = payload.clone();
            let Some(object) = payload.pointer_mut(&pointer).unwrap().as_object_mut() else { continue };
            object.insert("addedLater".into(), json!({"a": [1, null]}));
            let read = Event::parse(sample.event_type(), sample.version(), &payload.to_string());
            assert_eq!(read.as_ref(), Ok(&sample), "{pointer:?}");
        }
    }
}

#[test]
fn an_order_from_before_the_optional_fields_is_still_read_and_written_as_it_was() {
    let old = concat!(
        r#"{"orderId":"01990000-0000-7000-8000-000000000001","userId":"ada","totalAmount":25000,"currency":"EUR","#,
        r#""items":[{"sku":"chair","quantity":2,"price":10000},{"sku":"lamp","quantity":1,"price":5000}]}"#
    );
    let mut expected = samples::placed();
    (expected.details.payment_method, expected.details.shipping_address) = (None, None);
    expected.details.sealed_address = None;
    let read = Event::parse("order.placed", 1, old).unwrap();
    assert_eq!(read, Event::from(expected));
    assert_eq!(read.to_payload().unwrap(), old);
}

#[test]
fn what_is_not_there_is_left_out_and_never_written_as_null() {
    let mut placed = samples::placed();
    placed.details.payment_method = None;
    placed.details.shipping_address.as_mut().unwrap().line2 = None;
    let event = Event::from(placed);
    let written = event.to_payload().unwrap();
    assert!(!written.contains("line2") && !written.contains("null"), "{written}");
    assert_eq!(Event::parse("order.placed", 1, &written), Ok(event));
}
