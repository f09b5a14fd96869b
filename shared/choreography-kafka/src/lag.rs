//! How far a group is behind on a partition that it reads.

use rdkafka::statistics::Partition;

/// Messages of the partition that the group has not committed; none while librdkafka does not know the partition's end.
///
/// librdkafka itself tells a lag only once something was committed. A group that is stuck at its very first message would
/// look as if it had none, so until then the first offset that the broker still has is taken for its position: that is
/// where a new group starts.
pub fn lag(figures: &Partition) -> Option<i64> {
    if figures.consumer_lag >= 0 {
        return Some(figures.consumer_lag);
    }
    let nothing_committed = figures.committed_offset < 0;
    let known = figures.lo_offset >= 0 && figures.ls_offset >= figures.lo_offset;
    (nothing_committed && known).then_some(figures.ls_offset - figures.lo_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: i64 = -1001;

    fn figures(consumer_lag: i64, committed_offset: i64, lo_offset: i64, ls_offset: i64) -> Partition {
        Partition { consumer_lag, committed_offset, lo_offset, ls_offset, ..Partition::default() }
    }

    #[test]
    fn a_lag_that_librdkafka_tells_is_taken() {
        assert_eq!(lag(&figures(7, 93, 50, 100)), Some(7));
    }

    #[test]
    fn a_group_that_committed_nothing_is_behind_by_all_that_is_there() {
        assert_eq!(lag(&figures(-1, UNKNOWN, 50, 100)), Some(50));
        assert_eq!(lag(&figures(-1, UNKNOWN, 0, 0)), Some(0));
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        assert_eq!(lag(&figures(-1, UNKNOWN, UNKNOWN, UNKNOWN)), None);
        assert_eq!(lag(&figures(-1, UNKNOWN, 0, UNKNOWN)), None);
        // Committed past the end: the topic was made anew.
        assert_eq!(lag(&figures(-1, 200, 0, 100)), None);
    }
}
