use contracts::{Event, topic};
use serde_json::{Value, json};

use super::*;

const OWNERSHIP: &str = r#"{"order-events": "order", "payment-events": "payment"}"#;

fn described(name: &str, reads: &[&str], writes: &[&str]) -> Value {
    let none: [&str; 0] = [];
    json!({
        "name": name, "reads": reads, "writes": writes, "handles": none, "compensates": none, "ignores": none,
        "publishes": none, "events": {}, "calls": none, "deadlines": none, "tables": none, "settings": none,
    })
}

/// With order as it should be, and another team's file beside it.
fn beside_order(file: &str, content: &str) -> Choreography {
    let order = described("order", &["payment-events"], &["order-events"]).to_string();
    let files = [(OWNERS, OWNERSHIP), ("order.json", &order), (file, content)];
    Choreography::read(files.map(|(name, content)| (name, content.as_bytes()))).unwrap()
}

/// What is said of it; order takes part all the same.
fn refused(file: &str, content: &Value) -> Vec<String> {
    let read = beside_order(file, &content.to_string());
    let taking_part: Vec<&str> = read.parts.iter().map(|part| part.service.as_str()).collect();
    assert_eq!(taking_part, ["order"], "{:?}", read.refused);
    read.refused
}

#[test]
fn the_shop_takes_part_as_its_services_describe_it() {
    assert_eq!(SHOP.refused, [""; 0]);
    assert_eq!(SHOP.disagreements(), [""; 0]);
    let (services, publishers) = (services(), publishers());
    assert!(["inventory", "notification", "order", "payment", "shipping"].iter().all(|name| services.contains(name)));
    assert!(["inventory", "order", "payment", "shipping"].iter().all(|name| publishers.contains(name)));
    assert!(!publishers.contains(&"notification"), "it publishes nothing: {publishers:?}");
    let payment = PARTS.iter().find(|part| part.service == "payment").unwrap();
    assert_eq!(payment.reads, ["inventory-events", "shipping-events"]);
    assert_eq!(payment.writes, ["payment-events"]);
    assert!(payment.has_setting("SANDBOX_URL") && !payment.has_setting("MAIL_URL"));
    let reserved = EventContract { topic: "inventory-events".into(), owner: "inventory".into(), version: 1 };
    assert_eq!(payment.events["inventory.reserved"], reserved);
}

#[test]
fn the_topics_are_those_of_the_contracts_and_their_owners() {
    let owned: Vec<&str> = SHOP.owners.keys().map(String::as_str).collect();
    assert!(topic::ALL.iter().all(|topic| owned.contains(topic)), "{owned:?}");
    for event in Event::TYPES {
        let publishers: Vec<&str> = PARTS
            .iter()
            .filter(|part| part.publishes.iter().any(|published| published == event))
            .map(|part| part.service.as_str())
            .collect();
        let owner = &SHOP.owners[Event::topic_of(event).unwrap()];
        assert_eq!(publishers, [owner], "{event}");
    }
}

#[test]
fn a_service_takes_part_by_its_file() {
    let read = beside_order("mail.json", &described("mail", &["order-events"], &[]).to_string());
    assert_eq!(read.refused, [""; 0]);
    let taking_part: Vec<&str> = read.parts.iter().map(|part| part.service.as_str()).collect();
    assert_eq!(taking_part, ["mail", "order"]);
    assert_eq!(beside_order("README.md", "no JSON").refused, [""; 0]);
}

