"""Install Structure Studio: `python3 scripts/install.py app` or `… tests`.

Runs on the system's Python with nothing installed, so it uses the standard
library only. `make` calls it; people without make run it by hand.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)
CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REAL_SONGS = "fretsonfire-songs-sectoid"  # a Debian package: the browser test marks one of its songs


def venv_python():
    """Path of the virtual environment's interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command):
    """Run a command and say whether it succeeded; its output is the visitor's to read."""
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL).returncode == 0


def pip(*arguments):
    """Run pip inside the virtual environment."""
    return run(venv_python(), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *arguments)


def make_venv():
    """Make `.venv`, or say in one sentence what is missing for it."""
    if venv_python().exists() and run(venv_python(), "-m", "pip", "--version"):
        return
    try:
        import ensurepip  # noqa: F401  # Debian and Ubuntu take it out of python3 and put it into a package of its own
        import venv
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        sys.exit(f"This Python cannot make virtual environments. Install the Debian package: apt-get install {package}")
    venv.create(VENV, with_pip=True, clear=True)


def has_nvidia_gpu():
    """True where NVIDIA's driver lists a GPU."""
    smi = shutil.which("nvidia-smi")
    return smi is not None and b"GPU" in subprocess.run([smi, "-L"], capture_output=True).stdout


def install_torch():
    """Take the small CPU build of torch where no NVIDIA GPU is seen and PyTorch's index answers."""
    if run(venv_python(), "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"):
        return
    if sys.platform == "linux" and not has_nvidia_gpu():
        pinned = [line for line in (ROOT / "requirements.txt").read_text().split() if line.startswith("torch==")]
        print("No NVIDIA GPU seen: trying the CPU build of torch.", flush=True)
        if pip("--retries", "0", "--timeout", "15", "--index-url", CPU_TORCH_INDEX, *pinned):
            return
        print("PyTorch's CPU index does not answer: taking torch from the usual index.", flush=True)


def install_app():
    """`.venv` with requirements.txt."""
    make_venv()
    install_torch()
    print("Installing requirements.txt …", flush=True)
    if not pip("-r", ROOT / "requirements.txt"):
        sys.exit("Installing requirements.txt failed; pip's reason stands above.")


def apt_install(package):
    """Install a Debian package as root; False where there is no apt-get, no right or no network."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    get = ("apt-get", "install", "-y", "-q", "--no-install-recommends", package)
    return run(*get) or (run("apt-get", "update", "-q") and run(*get))


def find_browser():
    """Any Chrome or Chromium: `CHROME` from the environment, one on the path, or Playwright's own."""
    named = os.environ.get("CHROME")
    found = next(filter(None, map(shutil.which, (named, *BROWSERS) if named else BROWSERS)), None)
    if found or not venv_python().exists():
        return found
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([str(venv_python()), "-c", ask], capture_output=True, text=True).stdout.strip()
    return answer if answer and Path(answer).exists() else None


def install_browser():
    """A Chromium for the browser tests: found, Debian's, or Playwright's; else a line that says what to install."""
    if find_browser() or (apt_install("chromium") and find_browser()):
        return
    run(venv_python(), "-m", "playwright", "install", "chromium")
    if not find_browser():
        print("No Chrome or Chromium: the browser tests will be skipped. Install chromium, or set CHROME to its path.")


def install_tests():
    """Everything that `make test` needs."""
    install_app()
    if not pip("-r", ROOT / "requirements-dev.txt"):
        sys.exit("Installing requirements-dev.txt failed; pip's reason stands above.")
    install_browser()
    if not Path("/usr/share/games/fretsonfire/data/songs").exists() and not apt_install(REAL_SONGS):
        print(f"{REAL_SONGS} (Debian) is not installed: the browser test will mark a made song instead of a real one.")
    if not shutil.which("strace") and not apt_install("strace"):
        print("strace is not installed: saving will not be tested with a kill at every system call.")


def main():
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            "Structure Studio needs Python {}.{} or newer, this is {}.{}. "
            "Install a newer one and run: make PYTHON=python3.12 app".format(*OLDEST_PYTHON, *sys.version_info[:2])
        )
    steps = {"app": install_app, "tests": install_tests}
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        sys.exit("usage: python3 scripts/install.py app|tests")
    steps[sys.argv[1]]()


if __name__ == "__main__":
    main()
