-- The files of everybody: who may fetch one, where it is stored, what a library holds.
CREATE TABLE read.files (
    file_id      uuid    PRIMARY KEY,
    owner_id     uuid    NOT NULL,
    size         bigint  NOT NULL,                         -- as declared, as published once it is
    counted      bigint  NOT NULL,                         -- against the quota: 0 once rejected
    width        int,                                      -- of an image, in pixels
    height       int,
    avatar       boolean NOT NULL DEFAULT false,           -- its owner's
    state        text    NOT NULL,                         -- requested, completed, published, rejected
    rejection    text,                                     -- why
    name         text,                                     -- NULL once erased
    content_type text    NOT NULL,
    object       text    NOT NULL,                         -- where its bytes are
    blur_hash    text,                                     -- of an image, NULL once erased
    thumbnails   jsonb   NOT NULL DEFAULT '[]'             -- [{edge, width, height, content_type, object}]
) WITH (fillfactor = 70);
-- SELECT sum(counted), count(*) WHERE owner_id = $1
CREATE INDEX files_by_owner ON read.files (owner_id) INCLUDE (counted);
-- WHERE owner_id = ANY ($1) AND avatar: who has which picture beside their name
CREATE INDEX files_avatars ON read.files (owner_id) WHERE avatar;

-- The log so far tells of none.
INSERT INTO public.checkpoints (name, position)
SELECT 'files', position FROM public.log_head WHERE position > 0;
