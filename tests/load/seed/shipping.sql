INSERT INTO shipments (order_id, state, tracking_number)
SELECT pg_temp.seed_id($3 + number, 0)::text, 'dispatched', pg_temp.seed_id($3 + number, 7)::text
FROM generate_series($1::bigint, $2::bigint) AS number;
INSERT INTO inbox (consumer, event_id)
SELECT 'shipping', pg_temp.seed_id($3 + number, 3) FROM generate_series($1::bigint, $2::bigint) AS number;
