//! Which rows of a table the inputs of a batch touch.

use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
};

use crate::rows::Touch;

#[derive(Default)]
pub(super) struct Touched {
    touches: Vec<Touch>,
    /// Index of the input, and its part of the touches.
    parts: Vec<(usize, Range<usize>)>,
}

impl Touched {
    /// Where the next input names its rows.
    pub fn begin(&mut self) -> &mut Vec<Touch> {
        &mut self.touches
    }

    /// That was all of this input's.
    pub fn end(&mut self, index: usize) {
        let from = self.named();
        self.parts.push((index, from..self.touches.len()));
    }

    /// What was named since the last input counts for nothing.
    pub fn forget(&mut self) {
        self.touches.truncate(self.named());
    }

    fn named(&self) -> usize {
        self.parts.last().map_or(0, |(_, part)| part.end)
    }

    /// Keys to insert as they are, and keys to create and lock; each sorted and without repeats.
    pub fn split(&self) -> (BTreeSet<String>, Vec<String>) {
        let keys = |fresh| self.touches.iter().filter(move |touch| touch.fresh == fresh).map(|touch| touch.key.clone());
        let fresh: BTreeSet<String> = keys(true).collect();
        let shared: BTreeSet<String> = keys(false).filter(|key| !fresh.contains(key)).collect();
        (fresh, shared.into_iter().collect())
    }

    /// The inputs that touch one of these rows, and which.
    pub fn touching<'a>(&'a self, keys: &'a [String]) -> impl Iterator<Item = (usize, &'a str)> + 'a {
        let keys: HashSet<&str> = keys.iter().map(String::as_str).collect();
        self.parts.iter().filter_map(move |(index, part)| {
            let touched = self.touches[part.clone()].iter().find(|touch| keys.contains(touch.key.as_str()))?;
            Some((*index, touched.key.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_found_by_their_rows_and_what_a_panic_left_is_forgotten() {
        let mut touched = Touched::default();
        touched.begin().extend([Touch::shared("b"), Touch::shared("a")]);
        touched.end(0);
        touched.begin().push(Touch::shared("lost"));
        touched.forget();
        touched.begin().extend([Touch::shared("b"), Touch::fresh("new")]);
        touched.end(2);
        let (fresh, shared) = touched.split();
        assert_eq!((fresh, shared), (BTreeSet::from(["new".to_owned()]), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(touched.touching(&["a".into()]).collect::<Vec<_>>(), [(0, "a")]);
        assert_eq!(touched.touching(&["b".into()]).map(|(index, _)| index).collect::<Vec<_>>(), [0, 2]);
    }
}
