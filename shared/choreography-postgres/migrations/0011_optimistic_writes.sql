-- A transaction that took no locks before its one statement calls these once it has them. A statement sees what was committed when it
-- began; a VOLATILE function that it calls sees what is committed by then (https://www.postgresql.org/docs/current/xfunc-volatility.html).

-- Whether there is a deferred event of an aggregate that was thought to have none; or a deferred compensation, except parked ones, of an
-- aggregate that was thought to have none. Planned while little is deferred, and compared plainly, it would read all of an index.
CREATE FUNCTION deferred_by_now(without_events text[], without_compensations text[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(without_events) AS given (key)
               WHERE EXISTS (SELECT FROM held_events h WHERE h.key = given.key OFFSET 0)) THEN
        RETURN true;
    END IF;
    IF cardinality(without_compensations) = 0 THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM unnest(without_compensations) AS given (key)
                   WHERE EXISTS (SELECT FROM held_events h WHERE h.key = given.key AND h.overtakes
                                 AND coalesce(h.status, '') <> 'parked' OFFSET 0));
END $$;

-- Deletes these deadlines, if they are there.
CREATE FUNCTION settle_deadlines(aggregate_ids text[], names text[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM deadlines USING unnest(aggregate_ids, names) AS gone (aggregate_id, name)
    WHERE deadlines.aggregate_id = gone.aggregate_id AND deadlines.name = gone.name;
    RETURN 0;
END $$;

-- Ends such a statement, and so its transaction: something is not as it was read.
CREATE FUNCTION refuse_to_commit() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
        MESSAGE = 'another transaction changed what this one had read',
        HINT = 'Nothing is lost: it is done anew, with locks.';
END $$;

-- As in 0001, with the functions above.
CREATE OR REPLACE PROCEDURE grant_to_service(service name)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    name regclass;
BEGIN
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', service);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_partitions, drop_partitions, uuid7_floor TO %I', service);
    EXECUTE format('GRANT EXECUTE ON FUNCTION deferred_by_now, settle_deadlines, refuse_to_commit TO %I', service);
    FOR name IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE %s TO %I', name, service);
        CONTINUE WHEN name::text LIKE '%\_migrations';
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON TABLE %s TO %I', name, service);
    END LOOP;
END $$;
