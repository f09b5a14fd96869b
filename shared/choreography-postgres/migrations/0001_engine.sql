-- The engine's tables. Each service has them in its own database.

-- The first UUIDv7 of a moment: event ids sort by their time, so id ranges are time ranges.
CREATE FUNCTION uuid7_floor(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- One row for each event that had its effect. Partitioned by the id's own time: days are dropped whole.
-- No default partition: an event outside of the days must fail, not hide.
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (consumer, event_id)
) PARTITION BY RANGE (event_id);

-- Messages to publish, in the order of their numbers within an aggregate.
CREATE SEQUENCE outbox_number CACHE 1;
CREATE TABLE outbox (
    number       bigint      NOT NULL DEFAULT nextval('outbox_number'),
    range        int         NOT NULL,
    topic        text        NOT NULL,
    key          bytea,
    payload      bytea,
    headers      text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
) PARTITION BY RANGE (created_at);
CREATE INDEX outbox_unpublished ON outbox (number) WHERE published_at IS NULL;

-- Who publishes which key range. The epoch rises whenever a range changes hands.
CREATE TABLE relay_leases (
    range      int         PRIMARY KEY,
    holder     uuid,
    epoch      bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
);

-- The relays that live, so that each takes its fair share of the ranges.
CREATE TABLE relays (
    holder     uuid        PRIMARY KEY,
    seen_until timestamptz NOT NULL
);

CREATE TABLE deadlines (
    id             uuid        PRIMARY KEY,
    aggregate_id   text        NOT NULL,
    name           text        NOT NULL,
    due_at         timestamptz NOT NULL,
    correlation_id text        NOT NULL,
    traceparent    text,
    tracestate     text,
    UNIQUE (aggregate_id, name)
);
CREATE INDEX deadlines_due ON deadlines (due_at);

-- Outside calls without an answer. Nobody else takes one up before not_before.
CREATE TABLE intents (
    id             uuid        PRIMARY KEY,
    aggregate_id   text        NOT NULL,
    step           text        NOT NULL,
    request        text        NOT NULL,
    correlation_id text        NOT NULL,
    causation_id   uuid,
    traceparent    text,
    tracestate     text,
    attempts       int         NOT NULL,
    intended_at    timestamptz NOT NULL,
    not_before     timestamptz NOT NULL,
    last_error     text,
    UNIQUE (aggregate_id, step)
);
CREATE INDEX intents_open ON intents (not_before);

-- Events that wait: for another try, behind another of their key, or for somebody's decision.
CREATE TABLE held_events (
    number          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text        NOT NULL,
    event_id        uuid        NOT NULL UNIQUE,
    event_type      text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('retrying', 'queued', 'parked')),
    topic           text        NOT NULL,
    partition       int         NOT NULL,
    "offset"        bigint      NOT NULL,
    message_key     bytea,
    payload         bytea,
    headers         text        NOT NULL,
    attempts        int         NOT NULL,
    error_class     text,
    error_message   text,
    first_failed_at timestamptz,
    last_failed_at  timestamptz,
    due_at          timestamptz NOT NULL,
    held_at         timestamptz NOT NULL
);
CREATE INDEX held_events_queue ON held_events (key, number);

-- Messages that can never be handled as they are. The digest tells them from those of a topic that was made anew.
CREATE TABLE dead_messages (
    number         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic          text        NOT NULL,
    partition      int         NOT NULL,
    "offset"       bigint      NOT NULL,
    digest         text        NOT NULL,
    message_key    bytea,
    payload        bytea,
    headers        text        NOT NULL,
    error_class    text        NOT NULL,
    error_message  text        NOT NULL,
    dead_at        timestamptz NOT NULL,
    UNIQUE (topic, partition, "offset", digest)
);

-- What somebody decided to give up, with the reason.
CREATE TABLE discarded (
    kind          text        NOT NULL CHECK (kind IN ('event', 'message')),
    number        bigint      NOT NULL,
    event_id      uuid,
    event_type    text,
    topic         text        NOT NULL,
    partition     int         NOT NULL,
    "offset"      bigint      NOT NULL,
    message_key   bytea,
    payload       bytea,
    headers       text        NOT NULL,
    error_class   text,
    error_message text,
    reason        text        NOT NULL,
    discarded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, number)
);

-- Processes that were started and did not say that they ended. Whoever finds its own row here crashed.
CREATE TABLE runs (
    instance   text        PRIMARY KEY,
    started_at timestamptz NOT NULL
);

-- After a crash: messages whose handling was begun, until it ended. One that is begun again and again ends the process.
CREATE TABLE begun_messages (
    topic     text        NOT NULL,
    partition int         NOT NULL,
    "offset"  bigint      NOT NULL,
    times     int         NOT NULL,
    begun_at  timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);

-- Makes the daily partitions between two days (both included). Safe to call again, and from several replicas at once.
-- It runs with its owner's rights, so that a service needs none to make tables.
CREATE FUNCTION make_partitions(parent text, first date, last date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    day  date;
    name text;
BEGIN
    IF parent NOT IN ('inbox', 'outbox') OR last - first > 4000 THEN
        RAISE EXCEPTION 'no partitions of % from % to %: only inbox and outbox have them, and at most 4000 at a time',
            parent, first, last;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_partitions'));
    FOR day IN SELECT generate_series(first, last, interval '1 day')::date LOOP
        name := parent || '_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        IF parent = 'inbox' THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF inbox FOR VALUES FROM (%L) TO (%L)', name,
                uuid7_floor(day::timestamp AT TIME ZONE 'UTC'), uuid7_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
        ELSE
            EXECUTE format('CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)', name,
                day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            -- Marking leaves dead rows at the front of the queue that every read passes.
            EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.0,
                autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0)', name);
        END IF;
    END LOOP;
END $$;

-- Drops daily partitions before a day, whole, with its owner's rights. An outbox day that still has something to
-- publish stays.
CREATE FUNCTION drop_partitions(parent text, before date) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name    text;
    waiting boolean;
    dropped int := 0;
BEGIN
    IF parent NOT IN ('inbox', 'outbox') OR before > current_date THEN
        RAISE EXCEPTION 'partitions of % before % are not to be dropped: only inbox and outbox, and only days gone by',
            parent, before;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_partitions'));
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(parent) AND right(c.relname, 8) < to_char(before, 'YYYYMMDD')
    LOOP
        IF parent = 'outbox' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', name) INTO waiting;
            CONTINUE WHEN waiting;
        END IF;
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- What the service's own role may do: read and write rows. It makes, changes and drops no table, touches no day's
-- partition but through its parent, and only reads what the migrations write of themselves.
CREATE PROCEDURE grant_to_service(service name)
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
