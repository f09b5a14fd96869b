-- A reservation is changed once, soon after it is written, in a flood together with all others of its page. With room there that touches
-- no index.
ALTER TABLE reservations SET (fillfactor = 50);
