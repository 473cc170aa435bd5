"""The client against an endpoint that misbehaves in every way that endpoints do."""

import dataclasses
import email.utils
import random
import threading
import time

import pytest
from client import Endpoint, endpoint_of_environment
from errors import EndpointError, one_line
from patience import Patience, ask_patiently
from refusals import Reply, refusal

from tests.endpoint.conftest import TOKEN
from tests.endpoint.small_endpoint import SmallEndpoint, song

QUICK = Patience(seconds=5, first_wait=0.01, longest_wait=0.05)
BUSY = (429, {"Retry-After": "0"})


def test_a_song_comes_back_as_it_was_made(endpoint):
    answer = Endpoint(endpoint.url).ask({"caption": "dusk", "seed": 7})
    assert answer.audio == song(7)
    assert (answer.format, answer.sample_rate, answer.duration, answer.seed) == ("wav", 8000, 0.1, 7)
    assert answer.events == [{"type": "intro", "start": 0, "end": 0.1}]
    assert endpoint.asked == [{"caption": "dusk", "seed": 7, "id": answer.id}]
    assert answer.timings["generate"] <= 0.05 and answer.round_trip > 0


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "ogg"])
def test_every_format_arrives(endpoint, form):
    answer = Endpoint(endpoint.url).ask({"format": form})
    assert answer.format == form and answer.audio.endswith(song(42))


@pytest.mark.parametrize(
    ("misdeed", "sentence"),
    [
        ((503, {}), "answered 503: as told"),
        ((429, {}), "answered 429"),
        ((502, {}), "answered 502"),
        ((504, {}), "answered 504"),
        ("cut", "the answer broke off"),
        ("endless", "did not arrive whole: it is no JSON"),
        ("no base64", "its base64 is damaged"),
        ("half a song", "its audio is no whole wav file"),
        ("other id", "the song is somebody else's, and was dropped"),
    ],
)
def test_what_passes_is_told_and_then_tried_again(endpoint, misdeed, sentence):
    endpoint.misdeeds = [misdeed]
    with pytest.raises(EndpointError, match=sentence) as caught:
        Endpoint(endpoint.url).ask({"seed": 3})
    assert not caught.value.final
    endpoint.misdeeds = [misdeed, misdeed]
    waits = []
    answer = ask_patiently(Endpoint(endpoint.url), {"seed": 3}, QUICK, lambda problem, _: waits.append(str(problem)))
    assert answer.audio == song(3)
    assert len(waits) == 2 and len({inputs["id"] for inputs in endpoint.asked}) == len(endpoint.asked) == 4


@pytest.mark.parametrize("status", [400, 404, 405, 413, 500, 307])
def test_what_does_not_pass_is_asked_once(endpoint, status):
    endpoint.misdeeds = [(status, {})]
    with pytest.raises(EndpointError) as caught:
        ask_patiently(Endpoint(endpoint.url), {}, QUICK)
    assert caught.value.final and caught.value.status == status
    assert len(endpoint.asked) == 1


def test_an_error_with_status_200_is_an_error(endpoint):
    endpoint.misdeeds = ["error as 200"]
    with pytest.raises(EndpointError, match="refused the request: the structure overlaps") as caught:
        Endpoint(endpoint.url).ask({})
    assert caught.value.final and caught.value.concerns == "song"


def test_an_answer_that_hangs_ends_with_the_timeout(endpoint):
    endpoint.misdeeds = ["hang"]
    started = time.monotonic()
    with pytest.raises(EndpointError, match="no whole answer within 0.5 s") as caught:
        Endpoint(endpoint.url, timeout=0.5).ask({})
    assert time.monotonic() - started < 10
    assert not caught.value.final and caught.value.concerns == "song"


def test_an_endpoint_that_dies_and_comes_back_is_waited_for(endpoint):
    endpoint.die()
    with pytest.raises(EndpointError, match="nothing listens there. Start the server"):
        Endpoint(endpoint.url).ask({})
    back = threading.Timer(0.15, endpoint.come_back)
    back.start()
    assert ask_patiently(Endpoint(endpoint.url), {"seed": 9}, QUICK).audio == song(9)
    back.join()


def test_patience_has_an_end(endpoint):
    endpoint.misdeeds = [BUSY] * 1000
    started = time.monotonic()
    with pytest.raises(EndpointError, match="429"):
        ask_patiently(Endpoint(endpoint.url), {}, Patience(0.2, 0.01, 0.05))
    assert time.monotonic() - started < 10
    endpoint.asked.clear()
    with pytest.raises(EndpointError, match="429"):
        ask_patiently(Endpoint(endpoint.url), {}, Patience(0))
    assert len(endpoint.asked) == 1


def test_retry_after_is_kept_and_one_beyond_the_patience_ends_the_asking(endpoint):
    endpoint.misdeeds = [(503, {"Retry-After": "1"})]
    waits = []
    started = time.monotonic()
    ask_patiently(Endpoint(endpoint.url), {}, QUICK, lambda _, seconds: waits.append(seconds))
    assert time.monotonic() - started >= 1 and 1 <= waits[0] <= 1.01
    endpoint.misdeeds = [(503, {"Retry-After": "3600"})]
    with pytest.raises(EndpointError) as caught:
        ask_patiently(Endpoint(endpoint.url), {}, QUICK)
    assert caught.value.retry_after == 3600


