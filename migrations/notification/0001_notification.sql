-- The notice to each order's customer. A row outlives the events' horizon: a repeat must still find that it was told.
CREATE TABLE notices (
    order_id text PRIMARY KEY,
    state    text NOT NULL CHECK (state IN ('none', 'known', 'telling', 'told', 'failed')),
    customer text,
    ending   text CHECK (ending IN ('completed', 'cancelled')),
    CHECK ((state = 'none') = (customer IS NULL)),
    CHECK ((state IN ('none', 'known')) = (ending IS NULL))
);
