use std::{collections::BTreeMap, time::Duration};

use crate::customers::End;

/// Prints how many ended how, and how long it took. Did all end?
pub fn print(ends: &[End], took: Duration) -> bool {
    let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
    for end in ends {
        *by_status.entry(end.status.as_deref().unwrap_or("not ended")).or_default() += 1;
    }
    let mut times: Vec<Duration> = ends.iter().map(|end| end.took).collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    for (status, count) in &by_status {
        println!("{count:>8} {status}");
    }
    let rate = ends.len() as f64 / took.as_secs_f64().max(0.001);
    println!("in {took:.1?}: {rate:.1} a second; half within {:.1?}, 99 of 100 within {:.1?}", at(50), at(99));
    by_status.keys().all(|status| *status != "not ended")
}
