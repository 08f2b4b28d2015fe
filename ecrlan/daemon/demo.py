"""Demo mode: an emulated terminal in this process, with a screen and buttons for the person who plays the customer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import MalformedMessageError
from ecrlan.model import ROME, codes_of
from ecrlan.register import TerminalSettings
from ecrlan.settings import Settings
from ecrlan.wire.codec import parse_request, parse_response
from ecrlan.wire.frames import ApplicationFrame, FrameReader

NAME = "till-1"
"""As in the README and in the documentation of the HTTP API."""
REBOOT_SECONDS = 4.0
THINK_SECONDS = 3.0
"""How long a payment takes where nobody presses a button."""
SPARE_SECONDS = 5.0
"""After `think_seconds` and these no payment can still be running."""

SHOWN_CODES = codes_of(lambda request: request.prints)
"""Requests that a person at the terminal notices; looking (`s`, `G`) and `E` leave its screen alone."""

Button = Literal["card", "pin", "red", "plug"]

_WORDS = {"card": "INSERIRE CARTA", "pin": "DIGITARE PIN", "host": "ATTENDERE PREGO"}


class Demo:
    """The emulated terminal, its screen, and a temporary folder with journal and settings file, which lasts as long as it does."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        think_seconds: float = THINK_SECONDS,
        on_screen: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """`on_screen` is told the screen whenever it shows something else.

        Where nobody presses a button, a payment takes `think_seconds`: three eighths each for card and PIN, a quarter for the host.
        """
        self.on_screen = on_screen
        self.think_seconds = think_seconds
        self._clock = clock
        self.terminal = EmulatedTerminal(
            clock=clock,
            attended=True,
            patience_seconds=think_seconds * 3 / 8,
            host_seconds=think_seconds / 4,
            reboot_seconds=REBOOT_SECONDS,
        )
        self._server = EmulatorServer(self.terminal, on_frames=self._frame)
        self._folder = tempfile.TemporaryDirectory(prefix="ecrlan-demo-", ignore_cleanup_errors=True)
        self._shown: dict[str, Any] = {}
        self._amount: int | None = None
        self._code = ""
        self._outcome = ""

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        self.settings_file.write_text(self._settings_text(), "utf-8")
        self._shown = self.screen()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._server.__aexit__(kind, error, trace)
        self._folder.cleanup()

    @property
    def journal(self) -> Path:
        """The temporary journal."""
        return Path(self._folder.name) / "ecrlan.db"

    @property
    def settings_file(self) -> Path:
        """The settings by which commands find journal and terminal."""
        return Path(self._folder.name) / "ecrlan.toml"

    @property
    def settings(self) -> TerminalSettings:
        """The terminal as the register is told of it: short times, receipts on the register."""
        return Settings.load(self.settings_file, {}).terminal_settings(NAME)

    def _settings_text(self) -> str:
        return (
            f'[register]\njournal = "{self.journal.name}"\nlisten = ""\n\n'
            f'[terminals.{NAME}]\naddress = "127.0.0.1"\nport = {self._server.port}\nlink = "dial"\nprint_on_register = true\n'
            f"standalone_use = false\nlongest_payment_time = {self.think_seconds + SPARE_SECONDS}\nrecovery_pause = 1.0\n"
        )

    def press(self, button: Button) -> dict[str, Any]:
        """Press a button (`plug` pulls the plug: the line is gone, and the terminal restarts); return the screen."""
        if button == "plug":
            self._outcome = ""
            self._server.drop_line()
            self._server.reboot()
            asyncio.get_running_loop().call_later(REBOOT_SECONDS, self._refresh)
        else:
            self._server.press(button)
        self._refresh()
        return self.screen()

    def screen(self) -> dict[str, Any]:
        """Return what the terminal shows: its lines, the state in a word, and the cents that its ledger says customers have paid."""
        now = asyncio.get_running_loop().time()
        stage = self.terminal.stage
        if self.terminal.rebooting(now):
            state, lines = "off", ["", "RIAVVIO IN CORSO"]
        elif stage != "idle":
            state, lines = stage, [_WORDS[stage], _euros(self._amount)]
        elif not self.terminal.idle and self._code in SHOWN_CODES:
            state, lines = "host", [_WORDS["host"]]
        else:
            time = self._clock().astimezone(ZoneInfo(ROME)).strftime("%d/%m/%Y %H:%M")
            state, lines = "idle", [self.terminal.merchant[0], self._outcome or "BENVENUTI", time]
        return {"lines": lines, "state": state, "ledger_total": self.terminal.ledger.net_total()}

    def _frame(self, direction: str, raw: bytes) -> None:
        """Look over the shoulder: amounts and results go on the screen."""
        for frame in FrameReader(self.terminal.reading).feed(raw):
            if isinstance(frame, ApplicationFrame):
                self._message(direction, frame.message)
        asyncio.get_running_loop().call_soon(self._refresh)  # the terminal takes the frame after us

    def _message(self, direction: str, message: bytes) -> None:
        try:
            if direction == ">":
                request = parse_request(message)
                self._code, self._amount = request.code, getattr(request, "amount", None)
                return
            response = parse_response(message)
        except MalformedMessageError:  # the emulator's faults are not armed here; a hostile client of its port is nobody's screen
            return
        result = getattr(response, "result", None)
        if self._code in SHOWN_CODES and result is not None:
            self._outcome = "TRANSAZIONE ESEGUITA" if result == "00" else (getattr(response, "reason", None) or "OPERAZIONE NEGATA")

    def _refresh(self) -> None:
        screen = self.screen()
        if screen != self._shown and self.on_screen is not None:
            self.on_screen(screen)
        self._shown = screen


def _euros(amount: int | None) -> str:
    return "" if amount is None else f"EUR {amount // 100},{amount % 100:02}"
