//! What rust-rdkafka keeps to itself: header names as bytes (it unwraps them as UTF-8), the topic, partition and offset of an error,
//! and when something comes into a producer's queue. Unsafe code over librdkafka's event interface
//! (https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka.h, "Event interface"): an event owns all that it
//! shows until it is destroyed, and what is read here borrows from the event.

#![expect(
    unsafe_code,
    reason = "librdkafka is C; rust-rdkafka wraps neither header names as bytes, nor where an error is, nor that a producer has reports"
)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    marker::PhantomData,
    ptr,
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    ClientContext, TopicPartitionList, bindings as sys,
    client::Client,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    message::BorrowedMessage,
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};

use choreography_core::{delivery::Position, trace::Header};
use tokio::sync::Notify;

/// Where everything comes from that a consumer is to see: messages, errors, rebalances, answers to commits, statistics.
pub(super) struct Queue<'c> {
    client: *mut sys::rd_kafka_t,
    queue: *mut sys::rd_kafka_queue_t,
    consumer: PhantomData<&'c ()>,
}

impl<'c> Queue<'c> {
    /// `None`: the consumer is in no group.
    pub fn of<C: ConsumerContext>(consumer: &'c BaseConsumer<C>) -> Option<Self> {
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as `consumer` is borrowed. The queue is counted; `drop` gives it back.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client) };
        (!queue.is_null()).then_some(Self { client, queue, consumer: PhantomData })
    }

    /// How far a partition went when it was fetched last; `None`: it was not yet. Asks nobody.
    pub fn end_of(&self, topic: &str, partition: i32) -> Option<i64> {
        let (topic, mut low, mut high) = (CString::new(topic).ok()?, -1, -1);
        // SAFETY: the client is valid; the name is copied, and both numbers outlive the call.
        let code = unsafe {
            sys::rd_kafka_get_watermark_offsets(self.client, topic.as_ptr(), partition, &raw mut low, &raw mut high)
        };
        (RDKafkaErrorCode::from(code) == RDKafkaErrorCode::NoError && high >= 0).then_some(high)
    }

    /// Sends a commit, whose answer comes as [`Polled::Committed`]. (rust-rdkafka drops the answer to an asynchronous
    /// commit.)
    pub fn commit(&self, offsets: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: client and queue are valid until `drop`; the list is copied; without a callback nothing is called.
        let code = unsafe { sys::rd_kafka_commit_queue(self.client, offsets.ptr(), self.queue, None, ptr::null_mut()) };
        match RDKafkaErrorCode::from(code) {
            RDKafkaErrorCode::NoError => Ok(()),
            code => Err(code),
        }
    }

    /// The next event; `None` if none came in time, or if librdkafka dealt with it by itself.
    pub fn poll(&self, wait: Duration) -> Option<Event<'_>> {
        let milliseconds = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is valid until `drop`.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue, milliseconds) };
        (!event.is_null()).then_some(Event { event, queue: PhantomData })
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: got by `rd_kafka_queue_get_consumer`, given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) };
    }
}

/// The queue of a producer in which the reports of its messages come, and its errors. It says when it holds something again.
pub(super) struct MainQueue {
    queue: *mut sys::rd_kafka_queue_t,
    arrived: Arc<Notify>,
}

// SAFETY: librdkafka's queues may be used from any thread, at the same time.
unsafe impl Send for MainQueue {}
// SAFETY: as above.
unsafe impl Sync for MainQueue {}

impl MainQueue {
    /// To be dropped before the client is.
    pub fn of<C: ClientContext>(client: &Client<C>) -> Self {
        let arrived = Arc::<Notify>::default();
        // SAFETY: the client is valid; the queue is counted, and `drop` gives it back. What it calls gets a pointer to what `arrived` keeps
        // alive until `drop` has ended these calls.
        let queue = unsafe {
            let queue = sys::rd_kafka_queue_get_main(client.native_ptr());
            sys::rd_kafka_queue_cb_event_enable(queue, Some(told), Arc::as_ptr(&arrived).cast_mut().cast());
            queue
        };
        // librdkafka's first words (it warns of settings) may stand there already, and of what comes behind them nothing is said.
        arrived.notify_one();
        Self { queue, arrived }
    }

    /// Notified when something comes where nothing was. All that is there is to be served then.
    pub fn arrived(&self) -> Arc<Notify> {
        self.arrived.clone()
    }

