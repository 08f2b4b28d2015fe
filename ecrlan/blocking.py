"""The register for threads: the same names as `ecrlan.Register`, without `await`.

An event loop runs in a thread of its own; every method hands its call to it and waits. A method may be called from any thread. Waiting is
interrupted by Ctrl-C as usual; a payment that was sent goes on, and its outcome stands in the journal.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack

from ecrlan.errors import RegisterError
from ecrlan.model import MoneyOperation, Operation, Outcome
from ecrlan.model.orders import Order
from ecrlan.protocol.options import TerminalOptions
from ecrlan.register import Register as AsyncRegister
from ecrlan.register import Terminal as AsyncTerminal
from ecrlan.register import TerminalEvent, TerminalSettings
from ecrlan.register.publisher import Observer
from ecrlan.register.register import local_clock
from ecrlan.register.surface import Operations

Result = TypeVar("Result")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._posted: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ecrlan", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run `work` in the loop and wait for it; where the wait is interrupted, so is the work's."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise RegisterError(("register_ended", {})) from None
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def post(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the loop run what `make` returns, without waiting for it; a closed loop has nothing left to run."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: self._posted.add(self._loop.create_task(make())))

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Terminal(Operations[MoneyOperation, Operation[Outcome]]):
    """A terminal for threads. Its operations are those of `Operations`; each returns once it has its outcome."""

    def __init__(self, loop: _Loop, terminal: AsyncTerminal) -> None:
        self._loop = loop
        self._terminal = terminal

    def _money(self, order: Order) -> MoneyOperation:
        return self._loop.call(self._terminal._money(order))  # noqa: SLF001 - the same method of the terminal behind it

    def carry_out(self, order: Order) -> Operation[Outcome]:
        """As `ecrlan.Terminal.carry_out`."""
        return self._loop.call(self._terminal.carry_out(order))

    @property
    def name(self) -> str:
        """The terminal's name in the settings."""
        return self._terminal.name

    @property
    def settings(self) -> TerminalSettings:
        """The terminal's settings."""
        return self._terminal.settings

    def authorized_total(self, target: str) -> int:
        """As `ecrlan.Terminal.authorized_total`."""

        async def total() -> int:
            return self._terminal.authorized_total(target)

        return self._loop.call(total())

    def drop_line(self) -> None:
        """As `ecrlan.Terminal.drop_line`."""

        async def drop() -> None:
            self._terminal.drop_line()

        self._loop.call(drop())

    def accept_terminal_id(self, by: str) -> None:
        """As `ecrlan.Terminal.accept_terminal_id`."""

        async def accept() -> None:
            self._terminal.accept_terminal_id(by)

        self._loop.call(accept())

    def reset_hand_use(self, by: str) -> None:
        """As `ecrlan.Terminal.reset_hand_use`."""

        async def reset() -> None:
            self._terminal.reset_hand_use(by)

        self._loop.call(reset())

    def events(self) -> Iterator[TerminalEvent]:
        """Follow what happens on the terminal; blocks until the next event."""
        events = self._terminal.events()

        async def following() -> TerminalEvent:
            return await anext(events)

        try:
            while True:
                yield self._loop.call(following())
        finally:
            # never waits: a forgotten iterator may be collected in any thread, the loop's own included
            self._loop.post(events.aclose)  # type: ignore[attr-defined]  # an async generator


class Register:
    """The register for threads. Use it as `with ecrlan.blocking.Register(journal="till.db") as register`."""

    def __init__(
        self,
        journal: str | os.PathLike[str] | None = None,
        *,
        listen: str | None = None,
        cash_register_id: str = "00000001",
        backups: int = 7,
        retention_days: int = 0,
        clock: Callable[[], datetime] = local_clock,
        on_commit: Callable[[float], None] | None = None,
    ) -> None:
        self._loop: _Loop | None = None
        self._register = AsyncRegister(
            journal,
            listen=listen,
            cash_register_id=cash_register_id,
            backups=backups,
            retention_days=retention_days,
            clock=clock,
            on_commit=on_commit,
        )

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def open(self) -> None:
        """As `ecrlan.Register.open`."""
        self._loop = _Loop()
        try:
            self._loop.call(self._register.open())
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        """As `ecrlan.Register.close`."""
        if self._loop is not None:
            self._loop.call(self._register.close())
            self._loop.close()
            self._loop = None

    def drain(self, seconds: float) -> None:
        """As `ecrlan.Register.drain`."""
        self._opened().call(self._register.drain(seconds))

    def observe(self, callback: Observer, *, frames: bool = False) -> Callable[[], None]:
        """As `ecrlan.Register.observe`; the callback runs on the loop's thread, and must not call the register itself."""
        loop = self._opened()

        async def begin() -> Callable[[], None]:
            return self._register.observe(callback, frames=frames)

        end = loop.call(begin())

        def ending() -> None:
            async def finish() -> None:
                end()

            loop.post(finish)

        return ending

    def dial(self, name: str, address: str, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """As `ecrlan.Register.dial`."""
        return self.add(TerminalSettings(name=name, address=address, port=port, link="dial", **options))

    def listen(self, name: str, address: str, *, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """As `ecrlan.Register.listen`."""
        return self.add(TerminalSettings(name=name, address=address, port=port, link="listen", **options))

    def add(self, settings: TerminalSettings) -> Terminal:
        """As `ecrlan.Register.add`."""

        async def add() -> AsyncTerminal:
            return self._register.add(settings)

        loop = self._opened()
        return Terminal(loop, loop.call(add()))

    def remove(self, name: str) -> TerminalSettings:
        """As `ecrlan.Register.remove`."""

        async def remove() -> TerminalSettings:
            return self._register.remove(name)

        return self._opened().call(remove())

    def change(self, settings: TerminalSettings) -> Terminal:
        """As `ecrlan.Register.change`."""

        async def change() -> AsyncTerminal:
            return self._register.change(settings)

        loop = self._opened()
        return Terminal(loop, loop.call(change()))

    def running(self) -> list[Operation]:
        """As `ecrlan.Register.running`."""

        async def running() -> list[Operation]:
            return self._register.running()

        return self._opened().call(running())

    def terminal(self, name: str) -> Terminal:
        """As `ecrlan.Register.terminal`."""
        return Terminal(self._opened(), self._register.terminal(name))

    def operation(self, reference: str) -> Operation:
        """As `ecrlan.Register.operation`."""
        return self._opened().call(self._register.find(reference))

    def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """As `ecrlan.Register.resolve`."""
        return self._opened().call(self._register.resolve(reference, outcome, by=by, note=note))

    def withdraw(self, reference: str) -> Operation:
        """As `ecrlan.Register.withdraw`."""
        return self._opened().call(self._register.withdraw(reference))

    def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """As `ecrlan.Register.attach`."""
        return self._opened().call(self._register.attach(reference, terminal, by=by))

    def check_operations(self, wanted: Iterable[TerminalSettings] | None = None) -> None:
        """As `ecrlan.Register.check_operations`."""

        async def check() -> None:
            self._register.check_operations(wanted)

        self._opened().call(check())

    def accept_journal(self, *, by: str, note: str) -> None:
        """As `ecrlan.Register.accept_journal`."""
        self._opened().call(self._register.accept_journal(by=by, note=note))

    def _opened(self) -> _Loop:
        if self._loop is None:
            raise RegisterError(("register_not_open", {"way": "with Register(...)"}))
        return self._loop
