-- Whose rows this transaction may see. Unset or emptied means nobody's: every policy then fails closed.
CREATE OR REPLACE FUNCTION coop_current() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('coop.cooperative_id', TRUE), '')::uuid;

COMMENT ON FUNCTION coop_current() IS 'The cooperative this transaction works in, or null.';

-- Who asks, across cooperatives: the one question that is answered by person and not by cooperative.
CREATE OR REPLACE FUNCTION coop_subject() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('coop.subject', TRUE), '');

COMMENT ON FUNCTION coop_subject() IS 'The authenticated subject this transaction serves, or null.';
