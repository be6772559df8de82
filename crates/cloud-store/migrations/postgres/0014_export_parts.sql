-- The file that an export made, in parts: every node can hand it out, and an erasure finds it.
-- A landed migration is never edited.
CREATE TABLE export_part (
    job UUID NOT NULL REFERENCES site_job (id),
    -- From 0 without gaps.
    number BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (job, number)
);
