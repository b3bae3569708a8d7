"""Contract of token sources: whose token a job's requests to Data Management carry. The default signs nobody in."""

from abc import ABC, abstractmethod

from nbprocessor.model.job import Job


class TokenSource(ABC):
    """Gives tokens for jobs; used by several jobs at once in the worker's event loop."""

    @abstractmethod
    def signs_in(self, job: Job) -> bool:
        """Tell whether there will be a token for a job; asked once before its run, from a thread, and answered at once.

        Without one the notebook asks for what is public and does not try to write.
        """

    @abstractmethod
    async def token(self, job: Job, refused: str | None = None) -> str | None:
        """Return a bearer token for a request of a job; asked before every request, so it is kept while it is good.

        Args:
            job: Whose request it is.
            refused: The token that Data Management has just refused: another is wanted.

        Returns:
            None where nobody is signed in; the same token as ``refused`` or None where there is no other.

        Raises:
            TokenUnavailable: There should be one and there is none: the sign-in has expired or was taken back.
            SignInUnavailable: Whether there is one cannot be told now.
        """


class NobodySignsIn(TokenSource):
    """No tokens: only what is public can be read."""

    def signs_in(self, job: Job) -> bool:  # noqa: ARG002 - the signature is the contract's
        """Return False."""
        return False

    async def token(self, job: Job, refused: str | None = None) -> str | None:  # noqa: ARG002 - the same
        """Return None."""
        return None
