//! What an optimistic transaction of a script does.

use std::sync::Arc;

use choreography_core::{
    routes::TableId,
    store::{Wanted, Writing},
};

use crate::{both::RESERVATIONS, call::Call, model::OnModel, script::Drawing};

impl Drawing {
    /// It changes no row that it has not read, and writes only what is plain.
    pub fn optimistically(&mut self, side: &OnModel, slot: usize) -> Option<Call> {
        if self.one_in(2) {
            let mut wanted = Wanted { queues: Vec::new(), ..self.wanted() };
            for rows in &mut wanted.rows {
                rows.keys.append(&mut rows.if_free);
                rows.keys.sort();
            }
            return Some(Call::Lock(Arc::new(wanted)));
        }
        let mut writing = Writing::default();
        for _ in 0..=self.chance.pick(3) {
            self.write(&mut writing);
        }
        let has_read = |table: TableId, key: &str| side.has_read(slot, table, key) == Some(true);
        for changes in &mut writing.tables {
            changes.updates.retain(|(key, _)| has_read(changes.table, key));
        }
        let inserted = |key: &String| writing.tables.iter().any(|of| of.inserts.iter().any(|(new, _)| new == key));
        writing.events.retain(|key, _| has_read(RESERVATIONS, key) || inserted(key));
        writing.is_plain().then(|| Call::WriteAtOnce(Arc::new(writing)))
    }
}
