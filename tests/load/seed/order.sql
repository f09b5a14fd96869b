-- $1 to $2: numbers of the sagas; $3: the millisecond of the first one; $4: articles. So in the other files.
INSERT INTO orders (order_id, status, user_id, total_amount, currency, items, payment_method, shipping_address,
                    created_at, updated_at)
SELECT pg_temp.seed_id($3 + number, 0)::text, 'completed', 'ada', 9800, 'EUR', pg_temp.seed_items(number, $4), 'tok_visa',
       pg_temp.seed_address(), now(), now()
FROM generate_series($1::bigint, $2::bigint) AS number;
INSERT INTO order_history (order_id, status, reason, at)
SELECT pg_temp.seed_id($3 + number, 0)::text, status, reason, now()
FROM generate_series($1::bigint, $2::bigint) AS number,
     (VALUES ('pending', 'placed'), ('completed', 'dispatched')) AS step (status, reason);
INSERT INTO inbox (consumer, event_id)
SELECT 'order', pg_temp.seed_id($3 + number, 4) FROM generate_series($1::bigint, $2::bigint) AS number;
