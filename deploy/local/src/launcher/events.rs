//! What orders go through, shown as it happens.

use std::{convert::Infallible, io::IsTerminal, time::Duration};

use local::EventLog;

use super::progress::say;

const LOOK: Duration = Duration::from_millis(20);

/// Says each event of these orders once it is on its topic: titles and ids. Does so until it is dropped.
pub async fn show(log: &EventLog, orders: &[(&str, &str)]) -> Infallible {
    let title = orders.iter().map(|(title, _)| title.chars().count()).max().unwrap_or_default();
    let mut shown = vec![0; orders.len()];
    loop {
        for ((name, id), shown) in orders.iter().zip(&mut shown) {
            let path = log.path_of(id);
            for event in path.iter().skip(*shown) {
                say(&format!("  {name:<title$}  {}", coloured(event, std::io::stderr().is_terminal())));
            }
            *shown = path.len();
        }
        tokio::time::sleep(LOOK).await;
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
