//! From the arguments to what differs.

use choreography_check::{Choreography, observed::Comparison};

use crate::arguments::Observe;

#[cfg(feature = "observe")]
pub fn compared(arguments: &Observe, choreography: &Choreography) -> Result<Comparison, String> {
    use std::time::SystemTime;

    use choreography_check::observed::{Observations, Window, compare, jaeger, kafka, topics};

    let window = Window::parse(&arguments.since, arguments.until.as_deref(), SystemTime::now());
    let window = window.map_err(|error| error.to_string())?;
    let mut seen = Observations::remembering(arguments.remember);
    for source in &arguments.observed {
        if let Some(brokers) = source.strip_prefix("kafka://") {
            let mut settings = arguments.kafka.clone();
            if !brokers.is_empty() {
                settings.kafka_brokers = brokers.trim_end_matches('/').to_owned();
            }
            let connection = settings.connection().map_err(|error| error.to_string())?;
            let topics = topics(choreography);
            kafka::observe(&connection, &topics, &window, &mut seen).map_err(|error| error.to_string())?;
        } else if source.starts_with("http://") || source.starts_with("https://") {
            jaeger::observe(source, &window, &mut seen).map_err(|error| error.to_string())?;
        } else {
            return Err(format!(
                "--observed {source:?} is no source: name kafka://HOST:PORT, or a Jaeger as http://HOST:16686"
            ));
        }
    }
    Ok(compare(choreography, &seen))
}

#[cfg(not(feature = "observe"))]
pub fn compared(_: &Observe, _: &Choreography) -> Result<Comparison, String> {
    Err("this program was built without the feature observe, so it reads neither Kafka nor Jaeger: build it with its default \
         features"
        .to_owned())
}
