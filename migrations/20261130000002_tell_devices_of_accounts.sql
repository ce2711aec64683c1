-- One's own account changes on all of one's devices: sync asks for it. And who is shown whether
-- somebody is there. What is there already is brought to where the projectors would have it; before
-- this nobody had another choice than to show it to those they chat with.
ALTER TABLE read.accounts
    ADD COLUMN presence_shown_to text   NOT NULL DEFAULT 'chats', -- 'everyone', 'chats' or 'nobody'
    ADD COLUMN changed           bigint NOT NULL DEFAULT 0;       -- as its owner sees it, picture included

UPDATE read.accounts a
SET changed = e.position
FROM (
    SELECT e.aggregate_id, max(e.position) AS position
    FROM public.events e
    JOIN public.checkpoints c ON c.name = 'accounts' AND e.position <= c.position
    WHERE (e.aggregate_type = 'account' OR e.event_type = 'avatar_set')
      AND NOT EXISTS (
          SELECT
          FROM public.parked_events p
          WHERE p.projector = 'accounts' AND p.position = e.position
      )
    GROUP BY e.aggregate_id
) e
WHERE a.account_id::text = e.aggregate_id;

ALTER TABLE read.accounts ALTER COLUMN changed DROP DEFAULT;
