"""The page's command line, and what a page that runs gives to whom."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
import soundfile

import app
from app import PORT, StartError, choose_port
from relay import REFUSAL
from structure.errors import StudioError

ROOT = Path(__file__).resolve().parents[1]


def run_app(*options: str) -> subprocess.CompletedProcess:
    """`python app.py …` where it ends at once."""
    command = [sys.executable, "app.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_help_names_every_option():
    said = run_app("--help").stdout
    assert all(
        option in said
        for option in (
            "--dataset",
            "--model",
            "--host",
            "--port",
            "--auth",
            "--no-browser",
            "--root-path",
            "--trusted-network",
            "--training",
        )
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "0.0.0.0"), "--auth USER:PASSWORD"),
        (("--host", "0.0.0.0"), "--trusted-network"),
        (("--host", "192.0.2.1"), "--auth USER:PASSWORD"),
        (("--root-path", "studio"), "/studio"),
        (("--root-path", "/a/../b"), "/studio"),
        (("--root-path", '/"><script>'), "/studio"),
        (("--host", "0.0.0.0", "--auth", "somebody"), "USER:PASSWORD"),
        (("--auth", "somebody:"), "USER:PASSWORD"),
        (("--dataset", "/nowhere/at/all"), "there is no such folder"),
        (("--model", "/nowhere/at/all"), "OWNER/NAME"),
        (("--port", "70000"), "1 to 65535"),
    ],
)
def test_what_cannot_start_is_refused_in_one_line(options, says):
    done = run_app(*options)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and says in done.stderr and done.stderr.count("\n") == 1


def test_a_port_that_was_asked_for_is_that_port_or_none():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartError, match="cannot be used"):
            choose_port("127.0.0.1", taken.getsockname()[1])


def test_without_a_wish_the_next_free_port_is_taken_and_said(capsys):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
        except OSError:
            pass  # somebody else holds it: just as well
        port = choose_port("127.0.0.1", None)
    assert port > PORT
    assert f"Port {PORT} is taken: using {port}." in capsys.readouterr().out


def test_starting_needs_neither_torch_nor_diffusers_nor_librosa():
    slow = "('torch', 'diffusers', 'transformers', 'librosa', 'sklearn')"
    asked = f"import sys, lora_ui; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_model_may_be_the_starter_a_folder_or_an_id(tmp_path):
    for model in ("starter", str(tmp_path), "ACE-Step/acestep-v15-xl-base-diffusers"):
        assert app.check_model(model) == model
    with pytest.raises(StudioError):
        app.check_model("no such model")


def test_a_model_s_folder_is_known_wherever_a_run_begins(tmp_path, monkeypatch):
    (tmp_path / "models" / "xl").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert app.check_model("models/xl") == str(tmp_path / "models" / "xl")  # reads like a hub id


def fetch(url: str, path: str) -> tuple[int, bytes]:
    """Status and body of a request whose path is sent as it stands, `..`, NUL and all."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=30) as wire:
        wire.sendall(f"GET {path} HTTP/1.0\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def hostile_paths(secret: Path, served: Path) -> list[str]:
    """Ways to ask a page that serves one folder for a file outside of it."""
    outside = secret.as_posix()
    up = "../" * len(served.parts) + outside.lstrip("/")
    (served / "link").symlink_to(secret)
    (served / "folder").symlink_to(secret.parent)
    plain = [
        outside, "/" + outside, "//" + outside, f"{served}/{up}", f"{served}/./{up}", up, f"{served}/link",
        f"{served}/folder/{secret.name}", f"{served}{outside}", f"file://{outside}", f"./{up}",
        f"{served}/..;/{up}", f"{served}/....//{up}", f"{served}-other/../{up}",
        f"{served}/\\..\\..\\{secret.name}", outside.replace("/", "\\"), str(ROOT / "app.py"), "app.py", "/etc/passwd",
        "/proc/self/environ", "~/.bashrc", str(served), str(served.parent),
    ]  # fmt: skip
    once = [quote(path, safe="") for path in plain]
    twice = [quote(path, safe="") for path in once]
    dots = [path.replace("..", "%2e%2e") for path in plain if ".." in path]
    nul = [f"{outside}%00", f"{served}/%00/{up}", f"{served}/song.wav%00/{up}", f"{outside}%00.wav", f"{outside}%0a"]
    odd = [f"{served}/%c0%ae%c0%ae/{up}", f"{served}/%u002e%u002e/{up}", f"{served}%5c..%5c{up}", f"{served}/%ff/{up}"]
    return [path.replace("\x00", "%00").replace(" ", "%20") for path in (*plain, *once, *twice, *dots, *nul, *odd)]


def test_a_page_gives_its_own_files_and_no_others(studio, tmp_path):
    songs = tmp_path / "songs"
    songs.mkdir()
    secret = songs / "private.json"
    secret.write_text(json.dumps({"caption": "nobody else's"}))
    page = studio("--dataset", str(songs))
    text = urllib.request.urlopen(page.url, timeout=30).read().decode()
    assert "Structure Studio" in text
    served = page.home / "outputs"
    served.mkdir(parents=True, exist_ok=True)
    (served / "song.wav").write_bytes(b"a song")
    assert fetch(page.url, f"/gradio_api/file={served}/song.wav") == (200, b"a song")
    for path in hostile_paths(secret, served):
        for route in (
            "/gradio_api/file=",
            "/gradio_api/file/",
            "/file=",
            "/static/",
            "/assets/",
            "/gradio_api/upload/",
        ):
            status, body = fetch(page.url, route + path)
            assert b"nobody else's" not in body and b"root:" not in body and b"get_parser" not in body, route + path
            assert route != "/gradio_api/file=" or status >= 400, path
    for route in ("file=https://example.org/x", "file=%68ttp://example.org/x", "proxy=https://x.hf.space/x"):
        status, body = fetch(page.url, f"/gradio_api/{route}")
        assert (status, body) == (403, REFUSAL.encode()), route
    assert page.refused == []


def test_a_login_is_asked_for_where_one_was_set(studio, tmp_path):
    page = studio("--auth", "somebody:secret", "--dataset", str(tmp_path))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(page.url + "config", timeout=30)
    assert refused.value.code == 401


def test_a_first_start_makes_the_demo_songs(studio):
    page = studio()
    demo = page.home / "data" / "demo"
    deadline = time.monotonic() + 120
    while not (demo / ".whole").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    marked = [path for path in demo.glob("*.wav") if path.with_suffix(".json").exists()]
    assert (len(marked), len(list(demo.glob("*.wav")))) == (13, 15)
    assert os.listdir(page.home) == ["data"]


def test_the_page_has_four_tabs_and_says_what_runs(tmp_path):
    from header import header_html
    from lora_ui import build_app

    page = build_app(tmp_path, "starter", local=False)
    tabs = [block["props"] for block in page.get_config_file()["components"] if block["type"] == "tabitem"]
    rooms = [tab["label"] for tab in tabs if tab.get("id")]  # tabs inside a room have no name of their own
    assert rooms == ["Annotate", "Train", "Generate", "Evaluate"]
    named = page.get_api_info()["named_endpoints"]
    assert {"/generate_sample", "/start_training", "/stop_training", "/poll_training"} <= set(named)
    header = header_html("somebody/<i>odd")
    assert "Structure Studio" in header and "&lt;i&gt;odd" in header


@pytest.mark.browser
def test_four_marked_songs_lead_to_training(studio, browser, tmp_path):
    songs = tmp_path / "songs"
    songs.mkdir()
    for seed, name in enumerate("abcd"):
        noise = 0.1 * np.random.default_rng(seed).standard_normal(22_050 * 3)
        soundfile.write(songs / f"{name}.wav", noise, 22_050)
        (songs / f"{name}.json").write_text(json.dumps({"events": [{"type": "verse", "start": 0, "end": 3}]}))
    page = browser.new_context().new_page()
    page.goto(studio("--dataset", str(songs)).url)
    page.get_by_role("button", name="Train on these 4 songs").click()
    page.get_by_role("button", name="Train", exact=True).wait_for()
    assert page.get_by_role("tab", name="Train").get_attribute("aria-selected") == "true"
    page.get_by_text("4 songs · ").wait_for()
    page.context.close()


def test_a_model_makes_a_song_of_an_annotation(tmp_path, monkeypatch):
    from lora_ui import song_maker

    monkeypatch.setenv("STRUCTURE_STUDIO_HOME", str(tmp_path))
    maker = song_maker("starter")
    assert [value for _, value in maker.adapters()] == ["default", "none"]
    parts = [{"type": "intro", "start": 0, "end": 4, "mine": 1}, {"type": "chorus", "start": 4, "end": 8}]
    made = maker.make({"caption": "house", "bpm": 120.4, "keyscale": None, "duration": 8.0, "events": parts}, "default")
    told = json.loads(made.with_suffix(".json").read_text())
    assert soundfile.info(made).duration == pytest.approx(8, abs=0.05)
    assert [(e["type"], e["end"]) for e in told["events"]] == [("intro", 4), ("chorus", 8)]
    assert (told["caption"], told["bpm"]) == ("house", 120)
    with pytest.raises(StudioError, match="bpm"):
        maker.make({"duration": 8.0, "events": parts, "bpm": "fast"}, "default")
    with pytest.raises(StudioError, match="gone"):
        maker.make({"duration": 8.0, "events": parts}, str(tmp_path / "gone"))


HOLD = """
import sys
from training.device_lock import try_lock
with try_lock(sys.argv[1], "training my_run"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_tempo_and_key_are_heard_in_songs_and_in_noise_at_least_nothing_breaks(tmp_path):
    from acestep.starter.songs import write_songs
    from lora_ui import tempo_and_key

    for path in write_songs(tmp_path, 2, 7):
        told, heard = json.loads(path.with_suffix(".json").read_text()), tempo_and_key(path)
        assert heard["keyscale"] == told["keyscale"]
        assert heard["bpm"] == pytest.approx(told["bpm"], rel=0.02)
    soundfile.write(tmp_path / "short.wav", np.zeros(8000), 16_000)
    assert tempo_and_key(tmp_path / "short.wav") == {}


def test_a_run_that_takes_the_device_gets_the_pages_memory_and_the_page_waits(random_model, tmp_path):
    from generation.jobs import make_job
    from generation.service import generate_song
    from generation.warm import Cancelled, release, warm_pipeline
    from header import device_name, training_now
    from training import device_lock

    device = device_name()[0]

    first = warm_pipeline(str(random_model))
    run = subprocess.Popen(
        [sys.executable, "-c", HOLD, device], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert run.stdout.readline().strip() == b"held"
        training_now()  # what the page asks for every few seconds
        second = warm_pipeline(str(random_model))
        assert second is not first
        said: list[str] = []
        with pytest.raises(Cancelled):
            generate_song(
                make_job({"structure": "verse 0-2"}),
                model=str(random_model),
                device=device,
                output=tmp_path / "song.wav",
                gate=device_lock,
                on_wait=said.append,
                cancelled=lambda: bool(said),
            )
        assert "training my_run" in said[0]
    finally:
        run.communicate(b"\n")
        release()
