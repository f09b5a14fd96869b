-- The customers' keys as they came from their topic. A row stays when its key is erased: what was sealed under it never opens again.
CREATE TABLE held_keys (
    subject    text   PRIMARY KEY,
    generation bigint NOT NULL CHECK (generation >= 0),
    key        bytea  CHECK (length(key) = 32)
);

-- How far that topic was read.
CREATE TABLE key_offsets (
    topic     text    NOT NULL,
    partition integer NOT NULL,
    next      bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);
