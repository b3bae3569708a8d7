"""Leadership: of all servers that share a database one fires; another takes over within 15 s of its end."""

import time
from collections.abc import Callable

from nbprocessor.execution import identity
from nbprocessor.store.fires import LEASE
from nbprocessor.store.leases import Lease, LeaseRegister

BEAT = 3.0
"""Seconds between two beats of the holder, and between two looks of the others."""
PATIENCE = 9.0
"""Seconds without a beat after which the holder counts as gone, if the system does not know sooner."""


class Leadership:
    """The lease on firing, as one process sees it. It is not fired by anybody whose lease was taken: see FireStore."""

    def __init__(
        self,
        register: LeaseRegister,
        holder: str,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts; nothing is held yet.

        Args:
            register: The leases.
            holder: Who this is: :func:`nbprocessor.execution.identity.own`.
            patience: Seconds without a beat after which another holder counts as gone.
            clock: A clock that nobody sets.
        """
        self.holder = holder
        self._register = register
        self._patience = patience
        self._clock = clock
        self._seen: tuple[Lease, float] | None = None
        self._held = False

    def hold(self) -> bool:
        """Beat, or take the lease if its holder is gone; tell whether it is this process's. Ask again and again.

        Raises:
            StoreUnavailable: The database cannot be used.
        """
        self._held = self._register.beat(LEASE, self.holder) if self._held else False
        if not self._held:
            found = self._register.get(LEASE)
            if found is None or found.holder == self.holder or self._is_gone(found):
                self._held = self._register.take(LEASE, self.holder, found)
        return self._held

    def give_up(self) -> None:
        """Let the lease go, so that another one need not wait.

        Raises:
            StoreUnavailable: The database cannot be used; others find out by themselves.
        """
        if self._held:
            self._held = False
            self._register.give_up(LEASE, self.holder)

    def _is_gone(self, found: Lease) -> bool:
        now = self._clock()
        if self._seen is None or self._seen[0] != found:
            self._seen = (found, now)
        # A process that lives may still be stopped, and its number does not rise.
        return identity.is_alive(found.holder) is False or now - self._seen[1] >= self._patience
