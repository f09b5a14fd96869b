-- Lines of the ledger that are archived leave their sums behind: one line for each SKU.
ALTER TABLE stock_ledger
    DROP CONSTRAINT stock_ledger_change_check,
    ADD CONSTRAINT stock_ledger_change_check CHECK (change IN ('set', 'reserve', 'release', 'ship', 'carried'));
CREATE INDEX stock_ledger_carried ON stock_ledger (sku) WHERE change = 'carried';
