"""Demo mode as a new user meets it: `ecrlan serve --demo` in a process of its own, and the customer's keys beside the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.daemon.console.conftest import Visit
from tests.daemon.process import free_port


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address and the token of a demo."""
    url = f"http://127.0.0.1:{free_port()}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ECRLAN_")} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ecrlan", "serve", "--demo", "--http", url.removeprefix("http://")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    found = re.search(r"^token: (\S+)$", said, re.MULTILINE)
    assert found is not None, said
    yield url, found[1]
    if sys.platform == "win32":
        process.kill()
    else:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0 or sys.platform == "win32"


def test_the_customer_pays_declines_and_pulls_the_plug(demo: tuple[str, str], visits: Callable[..., Visit]) -> None:
    window = visits(demo[0])
    window.log_in(demo[1])
    device = window.page.locator("#device")
    window.begin("purchase", "6.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-card")
    expect(device).to_contain_text("DIGITARE PIN")
    window.key("device-pin")
    window.verdict("approved")
    expect(device).to_contain_text("Really charged: 6.50 €")
    window.begin("purchase", "7.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-red")
    window.verdict("declined")
    window.begin("purchase", "8.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-plug")
    window.page.locator(".verdict.unresolved").wait_for(timeout=40_000)
    expect(device).to_contain_text("Really charged: 6.50 €")
