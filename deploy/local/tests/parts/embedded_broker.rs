//! The broker in memory.

use crate::messages::{TestResult, consume, produce};
use local::EmbeddedBroker;

#[tokio::test]
async fn the_embedded_broker_takes_and_gives_a_message() -> TestResult {
    let broker = EmbeddedBroker::start(&["order-events", "order-events.dlq"], 12)?;
    produce(broker.bootstrap(), "order-events", "two chairs").await?;
    let taken = consume(broker.bootstrap(), "order-events", "inventory").await?;
    assert_eq!(taken, "two chairs");
    Ok(())
}
