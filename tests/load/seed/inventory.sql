INSERT INTO reservations (order_id, state, items)
SELECT pg_temp.seed_id($3 + number, 0)::text, 'shipped', pg_temp.seed_items(number, $4)
FROM generate_series($1::bigint, $2::bigint) AS number;
INSERT INTO stock_ledger (sku, order_id, change, available, reserved, shipped, at)
SELECT 'load-' || lpad((number % $4)::text, 4, '0'), pg_temp.seed_id($3 + number, 0)::text, change, available, reserved,
       shipped, now()
FROM generate_series($1::bigint, $2::bigint) AS number,
     (VALUES ('reserve', -2, 2, 0), ('ship', 0, -2, 2)) AS step (change, available, reserved, shipped);
UPDATE stock SET available = available - 2 * orders, shipped = shipped + 2 * orders
FROM (SELECT 'load-' || lpad((number % $4)::text, 4, '0') AS sku, count(*) AS orders
      FROM generate_series($1::bigint, $2::bigint) AS number GROUP BY 1) AS sold
WHERE stock.sku = sold.sku;
INSERT INTO inbox (consumer, event_id)
SELECT 'inventory', pg_temp.seed_id($3 + number, event)
FROM generate_series($1::bigint, $2::bigint) AS number, (VALUES (1), (4)) AS handled (event);
