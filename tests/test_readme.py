"""The README is true: its commands, snippets and settings are run as they stand there.

`tests.readme_steps` goes through all of them in an empty environment, which takes a minute: CI runs it as a step of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlan.cli.settings import toml_value
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register import TerminalSettings
from ecrlan.register.register import local_clock
from ecrlan.settings import Declaration, Settings, all_declarations
from tests import readme_steps
from tests.daemon.process import free_port
from tests.threads import in_thread

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [text for _, text in readme_steps.blocks(language)]


def block(beginning: str) -> str:
    """The shell block that begins so."""
    (found,) = (text for text in blocks("sh") if text.startswith(beginning))
    return found


@pytest.fixture
def port() -> Iterator[int]:
    """An emulated terminal in a thread of its own."""
    with in_thread(lambda: EmulatorServer(EmulatedTerminal(clock=local_clock))) as (server, _):
        yield server.port


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_two_commands() -> None:
    section = README.split("## Install")[1].split("\n## ")[0]
    assert re.findall(r"^(python .*)$", section, re.MULTILINE) == [
        'python -m pip install ".[daemon]" && ecrlan demo',
        'python -m pip install ".[tests]" && python -m pytest -q -n auto tests',
    ]


def test_what_a_newcomer_types_stands_in_blocks_of_its_own() -> None:
    first_lines = [text.splitlines()[0] for _, text in readme_steps.wanted_steps()]
    assert first_lines[1:4] == ["ecrlan serve --demo", block("curl").splitlines()[0], "ecrlan purchase 6.50"]
    assert set(readme_steps.BACKGROUND) <= set(first_lines)
    assert first_lines[-1] == "import asyncio"
    assert {language for language, _ in readme_steps.blocks("[a-z]+")} == {"sh", "python", "toml"}


def test_python_snippet(port: int, tmp_path: Path) -> None:
    (snippet,) = blocks("python")
    (tmp_path / "till.py").write_text(snippet.replace("8081", str(port)), encoding="utf-8")
    done = run([sys.executable, "till.py"], tmp_path)
    assert done.stdout == "paid, STAN 000001\n", done.stderr
    assert (tmp_path / "till.db").exists()


def test_command_line_snippet(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    command = block("ecrlan purchase 6.50 --address").removeprefix("ecrlan ")
    done = run([sys.executable, "-m", "ecrlan", *command.replace("8081", str(port)).split()], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "approved" in done.stdout


def test_settings_snippet(tmp_path: Path) -> None:
    (snippet,) = blocks("toml")
    tomllib.loads(snippet)
    (tmp_path / "ecrlan.toml").write_text(snippet, encoding="utf-8")
    settings = Settings.load(tmp_path / "ecrlan.toml")
    terminal = settings.terminal_settings("till-1")
    assert isinstance(terminal, TerminalSettings)
    assert terminal.address == "192.168.1.50"


def test_settings_table_says_what_is_declared() -> None:
    rows = [f"| `{item.key}` | {_default(item)} | {item.description} |" for item in all_declarations()]
    (table,) = re.findall(r"<details><summary>Every setting.*?\n\n(.*?)\n\n</details>", README, re.DOTALL)
    assert table.splitlines()[2:] == rows


def _default(item: Declaration) -> str:
    return "" if item.default is None else f"`{toml_value(item.default)}`"


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


def test_curl_beside_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purchase as a till in another language asks for it, with curl in a shell."""
    if shutil.which("curl") is None or shutil.which("bash") is None:
        if os.environ.get("ECRLAN_TESTS_NEED_DEBIAN") == "1":
            pytest.fail("curl or bash is missing, and ECRLAN_TESTS_NEED_DEBIAN=1 asks for it")
        pytest.skip("needs curl and bash")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("ECRLAN_CONFIG", raising=False)
    port = free_port()  # the usual one may be in use where the tests run
    arguments = [*block("ecrlan serve").split()[1:], "--think", "0", "--http", f"127.0.0.1:{port}"]
    demo = subprocess.Popen([sys.executable, "-m", "ecrlan", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with demo:
        assert demo.stdout is not None
        assert any("Ctrl-C" in line for line in demo.stdout)
        snippet = block("curl").replace("8017", str(port)).replace("ecrlan token", f"'{sys.executable}' -m ecrlan token")
        first, again = (json.loads(run(["bash", "-c", snippet], tmp_path).stdout) for _ in range(2))
        demo.terminate()
    assert (first["outcome"], first["reference"]) == ("approved", "sale-4711")
    assert again == first
