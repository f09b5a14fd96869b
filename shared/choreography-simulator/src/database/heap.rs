//! A table at READ COMMITTED: what is committed, what an open transaction made of it, and which one locks it.

use std::collections::BTreeSet;

/// Tells transactions apart.
pub type TxId = u64;
/// A row's identity: it outlives updates, and a transaction that waits for the row finds it again by this.
pub type Place = u64;

struct Row<V> {
    place: Place,
    committed: Option<V>,
    /// How often a change of it was committed.
    version: u64,
    /// What the holder made of it, newest last; `None` is a deletion. Until it ends, an index still finds all of them.
    written: Vec<Option<V>>,
    holder: Option<TxId>,
}

impl<V> Row<V> {
    fn seen_by(&self, tx: TxId) -> Option<&V> {
        match self.written.last() {
            Some(mine) if self.holder == Some(tx) => mine.as_ref(),
            _ => self.committed.as_ref(),
        }
    }
}

/// What a new row meets under its unique key.
pub enum Conflict {
    Free,
    With(Place),
    /// Another transaction is inserting, changing or deleting the row of that key, and may roll back.
    Undecided(TxId),
}

/// Rows in the order in which they were inserted.
pub struct Heap<V> {
    rows: Vec<Row<V>>,
    next: Place,
    /// What statements that are under way see: nothing that came into being since they began.
    frozen: Vec<(TxId, BTreeSet<Place>)>,
}

impl<V> Default for Heap<V> {
    fn default() -> Self {
        Self { rows: Vec::new(), next: 0, frozen: Vec::new() }
    }
}

impl<V: Clone> Heap<V> {
    pub fn committed(&self) -> impl Iterator<Item = &V> {
        self.rows.iter().filter_map(|row| row.committed.as_ref())
    }

    /// A statement's snapshot: what is committed now, and what the transaction itself wrote.
    pub fn snapshot<'a>(&'a self, tx: TxId) -> impl Iterator<Item = (Place, &'a V)> + 'a {
        let frozen = self.frozen.iter().find(|(of, _)| *of == tx).map(|(_, places)| places);
        let is_seen = move |row: &&Row<V>| frozen.is_none_or(|places| places.contains(&row.place));
        self.rows.iter().filter(is_seen).filter_map(move |row| row.seen_by(tx).map(|value| (row.place, value)))
    }

    /// The committed row at a place.
    pub fn at(&self, place: Place) -> Option<&V> {
        self.rows.iter().find(|row| row.place == place).and_then(|row| row.committed.as_ref())
    }

    /// The version of the committed row at a place, if it is there.
    pub fn version(&self, place: Place) -> Option<u64> {
        let row = self.rows.iter().find(|row| row.place == place)?;
        row.committed.as_ref().map(|_| row.version)
    }

    /// Puts a row in as if it had been committed long ago.
    pub fn put(&mut self, value: V) {
        let place = self.insert(0, value);
        if let Some(row) = self.find(place) {
            row.committed = row.written.pop().flatten();
            row.holder = None;
        }
    }

    pub fn insert(&mut self, tx: TxId, value: V) -> Place {
        self.next += 1;
        self.rows.push(Row {
            place: self.next,
            committed: None,
            version: 0,
            written: vec![Some(value)],
            holder: Some(tx),
        });
        self.next
    }

    /// Locks a row and reads its newest version; `None` if it is gone. `Err` is the transaction that has to end first.
    pub fn lock(&mut self, tx: TxId, place: Place) -> Result<Option<V>, TxId> {
        let Some(row) = self.find(place) else { return Ok(None) };
        match row.holder {
            Some(other) if other != tx => Err(other),
            _ => {
                let newest = row.seen_by(tx).cloned();
                if newest.is_some() {
                    row.holder = Some(tx);
                }
                Ok(newest)
            }
        }
    }

    /// Changes (or with `None` deletes) a row that `tx` has locked.
    pub fn write(&mut self, place: Place, value: Option<V>) {
        if let Some(row) = self.find(place) {
            row.written.push(value);
        }
    }

    /// Looks for the row of a unique key as an index does: it sees what others have not committed yet. A mere lock is
    /// nothing to wait for; a change or a deletion is.
    pub fn conflict(&self, tx: TxId, except: Option<Place>, same: impl Fn(&V) -> bool) -> Conflict {
        for row in self.rows.iter().filter(|row| Some(row.place) != except) {
            match row.holder {
                Some(other)
                    if other != tx
                        && !row.written.is_empty()
                        && row.written.iter().chain([&row.committed]).flatten().any(&same) =>
                {
                    return Conflict::Undecided(other);
                }
                _ if row.seen_by(tx).is_some_and(&same) => return Conflict::With(row.place),
                _ => {}
            }
        }
        Conflict::Free
    }

    /// What the transaction made of its rows: each as it was, and as it will be; `None` where there is none.
    pub fn changes(&self, tx: TxId) -> impl Iterator<Item = (Option<&V>, Option<&V>)> {
        self.rows
            .iter()
            .filter(move |row| row.holder == Some(tx))
            .filter_map(|row| row.written.last().map(|newest| (row.committed.as_ref(), newest.as_ref())))
    }

    /// Rows that the transaction has locked.
    pub fn held_by(&self, tx: TxId) -> impl Iterator<Item = Place> {
        self.rows.iter().filter(move |row| row.holder == Some(tx)).map(|row| row.place)
    }

    fn find(&mut self, place: Place) -> Option<&mut Row<V>> {
        let index = self.rows.binary_search_by_key(&place, |row| row.place).ok()?;
        self.rows.get_mut(index)
    }
}

