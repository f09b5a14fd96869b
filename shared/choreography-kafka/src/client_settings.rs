//! Client settings, each with its reason
//! (names: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md).

use rdkafka::ClientConfig;

use super::{Connection, GroupProtocol, ProducerLimits};

/// What consumer, producer and admin client share.
pub fn client(kafka: &Connection, name: &str) -> ClientConfig {
    let mut config = kafka.config();
    config
        .set("client.id", name)
        // Reconnect soon after a broker came back, without hammering one that is down.
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "5000");
    config
}

/// The largest message that is taken, in bytes; also the largest batch after decompression by zstd. What is larger stops its
/// partition.
pub const LARGEST_MESSAGE: usize = 32 << 20;

/// What one request fetches, in bytes as they stand at the broker. A first batch comes whole, however large; but librdkafka
/// decompresses an answer as a whole, and zstd shrinks equal bytes to a 30,000th. The broker answers the next request as
/// soon as it is asked.
const FETCH: &str = "8192";

/// Consumer settings.
pub fn consumer(kafka: &Connection, group: &str, protocol: GroupProtocol) -> ClientConfig {
    let mut config = client(kafka, group);
    match protocol {
        GroupProtocol::Classic { session_timeout } => config
            .set("group.protocol", "classic")
            // Only partitions that move are taken away in a rebalance.
            .set("partition.assignment.strategy", "cooperative-sticky")
            // A dead replica's partitions move after this; shorter ones cause needless moves under load.
            .set("session.timeout.ms", session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", "1000"),
        // Whose partitions move, and when, is the broker's to say.
        GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
    };
    config
        .set("group.id", group)
        // Offsets are committed by hand, after the database commit.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset out of range must stop, never skip. Partitions new to the group are assigned from their beginning.
        .set("auto.offset.reset", "error")
        // A batch that takes longer than this costs the partitions; repeats die in the inbox.
        .set("max.poll.interval.ms", "120000")
        // Deliver as soon as something is there; batches form in the poll, not by waiting at the broker.
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", "500")
        .set("fetch.error.backoff.ms", "100")
        .set("fetch.max.bytes", FETCH)
        .set("fetch.message.max.bytes", FETCH)
        // librdkafka wants it no larger than fetch.max.bytes. For a consumer it is but a first guess when lz4 expands.
        .set("message.max.bytes", FETCH)
        // Whatever is larger is not decompressed by zstd; an answer that is larger ends the connection.
        .set("receive.message.max.bytes", LARGEST_MESSAGE.to_string())
        // Bounds what is prefetched: decompressed bytes for all partitions together, and messages.
        .set("queued.max.messages.kbytes", "8192")
        .set("queued.min.messages", "10000")
        // A corrupt batch is reported, instead of read as far as it goes.
        .set("check.crcs", "true")
        .set("enable.partition.eof", "false")
        // Topics that grow partitions, or come and go, are noticed within half a minute.
        .set("topic.metadata.refresh.interval.ms", "20000")
        // Lag, contact and membership are read from the statistics.
        .set("statistics.interval.ms", "2000");
    config
}

/// Producer settings.
pub fn producer(kafka: &Connection, name: &str, limits: &ProducerLimits) -> ClientConfig {
    // What one batch brings, and one message more, never waits for room.
    let queue_kilobytes = (limits.batch_bytes + limits.message_bytes).div_ceil(1024) + 1024;
    let mut config = client(kafka, name);
    config
        // No repeats and no reordering by the client's own retries (KIP-98).
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A message that is refused takes all behind it down with it, instead of being overtaken by them.
        .set("enable.gapless.guarantee", "true")
        // The guarantee above does not cover time-outs, so messages have none: the producer watches for progress.
        .set("delivery.timeout.ms", "0")
        // A producer is made anew after each failure, and of a new one the broker takes any sequence number for the first:
        // of two requests under way the second could come first.
        .set("max.in.flight.requests.per.connection", "1")
        // Refused here by the count that is checked when a message is appended to the outbox.
        .set("message.max.bytes", limits.message_bytes.to_string())
        .set("queue.buffering.max.kbytes", queue_kilobytes.to_string())
        .set("queue.buffering.max.messages", "100000")
        // A topic that is not there is told soon, not after half a minute.
        .set("topic.metadata.propagation.max.ms", "3000")
        // What a relay hands over while a request is under way goes with the next one; waiting would add to every hop.
        .set("linger.ms", "0")
        .set("batch.num.messages", "10000")
        // JSON shrinks to a third at little CPU; the broker stores it as it comes.
        .set("compression.type", "lz4")
        // Java's default partitioner: the same key in the same partition, whichever client writes it.
        .set("partitioner", "murmur2_random");
    config
}
