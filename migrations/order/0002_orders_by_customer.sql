-- no-transaction
-- For the list of a customer's orders, newest first. Orders are placed and end while it is built. If that breaks off,
-- PostgreSQL leaves an invalid index behind; the next start drops it and builds it anew.
-- Only columns that never change: an order's way to its end touches no index.
CREATE INDEX CONCURRENTLY orders_by_customer ON orders (user_id, order_id COLLATE "C");