/// Ends a transaction's part in a table.
pub trait Ends {
    fn end(&mut self, tx: TxId, commits: bool);
    /// A statement begins: until it is over it sees what is there now.
    fn freeze(&mut self, tx: TxId);
    /// It is over.
    fn thaw(&mut self, tx: TxId);
}

impl<V: Clone> Ends for Heap<V> {
    fn freeze(&mut self, tx: TxId) {
        let places = self.snapshot(tx).map(|(place, _)| place).collect();
        self.frozen.push((tx, places));
    }

    fn thaw(&mut self, tx: TxId) {
        self.frozen.retain(|(of, _)| *of != tx);
    }

    fn end(&mut self, tx: TxId, commits: bool) {
        self.thaw(tx);
        let mut gone = false;
        for row in self.rows.iter_mut().filter(|row| row.holder == Some(tx)) {
            row.holder = None;
            if let Some(newest) = row.written.drain(..).next_back().filter(|_| commits) {
                row.committed = newest;
                row.version += 1;
            }
            gone |= row.committed.is_none();
        }
        if gone {
            self.rows.retain(|row| row.committed.is_some() || !row.written.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_committed_is_seen_by_its_writer_and_by_unique_keys_only() {
        let mut heap = Heap::default();
        heap.insert(1, "a");
        assert_eq!((heap.snapshot(1).count(), heap.snapshot(2).count()), (1, 0));
        assert!(matches!(heap.conflict(2, None, |value| *value == "a"), Conflict::Undecided(1)));
        heap.end(1, false);
        assert!(matches!(heap.conflict(2, None, |value| *value == "a"), Conflict::Free));
    }

    #[test]
    fn what_comes_into_being_during_a_statement_is_none_of_its_rows_but_in_its_way() {
        let mut heap = Heap::default();
        heap.put("old");
        heap.freeze(1);
        heap.put("new");
        assert_eq!(heap.snapshot(1).map(|(_, value)| *value).collect::<Vec<_>>(), ["old"]);
        assert!(matches!(heap.conflict(1, None, |value| *value == "new"), Conflict::With(_)));
        heap.thaw(1);
        assert_eq!(heap.snapshot(1).count(), 2);
    }

    #[test]
    fn who_waited_for_a_row_finds_its_newest_version() {
        let mut heap = Heap::default();
        heap.put("old");
        let place = heap.snapshot(2).next().map(|(place, _)| place).unwrap();
        heap.lock(1, place).unwrap();
        assert!(matches!(heap.conflict(2, None, |value| *value == "old"), Conflict::With(_)), "a lock is no change");
        heap.write(place, Some("new"));
        assert_eq!(heap.lock(2, place), Err(1));
        heap.end(1, true);
        assert_eq!(heap.lock(2, place), Ok(Some("new")));
    }
}
