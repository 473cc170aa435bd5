"""The server over real sockets: songs, refusals, hanging up, and its end."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving.conftest import ROOT, Endpoint, fetch

QUICK = {"structure": "intro 0-1, verse 1-2", "steps": 1}
SLOW = {"structure": "intro 0-10, verse 10-20", "steps": 60, "event_guidance": 3}
TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def endpoint(serve) -> Endpoint:
    return serve("--queue", "1", ACE_TOKEN=TOKEN, ACE_MAX_BYTES="5000")


def slow_song(endpoint: Endpoint) -> socket.socket:
    """A connection that asks for a song of many steps; it is under way."""
    body = json.dumps({"inputs": SLOW}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", int(endpoint.url.rsplit(":", 1)[1].strip("/"))), 60)
    connection.sendall(head.encode() + body)
    time.sleep(0.7)
    return connection


def test_a_song_and_what_is_served(endpoint: Endpoint):
    status, answer, _ = endpoint.ask({**QUICK, "id": "one"}, TOKEN)
    assert (status, answer["id"], answer["duration_sec"]) == (200, "one", 2.0)
    _, ready, _ = fetch(urllib.request.Request(f"{endpoint.url}ready", headers={"Authorization": f"Bearer {TOKEN}"}))
    assert (ready["status"], ready["adapters"], ready["queue_limit"]) == ("ready", ["default", "none"], 1)


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN}x"])
def test_nobody_is_served_without_the_token(endpoint: Endpoint, token: str | None):
    status, answer, _ = endpoint.ask(QUICK, token)
    assert status == 401 and "token" in answer["error"]
    assert fetch(f"{endpoint.url}health")[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "not JSON"),
        (json.dumps({"inputs": {"steps": 0}}).encode(), 400, "`steps` is 0"),
        (json.dumps({"inputs": {"adapter": "../../etc/passwd"}}).encode(), 400, "this endpoint serves"),
        (json.dumps({"inputs": {"lyrics": "la " * 5000}}).encode(), 413, "larger than 5000 bytes"),
    ],
)
def test_a_wrong_request_is_a_sentence(endpoint: Endpoint, body: bytes, status: int, sentence: str):
    found, answer, _ = endpoint.send(body, TOKEN)
    assert found == status and sentence in answer["error"]


def test_past_the_queue_s_length_one_comes_again_later_and_who_hangs_up_makes_room(endpoint: Endpoint):
    first, second = slow_song(endpoint), slow_song(endpoint)
    status, answer, headers = endpoint.ask(QUICK, TOKEN)
    assert status == 429 and int(headers["retry-after"]) > 0 and "later" in answer["error"]
    first.close()
    second.close()
    began = time.monotonic()
    while (status := endpoint.ask(QUICK, TOKEN)[0]) == 429:
        assert time.monotonic() - began < 30
        time.sleep(0.2)
    assert status == 200


def test_songs_are_not_mixed_up(endpoint: Endpoint):
    def one(number: int) -> tuple[int, int, float, str]:
        wanted = {"structure": f"intro 0-1, verse 1-{2 + number}", "steps": 1, "seed": number, "id": str(number)}
        while (got := endpoint.ask(wanted, TOKEN))[0] == 429:
            time.sleep(0.2)
        return got[0], got[1]["seed"], got[1]["events"][-1]["end"], got[1]["id"]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [(200, n, 2.0 + n, str(n)) for n in range(6)]


def test_its_description_asks_nobody_else(endpoint: Endpoint):
    page = urllib.request.urlopen(f"{endpoint.url}docs", timeout=30).read().decode()
    assert "SwaggerUIBundle" in page and "//cdn" not in page and "https://" not in page
    described = fetch(f"{endpoint.url}openapi.json")[1]
    body = described["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"structure", "adapter", "format", "event_guidance"} <= set(body["properties"]["inputs"]["properties"])
    assert "output" not in body["properties"]["inputs"]["properties"]


def test_told_to_end_it_finishes_the_song_and_sends_it_whole(serve):
    endpoint = serve("--queue", "4")
    answers: list[tuple[int, dict]] = []

    def ask(inputs: dict) -> None:
        answers.append(endpoint.ask(inputs, timeout=120)[:2])

    first = threading.Thread(target=ask, args=({**SLOW, "steps": 20},))
    first.start()
    time.sleep(0.7)
    second = threading.Thread(target=ask, args=(QUICK,))
    second.start()
    time.sleep(0.4)
    endpoint.process.send_signal(signal.SIGTERM)
    first.join(120)
    second.join(120)
    assert endpoint.process.wait(60) is not None
    by_status = dict(answers)
    assert set(by_status) == {200, 503}, answers
    assert by_status[200]["duration_sec"] == 20.0 and "shutting down" in by_status[503]["error"]
    assert "Traceback" not in endpoint.log.read_text()


def test_other_machines_are_not_served_by_accident():
    command = [sys.executable, "scripts/endpoint/serve.py", "--host", "0.0.0.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "set ACE_TOKEN" in done.stderr and "--trusted-network" in done.stderr
