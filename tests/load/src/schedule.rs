//! When orders come in an open loop: at their own times, however long the others take.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// One after the other at the same distance.
    Even,
    /// As customers who know nothing of each other: distances are exponential (a Poisson process), the same in every
    /// run.
    Random,
}

/// So many arrivals a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pub rate: f64,
    pub spread: Spread,
}

impl Schedule {
    /// When each arrives, from the beginning on; without end.
    pub fn arrivals(self) -> Arrivals {
        Arrivals { schedule: self, number: 0, seconds: 0.0, random: SEED }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spread = match self.spread {
            Spread::Even => "evenly spread",
            Spread::Random => "at random distances",
        };
        write!(f, "open loop, {} a second {spread}", self.rate)
    }
}

const SEED: u64 = 0x5a6a;

#[derive(Debug)]
pub struct Arrivals {
    schedule: Schedule,
    number: u64,
    /// When the next arrives, where distances are random.
    seconds: f64,
    random: u64,
}

impl Arrivals {
    /// More than 0, at most 1. SplitMix64.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let at = match self.schedule.spread {
            // Not a sum of distances: their rounding would add up.
            Spread::Even => self.number as f64 / self.schedule.rate,
            Spread::Random => {
                let at = self.seconds;
                self.seconds -= self.draw().ln() / self.schedule.rate;
                at
            }
        };
        self.number += 1;
        Some(Duration::from_secs_f64(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(rate: f64, spread: Spread, count: usize) -> Vec<Duration> {
        Schedule { rate, spread }.arrivals().take(count).collect()
    }

    #[test]
    fn even_arrivals_keep_their_distance_and_do_not_drift() {
        let at = arrivals(3.0, Spread::Even, 3_001);
        assert_eq!(at[0], Duration::ZERO);
        assert_eq!(at[1].as_micros(), 333_333);
        assert_eq!(at[3_000], Duration::from_secs(1_000));
    }

    #[test]
    fn random_arrivals_come_at_the_rate_and_bunch_as_chance_has_it() {
        let at = arrivals(100.0, Spread::Random, 20_001);
        assert!(at.is_sorted());
        let seconds = at[20_000].as_secs_f64();
        assert!((196.0..204.0).contains(&seconds), "{seconds}");
        // Of exponential distances e^-1 are longer than the mean.
        let longer = at.windows(2).filter(|pair| pair[1] - pair[0] > Duration::from_millis(10)).count();
        assert!((7_158..7_558).contains(&longer), "{longer}");
        assert_eq!(at, arrivals(100.0, Spread::Random, 20_001));
    }
}
