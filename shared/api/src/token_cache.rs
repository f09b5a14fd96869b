//! Tokens that held a moment ago: they need no second look at their signature.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{Caller, token::Shown};

/// Some megabytes. When there are more, all are forgotten, and each is checked once more.
const MOST: usize = 10_000;

type Fingerprint = [u8; 32];

/// The bearers of tokens whose signature was checked, by the token's SHA-256. Belongs to one set of keys: with another set
/// all of it is forgotten.
#[derive(Default)]
pub struct Remembered(Mutex<HashMap<Fingerprint, (Caller, f64)>>);

impl Remembered {
    /// The caller that bears this token, if it held before and has not ended since. `now` is in seconds since 1970.
    pub fn bearer(&self, token: &str, now: f64) -> Option<Caller> {
        let (caller, until) = self.lock().get(&fingerprint(token))?.clone();
        (now <= until).then_some(caller)
    }

    pub fn keep(&self, token: &str, shown: &Shown) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(fingerprint(token), (shown.caller.clone(), shown.until));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, (Caller, f64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(until: f64) -> Shown {
        Shown { caller: Caller::Bearer { subject: "ada".into(), scopes: Vec::new() }, until }
    }

    #[test]
    fn a_token_is_known_until_it_ends() {
        let remembered = Remembered::default();
        remembered.keep("a.b.c", &shown(100.0));
        assert!(remembered.bearer("a.b.c", 100.0).is_some());
        assert_eq!(remembered.bearer("a.b.c", 100.5), None);
        assert_eq!(remembered.bearer("a.b.d", 0.0), None);
    }

    #[test]
    fn tokens_do_not_pile_up() {
        let remembered = Remembered::default();
        for number in 0..MOST * 2 + 5 {
            remembered.keep(&number.to_string(), &shown(100.0));
        }
        assert!(remembered.lock().len() <= MOST);
        assert!(remembered.bearer(&(MOST * 2 + 4).to_string(), 0.0).is_some(), "the newest is there");
    }
}
