"""What is wrong with my endpoint: each thing that can be is told by its own check."""

import socket
import threading

import pytest
from test_connection import main

from tests.endpoint.conftest import TOKEN


def checks(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_all_is_well(guarded, monkeypatch, capsys):
    monkeypatch.setenv("ACE_TOKEN", TOKEN)
    assert main(["--url", guarded.url]) == 0
    lines = checks(capsys)
    names = [line.removeprefix("ok  ").split(":")[0] for line in lines]
    assert names == ["URL", "name", "port", "TLS", "health", "token", "ready", "song", "round trip"]
    assert "accepted" in lines[5] and "model starter, adapters default, 0 waiting" in lines[6]
    assert "bytes of wav" in lines[7] and TOKEN not in "".join(lines)


# `fe80::1%nowhere`: a card that this machine has not, which no name server is asked about.
@pytest.mark.parametrize(
    ("url", "check", "sentence", "status"),
    [
        ("127.0.0.1:8080", "URL", "begins neither with http", 2),
        ("http://[fe80::1%nowhere]", "name", "is not known. Check --url", 1),
        ("http://127.0.0.1:{closed}", "port", "nothing listens there. Start the server", 1),
        ("https://127.0.0.1:{open}", "TLS", "no TLS is spoken at port", 1),
    ],
)
def test_what_lies_before_the_endpoint(endpoint, capsys, url, check, sentence, status):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = url.format(closed=unused.getsockname()[1], open=endpoint.port)
        assert main(["--url", url]) == status
    last = checks(capsys)[-1]
    assert last.startswith(f"FAILED  {check}: ") and sentence in last


@pytest.mark.parametrize("token", ["", TOKEN[::-1]])
def test_a_token_that_is_missing_or_wrong(guarded, monkeypatch, capsys, token):
    monkeypatch.setenv("ACE_TOKEN", token)
    assert main(["--url", guarded.url]) == 1
    last = checks(capsys)[-1]
    assert last.startswith("FAILED  token: ") and "set ACE_TOKEN" in last
    assert TOKEN[::-1] not in last and guarded.asked == []


@pytest.mark.parametrize(
    ("fault", "check", "sentence"),
    [
        ({"health": 502}, "health", "answered 502"),
        ({"ready": 503}, "ready", "it is starting. Wait a minute"),
        ({"misdeeds": ["half a song"]}, "song", "no whole wav file"),
        ({"misdeeds": [(429, {"Retry-After": "5"})]}, "song", "answered 429"),
    ],
)
def test_what_the_endpoint_itself_lacks(endpoint, capsys, fault, check, sentence):
    for name, value in fault.items():
        setattr(endpoint, name, value)
    assert main(["--url", endpoint.url]) == 1
    last = checks(capsys)[-1]
    assert last.startswith(f"FAILED  {check}: ") and sentence in last


def test_a_hosted_endpoint_without_health_and_ready_will_do(endpoint, capsys):
    endpoint.health = endpoint.ready = 404
    assert main(["--url", endpoint.url]) == 0
    assert "there is no /health" in "".join(checks(capsys))


def test_something_else_that_listens(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            for _ in range(2):  # the check of the port, then that of health
                line = other.accept()[0]
                line.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                line.close()

        threading.Thread(target=greet, daemon=True).start()
        assert main(["--url", f"http://127.0.0.1:{other.getsockname()[1]}"]) == 1
    assert checks(capsys)[-1].startswith("FAILED  health: ")
