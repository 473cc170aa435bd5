"""Several processes that train one adapter: who each of them is, what is whose, and how they agree.

`accelerate launch` and `torchrun` start one command once a device and tell each process in its environment who it is.
A run that nobody started so is a group of one: nothing is exchanged and nothing costs.

Processes meet at `exchange`, everywhere in the same order. One that fails or is stopped says so when it next would meet
the others, and all of them end there with its sentence: nothing that waits for others, such as the sum of gradients,
begins before all have said that they got there. One that is killed is noticed at once by its broken connection, one
whose machine is gone after `WAIT`.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from structure.errors import StudioError
from training.progress import Stopped

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import Store

T = TypeVar("T")

WAIT = timedelta(minutes=30)  # for the others; the main one may measure and make songs meanwhile
_LEAVING = "leaving"


class ProcessesError(StudioError):
    """The processes cannot train together, or one of them has failed; the message says which and why."""


class LostError(ProcessesError):
    """Another process is gone without a word."""


class Processes:
    """One process among those of its run.

    Args:
        rank: its number; 0 is the main one, which alone writes and speaks.
        count: how many there are.
        local_rank: its number on its machine.
        store: what they all can read and write; None for one alone.
    """

    def __init__(self, rank: int = 0, count: int = 1, local_rank: int = 0, store: "Store | None" = None) -> None:
        self.rank, self.count, self.local_rank = rank, count, local_rank
        self._store = store
        self._parted = store is None  # nobody is left to tell anything

    @property
    def main(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    def exchange(self, mine: T) -> list[T]:
        """What every process gives here, by rank.

        Raises:
            ProcessesError: one of them has failed or is gone.
            Stopped: one of them was stopped.
        """
        if not self.several:
            return [mine]
        met = self._meet(mine, None)
        ends = [end for _, end in met if end is not None]
        if ends:
            self._parted = True
            failed = [sentence for sentence in ends if sentence]
            raise ProcessesError(failed[0]) if failed else Stopped
        return [value for value, _ in met]

    def any(self, mine: bool) -> bool:
        """Whether it is so for any of the processes."""
        return any(self.exchange(mine))

    def from_main(self, make: Callable[[], T]) -> T:
        """What the main process makes, for all."""
        return self.exchange(make() if self.main else None)[0]  # type: ignore[return-value]

    def agree(self, what: str, mine: str) -> None:
        """Refuse to train together with different things.

        Raises:
            ProcessesError: another process has another `what`.
        """
        for rank, (host, other) in enumerate(found := self.exchange((socket.gethostname(), mine))):
            if other != found[0][1]:
                raise ProcessesError(
                    f"{what}: process {rank} on {host} has {other}, the main one on {found[0][0]} has {found[0][1]}. "
                    "Give all processes the same program, command, songs and run folder."
                )

    def leave(self, problem: BaseException) -> None:
        """Tell the others, when next they meet, why this one ends; harmless where they know."""
        if self._parted:
            return
        self._parted = True
        sentence = "" if isinstance(problem, Stopped) else self._named(problem)
        with suppress(Exception):  # whoever cannot be told is gone
            self._shared.set(_LEAVING, "")
            self._meet(None, sentence)

    def deal(self, name: str, items: Sequence[T]) -> Iterator[tuple[int, T]]:
        """Number and item of those that no other process has begun: whoever is free takes the next.

        Ends early where another process has ended, which the next meeting then tells.
        """
        if not self.several:
            yield from enumerate(items)
            return
        while (number := self._shared.add(name, 1) - 1) < len(items) and not self._shared.check([_LEAVING]):
            yield number, items[number]

    def share(self, lengths: Sequence[int]) -> list[int]:
        """Which crops of a step are this process's own: the longest first, each to whoever has least to do so far.

        With fewer crops than processes some have none, and with a number that does not divide, some have one more.

        Args:
            lengths: of all crops of the step, in frames.

        Returns:
            their indices, in ascending order.
        """
        frames, shares = [0] * self.count, [list[int]() for _ in range(self.count)]
        for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
            least = frames.index(min(frames))
            frames[least] += lengths[index]
            shares[least].append(index)
        return sorted(shares[self.rank])

    def device(self, chosen: str) -> str:
        """This process's device, where all were told to take `chosen`.

        Raises:
            ProcessesError: there are too few of them.
        """
        if not self.several or chosen == "cpu":
            return chosen
        import torch

        if chosen != "cuda":
            raise ProcessesError(
                f"--device {chosen} is one device, and {self.count} processes were started. Leave --device out, so "
                "that each takes its own GPU, or start one process."
            )
        if self.local_rank >= (there := torch.cuda.device_count()):
            raise ProcessesError(
                f"Process {self.local_rank + 1} of {socket.gethostname()} finds {there} GPUs there: start no more "
                "processes on a machine than it has GPUs."
            )
        torch.cuda.set_device(self.local_rank)  # else every process would also hold memory of the first GPU
        return f"cuda:{self.local_rank}"

    def holds(self, device: str) -> bool:
        """Whether this process is the one that locks its device: its own GPU, or the CPU for all on its machine."""
        return device.startswith("cuda") or self.local_rank == 0

    def add_up(self, parameters: Sequence["Tensor"], measured: "Tensor") -> "Tensor":
        """Give every process the sum of all gradients; a tensor that has none anywhere stays without.

        Args:
            parameters: those that learn, the same everywhere.
            measured: float32 (any number,) on their device.

        Returns:
            the sum of what was measured.
        """
        if not self.several:
            return measured
        import torch
        import torch.distributed

        flat = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
        sums = torch.cat([*flat, measured])
        known = self.exchange([p.grad is not None for p in parameters])
        self._with_others(lambda: torch.distributed.all_reduce(sums))
        ends = [0, *accumulate(len(part) for part in flat)]
        for parameter, of_each, (start, end) in zip(parameters, zip(*known, strict=True), pairwise(ends), strict=True):
            parameter.grad = sums[start:end].view_as(parameter) if any(of_each) else None
        return sums[ends[-1] :]

    @property
    def _shared(self) -> "Store":
        assert self._store is not None
        return self._store

    def _named(self, problem: BaseException) -> str:
        said = str(problem) if isinstance(problem, StudioError) else f"{type(problem).__name__}: {problem}"
        return f"Process {self.rank} of {self.count} on {socket.gethostname()}: {said}"

    def _meet(self, value: Any, end: str | None) -> list[tuple[Any, str | None]]:
        import torch.distributed

        met: list[Any] = [None] * self.count
        self._with_others(lambda: torch.distributed.all_gather_object(met, (value, end)))
        return met

    def _with_others(self, act: Callable[[], object]) -> None:
        try:
            act()
        except RuntimeError as problem:
            if self._parted:
                raise
            self._parted = True
            raise LostError(
                f"Another of the {self.count} processes is gone without a word: it was killed, ran out of memory or "
                f"lost its connection; its machine's system log may tell. Go on with --resume-from. ({problem})"
            ) from problem


ALONE = Processes()


def launched_as() -> tuple[int, int]:
    """This process's number and how many were launched, by the environment; 0 of 1 where nobody says so."""
    count = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    return (int(os.environ["RANK"]), count) if count > 1 else (0, 1)


