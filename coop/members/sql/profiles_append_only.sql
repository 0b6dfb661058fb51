-- What a document was addressed by stays as it was, whoever comes.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON cooperative_profile
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON cooperative_profile
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON member_profile
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON member_profile
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
