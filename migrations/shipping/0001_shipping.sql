-- The shipment of each order. A row outlives the events' horizon: tombstones must still be found.
CREATE TABLE shipments (
    order_id        text PRIMARY KEY,
    state           text NOT NULL CHECK (state IN ('none', 'dispatching', 'dispatched', 'failed', 'cancelled')),
    tracking_number text
);
