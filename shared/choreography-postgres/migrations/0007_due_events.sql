-- What is due is found without a look at what is parked, however much that is.
CREATE INDEX held_events_due ON held_events (due_at, number) WHERE status <> 'parked';
