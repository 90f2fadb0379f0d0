"""Looks at things, gathered for a moment so that one call answers many."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from gopherpay_operator.backends.ports import BackendFailure, Forbidden, Unavailable
from gopherpay_operator.plans.observed import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


GATHERED_SECONDS: Final = 0.05


class Observe(Protocol):
    """How many are looked at at once."""

    async def __call__(
        self, wishes: Sequence[Any], *, is_leaving: bool
    ) -> Mapping[str, Found[Any]]:
        """Return what is there of *wishes*, by name."""


@dataclass(slots=True)
class _Batch:
    is_leaving: bool
    timer: asyncio.TimerHandle
    wishes: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, asyncio.Future[Found[Any]]] = field(default_factory=dict)


class Looks:
    """Gathers looks into batches."""

    def __init__(self, observe: Observe, batch_max: int) -> None:
        """Start with no batch."""
        self._observe = observe
        self._batch_max = batch_max
        self._batches: dict[bool, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self, name: str, wish: Any, *, is_leaving: bool) -> Found[Any]:  # noqa: ANN401 - of any kind
        """Return what is there of *wish*, which is called *name*.

        Raises:
            BackendFailure: What the batch, or this look alone, ended with.
        """
        batch = self._batches.get(is_leaving)
        if batch is not None and name in batch.wishes:
            self._send(batch)  # two wishes of one name may be about different things
            batch = None
        if batch is None:
            batch = self._opened(is_leaving=is_leaving)
        answer: asyncio.Future[Found[Any]] = asyncio.get_running_loop().create_future()
        batch.wishes[name], batch.answers[name] = wish, answer
        if len(batch.wishes) >= self._batch_max:
            self._send(batch)
        return await answer

    def _opened(self, *, is_leaving: bool) -> _Batch:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(GATHERED_SECONDS, lambda: self._send(self._batches[is_leaving]))
        batch = self._batches[is_leaving] = _Batch(is_leaving, timer)
        return batch

    def _send(self, batch: _Batch) -> None:
        batch.timer.cancel()
        self._batches.pop(batch.is_leaving, None)
        task = asyncio.get_running_loop().create_task(self._answer(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, batch: _Batch) -> None:
        """Answer every look; a batch that fails for one wish is asked one by one."""
        wishes = list(batch.wishes.values())
        try:
            found = await self._observe(wishes, is_leaving=batch.is_leaving)
        except Exception as failure:  # noqa: BLE001 - it goes to those who wait
            if len(wishes) == 1 or isinstance(failure, Unavailable | Forbidden):
                self._fail(batch, failure)
            else:
                await self._one_by_one(batch)
            return
        for name, answer in batch.answers.items():
            _settle(answer, name, found)

    async def _one_by_one(self, batch: _Batch) -> None:
        for name, answer in batch.answers.items():
            try:
                found = await self._observe([batch.wishes[name]], is_leaving=batch.is_leaving)
            except Exception as failure:  # noqa: BLE001 - see above
                if not answer.done():
                    answer.set_exception(failure)
            else:
                _settle(answer, name, found)

    def _fail(self, batch: _Batch, failure: Exception) -> None:
        for answer in batch.answers.values():
            if not answer.done():
                answer.set_exception(type(failure)(*failure.args))  # each with its own traceback


def _settle(answer: asyncio.Future[Found[Any]], name: str, found: Mapping[str, Found[Any]]) -> None:
    if answer.done():
        return
    if name in found:
        answer.set_result(found[name])
    else:
        answer.set_exception(BackendFailure(f"Nothing was said of '{name}'."))