    pub fn has_some(&self) -> bool {
        // SAFETY: the queue is valid until `drop`.
        unsafe { sys::rd_kafka_queue_length(self.queue) > 0 }
    }
}

/// SAFETY: called with what `MainQueue::of` gave librdkafka, from its threads.
unsafe extern "C" fn told(_client: *mut sys::rd_kafka_t, arrived: *mut c_void) {
    // SAFETY: it is alive for as long as this is called.
    unsafe { &*arrived.cast::<Notify>().cast_const() }.notify_one();
}

impl Drop for MainQueue {
    fn drop(&mut self) {
        // SAFETY: got by `rd_kafka_queue_get_main`, given back once. librdkafka makes its calls under the queue's lock, which this takes.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue, None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue);
        }
    }
}

pub(super) struct Event<'q> {
    event: *mut sys::rd_kafka_event_t,
    queue: PhantomData<&'q ()>,
}

/// What an event says.
pub(super) enum Polled<'e> {
    Message(Message<'e>),
    Failure(Failure),
    /// `Some(true)`: these partitions come; `Some(false)`: they go; `None`: the rebalance failed.
    Rebalance(Option<bool>, Vec<(String, i32)>),
    /// The answer to a commit: offsets that the broker has now, and those that it refused, with the reason.
    Committed(Vec<Position>, Vec<(Position, String)>),
    /// JSON.
    Statistics(&'e [u8]),
    Nothing,
}

/// A message, in librdkafka's memory.
pub(super) struct Message<'e> {
    pub topic: &'e str,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<&'e [u8]>,
    pub payload: Option<&'e [u8]>,
    message: &'e sys::rd_kafka_message_t,
}

/// An error that came in a message's place.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub code: RDKafkaErrorCode,
    pub text: String,
    /// The client can't go on.
    pub fatal: bool,
    /// The partition that it concerns, and the offset; `None`: all of them, or a whole broker.
    pub at: Option<Position>,
}

impl Message<'_> {
    /// `None`: the bytes of the headers are none that could be read.
    pub fn headers(&self) -> Option<Vec<Header>> {
        // SAFETY: the event that the message borrows from keeps it.
        unsafe { headers_of(self.message) }
    }
}

impl Event<'_> {
    /// To be called once: a message is handed out once.
    pub fn read(&self) -> Polled<'_> {
        // SAFETY (of all calls in here): the event is valid until `drop`, and what they answer belongs to it, but for what
        // `failure` gives back itself. Each is called on the type of event that it is for.
        unsafe {
            match sys::rd_kafka_event_type(self.event) {
                sys::RD_KAFKA_EVENT_FETCH => match sys::rd_kafka_event_message_next(self.event).as_ref() {
                    Some(message) => message_of(message),
                    None => Polled::Nothing,
                },
                sys::RD_KAFKA_EVENT_ERROR => Polled::Failure(failure(self.event)),
                sys::RD_KAFKA_EVENT_REBALANCE => rebalance(self.event),
                sys::RD_KAFKA_EVENT_OFFSET_COMMIT => committed(self.event),
                sys::RD_KAFKA_EVENT_STATS => {
                    let json = sys::rd_kafka_event_stats(self.event);
                    if json.is_null() { Polled::Nothing } else { Polled::Statistics(CStr::from_ptr(json).to_bytes()) }
                }
                _ => Polled::Nothing,
            }
        }
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        // SAFETY: got by `rd_kafka_queue_poll`, destroyed once; everything read from it borrowed it.
        unsafe { sys::rd_kafka_event_destroy(self.event) };
    }
}

/// The headers of a message that rust-rdkafka read, with names as bytes; `None`: they can't be read.
pub fn headers(message: &BorrowedMessage<'_>) -> Option<Vec<Header>> {
    // SAFETY: the message is valid while it is borrowed.
    unsafe { headers_of(message.ptr()) }
}

/// SAFETY: `message` belongs to an event that outlives the answer.
unsafe fn message_of(message: &sys::rd_kafka_message_t) -> Polled<'_> {
    unsafe {
        let topic = CStr::from_ptr(sys::rd_kafka_topic_name(message.rkt));
        // Kafka's own rule: letters, digits, dot, underscore and hyphen.
        let topic = topic.to_str().unwrap_or_default();
        let (partition, offset) = (message.partition, message.offset);
        let code = RDKafkaErrorCode::from(message.err);
        if code != RDKafkaErrorCode::NoError {
            let at = Some(Position { topic: Arc::from(topic), partition, offset });
            return Polled::Failure(Failure { code, text: code.to_string(), fatal: false, at });
        }
        let key = bytes(message.key, message.key_len);
        let payload = bytes(message.payload, message.len);
        Polled::Message(Message { topic, partition, offset, key, payload, message })
    }
}

