-- A payment's row is changed once or twice soon after it is written. With room on its page that touches no index.
ALTER TABLE payments SET (fillfactor = 70);
