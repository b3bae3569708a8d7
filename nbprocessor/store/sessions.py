"""Sessions of people who signed in on the pages: a row each, whose content only their cookie opens."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, delete, insert, or_, select, update

from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import sessions


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One session, as the database knows it."""

    digest: str
    """Of the id in the cookie."""
    owner: str
    """Issuer and subject, as jobs have it."""
    keycloak_session: str
    """``sid``: what Keycloak calls the sign-in."""
    content: str
    """Sealed."""
    created: datetime
    used: datetime


class SessionStore:
    """The sessions of a database. Every method raises StoreUnavailable when the database cannot do its work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, session: StoredSession, *, in_place_of: str | None = None) -> None:
        """Keep a session; ``in_place_of`` is the digest of one that ends by it."""
        values = {name: getattr(session, name) for name in StoredSession.__slots__}
        with writing(self._engine) as connection:
            if in_place_of is not None:
                connection.execute(delete(sessions).where(sessions.c.digest == in_place_of))
            connection.execute(insert(sessions).values(values))

    def get(self, digest: str) -> StoredSession | None:
        """Return a session; None when there is none, or no longer."""
        columns = [sessions.c[name] for name in StoredSession.__slots__]
        with reading(self._engine) as connection:
            row = connection.execute(select(*columns).where(sessions.c.digest == digest)).mappings().one_or_none()
            return None if row is None else StoredSession(**row)

    def touch(self, digest: str, used: datetime) -> None:
        """Note that a session was used."""
        with writing(self._engine) as connection:
            connection.execute(update(sessions).where(sessions.c.digest == digest).values(used=used))

    def begin_renewal(self, digest: str, now: datetime, until: datetime) -> bool:
        """Tell whether the caller, of all processes, is the one to renew a session's tokens until then."""
        free = or_(sessions.c.renewing.is_(None), sessions.c.renewing < now)
        with writing(self._engine) as connection:
            taken = update(sessions).where(and_(sessions.c.digest == digest, free)).values(renewing=until)
            return connection.execute(taken).rowcount == 1

    def end_renewal(self, digest: str, content: str | None) -> None:
        """Let the renewal go, with the new content if there is any; a session that ended meanwhile stays ended."""
        values: dict[str, str | None] = {"renewing": None} | ({} if content is None else {"content": content})
        with writing(self._engine) as connection:
            connection.execute(update(sessions).where(sessions.c.digest == digest).values(values))

    def remove(self, digest: str) -> None:
        """End a session."""
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    def remove_of(self, owner: str = "", keycloak_session: str = "") -> int:
        """End the sessions of one sign-in at Keycloak, or all of one person; return how many there were."""
        named = [sessions.c.keycloak_session == keycloak_session] if keycloak_session else []
        named += [sessions.c.owner == owner] if owner else []
        if not named:
            return 0
        with writing(self._engine) as connection:
            return connection.execute(delete(sessions).where(*named)).rowcount

    def sweep(self, *, used_before: datetime, created_before: datetime) -> int:
        """Remove the sessions that ended by themselves; return how many there were."""
        ended = or_(sessions.c.used < used_before, sessions.c.created < created_before)
        with writing(self._engine) as connection:
            return connection.execute(delete(sessions).where(ended)).rowcount
