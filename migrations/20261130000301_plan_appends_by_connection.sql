-- Five settings that a function changes for its own duration cost a fifth of a small batch: each is set
-- and taken back at every call. The connection that appends has them from its start instead.
ALTER FUNCTION append_events RESET ALL;
