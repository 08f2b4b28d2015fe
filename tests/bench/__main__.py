"""`python -m tests.bench exchange` and `python -m tests.bench journal`."""

from __future__ import annotations

import argparse

from tests.bench import exchange, journal


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks of ecrlan: loopback only, each under a minute.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("exchange", help="one purchase beside raw asyncio, the codec alone, start-up")
    one.add_argument("--rounds", type=int, default=30)
    one.add_argument("--count", type=int, default=300, help="purchases in a round")
    two = commands.add_parser("journal", help="durable purchases beside bare commits and raw exchanges")
    two.add_argument("--rounds", type=int, default=9)
    two.add_argument("--count", type=int, default=640, help="purchases in a round")
    two.add_argument("--terminals", type=int, default=64)
    two.add_argument("--folder", help="where the journals go: on the disk that counts")
    asked = parser.parse_args()
    if asked.command == "exchange":
        print(exchange.run(asked.rounds, asked.count))
    else:
        print(journal.run(asked.rounds, asked.count, asked.terminals, asked.folder))


if __name__ == "__main__":
    main()
