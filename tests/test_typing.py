"""mypy and pyright read programs that use ecrlan: the right ones pass, and of the wrong one every fault is found where it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import ecrlan

pytestmark = pytest.mark.long

HERE = Path(__file__).parent / "typing"
"""The programs. The test stands beside the folder: pytest would take a package `typing` for the one of Python."""
TREE = Path(ecrlan.__file__).parents[1]
PROGRAMS = ("asyncio_till.py", "blocking_till.py", "daemon_till.py")
WRONG = "wrong_till.py"
_EXPECTED = re.compile(r"# expect: (.+)$")

Complaint = tuple[str, int, str]
"""File, line, message."""


def mypy(folder: Path) -> list[Complaint]:
    """Return what mypy complains about."""
    command = (sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--follow-imports", "silent", "--output", "json")
    cache = ("--cache-dir", str(folder / "cache"))
    found = _run((*command, *cache, *PROGRAMS, WRONG))
    each = [json.loads(line) for line in found.splitlines()]
    return [(item["file"], item["line"], item["message"]) for item in each if item["severity"] == "error"]


def pyright(folder: Path) -> list[Complaint]:
    """Return what pyright complains about."""
    settings = folder / "pyrightconfig.json"
    files = [str(HERE / name) for name in (*PROGRAMS, WRONG)]
    settings.write_text(json.dumps({"include": files, "typeCheckingMode": "standard", "extraPaths": [str(TREE)], "pythonVersion": "3.11"}))
    found = json.loads(_run((sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(settings))))
    return [(Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"]) for each in found["generalDiagnostics"]]


def _run(command: tuple[str, ...]) -> str:
    """Run a checker on the ecrlan that is tested here, whether that is the tree or an installed package."""
    tree = {} if TREE.name == "site-packages" else {"MYPYPATH": str(TREE)}
    done = subprocess.run(command, cwd=HERE, env=os.environ | tree, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


CHECKERS = [
    pytest.param(mypy, marks=pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed"), id="mypy"),
    pytest.param(pyright, marks=pytest.mark.skipif(find_spec("basedpyright") is None, reason="pyright is not installed"), id="pyright"),
]


@pytest.mark.parametrize("checker", CHECKERS)
def test_right_programs_pass_and_every_fault_of_the_wrong_one_is_found(checker: Callable[[Path], list[Complaint]], tmp_path: Path) -> None:
    complaints = checker(tmp_path)
    assert [each for each in complaints if each[0] != WRONG] == []
    lines = (HERE / WRONG).read_text("utf-8").splitlines()
    expected = {number: match[1] for number, line in enumerate(lines, 1) if (match := _EXPECTED.search(line))}
    found: dict[int, str] = {}
    for _, number, message in complaints:
        found[number] = found.get(number, "") + message
    assert found.keys() == expected.keys(), found
    assert [(text, found[number]) for number, text in expected.items() if text not in found[number]] == []
