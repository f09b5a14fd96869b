-- Bytes per row on disk, indexes included, after the writes that a completed order makes. For an empty database to which
-- the migrations of engine, order, inventory, payment and shipping were applied:
--     psql -q -f tests/load/row-sizes.sql DATABASE
-- Contents are as long as those in shared/contracts/golden; ids are UUIDv7 that come in time.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT make_partitions(parent, current_date, current_date + 1) FROM unnest(ARRAY['inbox', 'outbox']) AS parent \g /dev/null

CREATE PROCEDURE orders_complete(batches int, orders int) LANGUAGE plpgsql AS $$
DECLARE
    items   jsonb := '[{"sku":"chair","price":10000,"quantity":2},{"sku":"lamp","price":5000,"quantity":1}]';
    address jsonb := '{"name":"Ada Lovelace","line1":"Main Street 1","line2":"Handler 7","postalCode":"1010","city":"Vienna","country":"AT"}';
BEGIN
    FOR batch IN 1..batches LOOP
        CREATE TEMP TABLE batch_ids AS
            SELECT overlay(gen_random_uuid()::text PLACING left(uuid7_floor(clock_timestamp())::text, 13) || '-7' FROM 1) AS id
            FROM generate_series(1, orders);
        INSERT INTO inbox SELECT 'order', id::uuid FROM batch_ids ORDER BY id;
        -- Envelope with payload, and the headers that it does not imply. Today's partition takes wide events (order.placed), tomorrow's narrow ones.
        INSERT INTO outbox (range, topic, key, payload, headers, implied, nth, created_at)
            SELECT 1, 'order-events', id::bytea, repeat('p', length)::bytea, repeat('h', 75), true, 1, now() + later
            FROM batch_ids, (VALUES (700, interval '0'), (360, interval '1 day')) AS events (length, later);
        INSERT INTO orders SELECT id, 'pending', 'ada', 25000, 'EUR', items, 'tok_visa', address, now(), now() FROM batch_ids;
        INSERT INTO order_history (order_id, status, reason, at)
            SELECT id, status, 'because', now() FROM batch_ids, (VALUES ('pending'), ('completed')) AS steps (status);
        INSERT INTO reservations SELECT id, 'reserved', items FROM batch_ids;
        INSERT INTO stock_ledger (sku, order_id, change, available, reserved, shipped, at)
            SELECT 'chair', id, change, 1, 1, 1, now() FROM batch_ids, (VALUES ('reserve'), ('ship')) AS steps (change);
        INSERT INTO payments SELECT id, 'capturing',
            jsonb_build_object('userId', 'ada', 'amount', 25000, 'currency', 'EUR', 'items', items, 'address', address) FROM batch_ids;
        INSERT INTO payment_ledger (order_id, kind, amount, currency, provider_id, at)
            SELECT id, 'captured', 25000, 'EUR', id, now() FROM batch_ids;
        INSERT INTO shipments SELECT id, 'dispatching' FROM batch_ids;
        COMMIT;
        UPDATE orders SET status = 'completed', updated_at = now() FROM batch_ids WHERE order_id = id;
        UPDATE reservations SET state = 'shipped' FROM batch_ids WHERE order_id = id;
        UPDATE payments SET state = 'succeeded', charge_id = id,
            details = jsonb_build_object('amount', 25000, 'currency', 'EUR', 'items', '[]'::jsonb) FROM batch_ids WHERE order_id = id;
        UPDATE shipments SET state = 'dispatched', tracking_number = id FROM batch_ids WHERE order_id = id;
        DROP TABLE batch_ids;
        COMMIT;
        -- The services' tables are left to autovacuum, which must keep up with the outbox by its own settings.
        PERFORM pg_sleep(0.5);
    END LOOP;
END $$;

CALL orders_complete(100, 1000);
SELECT part.name AS table, pg_total_relation_size(part.name::regclass) / 100000 AS bytes_per_order
FROM unnest(ARRAY[to_char(now(), '"inbox_"YYYYMMDD'), to_char(now(), '"outbox_"YYYYMMDD'),
                  to_char(now() + interval '1 day', '"outbox_"YYYYMMDD'), 'orders', 'order_history', 'reservations',
                  'stock_ledger', 'payments', 'payment_ledger', 'shipments']) AS part (name);
