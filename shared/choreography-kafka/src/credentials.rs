//! New passwords for clients that run already, which librdkafka's Rust wrapper does not offer
//! (`rd_kafka_sasl_set_credentials`,
//! <https://docs.confluent.io/platform/current/clients/librdkafka/html/rdkafka_8h.html>).
#![expect(unsafe_code, reason = "the wrapper has no safe call for this")]

use std::ffi::{CStr, CString, NulError};

use rdkafka::{
    bindings as ffi,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    producer::{BaseProducer, Producer, ProducerContext},
};
use secrecy::{ExposeSecret, SecretString};

/// A client of librdkafka that shows a password to its brokers.
pub(crate) trait Authenticated: Send + Sync {
    fn handle(&self) -> Handle<'_>;
}

/// What librdkafka knows a client by; can't outlive it.
pub(crate) struct Handle<'a> {
    native: *mut ffi::rd_kafka_t,
    _client: std::marker::PhantomData<&'a ()>,
}

impl<C: ConsumerContext> Authenticated for BaseConsumer<C> {
    fn handle(&self) -> Handle<'_> {
        Handle { native: self.client().native_ptr(), _client: std::marker::PhantomData }
    }
}

impl<C: ProducerContext> Authenticated for BaseProducer<C> {
    fn handle(&self) -> Handle<'_> {
        Handle { native: self.client().native_ptr(), _client: std::marker::PhantomData }
    }
}

/// Gives a client a password for its next connections, by PLAIN or SCRAM; those it has go on.
pub(super) fn set(client: &dyn Authenticated, user: &str, password: &SecretString) -> Result<(), String> {
    let c_string = |text: &str| CString::new(text).map_err(|_: NulError| "it holds a zero byte".to_owned());
    // The copy of the password that C wants is not wiped; librdkafka's own is not either.
    let (user, password) = (c_string(user)?, c_string(password.expose_secret())?);
    let handle = client.handle();
    // SAFETY: the handle is borrowed from a client that is still there, and librdkafka may be called from any thread. Both
    // strings end with a zero and live through the call, which copies them under a lock that its connecting threads take.
    // What it answers is null or an error that is ours to read and destroy.
    unsafe {
        let error = ffi::rd_kafka_sasl_set_credentials(handle.native, user.as_ptr(), password.as_ptr());
        if error.is_null() {
            return Ok(());
        }
        let said = CStr::from_ptr(ffi::rd_kafka_error_string(error)).to_string_lossy().into_owned();
        ffi::rd_kafka_error_destroy(error);
        Err(said)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;

    use super::*;

    #[test]
    fn a_running_client_takes_another_password() {
        let config = |name: &str, value: &str| {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", "127.0.0.1:1").set(name, value);
            config
        };
        let consumer: BaseConsumer = config("group.id", "x").create().unwrap();
        assert_eq!(set(&consumer, "order", &"new".into()), Ok(()));
        assert!(set(&consumer, "order", &"n\0ew".into()).unwrap_err().contains("zero"));
        let producer: BaseProducer<_> = config("client.id", "x").create().unwrap();
        let _: &BaseProducer<rdkafka::producer::DefaultProducerContext> = &producer;
        assert_eq!(set(&producer, "order", &"new".into()), Ok(()));
    }
}
