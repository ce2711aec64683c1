"""Asks an emulator that evaluates rules, as several people at once, over Firestore's REST interface.

Standard input says who asks for what:

    {"host": "127.0.0.1:1", "ask": [["<uid>" or null, {"until": …}, "GET", "/chats/…", null]]}

Prints the status of each answer. The emulator takes tokens that nobody has signed.
"""

import base64
import json
import sys
import time
import urllib.error
import urllib.request

asked = json.load(sys.stdin)
ROOT = f"http://{asked['host']}/v1/projects/test/databases/(default)/documents"


def part(it):
    return base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=").decode()


def token(uid, claims):
    now = int(time.time())
    issuer = "https://securetoken.google.com/test"
    payload = {"sub": uid, "user_id": uid, "iat": now, "exp": now + 3600, "aud": "test", "iss": issuer}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(payload | claims)}."


def status(uid, claims, method, path, body):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ROOT + path, method=method, data=data)
    request.add_header("Content-Type", "application/json")
    if uid is not None:
        request.add_header("Authorization", f"Bearer {token(uid, claims)}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


print(json.dumps([status(*it) for it in asked["ask"]]))
