INSERT INTO charge (key, order_id, amount, currency, payment_method, status, charge_id)
SELECT order_id || '/charge', order_id, 9800, 'EUR', 'tok_visa', 'succeeded', charge_id
FROM (SELECT pg_temp.seed_id($3 + number, 0)::text AS order_id, pg_temp.seed_id($3 + number, 6)::text AS charge_id
      FROM generate_series($1::bigint, $2::bigint) AS number) AS sagas;
INSERT INTO shipment (key, order_id, items, address, status, tracking_number)
SELECT order_id || '/ship', order_id, items, pg_temp.seed_address(), 'accepted', tracking_number
FROM (SELECT pg_temp.seed_id($3 + number, 0)::text AS order_id, pg_temp.seed_id($3 + number, 7)::text AS tracking_number,
             pg_temp.seed_items(number, $4) AS items
      FROM generate_series($1::bigint, $2::bigint) AS number) AS sagas;
