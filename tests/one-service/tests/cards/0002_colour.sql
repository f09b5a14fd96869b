-- Older builds go on inserting rows without it.
ALTER TABLE cards ADD COLUMN colour text NOT NULL DEFAULT 'white';
