-- A shipment is changed once, soon after it is written, in a flood together with all others of its page. With room there that touches
-- no index.
ALTER TABLE shipments SET (fillfactor = 50);
