-- A second wall around homes, beside the one in the program: what is read for somebody is read in a transaction that says
-- for whom, in `solthrive.sees`, and shows no rows of other homes, whatever the statement asks for. SQLite has no such thing.
--   not set, or ''          everything: the service itself, the console, pg_dump
--   'site <id>'             what belongs to this site
--   'org <id>'              the sums of this installer's fleet
--   'person <id>'           one site, if the person may have to do with it; 'program <org>' for a program that asks for itself
--   'person-list <id>'      all such sites; 'program-list <org>'
-- Anything else shows nothing. Policies hold for every user of the database but superusers: the service warns of that.
-- A landed migration is never edited.

-- Bodies are bound to their tables when they are made, so that they mean the same whatever the search path is.
CREATE FUNCTION seen_kind() RETURNS TEXT LANGUAGE sql STABLE
RETURN split_part(coalesce(current_setting('solthrive.sees', true), ''), ' ', 1);

-- Whose; NULL where it is said of another kind.
CREATE FUNCTION seen_id(kinds TEXT[]) RETURNS UUID LANGUAGE sql STABLE
RETURN CASE WHEN seen_kind() = ANY (kinds) THEN nullif(split_part(current_setting('solthrive.sees', true), ' ', 2), '')::UUID END;

CREATE FUNCTION seen_person() RETURNS UUID LANGUAGE sql STABLE
RETURN seen_id(ARRAY['person', 'person-list']);

-- Orgs of the person, or the one of the program.
CREATE FUNCTION seen_orgs() RETURNS SETOF UUID LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT org FROM membership WHERE app_user = seen_person()
    UNION SELECT seen_id(ARRAY['program', 'program-list']);
END;

-- A person's own grants and visits are what his sites are found by: they ask for no site.
CREATE POLICY second_wall ON site_grant USING (
    CASE (SELECT seen_kind())
        WHEN '' THEN true
        WHEN 'site' THEN site = (SELECT seen_id(ARRAY['site']))
        ELSE coalesce(grantee_user = (SELECT seen_person()), grantee_org IN (SELECT seen_orgs()))
    END
);
CREATE POLICY second_wall ON support_session USING (
    CASE (SELECT seen_kind())
        WHEN '' THEN true
        WHEN 'site' THEN site = (SELECT seen_id(ARRAY['site']))
        ELSE app_user = (SELECT seen_person())
    END
);

-- One site is looked up by its id, all of them are gathered once.
CREATE POLICY second_wall ON site USING (
    CASE (SELECT seen_kind())
        WHEN '' THEN true
        WHEN 'site' THEN id = (SELECT seen_id(ARRAY['site']))
        WHEN 'org' THEN false
        ELSE owner_org IN (SELECT seen_orgs())
            OR CASE WHEN (SELECT seen_kind()) IN ('person', 'program') THEN
                EXISTS (SELECT 1 FROM site_grant WHERE site_grant.site = site.id AND site_grant.revoked_at IS NULL)
                OR EXISTS (SELECT 1 FROM support_session WHERE support_session.site = site.id AND support_session.ended_at IS NULL)
            ELSE
                id IN (SELECT site_grant.site FROM site_grant WHERE site_grant.grantee_user = (SELECT seen_person()) AND site_grant.revoked_at IS NULL
                    UNION ALL SELECT site_grant.site FROM seen_orgs() AS mine (org) JOIN site_grant ON site_grant.grantee_org = mine.org
                        WHERE site_grant.revoked_at IS NULL
                    UNION ALL SELECT support_session.site FROM support_session
                        WHERE support_session.app_user = (SELECT seen_person()) AND support_session.ended_at IS NULL)
            END
    END
);

-- Where devices were (`assignment`) stands outside: from when on a device was at a site depends on whether it was at
-- another before, so hiding that would show more, not less.
DO $$
DECLARE
    held TEXT;
BEGIN
    -- What lists of sites tell beside their names: it comes with the rows of `site`.
    EXECUTE format(
        'CREATE POLICY second_wall ON alert USING (CASE (SELECT seen_kind()) WHEN %L THEN true
         WHEN %L THEN site = (SELECT seen_id(ARRAY[%L])) ELSE (SELECT seen_kind()) IN (%L, %L, %L, %L) END)',
        '', 'site', 'site', 'person', 'program', 'person-list', 'program-list');
    EXECUTE format(
        'CREATE POLICY second_wall ON device_status USING (CASE (SELECT seen_kind()) WHEN %L THEN true
         WHEN %L THEN EXISTS (SELECT 1 FROM assignment WHERE assignment.device = device_status.device AND assignment.site = (SELECT seen_id(ARRAY[%L])))
         ELSE (SELECT seen_kind()) IN (%L, %L, %L, %L) END)',
        '', 'site', 'site', 'person', 'program', 'person-list', 'program-list');
    FOREACH held IN ARRAY ARRAY['site_config', 'installer_code', 'tariff', 'site_state', 'bucket_day', 'site_day', 'site_month',
        'told_day', 'event', 'site_transfer', 'site_job', 'audit'] LOOP
        EXECUTE format(
            'CREATE POLICY second_wall ON %I USING ((SELECT seen_kind()) = %L OR site = (SELECT seen_id(ARRAY[%L])))',
            held, '', 'site');
    END LOOP;
    -- Of a device that was ever there; when it was there is for the statement to say.
    FOREACH held IN ARRAY ARRAY['chunk', 'device_sealed'] LOOP
        EXECUTE format(
            'CREATE POLICY second_wall ON %I USING ((SELECT seen_kind()) = %L
             OR EXISTS (SELECT 1 FROM assignment WHERE assignment.device = %I.device AND assignment.site = (SELECT seen_id(ARRAY[%L]))))',
            held, '', held, 'site');
    END LOOP;
    FOREACH held IN ARRAY ARRAY['fleet_total', 'fleet_quarter'] LOOP
        EXECUTE format(
            'CREATE POLICY second_wall ON %I USING ((SELECT seen_kind()) = %L OR fleet = (SELECT seen_id(ARRAY[%L])))',
            held, '', 'org');
    END LOOP;
    FOR held IN SELECT polrelid::regclass::TEXT FROM pg_policy WHERE polname = 'second_wall' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', held);
    END LOOP;
END
$$;