#[test]
fn a_topic_has_one_owner() {
    let read = |owners: &str| Choreography::read([(OWNERS, owners.as_bytes())]).unwrap_err();
    let twice = read(r#"{"order-events": "order", "payment-events": "payment", "order-events": "mallory"}"#);
    assert!(
        twice.starts_with("owners.json: order-events: it is order's and mallory's: a topic has one owner"),
        "{twice}"
    );
    for (owners, said) in [
        (r#"{"order-events": 7}"#, "owners.json: order-events: invalid type"),
        (r#"{"order-events.dlq": "order"}"#, "owners.json: order-events.dlq: a topic of dead letters"),
        (r#"{"Order": "order"}"#, "owners.json: Order: a topic's name"),
        (r#"{"order-events": "admin"}"#, "owners.json: order-events: admin is taken already"),
        ("[]", "owners.json: invalid type"),
    ] {
        let wrong = read(owners);
        assert!(wrong.starts_with(said), "{wrong}");
    }
    assert!(Choreography::read([]).unwrap_err().starts_with("owners.json is missing"));
}

#[test]
fn a_group_is_one_services_alone() {
    let said = "mallory.json: name: it is order, which order.json describes";
    let wrong = refused("mallory.json", &described("order", &["payment-events"], &[]));
    assert!(wrong.len() == 1 && wrong[0].starts_with(said), "{wrong:?}");
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let too_long = "a".repeat(51);
    for name in ["admin", "postgres", "sandbox", "order-migrations", "kafka-setup", "Mail", "../order", "9", &too_long]
    {
        let wrong = refused(&format!("{name}.json"), &described(name, &["order-events"], &[]));
        assert!(wrong.len() == 1 && wrong[0].starts_with(&format!("{name}.json: name: ")), "{wrong:?}");
    }
}

#[test]
fn a_description_grants_nothing_that_the_owners_do_not() {
    assert_eq!(
        refused("mail.json", &described("mail", &["lost-events"], &["payment-events", "mail-events"])),
        [
            "mail.json: writes: payment-events is payment's, not mail's: publish on a topic of your own",
            "mail.json: writes: mail-events has no owner: name it in owners.json",
            "mail.json: reads: lost-events has no owner: name it in owners.json",
        ]
    );
}

#[test]
fn an_event_stands_on_its_owners_topic() {
    let mut mail = described("mail", &["order-events"], &[]);
    mail["handles"] = json!(["order.placed", "order.lost"]);
    mail["publishes"] = json!(["mail.sent"]);
    mail["events"] = json!({
        "order.placed": {"topic": "order-events", "owner": "mallory", "version": 1},
        "mail.sent": {"topic": "payment-events", "owner": "payment", "version": 1},
    });
    assert_eq!(
        refused("mail.json", &mail),
        [
            "mail.json: handles: events does not describe order.lost",
            "mail.json: publishes: mail.sent belongs on payment-events, which is not among writes",
            "mail.json: events.order.placed: owner: it is mallory, but order-events is order's",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_field() {
    let fine = described("mail", &["order-events"], &[]);
    let changed = |field: &str, value: Value| {
        let mut mail = fine.clone();
        mail[field] = value;
        refused("mail.json", &mail).join("\n")
    };
    let said = changed("reads", json!(["order-events", 3]));
    assert!(said.starts_with("mail.json: reads[1]: invalid type: integer `3`"), "{said}");
    let said = changed("events", json!({"order.placed": {"topic": "order-events", "owner": "order", "version": "1"}}));
    assert!(said.starts_with("mail.json: events.order.placed.version: invalid type"), "{said}");
    let mut less = fine.clone();
    less.as_object_mut().unwrap().remove("settings");
    let said = refused("mail.json", &less).join("\n");
    assert!(said.starts_with("mail.json: missing field `settings`"), "{said}");
    for broken in ["", "{", "null", "\u{0}", "{} {}"] {
        let read = beside_order("mail.json", broken);
        assert!(read.refused.len() == 1 && read.refused[0].starts_with("mail.json: "), "{:?}", read.refused);
        assert_eq!(read.parts.len(), 1);
    }
}

#[test]
fn what_one_expects_of_another_is_compared_with_what_that_one_does() {
    let contract = |version: u32| json!({"topic": "order-events", "owner": "order", "version": version});
    let mut order = described("order", &[], &["order-events"]);
    order["publishes"] = json!(["order.placed"]);
    order["events"] = json!({"order.placed": contract(2)});
    let mut mail = described("mail", &["order-events"], &[]);
    mail["handles"] = json!(["order.lost", "order.placed"]);
    mail["events"] = json!({"order.placed": contract(1), "order.lost": contract(1)});
    mail["events"]["payment.failed"] = json!({"topic": "payment-events", "owner": "payment", "version": 1});
    let files = [(OWNERS, OWNERSHIP.to_owned()), ("order.json", order.to_string()), ("mail.json", mail.to_string())];
    let read = Choreography::read(files.iter().map(|(name, content)| (*name, content.as_bytes()))).unwrap();
    assert_eq!(
        read.disagreements(),
        [
            "mail expects order.lost, which order does not publish",
            "mail reads version 1 of order.placed, and order publishes version 2",
            "mail expects payment.failed of payment, which no file describes",
        ]
    );
}

#[test]
fn a_type_that_comes_and_is_neither_handled_nor_ignored_is_named() {
    let contract = |owner: &str| json!({"topic": format!("{owner}-events"), "owner": owner, "version": 1});
    let mut order = described("order", &[], &["order-events"]);
    order["publishes"] = json!(["order.cancelled", "order.placed"]);
    order["events"] = json!({"order.cancelled": contract("order"), "order.placed": contract("order")});
    let mut payment = described("payment", &["order-events"], &["payment-events"]);
    payment["publishes"] = json!(["payment.failed"]);
    payment["handles"] = json!(["order.placed"]);
    payment["events"] = json!({"order.placed": contract("order"), "payment.failed": contract("payment")});
    let found = |payment: &Value| {
        let files = [(OWNERS, OWNERSHIP), ("order.json", &order.to_string()), ("payment.json", &payment.to_string())]
            .map(|(name, content)| (name, content.to_owned()));
        let read = Choreography::read(files.iter().map(|(name, content)| (*name, content.as_bytes()))).unwrap();
        assert_eq!(read.refused, [""; 0]);
        read.disagreements()
    };
    assert_eq!(
        found(&payment),
        ["payment neither handles nor ignores order.cancelled, which order publishes on order-events: \
             give it a rule or on.ignore in the routes of payment, and describe payment anew"]
    );

    // A twin that handles or ignores the type is in order, and so is a service that does not read the topic.
    for field in ["handles", "ignores"] {
        let mut twin = payment.clone();
        twin["events"]["order.cancelled"] = contract("order");
        twin[field] = json!(["order.cancelled", "order.placed"]);
        assert_eq!(found(&twin), [""; 0], "{field}");
    }
    payment["reads"] = json!([]);
    assert_eq!(found(&payment), [""; 0], "it does not read the topic");
}
