-- no-transaction
-- For the list of a customer's orders, newest first. Orders are placed and end while it is built; if that breaks off, PostgreSQL
-- leaves an invalid index behind, and this migration fails until it is dropped: DROP INDEX CONCURRENTLY orders_by_customer.
-- Only columns that never change: an order's way to its end touches no index.
CREATE INDEX CONCURRENTLY orders_by_customer ON orders (user_id, order_id COLLATE "C");
