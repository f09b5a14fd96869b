//! POSTs before a disturbance, during it and after it.

use crate::clock::Micros;
use crate::latency::Latencies;
use crate::ledger::Post;

/// When the system was disturbed: from the first moment to before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub begin: Micros,
    pub end: Micros,
}

impl Window {
    /// POSTs that were due before it, in it, and after it.
    pub fn cut(self, posts: &[Post]) -> [Latencies; 3] {
        let mut parts = [(); 3].map(|()| Latencies::default());
        let [before, meanwhile, after] = &mut parts;
        for post in posts {
            let part = match post.due {
                due if due < self.begin => &mut *before,
                due if due < self.end => &mut *meanwhile,
                _ => &mut *after,
            };
            part.record(post.took);
        }
        parts
    }

    pub fn seconds(self) -> f64 {
        self.end.saturating_sub(self.begin) as f64 / 1e6
    }
}

/// What a disturbance has shown.
#[derive(Debug)]
pub struct Disturbed {
    pub what: String,
    pub window: Window,
    /// POSTs on the same system before all of the load, where it was disturbed from the first order on.
    pub before: Option<Latencies>,
    /// What else was seen.
    pub notes: Vec<String>,
}

impl Disturbed {
    /// POSTs before it, during it, and after it.
    pub fn posts(&self, posts: &[Post]) -> [Latencies; 3] {
        let [before, meanwhile, after] = self.window.cut(posts);
        [self.before.clone().unwrap_or(before), meanwhile, after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_belongs_where_it_was_due_however_late_its_answer_came() {
        let post = |due, took| Post { due, took };
        let window = Window { begin: 1_000_000, end: 3_000_000 };
        let posts = [
            post(999_999, 20_000),
            post(1_000_000, 2_000),
            post(2_999_999, 9_000),
            post(3_000_000, 4_000),
            post(9_000_000, 5_000),
        ];
        let counts = window.cut(&posts).map(|part| (part.count(), part.max().round()));
        assert_eq!(counts, [(1, 20.0), (2, 9.0), (2, 5.0)]);
        assert!((window.seconds() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_seen_before_the_load_stands_for_before() {
        let mut earlier = Latencies::default();
        (0..7).for_each(|_| earlier.record(1_000));
        let window = Window { begin: 0, end: 10 };
        let disturbed = Disturbed { what: String::new(), window, before: Some(earlier), notes: vec![] };
        let counts = disturbed.posts(&[Post { due: 5, took: 1 }]).map(|part| part.count());
        assert_eq!(counts, [7, 1, 0]);
    }
}
