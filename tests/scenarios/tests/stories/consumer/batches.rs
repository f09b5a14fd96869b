//! What a poll hands over.

use std::time::Duration;

use choreography_core::broker::EventConsumer;
use local::producer::send_with_odd_header;

use super::{numbered, offsets, settings, with_broker};

#[test]
fn a_header_name_that_is_no_text_comes_byte_by_byte() {
    with_broker(|broker| async {
        let topic = "odd-headers";
        broker.topic(topic, 1).await;
        let connection = broker.kafka.connection();
        send_with_odd_header(connection, topic, "k", b"x", (b"na\xffme", b"1")).expect("Kafka takes it");
        let mut member = broker.join("odd-headers", &[topic]).await;
        let got = member.until("the message", |got, _| got.len() == 1).await;
        assert_eq!((&*got[0].headers[0].name, got[0].headers[0].value.as_deref()), (&b"na\xffme"[..], Some(&b"1"[..])));
        member.consumer.leave().await;
    });
}

#[test]
fn a_poll_that_is_given_up_in_the_middle_loses_nothing() {
    with_broker(|broker| async {
        let topic = "given-up";
        broker.topic(topic, 1).await;
        broker.send(topic, 0, "none", &numbered(5_000));
        let mut member = broker.join("given-up", &[topic]).await;
        let mut got = Vec::new();
        let mut given_up = 0;
        while got.len() < 5_000 {
            let patience = Duration::from_micros(200);
            match tokio::time::timeout(patience, member.consumer.poll(100)).await {
                Ok(polled) => got.extend(polled.expect("it polls")),
                Err(_) => given_up += 1,
            }
        }
        assert_eq!(offsets(&got, 0), (0..5_000).collect::<Vec<_>>());
        assert!(given_up > 0, "no poll was given up");
        member.consumer.leave().await;
    });
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    with_broker(|broker| async {
        let (topic, limit) = ("bounded", settings().batch_bytes);
        broker.topic(topic, 1).await;
        let payloads: Vec<Vec<u8>> = (0..60).map(|_| vec![b'x'; 900_000]).collect();
        for codec in ["gzip", "snappy", "lz4", "zstd"] {
            broker.send(topic, 0, codec, &payloads);
        }
        let mut member = broker.join("bounded", &[topic]).await;
        let mut count = 0;
        while count < 240 {
            let batch = member.consumer.poll(500).await.expect("it polls");
            let bytes: usize = batch.iter().map(choreography_core::delivery::Delivery::size).sum();
            assert!(bytes < limit + 1_000_000, "{} messages, {bytes} bytes", batch.len());
            count += batch.len();
        }
        member.consumer.leave().await;
    });
}
