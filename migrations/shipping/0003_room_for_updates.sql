-- A shipment is changed once, soon after it is written. With room on its page that touches no index.
ALTER TABLE shipments SET (fillfactor = 70);
