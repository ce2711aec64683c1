"""Reads documents as an app's server would, with Google's own client: those named, as JSON by path.

With `listen` first it is an app: it listens to one document, says so, and prints what it is told until
the field that is named is true.
"""

import json
import sys
import threading

from google.cloud import firestore

client = firestore.Client(project="test", database="(default)")


def plain(found):
    return json.loads(json.dumps(found.to_dict(), default=lambda it: it.isoformat()))


def read(paths):
    found = client.get_all([client.document(path) for path in paths])
    documents = {it.reference.path: plain(it) if it.exists else None for it in found}
    print(json.dumps(documents))


def listen(path, field):
    done = threading.Event()

    def told(documents, changes, at):
        for it in documents:
            fields = plain(it)
            print(json.dumps(fields), flush=True)
            if fields.get(field):
                done.set()

    watch = client.document(path).on_snapshot(told)
    if not done.wait(timeout=30):
        sys.exit(f"{path} was never told that {field}")
    watch.unsubscribe()


if sys.argv[1] == "listen":
    listen(*sys.argv[2:])
else:
    read(sys.argv[1:])
