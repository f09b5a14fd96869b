-- So many events of 700 bytes in order's outbox, four to an aggregate, as its service writes them; $1 to $2 are their places.
INSERT INTO outbox (range, topic, key, payload, headers, implied, nth)
SELECT aggregate % 12, 'order-events', convert_to(id, 'UTF8'),
       convert_to(rpad(json_build_object(
           'id', pg_temp.seed_id($3::bigint + place, 1), 'type', 'order.placed', 'version', 1, 'timestamp', '2026-01-01T00:00:00Z',
           'correlationId', id, 'aggregateId', id, 'source', 'order',
           'payload', json_build_object('filler', repeat(md5(place::text), 12)))::text, 700), 'UTF8'),
       '[["traceparent","00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"]]', true, nth
FROM (
    SELECT place, place / 4 AS aggregate, place % 4 + 1 AS nth, pg_temp.seed_id($3::bigint + place / 4, 0)::text AS id
    FROM generate_series($1::bigint, $2::bigint) AS place) AS events
ORDER BY place
