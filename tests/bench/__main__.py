"""`python -m tests.bench exchange`, `python -m tests.bench journal` and `python -m tests.bench daemon`."""

from __future__ import annotations

import argparse
import sys

from tests.bench import daemon, exchange, journal


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Benchmarks of ecrlan: loopback only; the first two under a minute each."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("exchange", help="one purchase beside raw asyncio, the codec alone, start-up")
    one.add_argument("--rounds", type=int, default=30)
    one.add_argument("--count", type=int, default=300, help="purchases in a round")
    two = commands.add_parser("journal", help="durable purchases beside bare commits and raw exchanges")
    two.add_argument("--rounds", type=int, default=9)
    two.add_argument("--count", type=int, default=640, help="purchases in a round")
    two.add_argument("--terminals", type=int, default=64)
    two.add_argument("--folder", help="where the journals go: on the disk that counts")
    three = commands.add_parser("daemon", help="many terminals on one daemon: time added, CPU, memory, saturation")
    plan = daemon.Plan()
    three.add_argument("--terminals", type=int, default=plan.terminals)
    three.add_argument("--seconds", type=float, default=plan.half_seconds, help="how long half load of one core lasts")
    three.add_argument("--step-seconds", type=float, default=plan.step_seconds, help="how long each rate before it lasts")
    three.add_argument("--folder", help="where the journals go: on the disk that counts")
    asked = parser.parse_args()
    if asked.command == "exchange":
        print(exchange.run(asked.rounds, asked.count))
    elif asked.command == "daemon":
        wanted = daemon.Plan(terminals=asked.terminals, half_seconds=asked.seconds, step_seconds=asked.step_seconds)
        print(daemon.run(wanted, asked.folder, say=lambda text: print(f"... {text}", file=sys.stderr)))
    else:
        print(journal.run(asked.rounds, asked.count, asked.terminals, asked.folder))


if __name__ == "__main__":
    main()
