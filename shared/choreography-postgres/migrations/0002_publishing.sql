-- What Kafka refuses, and reads of the outbox that no key range can starve.

-- Each range is read from its own first unpublished row. Dead letters are a range of their own, behind those of the events.
CREATE INDEX outbox_waiting ON outbox (range, number) WHERE published_at IS NULL;
DROP INDEX outbox_unpublished;

-- Keys of a topic whose next message Kafka refuses for what it is. Its row and those behind it wait until an operator decides.
-- A message without a key stops nothing but itself.
CREATE TABLE stopped_keys (
    number     bigint      PRIMARY KEY,
    range      int         NOT NULL,
    topic      text        NOT NULL,
    key        bytea,
    error      text        NOT NULL,
    stopped_at timestamptz NOT NULL DEFAULT now()
);
-- A key may be longer than an entry of an index.
CREATE UNIQUE INDEX stopped_keys_of_key ON stopped_keys (topic, md5(key));

-- Messages that an operator decided never to publish, with the reason.
CREATE TABLE discarded_messages (
    number       bigint      PRIMARY KEY,
    topic        text        NOT NULL,
    key          bytea,
    payload      bytea,
    headers      text        NOT NULL,
    error        text        NOT NULL,
    stopped_at   timestamptz NOT NULL,
    reason       text        NOT NULL,
    discarded_at timestamptz NOT NULL DEFAULT now()
);
