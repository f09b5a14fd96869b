-- Back to the version whose last migration is 0006, which marks the rows of the outbox: says what is published in its way, gives its
-- relays their ranges back, and takes 0007 to 0011 away, so that they come again with a newer version.
-- As the owner of the tables, in one transaction, once no replica of this version runs, and before one of the other starts.
BEGIN;
UPDATE outbox o SET published_at = now() FROM outbox_ranges r
WHERE o.range = r.range AND o.published_at IS NULL
  AND NOT EXISTS (SELECT FROM outbox_left_behind l WHERE l.number = o.number)
  AND (o.number <= r.published_through
       OR EXISTS (SELECT FROM outbox_blocks b WHERE b.range = o.range AND o.number = ANY(b.numbers)));
UPDATE relay_leases SET holder = NULL, expires_at = '-infinity';
COMMENT ON TABLE relay_leases IS NULL;
COMMENT ON COLUMN outbox.published_at IS NULL;
DROP TABLE outbox_ranges, outbox_blocks, outbox_left_behind;

-- As in 0004.
CREATE OR REPLACE FUNCTION drop_partitions(parent text, before date) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    name    text;
    waiting boolean;
BEGIN
    IF parent NOT IN ('inbox', 'outbox') OR before > current_date THEN
        RAISE EXCEPTION 'partitions of % before % are not to be dropped: only inbox and outbox, and only days gone by',
            parent, before;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_partitions'));
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(parent) AND right(c.relname, 8) < to_char(before, 'YYYYMMDD')
        ORDER BY c.relname
    LOOP
        IF parent = 'outbox' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', name) INTO waiting;
            CONTINUE WHEN waiting;
        ELSE
            UPDATE inbox_floor
            SET complete_since = greatest(complete_since, (to_date(right(name, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC');
        END IF;
        EXECUTE format('DROP TABLE %I', name);
        RETURN 1;
    END LOOP;
    RETURN 0;
END $$;

DO $$
DECLARE
    aggregates regclass;
BEGIN
    FOR aggregates IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'forget_events' LOOP
        EXECUTE format('DROP TRIGGER forget_events ON %s', aggregates);
        EXECUTE format('ALTER TABLE %s DROP COLUMN events_published', aggregates);
    END LOOP;
END $$;
DROP FUNCTION forget_events;
ALTER TABLE outbox DROP COLUMN nth, DROP COLUMN IF EXISTS implied;
ALTER TABLE discarded_messages DROP COLUMN IF EXISTS implied;

-- As in 0001.
CREATE OR REPLACE PROCEDURE grant_to_service(service name)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    name regclass;
BEGIN
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', service);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_partitions, drop_partitions, uuid7_floor TO %I', service);
    FOR name IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE %s TO %I', name, service);
        CONTINUE WHEN name::text LIKE '%\_migrations';
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON TABLE %s TO %I', name, service);
    END LOOP;
END $$;
DROP FUNCTION IF EXISTS deferred_by_now, settle_deadlines, refuse_to_commit;

DROP INDEX held_events_due;
DELETE FROM _engine_migrations WHERE version IN (7, 8, 9, 10, 11);
COMMIT;
