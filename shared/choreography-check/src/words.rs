//! The words of a state table: what comes in, and what is done about it.

/// What comes in, as it is written in a state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On<'a> {
    /// An event of this type.
    Event(&'a str),
    /// A client's command.
    Command(&'a str),
    /// A deadline that has passed.
    Deadline(&'a str),
    /// An answer to an external call.
    Answer {
        /// The call's step.
        call: &'a str,
        /// Which of its answers.
        answer: &'a str,
    },
}

/// What is done besides the change of state, as it is written in a state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then<'a> {
    /// An event of this type is published.
    Publish(&'a str),
    /// An external call is made.
    Call(&'a str),
    /// What an open call asks for is changed; its answers mean the same.
    Amend(&'a str),
    /// A deadline is set, or set anew.
    Deadline(&'a str),
    /// A deadline is taken back.
    Settle(&'a str),
    /// The answer is not accepted: the call stays open, is reported, and is made again.
    Refuse,
    /// Something is appended to a table of the service.
    Record,
}

impl<'a> On<'a> {
    /// Reads a word such as `answer charge yes`; `None` if it begins like one and has too few parts or too many.
    pub fn parse(word: &'a str) -> Option<Self> {
        let (kind, rest) = match word.split_once(' ') {
            None => return (!word.is_empty()).then_some(Self::Event(word)),
            Some(parts) => parts,
        };
        match kind {
            "command" => one(rest).map(Self::Command),
            "deadline" => one(rest).map(Self::Deadline),
            "answer" => {
                let (call, answer) = rest.split_once(' ')?;
                one(answer).map(|answer| Self::Answer { call, answer })
            }
            _ => None,
        }
    }
}

impl<'a> Then<'a> {
    /// Reads a word such as `call refund`; `None` if it is none.
    pub fn parse(word: &'a str) -> Option<Self> {
        let Some((kind, rest)) = word.split_once(' ') else {
            return match word {
                "" => None,
                "refuse" => Some(Self::Refuse),
                event => Some(Self::Publish(event)),
            };
        };
        let name = one(rest)?;
        match kind {
            "call" => Some(Self::Call(name)),
            "amend" => Some(Self::Amend(name)),
            "deadline" => Some(Self::Deadline(name)),
            "settle" => Some(Self::Settle(name)),
            "record" => Some(Self::Record),
            _ => None,
        }
    }
}

/// A name is one word.
fn one(name: &str) -> Option<&str> {
    (!name.is_empty() && !name.contains(' ')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_named_by_its_kind_and_an_event_by_its_type_alone() {
        assert_eq!(On::parse("payment.failed"), Some(On::Event("payment.failed")));
        assert_eq!(On::parse("command cancel"), Some(On::Command("cancel")));
        assert_eq!(On::parse("deadline order"), Some(On::Deadline("order")));
        assert_eq!(On::parse("answer charge yes"), Some(On::Answer { call: "charge", answer: "yes" }));
        for wrong in ["", "event a", "command", "command ", "command a b", "answer charge", "answer charge not now"] {
            assert!(
                !matches!(On::parse(wrong), Some(On::Command(_) | On::Deadline(_) | On::Answer { .. })),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_done_is_written_as_the_tests_of_rules_write_it() {
        assert_eq!(Then::parse("payment.failed"), Some(Then::Publish("payment.failed")));
        assert_eq!(Then::parse("call refund"), Some(Then::Call("refund")));
        assert_eq!(Then::parse("amend charge"), Some(Then::Amend("charge")));
        assert_eq!(Then::parse("deadline order"), Some(Then::Deadline("order")));
        assert_eq!(Then::parse("settle order"), Some(Then::Settle("order")));
        assert_eq!(Then::parse("record ledger"), Some(Then::Record));
        assert_eq!(Then::parse("refuse"), Some(Then::Refuse));
        for wrong in ["", "call ", "call a b", "publish a"] {
            assert_eq!(Then::parse(wrong), None, "{wrong:?}");
        }
    }
}
