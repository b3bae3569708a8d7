"""Leases: what only one process of all that share a database may do, as long as its number rises."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a lease, and a number that rises while it lives; no clock is compared with another one's."""

    name: str
    holder: str
    beats: int


class LeaseRegister:
    """The leases of a database. Every method raises StoreUnavailable when the database cannot do its work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> Lease | None:
        """Return a lease; None when nobody ever held it, or it was given up."""
        with reading(self._engine) as connection:
            row = connection.execute(select(leases).where(leases.c.name == name)).mappings().one_or_none()
            return None if row is None else Lease(**row)

    def beat(self, name: str, holder: str) -> bool:
        """Raise the number of a lease that is the caller's; tell whether it still is."""
        mine = (leases.c.name == name, leases.c.holder == holder)
        with writing(self._engine) as connection:
            return connection.execute(update(leases).where(*mine).values(beats=leases.c.beats + 1)).rowcount == 1

    def take(self, name: str, holder: str, seen: Lease | None) -> bool:
        """Take a lease that is as the caller saw it.

        Args:
            name: Of the lease.
            holder: Who takes it.
            seen: As :meth:`get` returned it; None: nobody holds it.

        Returns:
            False when somebody else was faster, or its holder lives.
        """
        with writing(self._engine, alone=True) as connection:
            row = connection.execute(select(leases).where(leases.c.name == name)).mappings().one_or_none()
            if (None if row is None else Lease(**row)) != seen:
                return False
            if seen is None:
                connection.execute(insert(leases).values(name=name, holder=holder, beats=1))
            else:
                taken = {"holder": holder, "beats": leases.c.beats + 1}
                connection.execute(update(leases).where(leases.c.name == name).values(taken))
            return True

    def give_up(self, name: str, holder: str) -> None:
        """Let a lease go; nothing happens when it is somebody else's."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def held(connection: Connection, name: str, holder: str) -> bool:
    """Tell, within somebody else's transaction, whether a lease is the caller's."""
    query = select(leases.c.name).where(leases.c.name == name, leases.c.holder == holder)
    return connection.scalar(query) is not None
