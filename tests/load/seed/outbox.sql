-- So many events of 700 bytes in order's outbox, four to an aggregate, as its service writes them; $1 to $2 are their places.
INSERT INTO outbox (range, topic, key, payload, headers, nth)
SELECT aggregate % 12, 'order-events', convert_to(id, 'UTF8'),
       convert_to(rpad(json_build_object(
           'id', pg_temp.seed_id($3::bigint + place, 1), 'type', 'order.placed', 'version', 1, 'timestamp', '2026-01-01T00:00:00Z',
           'correlationId', id, 'aggregateId', id, 'payload', md5(place::text) || md5(id))::text, 700, 'filler '), 'UTF8'),
       json_build_array(json_build_array('correlation-id', id), json_build_array('event-type', 'order.placed'),
                        json_build_array('event-version', '1'), json_build_array('content-type', 'application/json'))::text,
       nth
FROM (
    SELECT place, place / 4 AS aggregate, place % 4 + 1 AS nth, pg_temp.seed_id($3::bigint + place / 4, 0)::text AS id
    FROM generate_series($1::bigint, $2::bigint) AS place) AS events
ORDER BY place
