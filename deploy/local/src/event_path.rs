//! The events of an order, as text for a terminal.

/// Lines of at most `room` characters, as long as an event is not longer than that. All but the first begin with an arrow.
#[must_use]
pub fn wrapped(path: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for event in path {
        match lines.last_mut() {
            None => lines.push(event.clone()),
            Some(line) if line.chars().count() + " → ".chars().count() + event.chars().count() <= room => {
                line.push_str(" → ");
                line.push_str(event);
            }
            Some(_) => lines.push(format!("→ {event}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_wrapped_between_events_and_fills_each_line() {
        let path: Vec<String> = ["placed", "reserved", "paid", "done"].map(str::to_owned).into();
        assert_eq!(wrapped(&path, usize::MAX), ["placed → reserved → paid → done"]);
        assert_eq!(wrapped(&path, 17), ["placed → reserved", "→ paid → done"]);
        assert_eq!(wrapped(&path, 16), ["placed", "→ reserved", "→ paid → done"]);
        assert_eq!(wrapped(&path, 1), ["placed", "→ reserved", "→ paid", "→ done"]);
        assert!(wrapped(&[], 9).is_empty());
    }
}
