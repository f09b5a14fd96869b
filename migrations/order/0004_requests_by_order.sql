-- no-transaction
-- For the erasure of a customer, which takes the digests of what they asked for. Orders are placed while it is built.
CREATE INDEX CONCURRENTLY requests_by_order ON requests (order_id);
