"""Who may do what: roles against actions, and which processes somebody sees."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from nbprocessor.auth.identity import Identity
from nbprocessor.config import Auth
from nbprocessor.model import Json
from nbprocessor.model.process import Process


class Role(StrEnum):
    """What this server tells apart; the settings say which of Keycloak's roles make one."""

    VIEWER = "viewer"
    EDITOR = "editor"
    CREATOR = "creator"
    PUBLISHER = "publisher"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What can be done here."""

    LOOK = "look at processes"
    RUN = "run processes and have jobs"
    READ_SOURCE = "read the notebook of a process"
    ADMINISTER = "see and dismiss the jobs of others"


_EDITORS = frozenset({Role.EDITOR, Role.CREATOR, Role.PUBLISHER, Role.ADMINISTRATOR})
MATRIX: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.LOOK: _EDITORS | {Role.VIEWER},
        Action.RUN: _EDITORS,
        Action.READ_SOURCE: _EDITORS,
        Action.ADMINISTER: frozenset({Role.ADMINISTRATOR}),
    }
)
"""Whose role is not named for an action may not do it."""


class Policy:
    """Decides; it asks nobody, and keeps nothing."""

    def __init__(self, auth: Auth) -> None:
        self.public_processes = auth.public_processes
        self._names: Mapping[Role, frozenset[str]] = {
            Role.VIEWER: frozenset(auth.viewers),
            Role.EDITOR: frozenset(auth.editors),
            Role.CREATOR: frozenset(auth.creators),
            Role.PUBLISHER: frozenset(auth.publishers),
            Role.ADMINISTRATOR: frozenset(auth.administrators),
        }
        self._matrix = dict(MATRIX)
        if auth.viewers_execute:
            self._matrix[Action.RUN] |= {Role.VIEWER}

    def roles(self, who: Identity) -> frozenset[Role]:
        """Return somebody's roles here."""
        return frozenset(role for role, names in self._names.items() if names & who.roles)

    def allows(self, who: Identity, action: Action) -> bool:
        """Tell whether somebody may do something, be it on his own jobs."""
        return bool(self.roles(who) & self._matrix[action])

    def needed(self, action: Action) -> list[str]:
        """Return the names of Keycloak's roles that allow an action, for the sentence of a refusal."""
        return sorted({name for role in self._matrix[action] for name in self._names[role]})

    def sees(self, who: Identity | None, process: Process) -> bool:
        """Tell whether a process is there for somebody; None: who has not signed in."""
        access = process.reserved.get("access")
        if access == "public" and self.public_processes:
            return True
        if who is None or not self.allows(who, Action.LOOK):
            return False
        if access in (None, "public") or self.allows(who, Action.ADMINISTER):
            return True
        return isinstance(access, Mapping) and _is_named(who, access)


def _is_named(who: Identity, access: Mapping[str, Json]) -> bool:
    """Tell whether ``access`` names somebody: by user name or subject, or by a group, those below it included."""
    users: Any = access.get("users") or ()
    groups: Any = access.get("groups") or ()
    if who.subject in users or who.name in users:
        return True
    return any(mine == group or mine.startswith(f"{group.rstrip('/')}/") for mine in who.groups for group in groups)
