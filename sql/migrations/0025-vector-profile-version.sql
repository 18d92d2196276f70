-- Vectors are made beside the stream, so each says which version of the profile it was made of: what was
-- not done before a process ended is found at the next start.
ALTER TABLE user_profiles ADD COLUMN vector_profile_version bigint;
COMMENT ON COLUMN user_profiles.vector_profile_version IS 'Version of the profile that preference_vector was made of; a moment behind profile_version, or more while much happens.';
