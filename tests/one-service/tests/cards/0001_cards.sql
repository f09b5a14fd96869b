CREATE TABLE cards (
    card   text PRIMARY KEY,
    state  text NOT NULL,
    points bigint NOT NULL,
    holder jsonb NOT NULL
);
