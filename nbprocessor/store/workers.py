"""The workers that share a database: each beats while it lives, so that workers of other machines can tell."""

from collections.abc import Collection, Mapping

from sqlalchemy import Engine, delete, insert, select, update

from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import workers


class WorkerRegister:
    """One row for each worker with a number that rises; no clock is compared with another one's.

    Every method raises StoreUnavailable when the database cannot do its work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, worker: str) -> None:
        """Raise a worker's number; a worker that is not there, or no longer, is entered."""
        with writing(self._engine) as connection:
            raised = update(workers).where(workers.c.id == worker).values(beats=workers.c.beats + 1)
            if not connection.execute(raised).rowcount:
                connection.execute(insert(workers).values(id=worker, beats=1))

    def beats(self) -> Mapping[str, int]:
        """Return every worker's number."""
        with reading(self._engine) as connection:
            return {row.id: row.beats for row in connection.execute(select(workers))}

    def remove(self, gone: Collection[str]) -> None:
        """Forget workers; nothing happens for those that are not there."""
        if gone:
            with writing(self._engine) as connection:
                connection.execute(delete(workers).where(workers.c.id.in_(gone)))
