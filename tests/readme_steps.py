"""A newcomer's first minutes: every shell and Python block of the README as it stands, in order, in an empty environment and HOME.

    python -m tests.readme_steps CLONE FOLDER

CLONE is a fresh clone; FOLDER, which must not exist yet, gets the virtual environment and the empty HOME. What is meant to run beside the
rest (`BACKGROUND`) is started and left running; everything else must end well, and the purchase over HTTP must be approved within
`LONGEST_SECONDS` after the install. Left out is the command that runs the tests, which CI runs as a step of its own. It needs bash, curl,
the ports 8017 and 8081, and nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import venv
from contextlib import ExitStack
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BACKGROUND = ("ecrlan serve --demo", "ecrlan emulate")
SERVES = "Ctrl-C ends it"
"""What each of them says once it serves."""
TESTS = "pytest"
LONGEST_SECONDS = 60.0
STEP_SECONDS = 600
START_SECONDS = 60


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Return the README's blocks in these languages, in order: language and text."""
    return re.findall(rf"^```({'|'.join(languages)})\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def wanted_steps() -> list[tuple[str, str]]:
    """Return the blocks that are run here."""
    return [(language, text) for language, text in blocks("sh", "python") if language == "python" or TESTS not in text]


class Newcomer:
    """Somebody with an empty HOME, a fresh virtual environment, and a clone in which the commands are typed."""

    def __init__(self, clone: Path, folder: Path) -> None:
        home = folder / "home"
        home.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=True)
        self.clone = clone
        self.script = folder / "venv" / "bin" / "ecrlan"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ECRLAN_", "PYTHON", "VIRTUAL_ENV"))}
        self.environ = {**kept, "HOME": str(home), "PATH": f"{self.script.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, language: str, text: str) -> str:
        """Type one block and return what it printed. Raises `SystemExit` where it does not end well."""
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "sh" else ["python", "-c", text]
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise SystemExit(f"exit code {done.returncode}:\n{text}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def start(self, text: str) -> subprocess.Popen[str]:
        """Start what runs beside the rest, and wait until it serves. Raises `SystemExit` where it ends instead."""
        process = subprocess.Popen(
            text.split(),
            cwd=self.clone,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        patience = threading.Timer(START_SECONDS, process.kill)
        patience.start()
        said = ""
        for line in process.stdout:
            said += line
            if SERVES in line:
                break
        else:
            raise SystemExit(f"it ended, or said nothing for {START_SECONDS} s:\n{text}\n{said}")
        patience.cancel()
        threading.Thread(target=process.stdout.read, daemon=True).start()  # or it would wait for a reader
        return process


def main(clone: str, folder: str) -> None:
    """Go through the steps. Raises `SystemExit` at the first that fails."""
    newcomer = Newcomer(Path(clone), Path(folder))
    approved = 0
    with ExitStack() as running:
        for language, text in wanted_steps():
            began = time.monotonic()
            if text.strip() in BACKGROUND:
                process = newcomer.start(text)
                running.callback(process.wait)
                running.callback(process.terminate)
                printed = ""
            else:
                printed = newcomer.run(language, text)
            print(f"{time.monotonic() - began:6.1f} s  {text.splitlines()[0]}", flush=True)
            if text.startswith("curl"):
                after = time.time() - newcomer.script.stat().st_mtime
                outcome = json.loads(printed)["outcome"]
                print(f'          "outcome": "{outcome}", {after:.1f} s after the install')
                if outcome != "approved" or after > LONGEST_SECONDS:
                    raise SystemExit(f"wanted: approved within {LONGEST_SECONDS:g} s after the install")
                approved += 1
            elif text.startswith("ecrlan purchase") and "approved" not in printed:
                raise SystemExit(f"not approved:\n{text}\n{printed}")
            elif language == "python" and not printed.startswith("paid, STAN"):
                raise SystemExit(f"not paid:\n{printed}")
    if not approved:
        raise SystemExit("the README has no purchase over HTTP")


if __name__ == "__main__":
    main(*sys.argv[1:])
