//! Apache Kafka itself.

use crate::messages::{TestResult, consume, produce};
use local::{Kafka, KafkaOptions, RunDir};
use provision::{
    ProvisionError,
    choreography::TopicSpec,
    kafka::{create_topics, with_partitions},
};

#[tokio::test]
async fn what_kafka_acknowledged_is_there_after_kill_9_and_restart() -> TestResult {
    let run = RunDir::create()?;
    let kafka = Kafka::start(&run.path().join("kafka"), KafkaOptions::default()).await?;
    let topic =
        TopicSpec { config: vec![("retention.ms".into(), "3600000".into())], ..TopicSpec::new("order-events", 3) };
    create_topics(kafka.connection(), std::slice::from_ref(&topic)).await?;
    create_topics(kafka.connection(), &[topic]).await?;

    produce(kafka.bootstrap(), "order-events", "two chairs").await?;
    let (bootstrap, pid) = (kafka.bootstrap().to_owned(), kafka.pid());
    assert_eq!(consume(&bootstrap, "order-events", "before").await?, "two chairs");
    assert!(kafka.process().cpu_seconds().is_some_and(|used| used > 0.0));

    kafka.kill()?;
    assert!(!local::cpu::is_running(pid));
    kafka.restart().await?;
    assert_eq!(kafka.bootstrap(), bootstrap);
    assert_ne!(kafka.pid(), pid);
    assert_eq!(consume(&bootstrap, "order-events", "after").await?, "two chairs");

    let other = create_topics(kafka.connection(), &[TopicSpec::new("order-events", 5)]).await;
    assert!(matches!(other, Err(ProvisionError::Partitions { have: 3, want: 5, .. })), "{other:?}");
    let wanted = || vec![TopicSpec::new("order-events", 6), TopicSpec::new("loyalty-events", 6)];
    let partitions = |topics: Vec<TopicSpec>| topics.iter().map(|topic| topic.partitions).collect::<Vec<_>>();
    assert_eq!(
        partitions(with_partitions(kafka.connection(), wanted(), None).await?),
        [3, 3],
        "a new topic is as the others are"
    );
    assert_eq!(
        partitions(with_partitions(kafka.connection(), wanted(), Some(12)).await?),
        [12, 12],
        "it was asked for"
    );
    let new = vec![TopicSpec::new("loyalty-events", 6)];
    assert_eq!(partitions(with_partitions(kafka.connection(), new, None).await?), [6], "there is none to go by");
    kafka.pause()?;
    kafka.resume()?;
    produce(&bootstrap, "order-events", "a table").await?;
    kafka.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_broker_that_cannot_start_answers_with_the_end_of_its_log() -> TestResult {
    let run = RunDir::create()?;
    let options =
        KafkaOptions { properties: vec![("num.io.threads".into(), "none".into())], ..KafkaOptions::default() };
    let failed = Kafka::start(&run.path().join("kafka"), options).await;
    let said = failed.map(drop).map_err(|error| error.to_string());
    assert!(said.as_ref().is_err_and(|said| said.contains("num.io.threads")), "{said:?}");
    Ok(())
}
