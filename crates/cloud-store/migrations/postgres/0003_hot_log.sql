-- The hot log, where several nodes append to one. SQLite's is a file of its own and has no such step.
-- A landed migration is never edited.

-- One row. Its lock puts appends in line: a number is given out only after the entry before it was
-- committed, so whoever sees an entry has seen all before it.
CREATE TABLE hot_head (
    -- The last entry's number.
    newest BIGINT NOT NULL,
    -- Entries up to here are forgotten, whether their bytes are gone or not.
    forgotten BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO hot_head (newest, forgotten) VALUES (0, 0);

-- By day of receipt, because a day is let go as a whole: no dead rows, nothing to vacuum.
CREATE TABLE hot_entry (
    seq BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    blob BYTEA NOT NULL,
    PRIMARY KEY (seq, received_at)
) PARTITION BY RANGE (received_at);
-- Blobs do not get smaller by PostgreSQL's compression; it would only take time.
ALTER TABLE hot_entry ALTER COLUMN blob SET STORAGE EXTERNAL;
-- What a clock that is days off brings. No append is ever refused.
CREATE TABLE hot_entry_other PARTITION OF hot_entry DEFAULT;

-- Appends after `seen`, and returns the number; NULL when there are entries after `seen`.
CREATE FUNCTION hot_append(seen BIGINT, at BIGINT, what BYTEA) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    number BIGINT;
BEGIN
    UPDATE hot_head SET newest = newest + 1 WHERE newest <= seen RETURNING newest INTO number;
    IF number IS NOT NULL THEN
        INSERT INTO hot_entry (seq, received_at, blob) VALUES (number, at, what);
        -- Acknowledged is durable, whatever the database does otherwise.
        IF current_setting('synchronous_commit') = 'off' THEN
            PERFORM set_config('synchronous_commit', 'on', true);
        END IF;
    END IF;
    RETURN number;
END
$$;

-- The table of a day, in days since 1970.
CREATE FUNCTION hot_day_name(day BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'hot_entry_' || to_char(DATE '1970-01-01' + day::INTEGER, 'YYYYMMDD')
$$;

-- Makes the tables of the days from `today` to `ahead` days later, and returns how many are missing
-- still: a day of which the default table holds entries already stays there.
CREATE FUNCTION hot_prepare(today BIGINT, ahead BIGINT) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    day BIGINT := today;
    missing BIGINT := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7305808812094000), set_config('lock_timeout', '200ms', true);
    WHILE day <= today + ahead LOOP
        BEGIN
            IF to_regclass(hot_day_name(day)) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE hot_entry INCLUDING ALL)', hot_day_name(day));
                -- Unlike PARTITION OF, this lets appends go on.
                EXECUTE format('ALTER TABLE hot_entry ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                    hot_day_name(day), day * 86400000, (day + 1) * 86400000);
            END IF;
        EXCEPTION WHEN check_violation OR lock_not_available THEN
            missing := missing + 1;
        END;
        day := day + 1;
    END LOOP;
    RETURN missing;
END
$$;

-- Drops one table of a day before `today` whose entries are all forgotten. False when there is none,
-- or when it cannot be had at once: appends must not wait behind this.
CREATE FUNCTION hot_drop_day(today BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
DECLARE
    through BIGINT;
    part TEXT;
    last BIGINT;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7305808812094000) THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    SELECT forgotten INTO through FROM hot_head;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'hot_entry'::regclass
        AND relname ~ '^hot_entry_[0-9]{8}$' AND relname < hot_day_name(today)
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT max(seq) FROM %I', part) INTO last;
        CONTINUE WHEN last > through;
        LOCK TABLE ONLY hot_entry IN ACCESS EXCLUSIVE MODE;
        -- Nothing comes in any more; something may have since the first look.
        EXECUTE format('SELECT max(seq) FROM %I', part) INTO last;
        CONTINUE WHEN last > through;
        EXECUTE format('DROP TABLE %I', part);
        RETURN true;
    END LOOP;
    RETURN false;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;
