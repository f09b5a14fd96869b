//! How much of each kind of input goes into one transaction.

/// Takes at most `limit` of the inputs that wait, kind by kind. Each kind has an equal share; what one leaves over goes to the
/// others, the first one first.
pub(super) fn shares<const KINDS: usize>(limit: usize, waiting: [usize; KINDS]) -> [usize; KINDS] {
    let share = (limit / KINDS).max(1);
    let mut left = limit;
    let mut taken = waiting.map(|waiting| {
        let taken = waiting.min(share).min(left);
        left -= taken;
        taken
    });
    for (taken, waiting) in taken.iter_mut().zip(waiting) {
        let more = (waiting - *taken).min(left);
        *taken += more;
        left -= more;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_taken_whole() {
        assert_eq!(shares(100, [3, 0, 0, 97]), [3, 0, 0, 97]);
    }

    #[test]
    fn no_kind_keeps_another_from_its_share() {
        assert_eq!(shares(100, [1_000, 1_000, 1_000, 1_000]), [25, 25, 25, 25]);
        assert_eq!(shares(100, [1_000, 10, 0, 1_000]), [65, 10, 0, 25]);
        assert_eq!(shares(100, [5, 0, 0, 1_000]), [5, 0, 0, 95]);
    }

    #[test]
    fn a_small_limit_is_kept() {
        assert_eq!(shares(2, [9, 9, 9, 9]), [1, 1, 0, 0]);
        assert_eq!(shares(0, [9, 9, 9, 9]), [0, 0, 0, 0]);
    }
}
