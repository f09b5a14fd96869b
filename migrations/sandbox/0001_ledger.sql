-- What the outside world did, by key. Rows are never deleted: a key lives as long as the ledger.

CREATE TABLE charge (
    key            text PRIMARY KEY,
    -- Null in a charge that was cancelled by its key before it came.
    order_id       text,
    amount         bigint CHECK (amount > 0),
    currency       text,
    payment_method text,
    status         text NOT NULL CHECK (status IN ('succeeded', 'declined', 'cancelled')),
    charge_id      text UNIQUE,
    reason         text,
    refunded       bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (status = 'cancelled' OR (order_id IS NOT NULL AND amount IS NOT NULL AND currency IS NOT NULL)),
    CHECK ((status = 'succeeded') = (charge_id IS NOT NULL)),
    CHECK ((status = 'declined') = (reason IS NOT NULL)),
    CHECK (refunded = 0 OR (status = 'succeeded' AND refunded BETWEEN 0 AND amount))
);
CREATE INDEX charge_of_order ON charge (order_id);

CREATE TABLE refund (
    key        text PRIMARY KEY,
    order_id   text NOT NULL,
    charge_id  text NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   text NOT NULL,
    status     text NOT NULL CHECK (status IN ('succeeded', 'declined')),
    refund_id  text UNIQUE,
    reason     text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'succeeded') = (refund_id IS NOT NULL)),
    CHECK ((status = 'declined') = (reason IS NOT NULL))
);
CREATE INDEX refund_of_order ON refund (order_id);

CREATE TABLE shipment (
    key             text PRIMARY KEY,
    order_id        text NOT NULL,
    -- json, not jsonb: what was asked for is kept as it came, and jsonb refuses some strings.
    items           json NOT NULL,
    address         json,
    status          text NOT NULL CHECK (status IN ('accepted', 'refused')),
    tracking_number text UNIQUE,
    reason          text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'accepted') = (tracking_number IS NOT NULL)),
    CHECK ((status = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX shipment_of_order ON shipment (order_id);

-- Tries that were answered by 503 on purpose; a restart does not forgive them.
CREATE TABLE failed_try (
    operation text NOT NULL CHECK (operation IN ('charge', 'refund', 'shipment')),
    key       text NOT NULL,
    tries     integer NOT NULL CHECK (tries > 0),
    PRIMARY KEY (operation, key)
);
