-- Back to a version that marks the rows of the outbox: says what is published in its way, and gives its relays their ranges back.
-- As the owner of the tables, once no replica of this version runs, and before one of the other starts.
UPDATE outbox o SET published_at = now() FROM outbox_ranges r
WHERE o.range = r.range AND o.published_at IS NULL
  AND NOT EXISTS (SELECT FROM outbox_left_behind l WHERE l.number = o.number)
  AND (o.number <= r.published_through
       OR EXISTS (SELECT FROM outbox_blocks b WHERE b.range = o.range AND o.number = ANY(b.numbers)));
UPDATE relay_leases SET holder = NULL, expires_at = '-infinity';
