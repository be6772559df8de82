-- Companies whose programs read what owners let them.
-- A landed migration is never edited.

ALTER TABLE org DROP CONSTRAINT org_kind_check;
ALTER TABLE org ADD CONSTRAINT org_kind_check CHECK (kind IN ('household', 'installer', 'partner', 'platform'));
