-- Where an order goes, sealed under its customer's key. The column before it holds what older versions wrote in clear.
ALTER TABLE orders ADD COLUMN sealed_address text;

-- The customers' keys. A row stays when its key is erased: the next key has a higher generation.
CREATE TABLE owned_keys (
    subject          text        PRIMARY KEY,
    generation       bigint      NOT NULL CHECK (generation >= 0),
    key              bytea       CHECK (length(key) = 32),
    -- Wanted, and not done yet: the customer has open orders.
    erasure_asked_at timestamptz,
    erased_at        timestamptz,
    -- The generation that the topic has.
    published        bigint      NOT NULL DEFAULT 0,
    -- When an erasure is said once more, so that Kafka begins a new segment.
    again_at         timestamptz
);
CREATE INDEX owned_keys_unpublished ON owned_keys (subject) WHERE published <> generation;
CREATE INDEX owned_keys_again ON owned_keys (subject) WHERE again_at IS NOT NULL;
CREATE INDEX owned_keys_asked ON owned_keys (subject) WHERE erasure_asked_at IS NOT NULL;

-- How far their topic was read.
CREATE TABLE key_offsets (
    topic     text    NOT NULL,
    partition integer NOT NULL,
    next      bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);
