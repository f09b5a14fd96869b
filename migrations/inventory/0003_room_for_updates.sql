-- A reservation is changed once, soon after it is written. With room on its page that touches no index.
ALTER TABLE reservations SET (fillfactor = 70);
