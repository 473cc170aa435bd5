"""What a client says when something goes wrong: one sentence a person can act on."""

from typing import Literal


class ClientError(Exception):
    """A person can put it right: an argument, a file or a folder is at fault."""


class EndpointError(ClientError):
    """The endpoint gave no song.

    Attributes:
        final: asking again would end the same way.
        retry_after: seconds that the endpoint asks to be left alone, None where it says nothing.
        status: of the HTTP answer; None where there was no whole one.
        concerns: `song`, where another request may well be answered, or `endpoint`, where none will.
    """

    def __init__(
        self,
        message: str,
        *,
        final: bool,
        retry_after: float | None = None,
        status: int | None = None,
        concerns: Literal["song", "endpoint"] = "endpoint",
    ) -> None:
        super().__init__(message)
        self.final = final
        self.retry_after = retry_after
        self.status = status
        self.concerns = concerns

    def without(self, secret: str) -> "EndpointError":
        """The same with a secret blacked out, which a careless server may have repeated."""
        message = str(self).replace(secret, "***") if secret else str(self)
        return EndpointError(
            message, final=self.final, retry_after=self.retry_after, status=self.status, concerns=self.concerns
        )


def one_line(text: str, limit: int = 300) -> str:
    """Text from elsewhere, safe to print: no control characters that a terminal would obey, one line, not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
