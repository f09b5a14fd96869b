-- The payment of each order. A row outlives the events' horizon: tombstones must still be found.
CREATE TABLE payments (
    order_id  text PRIMARY KEY,
    state     text NOT NULL CHECK (state IN ('none', 'capturing', 'capturing_undo', 'succeeded', 'failed', 'refunding',
                                             'refunded', 'voided')),
    details   jsonb,
    charge_id text
);

-- What was captured and given back, as the provider confirmed it.
CREATE TABLE payment_ledger (
    number      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    text        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('captured', 'refunded')),
    amount      bigint      NOT NULL CHECK (amount > 0),
    currency    text        NOT NULL,
    provider_id text        NOT NULL,
    at          timestamptz NOT NULL,
    UNIQUE (order_id, kind)
);
