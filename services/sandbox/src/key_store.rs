//! One thing per key, with one final answer, without I/O: what the carrier and the mail service have in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    behaviour::{Behaviour, FAILED_TRIES},
    reply::{Manner, Reply},
};

/// One thing asked for.
#[derive(Clone, Debug)]
pub(crate) struct Call<R> {
    pub(crate) key: String,
    pub(crate) request: R,
}

/// The request under a key, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry<R, A> {
    pub(crate) request: R,
    pub(crate) answer: A,
}

/// The rows a batch of calls touches, and which of them it changed.
#[derive(Debug)]
pub(crate) struct Page<R, A> {
    entries: BTreeMap<String, Entry<R, A>>,
    tries: BTreeMap<String, i32>,
    new: BTreeSet<String>,
    tried: BTreeSet<String>,
}

impl<R, A> Default for Page<R, A> {
    fn default() -> Self {
        Page { entries: BTreeMap::new(), tries: BTreeMap::new(), new: BTreeSet::new(), tried: BTreeSet::new() }
    }
}

impl<R: Clone + PartialEq, A: Clone> Page<R, A> {
    pub(crate) fn new(entries: BTreeMap<String, Entry<R, A>>, tries: BTreeMap<String, i32>) -> Self {
        Page { entries, tries, ..Page::default() }
    }

    /// Settles one call. `answer` is asked once per key: for a yes, or for a no with its reason.
    pub(crate) fn settle(
        &mut self,
        Call { key, request }: &Call<R>,
        behaviour: Behaviour,
        answer: impl FnOnce(Result<(), &str>) -> A,
    ) -> Reply<A> {
        if let Some(known) = self.entries.get(key) {
            return match known.request == *request {
                true => Reply::Answer(known.answer.clone(), Manner::AtOnce),
                false => Reply::KeyConflict,
            };
        }
        if behaviour == Behaviour::Flaky && self.is_failing_try(key) {
            return Reply::TryAgain;
        }
        let answer = match behaviour {
            Behaviour::No(reason) => answer(Err(reason)),
            _ => answer(Ok(())),
        };
        self.entries.insert(key.clone(), Entry { request: request.clone(), answer: answer.clone() });
        self.new.insert(key.clone());
        Reply::Answer(answer, Manner::from(behaviour))
    }

    fn is_failing_try(&mut self, key: &str) -> bool {
        let tries = self.tries.entry(key.to_owned()).or_default();
        if *tries >= FAILED_TRIES {
            return false;
        }
        *tries += 1;
        self.tried.insert(key.to_owned());
        true
    }

    /// What has to be written down.
    pub(crate) fn new_entries(&self) -> impl Iterator<Item = (&String, &Entry<R, A>)> + Clone {
        self.new.iter().filter_map(|key| self.entries.get_key_value(key))
    }

    /// How often keys were tried in vain, where that has changed.
    pub(crate) fn new_tries(&self) -> impl Iterator<Item = (&String, i32)> {
        self.tried.iter().filter_map(|key| Some((key, *self.tries.get(key)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Book = Page<&'static str, Result<u32, String>>;

    /// Answers yes with a number that no other answer has.
    fn ask(page: &mut Book, request: &'static str, behaviour: Behaviour) -> Reply<Result<u32, String>> {
        let number = u32::try_from(page.entries.len()).unwrap();
        page.settle(&Call { key: "k".into(), request }, behaviour, |no| no.map(|()| number).map_err(str::to_owned))
    }

    #[test]
    fn the_same_key_twice_in_one_batch_is_one_thing_with_one_answer() {
        let mut page = Book::default();
        let first = ask(&mut page, "a", Behaviour::Usual);
        assert_eq!(ask(&mut page, "a", Behaviour::Usual), first);
        assert_eq!(page.new_entries().count(), 1);
    }

    #[test]
    fn something_else_under_the_same_key_is_a_conflict() {
        let mut page = Book::default();
        ask(&mut page, "a", Behaviour::Usual);
        assert_eq!(ask(&mut page, "b", Behaviour::Usual), Reply::KeyConflict);
    }

    #[test]
    fn a_no_is_kept_with_its_reason() {
        let mut page = Book::default();
        let no = Reply::Answer(Err("no such user".to_owned()), Manner::AtOnce);
        assert_eq!(ask(&mut page, "a", Behaviour::No("no such user")), no);
        assert_eq!(ask(&mut page, "a", Behaviour::Usual), no);
    }

    #[test]
    fn a_flaky_key_fails_twice_and_does_nothing_meanwhile() {
        let mut page = Book::default();
        for tries in 1..=FAILED_TRIES {
            assert_eq!(ask(&mut page, "a", Behaviour::Flaky), Reply::TryAgain);
            assert_eq!(page.new_tries().collect::<Vec<_>>(), [(&"k".to_owned(), tries)]);
        }
        assert_eq!(page.new_entries().count(), 0);
        assert_eq!(ask(&mut page, "a", Behaviour::Flaky), Reply::Answer(Ok(0), Manner::AtOnce));
    }

    #[test]
    fn who_is_told_late_or_never_is_told_at_once_when_asking_again() {
        for (behaviour, manner) in [(Behaviour::Late, Manner::Late), (Behaviour::Silent, Manner::Never)] {
            let mut page = Book::default();
            assert_eq!(ask(&mut page, "a", behaviour), Reply::Answer(Ok(0), manner));
            assert_eq!(ask(&mut page, "a", behaviour), Reply::Answer(Ok(0), Manner::AtOnce));
        }
    }
}
