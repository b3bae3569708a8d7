import asyncio
from typing import Any, ClassVar

import pytest

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.choice import EXECUTORS, Executors
from nbprocessor.execution.executor import Executor
from nbprocessor.execution.sandbox.isolation import NoIsolation


class Trial(Executor):
    """An executor whose opening a test holds in its hands; it never runs anything."""

    name: ClassVar[str] = "trial"
    opened: ClassVar[list[str]] = []
    closed: ClassVar[list[str]] = []
    gate: ClassVar[asyncio.Event | None] = None
    fault: ClassVar[Exception | None] = None

    async def open(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.opened.append(self.name)

    async def close(self) -> None:
        self.closed.append(self.name)

    async def start(self, run: Any, observe: Any) -> Any:
        raise NotImplementedError

    def facts(self):
        return {"name": self.name}


def kinds(*names: str, **of: Any) -> dict[str, type[Executor]]:
    shared = {"opened": [], "closed": []}
    return {name: type(name, (Trial,), {"name": name, **shared, **of.get(name, {})}) for name in names}


def chosen(setting: str, wish: str = "", known=None, language: str = "python") -> str:
    async def choose():
        executors = Executors(setting, known or kinds("best", "other"))
        try:
            return (await executors.choose(wish, "python3", language)).name
        finally:
            await executors.close()

    return asyncio.run(choose())


def test_the_front_matter_counts_before_the_setting_and_the_setting_before_the_best():
    assert chosen("auto") == "best"
    assert chosen("other") == "other"
    assert chosen("best", wish="other") == "other"


def test_an_executor_that_is_not_known_here_is_passed_over_with_one_warning(caplog):
    async def choose():
        executors = Executors("auto", kinds("best"))
        for _ in range(3):
            assert (await executors.choose("cluster", "python3", "python")).name == "best"
        await executors.close()

    asyncio.run(choose())
    assert [record.message for record in caplog.records] == ["executor not known here executor=cluster known=best"]


def test_one_that_does_not_suit_or_cannot_be_opened_is_passed_over():
    unsuited = kinds("best", "other", best={"suits": classmethod(lambda cls, kernel, language: language == "R")})
    assert chosen("auto", known=unsuited) == "other"
    assert unsuited["best"].opened == ["other"]  # it was not even opened
    broken = kinds("best", "other", best={"fault": ExecutionError("not here")})
    assert chosen("auto", known=broken) == "other"


def test_when_none_can_be_opened_the_reasons_are_given():
    with pytest.raises(ExecutionError, match="not here"):
        chosen("auto", known=kinds("best", best={"fault": ExecutionError("not here")}))


def test_what_is_opened_is_opened_once_for_many_and_closed_once():
    known = kinds("best")

    async def scene():
        executors = Executors("auto", known)
        await asyncio.gather(executors.warm(), *(executors.choose("", "python3", "python") for _ in range(20)))
        facts = executors.facts()
        await executors.close()
        return facts

    assert asyncio.run(scene()) == [{"name": "best"}]
    assert (known["best"].opened, known["best"].closed) == (["best"], ["best"])


def test_who_gives_up_waiting_for_an_opening_does_not_spoil_it_for_the_others():
    async def scene():
        gate = asyncio.Event()
        executors = Executors("auto", kinds("best", best={"gate": gate}))
        first, second = (asyncio.create_task(executors.choose("", "python3", "python")) for _ in range(2))
        while not executors._opening:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        gate.set()
        name = (await second).name
        await executors.close()
        return first.cancelled(), name

    assert asyncio.run(scene()) == (True, "best")


def test_an_opening_under_way_ends_with_the_executors():
    known = kinds("best", best={"gate": asyncio.Event()})

    async def scene():
        executors = Executors("auto", known)
        waiting = asyncio.create_task(executors.warm())
        await asyncio.sleep(0)
        await executors.close()
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert asyncio.run(scene())
    assert known["best"].opened == []


def test_the_last_executor_can_run_everything():
    assert list(EXECUTORS)[-1] == "subprocess"
    assert EXECUTORS["subprocess"](NoIsolation()).suits("ir", "R")