@contextmanager
def together() -> Iterator[Processes]:
    """The processes that were launched with this one, met; they are told if the block ends with an error.

    Raises:
        ProcessesError: they do not find each other.
    """
    rank, count = launched_as()
    if count == 1:
        yield ALONE
        return
    import torch
    import torch.distributed

    gpus = torch.cuda.is_available() and torch.distributed.is_nccl_available()
    try:
        store, _, _ = next(torch.distributed.rendezvous("env://", rank, count, timeout=WAIT))
        torch.distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if gpus else "gloo",
            store=torch.distributed.PrefixStore("group", store),
            rank=rank,
            world_size=count,
            timeout=WAIT,
        )
    except (RuntimeError, ValueError) as problem:
        where = ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))
        raise ProcessesError(
            f"Process {rank} of {count} did not find the others at {where} ({problem}). Start all of them, and let "
            "that machine take connections on that port."
        ) from problem
    local_rank = int(os.environ.get("LOCAL_RANK", rank))
    processes = Processes(rank, count, local_rank, torch.distributed.PrefixStore("run", store))
    try:
        yield processes
    except BaseException as problem:
        processes.leave(problem)
        if isinstance(problem, StudioError) and not isinstance(problem, LostError) and not processes.main:
            raise SystemExit(2) from problem  # the main one says it
        raise
    torch.distributed.destroy_process_group()
