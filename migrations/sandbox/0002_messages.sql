-- What customers were told, by key. Rows are never deleted, as in the rest of the ledger.

CREATE TABLE message (
    key        text PRIMARY KEY,
    order_id   text NOT NULL,
    user_id    text NOT NULL,
    text       text NOT NULL,
    status     text NOT NULL CHECK (status IN ('sent', 'refused')),
    message_id text UNIQUE,
    reason     text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'sent') = (message_id IS NOT NULL)),
    CHECK ((status = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX message_of_order ON message (order_id);

ALTER TABLE failed_try
    DROP CONSTRAINT failed_try_operation_check,
    ADD CONSTRAINT failed_try_operation_check CHECK (operation IN ('charge', 'refund', 'shipment', 'message'));
