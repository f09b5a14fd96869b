-- Daily partitions come and go without holding up traffic, and an inbox day that was dropped never comes back empty.

-- Since when the inbox knows every event that had its effect. An older id could be a repeat of one that was forgotten.
CREATE TABLE inbox_floor (
    complete_since timestamptz NOT NULL
);
CREATE UNIQUE INDEX inbox_floor_is_one ON inbox_floor ((true));

-- Whether days were dropped before this migration is not known: what stands is what is complete.
INSERT INTO inbox_floor
SELECT coalesce(min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC'), '-infinity')
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'inbox'::regclass;

-- As before, with two differences. A day is made beside its parent and then attached: that waits for nobody who reads
-- or writes, where CREATE TABLE … PARTITION OF locks the parent against all. And no inbox day before the floor is made.
CREATE OR REPLACE FUNCTION make_partitions(parent text, first date, last date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    day   date;
    name  text;
    floor date;
BEGIN
    IF parent NOT IN ('inbox', 'outbox') OR last - first > 4000 THEN
        RAISE EXCEPTION 'no partitions of % from % to %: only inbox and outbox have them, and at most 4000 at a time',
            parent, first, last;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_partitions'));
    IF parent = 'inbox' THEN
        SELECT (complete_since AT TIME ZONE 'UTC')::date INTO floor FROM inbox_floor WHERE isfinite(complete_since);
    END IF;
    FOR day IN SELECT generate_series(greatest(first, floor), last, interval '1 day')::date LOOP
        name := parent || '_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', name, parent);
        IF parent = 'inbox' THEN
            EXECUTE format('ALTER TABLE inbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                uuid7_floor(day::timestamp AT TIME ZONE 'UTC'), uuid7_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
        ELSE
            EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            -- Marking leaves dead rows at the front of the queue that every read passes.
            EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.0,
                autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0)', name);
        END IF;
    END LOOP;
END $$;

-- Drops the oldest day before a day, whole, with its owner's rights: call it until it answers 0. An outbox day that still
-- has something to publish stays. Whoever reads or writes waits for the drop, and it for them; so it gives up after a
-- tenth of a second (SQLSTATE 55P03) and is to be called again.
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
