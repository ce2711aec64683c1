"""Progress bars, rates, and work side by side."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from tqdm import tqdm

from client import CONCURRENCY

# Seconds between two drawings of a bar: on a terminal, and in a log where each is a line.
DRAW_TERMINAL = 0.2
DRAW_LOG = 10.0

Item = TypeVar("Item")


class Lines:
    """A file for bars where nothing can be drawn over: each drawing is a line of its own."""

    def write(self, text: str) -> None:
        if drawing := text.strip():
            sys.stderr.write(f"{drawing}\n")

    def flush(self) -> None:
        sys.stderr.flush()


class Phase:
    """One part of the demo: its bar while it runs, its rates afterwards."""

    def __init__(self, name: str, total: int, unit: str, initial: int = 0) -> None:
        self.name = name
        self.total = total
        self.initial = initial
        self.counts: Counter[str] = Counter()
        self._unit = unit

    def __enter__(self) -> "Phase":
        self._started = time.monotonic()
        terminal = sys.stderr.isatty()
        self._bar = tqdm(
            desc=f"{self.name:9}",
            total=self.total,
            initial=self.initial,
            unit=f" {self._unit}",
            file=sys.stderr if terminal else Lines(),
            mininterval=DRAW_TERMINAL if terminal else DRAW_LOG,
            smoothing=0.05,
            dynamic_ncols=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._started
        self._bar.close()

    def done(self, steps: int) -> None:
        self._bar.update(steps)

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] += times

    def report(self) -> None:
        parts = [
            f"{times:,} {what} ({times / max(self.seconds, 1e-9):,.0f}/s)"
            for what, times in self.counts.items()
        ]
        before = f", {self.initial:,} from before" if self.initial else ""
        done = ", ".join(parts) or "nothing to do"
        print(f"{self.name:9} {done}{before} in {self.seconds:.1f} s", flush=True)


async def concurrently(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Starts `work` on the items in order, a bounded number at once. A failure ends all."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(worker())
