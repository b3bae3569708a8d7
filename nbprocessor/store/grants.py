"""What lets runs act for their owners: a sealed row a job, gone with its end; one of each who allows it while away."""

from uuid import UUID

from sqlalchemy import Connection, Engine, delete, insert, select, update

from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import grants, offline_tokens


class GrantStore:
    """The grants of a database. Every method raises StoreUnavailable when the database cannot do its work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, job_id: UUID) -> str | None:
        """Return what was stored with a job; None: nothing, or the job has ended."""
        with reading(self._engine) as connection:
            found: str | None = connection.scalar(select(grants.c.content).where(grants.c.job_id == job_id))
        return found

    def replace(self, job_id: UUID, content: str) -> None:
        """Put another content in place of the present one; nothing happens where the job has ended meanwhile."""
        with writing(self._engine) as connection:
            connection.execute(update(grants).where(grants.c.job_id == job_id).values(content=content))


class OfflineStore:
    """What people leave here so that their schedules act for them; errors as for :class:`GrantStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, owner: str) -> str | None:
        """Return what somebody left; None: nothing."""
        with reading(self._engine) as connection:
            found: str | None = connection.scalar(
                select(offline_tokens.c.content).where(offline_tokens.c.owner == owner)
            )
        return found

    def put(self, owner: str, content: str) -> None:
        """Keep what somebody leaves, in place of what he left before."""
        with writing(self._engine, alone=True) as connection:
            connection.execute(delete(offline_tokens).where(offline_tokens.c.owner == owner))
            connection.execute(insert(offline_tokens).values(owner=owner, content=content))

    def forget(self, owner: str) -> None:
        """Remove what somebody left."""
        with writing(self._engine) as connection:
            connection.execute(delete(offline_tokens).where(offline_tokens.c.owner == owner))


def enter(connection: Connection, job_id: UUID, content: str) -> None:
    """Store a grant within the transaction that stores its job."""
    connection.execute(insert(grants).values(job_id=job_id, content=content))


def forget(connection: Connection, job_id: UUID) -> None:
    """Remove a grant within the transaction that ends its job."""
    connection.execute(delete(grants).where(grants.c.job_id == job_id))