def test_retry_after_may_be_a_date_or_nonsense():
    def seconds(header: str) -> float | None:
        return refusal("http://x", False, Reply(503, {"retry-after": header}, b"")).retry_after

    assert 50 < seconds(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60
    assert seconds(email.utils.formatdate(0, usegmt=True)) == 0
    assert [seconds(header) for header in ("soon", "", "-3", "1e9")] == [None] * 4
    assert seconds("9" * 400) == float("inf")


def test_waits_grow_differ_and_stop_growing(endpoint):
    waits = []
    for seed in (1, 2):
        endpoint.misdeeds = [(503, {})] * 6
        mine = []
        ask_patiently(
            Endpoint(endpoint.url),
            {},
            Patience(5, 0.01, 0.04),
            lambda _, seconds, mine=mine: mine.append(seconds),
            chance=random.Random(seed),
        )
        waits.append(mine)
    limits = [0.01, 0.02, 0.04, 0.04, 0.04, 0.04]
    assert all(limit / 2 <= wait <= limit for mine in waits for wait, limit in zip(mine, limits, strict=True))
    assert waits[0] != waits[1]


def test_a_stop_ends_the_wait(endpoint):
    endpoint.misdeeds = [(503, {"Retry-After": "4"})]
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(EndpointError, match="503"):
        ask_patiently(Endpoint(endpoint.url), {}, QUICK, stop=stop)
    assert time.monotonic() - started < 3.9


def test_the_token_opens_the_door_and_is_in_no_word(guarded):
    endpoint = Endpoint(guarded.url, TOKEN)
    guarded.misdeeds = ["indiscreet"]
    answer = endpoint.ask({})
    assert guarded.tokens == [TOKEN]
    wrong = Endpoint(guarded.url, TOKEN[::-1])
    with pytest.raises(EndpointError, match=r"refuses the token: set ACE_TOKEN .* the token \*\*\* is wrong") as caught:
        wrong.ask({})
    words = [repr(endpoint), str(endpoint), repr(answer), repr(wrong), str(caught.value), repr(caught.value)]
    assert not any(TOKEN in word or TOKEN[::-1] in word for word in words)
    with pytest.raises(EndpointError, match="asks for a token, and none is set"):
        Endpoint(guarded.url).ask({})


def test_a_redirect_takes_no_token_along(guarded):
    elsewhere = SmallEndpoint()
    guarded.misdeeds = [elsewhere.url]
    with pytest.raises(EndpointError, match=f"sends its callers on to {elsewhere.url}") as caught:
        ask_patiently(Endpoint(guarded.url, TOKEN), {}, QUICK)
    elsewhere.stop()
    assert elsewhere.asked == [] and caught.value.final


@pytest.mark.parametrize("host", ["music.example.org", "192.168.1.7", "[2001:db8::1]", "localhost.example.org"])
def test_the_token_goes_unencrypted_to_this_machine_only(host):
    with pytest.raises(EndpointError, match="--insecure") as caught:
        Endpoint(f"http://{host}:8080", TOKEN)
    assert TOKEN not in str(caught.value)
    assert Endpoint(f"https://{host}", TOKEN).token == TOKEN
    assert Endpoint(f"http://{host}", TOKEN, insecure=True).token == TOKEN
    assert Endpoint(f"http://{host}").token == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_is_known_by_all_its_names(host):
    assert Endpoint(f"http://{host}:8080", TOKEN).is_here


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://music.org",
        "http://",
        "http://a b",
        "http://x:port",
        "http://x:0",
        "http://[::1",
        "http://x/?a=b",
        "http://x/#a",
        "http://x\nHost: y",
        "http://müsic.org",
        "http://a..b",
        f"http://{'a' * 64}.org",
    ],
)
def test_an_address_that_cannot_be_is_refused(url):
    with pytest.raises(EndpointError, match="--url") as caught:
        Endpoint(url)
    assert caught.value.final and "\n" not in str(caught.value)


def test_secrets_in_odd_places_are_refused_and_not_repeated():
    with pytest.raises(EndpointError, match="Put the token into ACE_TOKEN") as caught:
        Endpoint(f"https://me:{TOKEN}@music.org")
    assert TOKEN not in str(caught.value)
    with pytest.raises(EndpointError, match="Copy it again") as caught:
        Endpoint("https://music.org", f"{TOKEN}\r\nHost: elsewhere")
    assert TOKEN not in str(caught.value)


def test_hf_token_goes_to_hugging_face_only(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert endpoint_of_environment().token == ""
    assert endpoint_of_environment("https://music.example.org").token == ""
    assert endpoint_of_environment("https://huggingface.cloud.example.org").token == ""
    assert endpoint_of_environment("https://x1.eu-west-1.aws.endpoints.huggingface.cloud").token == TOKEN
    monkeypatch.setenv("ACE_TOKEN", " mine\n")
    assert endpoint_of_environment("https://music.example.org").token == "mine"
    monkeypatch.setenv("ACE_ENDPOINT_URL", "https://other.example.org")
    assert endpoint_of_environment().url == "https://other.example.org"


def test_a_proxy_is_for_other_machines(endpoint, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Endpoint("http://music.example.org").proxied and not Endpoint("https://music.example.org").proxied
    assert Endpoint(endpoint.url).ask({"seed": 2}).audio == song(2)


def test_an_answer_without_end_is_not_read_to_its_end(endpoint, monkeypatch):
    monkeypatch.setattr("client.LARGEST", 1000)
    with pytest.raises(EndpointError, match="larger than") as caught:
        Endpoint(endpoint.url).ask({})
    assert caught.value.final


def test_words_of_a_server_cannot_move_the_cursor():
    assert one_line("\x1b[2Jgone\r\nand \u202egone") == "[2Jgone and gone"
    assert len(one_line("x" * 1000)) == 300


def test_an_endpoint_cannot_be_changed_behind_its_checks(endpoint):
    with pytest.raises(dataclasses.FrozenInstanceError):
        Endpoint(endpoint.url).url = "http://elsewhere"
