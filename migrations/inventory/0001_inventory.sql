-- What is set aside for each order. A row outlives the events' horizon: tombstones must still be found.
CREATE TABLE reservations (
    order_id text  PRIMARY KEY,
    state    text  NOT NULL CHECK (state IN ('none', 'reserved', 'rejected', 'released', 'shipped')),
    items    jsonb NOT NULL DEFAULT '[]'
);

-- Pieces per SKU: on hand = available + reserved. Many updates to few rows: room for them on the page.
CREATE TABLE stock (
    sku       text   PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0),
    reserved  bigint NOT NULL CHECK (reserved >= 0),
    shipped   bigint NOT NULL CHECK (shipped >= 0)
) WITH (fillfactor = 20);

-- Every change of stock, and what caused it.
CREATE TABLE stock_ledger (
    number    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku       text        NOT NULL,
    order_id  text,
    change    text        NOT NULL CHECK (change IN ('set', 'reserve', 'release', 'ship')),
    available bigint      NOT NULL,
    reserved  bigint      NOT NULL,
    shipped   bigint      NOT NULL,
    at        timestamptz NOT NULL
);
-- Which SKUs are known: small, since only stock that is set by hand has a line in it.
CREATE INDEX stock_ledger_set ON stock_ledger (sku) WHERE change = 'set';
