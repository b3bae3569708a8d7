"""What one request may see: whose jobs, and which processes. Every query of the API takes its owner from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.requests import Request

from nbprocessor.auth.identity import Identity, owner_of
from nbprocessor.auth.policy import Action
from nbprocessor.auth.signin import SignIn
from nbprocessor.errors import Forbidden
from nbprocessor.model.process import Process

EVERYBODY = "*"
"""``?owner=*`` in an administrator's job list."""
NOBODY = ""
"""Owner of no job: what is seen without having signed in."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what that shows."""

    sign_in: SignIn | None = None
    """None: sign-in is off, and everybody sees everything."""
    identity: Identity | None = None
    shared_job: str | None = None
    """The one job that a shared link shows."""

    @classmethod
    def of(cls, request: Request, sign_in: SignIn | None) -> "Viewer":
        """Return the viewer of a request that was let in."""
        if sign_in is None:
            return cls()
        state = request.state
        return cls(sign_in, getattr(state, "identity", None), getattr(state, "shared_job", None))

    @property
    def submitter(self) -> str | None:
        """Whose the jobs of this request will be; None while sign-in is off."""
        return None if self.sign_in is None else self._own

    @property
    def owner(self) -> str | None:
        """Whose jobs can be reached by their id; None: everybody's."""
        return None if self.sign_in is None or self._administers else self._own

    def listed(self, wanted: str | None) -> str | None:
        """Return whose jobs a list shows; None: everybody's.

        Args:
            wanted: The query parameter ``owner``: a subject, issuer and subject as jobs have them, or ``*``. Without
                it a list shows one's own, an administrator's too.

        Raises:
            Forbidden: They are those of others, and the viewer is no administrator.
        """
        if self.sign_in is None or wanted is None:
            return self.submitter
        whose = wanted if "#" in wanted else owner_of(self.sign_in.auth.issuer_url, wanted)
        if whose == self._own:
            return whose
        if not self._administers:
            raise Forbidden("Jobs of others are for administrators; leave out owner.")
        return None if wanted == EVERYBODY else whose

    def visible(self, processes: Mapping[str, Process]) -> Mapping[str, Process]:
        """Return those of the processes that the viewer sees."""
        if self.sign_in is None:
            return processes
        return MappingProxyType({name: process for name, process in processes.items() if self.sees(process)})

    def sees(self, process: Process) -> bool:
        """Tell whether a process is there for the viewer."""
        return self.sign_in is None or self.sign_in.policy.sees(self.identity, process)

    @property
    def _own(self) -> str:
        return self.identity.owner if self.identity else NOBODY

    @property
    def _administers(self) -> bool:
        known = self.sign_in is not None and self.identity is not None
        return known and self.sign_in.policy.allows(self.identity, Action.ADMINISTER)  # type: ignore[union-attr, arg-type]  # both are there
