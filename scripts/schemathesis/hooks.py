"""What a generator of inputs cannot know: an idempotency key stands for one request only."""

import uuid

import schemathesis

HEADER = "Idempotency-Key"


@schemathesis.hook
def before_call(context, case, kwargs):
    if HEADER in case.headers and case.meta and case.meta.generation.mode.is_positive:
        case.headers[HEADER] = str(uuid.uuid4())
