//! What orders go through, shown as it happens.

use std::{convert::Infallible, io::IsTerminal, time::Duration};

use local::EventLog;

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

    #[test]
    fn what_goes_to_a_file_has_no_colours() {
        assert_eq!(coloured("order.completed", false), "order.completed");
        assert_eq!(coloured("payment.refunded", false), "payment.refunded");
    }
}
