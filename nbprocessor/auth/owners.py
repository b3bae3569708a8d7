"""Owners who are not there: whether they still may do what their schedules do."""

from nbprocessor.auth.policy import Action
from nbprocessor.auth.signin import SignIn
from nbprocessor.errors import RightsLost
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import Schedule


def authorize(sign_in: SignIn | None, schedule: Schedule, process: Process) -> None:
    """Make sure that the owner of a schedule may still run its process (may run in a thread).

    A schedule without an owner, declared in a notebook, is the operator's. Where no way to act for somebody absent is
    set up (``auth.tokens``) there is nobody to ask, and the run has no token either.

    Raises:
        RightsLost: He may not, or has taken it back.
        SignInUnavailable: Keycloak does not answer.
    """
    if sign_in is None or schedule.owner is None or not sign_in.delegation.acts_for_absent:
        return
    who = sign_in.delegation.rights(schedule.owner)
    if not sign_in.policy.allows(who, Action.RUN):
        needed = ", ".join(sign_in.policy.needed(Action.RUN))
        raise RightsLost(f"{who.name} may not {Action.RUN} any more; one of these roles is needed: {needed}.")
    if not sign_in.policy.sees(who, process):
        raise RightsLost(f"{process.id} is not shown to {who.name} any more.")
