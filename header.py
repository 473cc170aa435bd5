"""The line on top of the page: product, model, adapter and device, and a dot that turns while a run trains."""

import os
import platform
import shutil
import subprocess
import sys
import time
from functools import cache, lru_cache
from html import escape
from pathlib import Path

import gradio as gr

from generation.jobs import DEFAULT_ADAPTER
from generation.service import adapter_title
from generation.warm import adapter_folder, release
from structure.errors import StudioError
from training import device_lock
from training.runs import list_runs, runs_folder

TITLE = "Structure Studio"
WATCH_SECONDS = 3.0
# The dot is asked for beside Gradio's events: each of these has the browser look at every component of the page.
SCRIPT = """
element.addEventListener('click', (e) => { if (e.target.closest('.studio-busy')) trigger('click'); });
// Gradio gives its components no role: what will say how a button's work goes is made to be read out before it does
document.addEventListener('focusin', () => {
  for (const said of document.querySelectorAll('.sst-spoken:not([aria-live])')) said.ariaLive = 'polite';
});
const look = async () => {
  if (!document.hidden) {
    const dot = await server.training_now().catch(() => '');
    const place = element.querySelector('.studio-dot');
    if (place && place.said !== dot) place.innerHTML = place.said = dot;
  }
  setTimeout(look, SECONDS);
};
look();
""".replace("SECONDS", str(int(1000 * WATCH_SECONDS)))


def header_line() -> gr.HTML:
    """The line before anything is known; a click on the dot is its `click`."""
    return gr.HTML(_line(""), js_on_load=SCRIPT, server_functions=[training_now])


def header_html(model: str, adapter: str = DEFAULT_ADAPTER) -> str:
    """The line on top, with the place of the dot."""
    facts = [
        ("Model", "starter" if model == "starter" else Path(model).name),
        ("Adapter", adapter_name(model, adapter)),
        ("Device", device_name()[1]),
    ]
    return _line("".join(f"<span>{name} <b>{escape(value)}</b></span>" for name, value in facts))


def training_now(_: object = None) -> str:
    """For the browser: the dot, "" while nothing trains. A run that took the device gets the page's memory as well."""
    owner = device_lock.holder(device_name()[0])
    if owner is not None and owner.pid != os.getpid():
        release()
    return _dot(int(time.monotonic()))


def adapter_name(model: str, adapter: str) -> str:
    """The adapter chosen in Generate, in a word."""
    try:
        folder = adapter_folder(model, adapter)
    except StudioError:  # its run has been deleted since
        return "gone"
    return "none" if folder is None else "shipped" if adapter == DEFAULT_ADAPTER else adapter_title(folder)


@cache
def device_name() -> tuple[str, str]:
    """Torch's name of the device that `auto` will be, and one for a person; found without importing torch."""
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
        if names:
            return "cuda", names[0].strip()
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps", "Apple GPU"
    return "cpu", f"CPU, {os.cpu_count()} cores"


def _line(facts: str) -> str:
    return f'<div class="studio-header"><h1>{TITLE}</h1>{facts}<span class="studio-dot"></span></div>'


@lru_cache(maxsize=1)
def _dot(second: int) -> str:
    """What trains, found once in a second however many pages look."""
    running = [run for run in list_runs(runs_folder()) if run.running]
    if not running:
        return ""
    state = running[0].state
    done = f"{state.step} of {state.max_steps} steps" if state.max_steps else state.status
    name = escape(running[0].name)
    return f'<button type="button" class="studio-busy" title="{name}"><i></i>Training: {escape(done)}</button>'
