"""A stream and a socket, as clients see them that are none of ours: httpx-sse and websockets."""

import json
import sys

import httpx
from httpx_sse import connect_sse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

server, ada, ben, chat = sys.argv[1:]
seen = {}


def by(token):
    return {"Authorization": f"Bearer {token}"}


def socket(token):
    return connect(f"ws://{server}/v1/socket", additional_headers=by(token), open_timeout=10)


def send(on, text):
    """Sends a message, and returns the answer."""
    command = {"type": "send", "request_id": text, "chat_id": chat, "message": {"text": text}}
    on.send(json.dumps(command))
    while True:
        frame = json.loads(on.recv(timeout=10))
        if frame["type"] == "answer" and frame["request_id"] == text:
            return frame


def up_to(events, kind):
    """Everything up to the first of this type, as httpx-sse splits it."""
    heard = []
    for event in events:
        told = json.loads(event.data)
        assert event.event == told["type"], (event.event, told)
        assert event.id == told["id"], (event.id, told)
        heard.append(told)
        if told["type"] == kind:
            return heard


with httpx.Client(timeout=10) as client, socket(ada) as hers:
    assert json.loads(hers.recv(timeout=10))["type"] == "welcome"

    with connect_sse(client, "GET", f"http://{server}/v1/stream", headers=by(ben)) as source:
        events = source.iter_sse()
        seen["stream begins"] = up_to(events, "welcome")[0]["start_afresh"]
        seen["answer"] = send(hers, "one")["status"]
        heard = up_to(events, "message")
        seen["told"] = heard[-1]["message"]["text"]
    since = heard[-1]["id"]

    send(hers, "two")
    headers = by(ben) | {"Last-Event-ID": since}
    with connect_sse(client, "GET", f"http://{server}/v1/stream", headers=headers) as source:
        heard = up_to(source.iter_sse(), "caught_up")
        seen["stream goes on"] = heard[0]["start_afresh"]
        seen["told later"] = [it["message"]["text"] for it in heard if it["type"] == "message"]

    hers.ping().wait(timeout=10)
    hers.close()
    seen["closed"] = hers.protocol.close_code

with socket(ada) as hers:
    hers.send("x" * 300_000)
    try:
        while True:
            hers.recv(timeout=10)
    except ConnectionClosed as closed:
        seen["too long"] = closed.rcvd.code

try:
    socket("nonsense")
except InvalidStatus as refused:
    seen["refused"] = [refused.response.status_code, json.loads(refused.response.body)["code"]]

print(json.dumps(seen))
