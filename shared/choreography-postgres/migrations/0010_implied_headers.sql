-- Headers that follow from the envelope in the payload are not written a second time: they were over a third of a row. A replica of the
-- version before publishes such a row without them; readers take the body's word then.
ALTER TABLE outbox ADD COLUMN implied boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN outbox.implied IS
    'true: headers has only what the envelope in payload does not imply (correlation-id, event-*, content-type and ce_* are left out)';
ALTER TABLE discarded_messages ADD COLUMN implied boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN discarded_messages.implied IS 'as in outbox';
