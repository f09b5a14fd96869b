//! The reports of one batch, as librdkafka's thread gives them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use choreography_core::{broker::PublishError, progress::beat};

type Report = Result<(), PublishError>;

struct Reports {
    all: Vec<Option<Report>>,
    open: usize,
    failed: bool,
}

pub(super) struct Batch {
    reports: Mutex<Reports>,
    complete: Notify,
}

impl Batch {
    pub fn new(len: usize) -> Arc<Self> {
        let reports = Reports { all: vec![None; len], open: len, failed: false };
        Arc::new(Self { reports: Mutex::new(reports), complete: Notify::new() })
    }

    /// The broker's, or the client's in its place, of a message that was handed over.
    pub fn report(&self, index: usize, result: Report) {
        let failed = result.is_err();
        self.keep(index, result, failed);
    }

    /// What became of a row that was not handed over.
    pub fn settle(&self, index: usize, result: Report) {
        self.keep(index, result, false);
    }

    /// The first that is said of a row counts.
    fn keep(&self, index: usize, result: Report, failed: bool) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = reports.all.get_mut(index).filter(|report| report.is_none()) else { return };
        *place = Some(result);
        reports.failed |= failed;
        reports.open -= 1;
        if reports.open == 0 {
            self.complete.notify_one();
        }
    }

    /// Rows without a report failed.
    pub fn fail(&self, why: &str) {
        let open: Vec<usize> = {
            let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            (0..reports.all.len()).filter(|index| reports.all[*index].is_none()).collect()
        };
        open.into_iter().for_each(|index| self.report(index, Err(PublishError::Transient(why.to_owned()))));
    }

    /// How many rows have no report yet.
    pub fn open(&self) -> usize {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).open
    }

    /// Whether a delivery failed.
    pub fn has_failed(&self) -> bool {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).failed
    }

    /// Waits until every row has its report. `false`: for as long as `patience` nothing was reported.
    pub async fn wait(&self, patience: Duration) -> bool {
        let mut open = self.open();
        while open > 0 {
            if tokio::time::timeout(patience, self.complete.notified()).await.is_ok() {
                return true;
            }
            let now_open = self.open();
            if now_open == open {
                return false;
            }
            open = now_open;
            beat();
        }
        true
    }

    /// All reports; rows without one failed for `why`.
    pub fn take(&self, why: &str) -> Vec<Report> {
        let all = std::mem::take(&mut self.reports.lock().unwrap_or_else(PoisonError::into_inner).all);
        all.into_iter().map(|report| report.unwrap_or_else(|| Err(PublishError::Transient(why.to_owned())))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_batch_without_progress_is_given_up_and_its_open_rows_fail() {
        let batch = Batch::new(2);
        batch.report(0, Ok(()));
        assert!(!batch.wait(PATIENCE).await, "the second is never reported");
        batch.fail("no report");
        assert!(batch.wait(PATIENCE).await && batch.has_failed());
        assert_eq!(batch.take(""), [Ok(()), Err(PublishError::Transient("no report".into()))]);
    }

    #[tokio::test]
    async fn what_was_never_handed_over_is_no_failed_delivery() {
        let batch = Batch::new(1);
        batch.settle(0, Err(PublishError::Refused("too large".into())));
        assert!(batch.wait(PATIENCE).await && !batch.has_failed());
    }

    #[tokio::test]
    async fn a_second_report_of_a_row_changes_nothing() {
        let batch = Batch::new(1);
        batch.report(0, Ok(()));
        batch.report(0, Err(PublishError::Transient("late".into())));
        assert!(batch.wait(Duration::from_secs(1)).await && !batch.has_failed());
    }
}
