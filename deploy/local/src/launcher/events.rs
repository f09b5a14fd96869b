//! What orders go through, shown as it happens.

use std::{convert::Infallible, io::IsTerminal, time::Duration};

use local::{EventLog, Record};

use super::progress::say;

const LOOK: Duration = Duration::from_millis(20);

/// The events of these orders, titles and ids, each said once it is on its topic.
pub struct Shown<'a> {
    log: &'a EventLog,
    orders: &'a [(&'a str, &'a str)],
    /// How many of each order's were said.
    said: Vec<usize>,
}

impl<'a> Shown<'a> {
    pub fn new(log: &'a EventLog, orders: &'a [(&'a str, &'a str)]) -> Self {
        Self { log, orders, said: vec![0; orders.len()] }
    }

    /// Looks again and again, until it is dropped.
    pub async fn follow(&mut self) -> Infallible {
        loop {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says what is new.
    pub fn look(&mut self) {
        let title = self.orders.iter().map(|(title, _)| title.chars().count()).max().unwrap_or_default();
        for ((name, id), said) in self.orders.iter().zip(&mut self.said) {
            let path = self.log.path_of(id);
            for event in path.iter().skip(*said) {
                say(&format!("  {name:<title$}  {}", coloured(event, std::io::stderr().is_terminal())));
            }
            *said = path.len();
        }
    }
}

/// Says each message that comes from now on, whichever order it is about; until it is dropped.
pub async fn follow_all(log: &EventLog) -> Infallible {
    let mut known = log.after(0).len();
    loop {
        let new = log.after(known);
        known += new.len();
        for line in new.iter().filter_map(|record| line(record, std::io::stderr().is_terminal())) {
            say(&line);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Its key and what it is; nothing of what is no event, such as a customer's key.
fn line(record: &Record, is_terminal: bool) -> Option<String> {
    // From outside: what would steer a terminal is said in letters.
    let aggregate = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).escape_debug().to_string();
    let event = record.event_type().escape_debug().to_string();
    if record.topic.ends_with(".dlq") {
        return Some(format!("  {aggregate}  dead letter on {}", record.topic));
    }
    (!event.is_empty()).then(|| format!("  {aggregate}  {}", coloured(&event, is_terminal)))
}

/// Green for an end that was wanted, yellow for what is undone or refused, where the terminal has colours (https://no-color.org).
fn coloured(event: &str, is_terminal: bool) -> String {
    if !is_terminal || std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) {
        return event.to_owned();
    }
    let (_, what) = event.split_once('.').unwrap_or(("", event));
    match what {
        "completed" => format!("\x1b[32m{event}\x1b[0m"),
        "placed" | "reserved" | "succeeded" | "dispatched" => event.to_owned(),
        _ => format!("\x1b[33m{event}\x1b[0m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, payload: &str) -> Record {
        Record {
            topic: topic.into(),
            partition: 0,
            offset: 0,
            key: Some(b"o1".to_vec()),
            payload: Some(payload.as_bytes().to_vec()),
            headers: Vec::new(),
            seen_at: std::time::Instant::now(),
        }
    }

    #[test]
    fn events_and_dead_letters_are_said_under_their_key_and_nothing_else() {
        let placed = r#"{"type": "order.placed"}"#;
        assert_eq!(line(&record("order-events", placed), false).as_deref(), Some("  o1  order.placed"));
        let dead = line(&record("order-events.dlq", placed), false);
        assert_eq!(dead.as_deref(), Some("  o1  dead letter on order-events.dlq"));
        assert_eq!(line(&record("customer-keys", r#"{"kty": "oct"}"#), false), None);
    }

    #[test]
    fn what_goes_to_a_file_has_no_colours() {
        assert_eq!(coloured("order.completed", false), "order.completed");
        assert_eq!(coloured("payment.refunded", false), "payment.refunded");
    }
}
