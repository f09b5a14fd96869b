-- What each customer ordered. A row outlives the events' horizon: a repeat must still find what it came to.
CREATE TABLE orders (
    order_id text PRIMARY KEY,
    state    text NOT NULL CHECK (state IN ('none', 'placed', 'completed')),
    customer text,
    CHECK ((state = 'none') = (customer IS NULL))
);
