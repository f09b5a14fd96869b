-- What was asked under which idempotency key; kept for the stated retention.
CREATE TABLE requests (
    request_key text        PRIMARY KEY,
    body_hash   bytea,
    order_id    text,
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX requests_at ON requests (at);

CREATE TABLE orders (
    order_id         text        PRIMARY KEY,
    status           text        NOT NULL CHECK (status IN ('none', 'pending', 'cancelling', 'completed', 'cancelled')),
    user_id          text,
    total_amount     bigint,
    currency         text,
    items            jsonb,
    payment_method   text,
    shipping_address jsonb,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE order_history (
    number   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text        NOT NULL,
    status   text        NOT NULL,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX order_history_order ON order_history (order_id);
