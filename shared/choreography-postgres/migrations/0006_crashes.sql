-- Which messages a run had under way when it crashed. A note counts once its run is known to have crashed, that is at the next
-- start of its instance: what a live replica leaves in the middle, as when a partition moves on, ended no process.
ALTER TABLE runs ADD COLUMN run uuid;

CREATE TABLE messages_under_way (
    topic     text        NOT NULL,
    partition int         NOT NULL,
    "offset"  bigint      NOT NULL,
    run       uuid        NOT NULL,
    -- How far the run came: 0 begun, 1 decoded, 2 setting it aside.
    stage     smallint    NOT NULL,
    crashed   boolean     NOT NULL DEFAULT false,
    begun_at  timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset", run)
);
CREATE INDEX messages_under_way_of_run ON messages_under_way (run);

-- Replicas of the version before still write to it.
COMMENT ON TABLE begun_messages IS 'not used any more; replaced by messages_under_way';
