"""What Firestore does with the few calls that the mirror makes, asked by Google's own client.

Prints a line for each answer, the same for every server that behaves as Firestore does.
"""

import sys

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import common, document, write

client = firestore.Client(project="test", database="(default)")
root = f"{client._database_string}/documents/"


def commit(*writes):
    try:
        request = {"database": client._database_string, "writes": list(writes)}
        done = client._firestore_api.commit(request=request, metadata=client._rpc_metadata)
        return f"{len(done.write_results)} done"
    except GoogleAPICallError as error:
        return type(error).__name__


def put(path, number, **condition):
    fields = {"number": document.Value(integer_value=number)}
    return on(condition, write.Write(update=document.Document(name=root + path, fields=fields)))


def delete(path, **condition):
    return on(condition, write.Write(delete=root + path))


def on(condition, it):
    if condition:
        it.current_document = common.Precondition(**condition)
    return it


def number(path):
    found = client.document(path).get()
    return found.to_dict() if found.exists else None


def changed(path):
    return client.document(path).get().update_time


A, B = "things/a", "things/b"
print("missing:", number(A))
print("create:", commit(put(A, 1, exists=False)))
print("create again:", commit(put(A, 2, exists=False)))
print("unchanged:", number(A))
first = changed(A)
print("replace:", commit(put(A, 3, update_time=first)))
print("replace late:", commit(put(A, 4, update_time=first)))
print("unchanged:", number(A))
print("replace what is missing:", commit(put(B, 1, update_time=first)))
print("replace what has to be there:", commit(put(B, 1, exists=True)))
print("two, of which one is late:", commit(put(B, 1, exists=False), put(A, 5, update_time=first)))
print("nothing of it:", number(A), number(B))
print("two:", commit(put(B, 1, exists=False), put(A, 6)))
print("at one time:", changed(A) == changed(B))
print("delete late:", commit(delete(A, update_time=first)))
print("delete what has to be there:", commit(delete("things/x", exists=True)))
for place in range(5):
    commit(put(f"things/c{place}", place))
by_name = client.collection("things").order_by(FieldPath.document_id())
page = list(by_name.limit(3).stream())
print("page:", [it.id for it in page])
print("next page:", [it.id for it in by_name.start_after(page[-1]).limit(3).stream()])
print("delete:", commit(delete(A, update_time=changed(A))))
print("gone:", number(A))
print("empty:", list(client.collection("nothing").stream()))
sys.exit(0)
