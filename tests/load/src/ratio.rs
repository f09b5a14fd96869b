//! Ratios of what was measured side by side.

/// What one pair of runs showed of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub other: f64,
    pub this: f64,
}

impl Pair {
    /// This to the other; `None` where the other is 0.
    pub fn ratio(self) -> Option<f64> {
        (self.other != 0.0).then(|| self.this / self.other)
    }
}

/// The ratio in the middle: of an even number the mean of the two there. `None` if there are none.
pub fn median(pairs: &[Pair]) -> Option<f64> {
    let mut ratios: Vec<f64> = pairs.iter().filter_map(|pair| pair.ratio()).collect();
    ratios.sort_by(f64::total_cmp);
    let upper = *ratios.get(ratios.len() / 2)?;
    let lower = *ratios.get(ratios.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_ratios_not_the_ratio_of_medians() {
        let pairs = [(10.0, 20.0), (100.0, 50.0), (1.0, 1.0)].map(|(other, this)| Pair { other, this });
        assert_eq!(median(&pairs), Some(1.0));
        assert_eq!(median(&pairs[..2]), Some(1.25));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn there_is_no_ratio_to_nothing() {
        assert_eq!(median(&[Pair { other: 0.0, this: 3.0 }, Pair { other: 2.0, this: 1.0 }]), Some(0.5));
    }
}
