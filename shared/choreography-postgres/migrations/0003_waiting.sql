-- What waits says more of itself: compensations overtake, ids that come too early wait for their time, deadlines keep
-- their error. Programs of before leave the new columns as they are, so each has a default.

ALTER TABLE held_events
    -- A compensation: it waits for no other event of its key but for compensations before it.
    ADD COLUMN overtakes boolean NOT NULL DEFAULT false,
    -- The time of its id had not come when it arrived, so it has no inbox row yet.
    ADD COLUMN early     boolean NOT NULL DEFAULT false;
CREATE INDEX held_events_overtaking ON held_events (key, number) WHERE overtakes;

ALTER TABLE deadlines
    ADD COLUMN attempts   int NOT NULL DEFAULT 0,
    ADD COLUMN last_error text,
    -- When it is tried again, after it was refused.
    ADD COLUMN not_before timestamptz;
CREATE INDEX deadlines_next ON deadlines (coalesce(not_before, due_at));

-- For the sweep of what was settled long ago.
CREATE INDEX discarded_at ON discarded (discarded_at);
