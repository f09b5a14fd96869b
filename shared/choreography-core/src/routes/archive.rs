//! Which rows of finished sagas may leave the database, as a service declares it.

/// What `archive` may take away: rows of finished sagas, and old records.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// Which aggregates' rows; `None`: none of them.
    pub finished: Option<Finished>,
    /// Which records.
    pub records: Vec<AgingRecords>,
}

/// How to tell that an aggregate's row is finished, and how old it is.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The column of its state.
    pub state: &'static str,
    /// The states in which its saga is over.
    pub ends: Vec<&'static str>,
    /// A `timestamptz` column with the time of its last change. `None`: its key is a UUIDv7, and its age is the key's.
    pub changed_at: Option<&'static str>,
}

/// Records that age. They stay as long as the row of their aggregate does.
#[derive(Clone, Debug)]
pub struct AgingRecords {
    /// Their table, with an ascending `bigint` column `number`.
    pub table: &'static str,
    /// The column with their aggregate's key; records without one stay.
    pub aggregate: &'static str,
    /// A `timestamptz` column with their time.
    pub at: &'static str,
    /// A statement to run before records are deleted, in the same transaction; `$1` are their numbers (`bigint[]`).
    pub before_deletion: Option<&'static str>,
}

/// The ends of a service's sagas, to say more of them.
pub struct Ends<'a> {
    pub(super) finished: &'a mut Finished,
}

impl Ends<'_> {
    /// A `timestamptz` column of the aggregate's table has the time of its last change. Without it the age of a row is that of its
    /// key, a UUIDv7, and a row whose key is none stays for good.
    pub fn changed_at(self, column: &'static str) {
        self.finished.changed_at = Some(column);
    }
}

/// Records of a service, to say more of them. By themselves they stay for good.
pub struct Records<'a> {
    pub(super) table: &'static str,
    pub(super) archive: &'a mut Archive,
}

impl<'a> Records<'a> {
    /// They may be archived once the row of their aggregate is. `aggregate` is the column of its key, `at` that of the record's
    /// time. The table needs an ascending column `number`, as `GENERATED ALWAYS AS IDENTITY PRIMARY KEY` gives.
    pub fn archived(self, aggregate: &'static str, at: &'static str) -> Archived<'a> {
        let of_table = |records: &AgingRecords| records.table == self.table;
        let place = self.archive.records.iter().position(of_table).unwrap_or_else(|| {
            self.archive.records.push(AgingRecords { table: self.table, aggregate, at, before_deletion: None });
            self.archive.records.len() - 1
        });
        Archived { records: &mut self.archive.records[place] }
    }
}

/// Records that may be archived, to say more of them.
pub struct Archived<'a> {
    records: &'a mut AgingRecords,
}

impl Archived<'_> {
    /// Before records are deleted this statement runs in the same transaction, `$1` being their numbers (`bigint[]`): to keep their
    /// sums, for instance.
    pub fn after(self, statement: &'static str) {
        self.records.before_deletion = Some(statement);
    }
}