/// SAFETY: `event` is a valid event with an error.
unsafe fn failure(event: *mut sys::rd_kafka_event_t) -> Failure {
    unsafe {
        let place = sys::rd_kafka_event_topic_partition(event);
        let at = place.as_ref().map(|place| position(place));
        if !place.is_null() {
            // This one is the caller's to give back.
            sys::rd_kafka_topic_partition_destroy(place);
        }
        Failure {
            code: sys::rd_kafka_event_error(event).into(),
            text: text(sys::rd_kafka_event_error_string(event)),
            fatal: sys::rd_kafka_event_error_is_fatal(event) != 0,
            at,
        }
    }
}

/// SAFETY: `event` is a valid event of a rebalance.
unsafe fn rebalance(event: *mut sys::rd_kafka_event_t) -> Polled<'static> {
    let (code, list) = unsafe { (sys::rd_kafka_event_error(event), places(event)) };
    let assigned = match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Some(true),
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Some(false),
        _ => None,
    };
    let partitions = list.into_iter().map(|(at, _)| (at.topic.to_string(), at.partition)).collect();
    Polled::Rebalance(assigned, partitions)
}

/// SAFETY: `event` is a valid event with the answer to a commit.
unsafe fn committed(event: *mut sys::rd_kafka_event_t) -> Polled<'static> {
    let (code, list) = unsafe { (RDKafkaErrorCode::from(sys::rd_kafka_event_error(event)), places(event)) };
    let mut done = Vec::new();
    let mut refused = Vec::new();
    for (at, own) in list {
        match [code, own].into_iter().find(|code| *code != RDKafkaErrorCode::NoError) {
            None => done.push(at),
            Some(code) => refused.push((at, code.to_string())),
        }
    }
    Polled::Committed(done, refused)
}

/// SAFETY: `event` is a valid event that has a list of partitions.
unsafe fn places(event: *mut sys::rd_kafka_event_t) -> Vec<(Position, RDKafkaErrorCode)> {
    unsafe {
        let Some(list) = sys::rd_kafka_event_topic_partition_list(event).as_ref() else { return Vec::new() };
        let count = usize::try_from(list.cnt).unwrap_or_default();
        if list.elems.is_null() || count == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(list.elems, count).iter().map(|place| (position(place), place.err.into())).collect()
    }
}

/// SAFETY: `place` is one that librdkafka made.
unsafe fn position(place: &sys::rd_kafka_topic_partition_t) -> Position {
    let topic = Arc::from(unsafe { text(place.topic) }.as_str());
    Position { topic, partition: place.partition, offset: place.offset }
}

/// SAFETY: `message` is valid.
unsafe fn headers_of(message: *const sys::rd_kafka_message_t) -> Option<Vec<Header>> {
    unsafe {
        let mut list = ptr::null_mut();
        match RDKafkaErrorCode::from(sys::rd_kafka_message_headers(message, &raw mut list)) {
            RDKafkaErrorCode::NoError if !list.is_null() => {}
            RDKafkaErrorCode::NoError | RDKafkaErrorCode::NoEnt => return Some(Vec::new()),
            _ => return None,
        }
        (0..sys::rd_kafka_header_cnt(list)).map(|index| header(list, index)).collect()
    }
}

/// librdkafka hands names over as C strings: one with a NUL in it ends there.
///
/// SAFETY: `list` is valid.
unsafe fn header(list: *const sys::rd_kafka_headers_t, index: usize) -> Option<Header> {
    let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
    unsafe {
        let code = sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size);
        if RDKafkaErrorCode::from(code) != RDKafkaErrorCode::NoError || name.is_null() {
            return None;
        }
        Some(Header { name: CStr::from_ptr(name).to_bytes().to_vec(), value: bytes(value, size).map(<[u8]>::to_vec) })
    }
}

/// SAFETY: `data` is null, or `size` bytes long and alive for `'a`.
unsafe fn bytes<'a>(data: *const c_void, size: usize) -> Option<&'a [u8]> {
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast(), size) })
}

/// SAFETY: `text` is null or ends with a NUL.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
}
