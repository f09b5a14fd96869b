-- External calls that an operator settled by hand, with the reason. Written before the rules are told, so that nothing is
-- settled without a row here.
CREATE TABLE settled_calls (
    number         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id        uuid        NOT NULL,
    aggregate_id   text        NOT NULL,
    step           text        NOT NULL,
    correlation_id text        NOT NULL,
    request        text        NOT NULL,
    attempts       int         NOT NULL,
    last_error     text,
    outcome        text        NOT NULL CHECK (outcome IN ('done', 'not-done')),
    -- What the provider calls what was done.
    detail         text,
    reason         text        NOT NULL,
    settled_at     timestamptz NOT NULL DEFAULT now(),
    -- What the rules said. Null if the process ended before it could write that down.
    result         text,
    -- What the provider said afterwards, if that was something else.
    contradiction  text
);
CREATE INDEX settled_calls_by_call ON settled_calls (call_id);
