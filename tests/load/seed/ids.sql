-- A UUIDv7 of a millisecond, the same in all databases; `kind` tells apart those of one saga.
CREATE OR REPLACE FUNCTION pg_temp.seed_id(millis bigint, kind int) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex(millis), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
            || left(md5(millis || '-' || kind), 15))::uuid;
-- What each order holds.
CREATE OR REPLACE FUNCTION pg_temp.seed_items(number bigint, skus bigint) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_array(jsonb_build_object(
        'sku', 'load-' || lpad((number % skus)::text, 4, '0'), 'price', 4900, 'quantity', 2));
CREATE OR REPLACE FUNCTION pg_temp.seed_address() RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN '{"name":"Ada Lovelace","line1":"Main Street 1","postalCode":"1010","city":"Vienna","country":"AT"}'::jsonb;
