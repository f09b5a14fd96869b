-- The outbox is append-only: its rows are written once, never changed, and go with their day. What is published is written down
-- here, apart from them.

-- How far each key range is published, and who publishes it. The epoch rises whenever a range changes hands, or its holder finds
-- another server (told by its start).
CREATE TABLE outbox_ranges (
    range             int         PRIMARY KEY,
    holder            uuid,
    epoch             bigint      NOT NULL DEFAULT 0,
    server            timestamptz NOT NULL DEFAULT '-infinity',
    expires_at        timestamptz NOT NULL DEFAULT '-infinity',
    -- All rows of the range up to this number are published or left behind.
    published_through bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO outbox_ranges (range, epoch) SELECT range, epoch + 1 FROM relay_leases;

-- Numbers beyond that which are published, in blocks: one for each range of a step of its relay. A block goes once the range is
-- published through its last number.
CREATE TABLE outbox_blocks (
    range   int      NOT NULL,
    epoch   bigint   NOT NULL,
    numbers bigint[] NOT NULL,
    last    bigint   NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_blocks_of_range ON outbox_blocks (range, last);

-- Rows that have to wait while others of their range go on: of a stopped key, of a topic that takes nothing, or behind such a row of
-- their key.
CREATE TABLE outbox_left_behind (
    number bigint PRIMARY KEY,
    range  int    NOT NULL,
    topic  text   NOT NULL,
    key    bytea
);
CREATE INDEX outbox_left_behind_of_range ON outbox_left_behind (range, number);
-- A key may be longer than an entry of an index.
CREATE INDEX outbox_left_behind_of_key ON outbox_left_behind (topic, md5(key));
INSERT INTO outbox_left_behind SELECT number, range, topic, key FROM stopped_keys;

-- Replicas of the version before mark rows and look for unmarked ones. From here on they publish nothing: all their leases are
-- held by nobody, for ever. What they write, the replicas of this version publish.
UPDATE relay_leases SET holder = '00000000-0000-0000-0000-000000000000', epoch = epoch + 1, expires_at = 'infinity';
COMMENT ON TABLE relay_leases IS 'not used any more; replaced by outbox_ranges';
COMMENT ON COLUMN outbox.published_at IS 'set by versions before alone: a row without it is published as outbox_ranges says';

-- As before; whether an outbox day still has something to publish is known by its ranges now.
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
            EXECUTE format(
                'SELECT EXISTS (SELECT FROM outbox_ranges r CROSS JOIN LATERAL (
                     SELECT FROM %1$I o WHERE o.published_at IS NULL AND o.range = r.range AND o.number > r.published_through
                     LIMIT 1) AS waiting)
                 OR EXISTS (SELECT FROM outbox_left_behind l JOIN %1$I o
                            ON o.range = l.range AND o.number = l.number AND o.published_at IS NULL)', name) INTO waiting;
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
