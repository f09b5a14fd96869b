//! Which orders are placed: in what proportion those that complete, and those that end otherwise.

use std::fmt;
use std::str::FromStr;

use local::shop::order;
use serde_json::{Value, json};

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Completed,
    Cancelled,
}

/// What makes an order end as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Completed,
    /// The card is declined: the reservation is released.
    Declined,
    /// There is none of the article: inventory rejects it.
    OutOfStock,
    /// The carrier refuses the city: the money is refunded and the reservation released.
    Undeliverable,
    /// The client cancels as soon as the order is accepted.
    Cancelled,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Declined, Self::OutOfStock, Self::Undeliverable, Self::Cancelled];

    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Declined => "declined",
            Self::OutOfStock => "out-of-stock",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
        }
    }

    /// May an order of this kind end so? A cancellation may come too late: shipping decides.
    pub fn may_end(self, end: End) -> bool {
        match self {
            Self::Completed => end == End::Completed,
            Self::Declined | Self::OutOfStock | Self::Undeliverable => end == End::Cancelled,
            Self::Cancelled => true,
        }
    }

    /// The order to place, of two pieces of an article.
    pub fn order(self, article: usize) -> Value {
        let sku = if self == Self::OutOfStock { sold_out_sku(article) } else { sku(article) };
        let token = if self == Self::Declined { "tok_declined" } else { "tok_visa" };
        let city = if self == Self::Undeliverable { "Nowhere" } else { "Vienna" };
        let mut order = order(&[(&sku, 2)], token, city);
        // As many customers as articles: an order locks its customer's key.
        order["userId"] = json!(customer(article));
        order
    }
}

/// Who orders an article.
pub fn customer(article: usize) -> String {
    format!("customer-{article:04}")
}

/// An article that is in stock.
pub fn sku(article: usize) -> String {
    format!("load-{article:04}")
}

/// An article of which there is none.
pub fn sold_out_sku(article: usize) -> String {
    format!("gone-{article:04}")
}

/// Kinds by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Kind, u32)>);

impl Mix {
    pub fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|(has, _)| *has == kind)
    }

    /// The kinds one after the other, each as evenly spread as its weight lets: the same in every run.
    pub fn turns(&self) -> Turns {
        Turns { kinds: self.0.iter().map(|(kind, weight)| (*kind, i64::from(*weight), 0)).collect() }
    }
}

impl Default for Mix {
    fn default() -> Self {
        Self(vec![(Kind::Completed, 1)])
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(|(kind, weight)| format!("{}={weight}", kind.name())).collect();
        write!(f, "{}", kinds.join(","))
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut kinds: Vec<(Kind, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or("write it like completed=90,declined=10")?;
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.name() == name)
                .ok_or_else(|| format!("{name:?} is none of {}", Kind::ALL.map(Kind::name).join(", ")))?;
            let weight = weight.parse().map_err(|error| format!("{part}: {error}"))?;
            if kinds.iter().any(|(known, _)| *known == kind) {
                return Err(format!("{name} is there twice"));
            }
            if weight > 0 {
                kinds.push((kind, weight));
            }
        }
        if kinds.is_empty() { Err("no kind has a weight".into()) } else { Ok(Self(kinds)) }
    }
}

/// Smooth weighted round robin: each kind gains its weight, the richest is next and pays for all.
#[derive(Debug)]
pub struct Turns {
    kinds: Vec<(Kind, i64, i64)>,
}

impl Iterator for Turns {
    type Item = Kind;

    fn next(&mut self) -> Option<Kind> {
        let all: i64 = self.kinds.iter().map(|(_, weight, _)| weight).sum();
        for (_, weight, gained) in &mut self.kinds {
            *gained += *weight;
        }
        // Of equals the first.
        let (kind, _, gained) = self.kinds.iter_mut().rev().max_by_key(|(_, _, gained)| *gained)?;
        *gained -= all;
        Some(*kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_take_turns_by_weight_and_evenly_spread() {
        let mix: Mix = "completed=5,declined=1,cancelled=2".parse().unwrap();
        let turns: Vec<Kind> = mix.turns().take(8).collect();
        let at =
            |kind| turns.iter().enumerate().filter(|(_, turn)| **turn == kind).map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(at(Kind::Completed).len(), 5);
        assert_eq!(at(Kind::Declined).len(), 1);
        let cancelled = at(Kind::Cancelled);
        assert!(matches!(cancelled.as_slice(), [first, second] if second - first > 2), "{turns:?}");
        assert_eq!(mix.turns().take(16).skip(8).collect::<Vec<_>>(), turns);
    }

    #[test]
    fn a_mix_reads_what_it_writes_and_says_what_is_wrong() {
        let text = "completed=90,out-of-stock=10";
        assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        assert_eq!("completed=1,declined=0".parse::<Mix>().unwrap(), Mix::default());
        let refused = |text: &str| text.parse::<Mix>().unwrap_err();
        assert!(refused("lost=1").contains("none of completed, declined"));
        assert!(refused("completed").contains("write it like"));
        assert!(refused("completed=0").contains("no kind"));
        assert!(refused("completed=1,completed=2").contains("twice"));
    }

    #[test]
    fn only_a_cancellation_may_come_too_late() {
        let both = |kind: Kind| (kind.may_end(End::Completed), kind.may_end(End::Cancelled));
        assert_eq!(Kind::ALL.map(both), [(true, false), (false, true), (false, true), (false, true), (true, true)]);
    }
}
