//! A provider's words, made fit for an event.

use contracts::check::MAX_REASON;

/// The words as an event's reason may carry them. A provider that says no without a word has still said no: without
/// something to publish its order would never end.
pub fn reason(words: &str) -> String {
    let fit: String = words.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    if fit.trim().is_empty() { "no reason was given".to_owned() } else { fit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_provider_says_an_event_can_carry_it() {
        for words in ["", "\u{0}\n", "   ", "card\u{0} declined", &"x".repeat(MAX_REASON + 1)] {
            assert_eq!(contracts::check::reason(&reason(words)), Ok(()), "{words:?}");
        }
        assert_eq!(reason("card\u{0} declined"), "card declined");
    }
}
