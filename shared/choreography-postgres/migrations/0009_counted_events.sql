-- Each event carries its aggregate's own number, counted without gaps in the aggregate's row: so a relay knows of an event that it was
-- handed past this table whether it has the one before.
ALTER TABLE outbox ADD COLUMN nth bigint;
COMMENT ON COLUMN outbox.nth IS 'the how manyth event of its aggregate it is; null: nobody knows';

-- The count stands in the row of the aggregate, events_published. Whoever changes such a row and does not count, as a replica of an
-- older version, leaves it unknown: then the table is read, as it always was.
CREATE FUNCTION forget_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.events_published := NULL;
    RETURN NEW;
END $$;
