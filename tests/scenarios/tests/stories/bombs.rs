//! Small messages that become large: what they take of a service's memory.

use std::time::{Duration, Instant};

use choreography_kafka::Connection;
use harness::story_apart;
use local::System;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sqlx::{Connection as _, PgConnection};

/// What compose gives a service (deploy/docker-compose.yml).
const LIMIT: usize = 512 << 20;
const EACH: usize = 150;
const PATIENCE: Duration = Duration::from_secs(600);

/// Each in a batch of its own, of equal bytes: zstd makes some 150 bytes of it.
fn send(kafka: &Connection, codec: &str) {
    let mut config = kafka.config();
    config.set("compression.type", codec).set("batch.num.messages", "1").set("queue.buffering.max.kbytes", "65536");
    let producer: BaseProducer = config.create().expect("a producer");
    let payload = vec![b'x'; 990_000];
    for number in 0..EACH {
        let key = format!("{codec}-{number}");
        loop {
            let record = BaseRecord::<str, [u8]>::to("inventory-events").partition(0).key(&key).payload(&payload);
            if producer.send(record).is_ok() {
                break;
            }
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(PATIENCE).expect("Kafka has it");
}

fn memory(system: &System) -> usize {
    let pid = system.find("payment").expect("payment runs").process.pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("payment lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its greatest size");
    let kilobytes: usize = line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number");
    kilobytes << 10
}

#[test]
fn messages_that_were_compressed_a_thousandfold_fit_into_the_container() {
    story_apart(&["payment"], |system| async move {
        let mut db = PgConnection::connect(&system.database_url("payment")).await.expect("the database answers");
        let mut expected = 0;
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let (kafka, codec_name) = (system.broker.connection(), codec.to_owned());
            tokio::task::spawn_blocking(move || send(&kafka, &codec_name)).await.expect("they are sent");
            expected += i64::try_from(EACH).expect("a small number");
            let began = Instant::now();
            loop {
                let query = sqlx::query_scalar("SELECT count(*) FROM dead_messages");
                let kept: i64 = query.fetch_one(&mut db).await.expect("it can be counted");
                let size = memory(&system);
                assert!(size < LIMIT, "{codec}: payment took {} MiB", size >> 20);
                if kept == expected {
                    eprintln!("{codec}: {EACH} messages of 1 MB, {} MiB at most, {:?}", size >> 20, began.elapsed());
                    break;
                }
                assert!(began.elapsed() < PATIENCE, "{codec}: {kept} of {expected} kept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
}
