-- What no rule sees is the table's own: how often a row was updated, and the most that was ever there.
CREATE TABLE parcels (
    parcel   text PRIMARY KEY,
    shelf    text NOT NULL,
    pieces   bigint NOT NULL,
    revision bigint NOT NULL DEFAULT 0
);

CREATE TABLE shelves (
    shelf  text PRIMARY KEY,
    pieces bigint NOT NULL CHECK (pieces >= 0),
    most   bigint NOT NULL DEFAULT 0
);
