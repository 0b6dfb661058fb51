-- Everything a viewer is, in one round trip: every role of one subject in every cooperative, with the time zone
-- that says which day it is there. It binds the subject for the policies itself and leaves the setting as it was.
CREATE OR REPLACE FUNCTION roles_of_subject(p_subject text)
RETURNS TABLE (
    cooperative_id uuid,
    id uuid,
    role text,
    member_id uuid,
    grant_id uuid,
    from_on date,
    to_on date,
    time_zone text
)
LANGUAGE plpgsql VOLATILE
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_before text := coalesce(current_setting('coop.subject', TRUE), '');
BEGIN
    PERFORM set_config('coop.subject', p_subject, TRUE);
    RETURN QUERY
        SELECT r.cooperative_id, r.id, r.role, r.member_id, r.grant_id, r.from_on, r.to_on, c.time_zone
        FROM person_role AS r
        INNER JOIN cooperative AS c ON c.cooperative_id = r.cooperative_id
        WHERE r.subject = p_subject
        ORDER BY r.cooperative_id, r.id;
    PERFORM set_config('coop.subject', v_before, TRUE);
END;
$$;

COMMENT ON FUNCTION roles_of_subject(text) IS 'All roles of a subject, in all cooperatives.';
