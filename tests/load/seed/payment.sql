INSERT INTO payments (order_id, state, details, charge_id)
SELECT pg_temp.seed_id($3 + number, 0)::text, 'succeeded',
       jsonb_build_object('amount', 9800, 'currency', 'EUR', 'items', '[]'::jsonb),
       pg_temp.seed_id($3 + number, 6)::text
FROM generate_series($1::bigint, $2::bigint) AS number;
INSERT INTO payment_ledger (order_id, kind, amount, currency, provider_id, at)
SELECT pg_temp.seed_id($3 + number, 0)::text, 'captured', 9800, 'EUR', pg_temp.seed_id($3 + number, 6)::text, now()
FROM generate_series($1::bigint, $2::bigint) AS number;
INSERT INTO inbox (consumer, event_id)
SELECT 'payment', pg_temp.seed_id($3 + number, 2) FROM generate_series($1::bigint, $2::bigint) AS number;
