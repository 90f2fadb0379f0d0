"""What HAProxy says and tells beyond what Ray configures.

Ray puts the name of the balancing algorithm unchanged into HAProxy's ``defaults``, at their end;
lines that follow it there hold too, and a test holds Ray's version to that. So do whole sections:
the address that clients know belongs to a frontend of ours. It sends streams to the door for
streams, where they are counted apart, and everything else to the replicas as Ray lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from actors.domain.errors import GopherPayError, OutcomeUnknown, Overloaded
from serve_app.http.problems import problem
from serve_app.routes.stream import PATH as STREAM_PATH

if TYPE_CHECKING:
    from pathlib import Path

NO_REQUEST_ID: Final = "none"

ANSWERS: Final[dict[HTTPStatus, GopherPayError]] = {
    # The replica died over it, or did not answer in time: nobody knows.
    HTTPStatus.BAD_GATEWAY: OutcomeUnknown(),
    HTTPStatus.GATEWAY_TIMEOUT: OutcomeUnknown(),
    # No replica took it.
    HTTPStatus.SERVICE_UNAVAILABLE: Overloaded(retry_after_seconds=1),
}
"""What HAProxy's own failures mean to a client; Ray would call each a plain 500."""

SLOW_CLIENT_SECONDS: Final = 10

REQUESTS_INSIDE_MAX: Final = 256
"""Of one replica. More would make no request faster; they wait in HAProxy, which costs it little,
while to take one in only to refuse it costs the replica a third of a transfer."""

QUEUE_SECONDS: Final = 1
"""A request that waited so long is told to come back: the overload is not a short one."""


STREAMS_MAX: Final = 4_000
"""Open at once on one machine; each replica bounds its own (``serve_app.stream.hub``)."""


@dataclass(frozen=True, slots=True)
class Front:
    """What clients reach, and where it goes.

    Attributes:
        address: Of the frontend, as HAProxy writes it.
        backend: The name that Ray gives to the list of replicas.
        ray: Where Ray's own frontend is, which answers below ``/-/`` itself.
        streams: Where the door for streams is.
    """

    address: str
    backend: str
    ray: str
    streams: str


def write_answers(folder: Path) -> None:
    """Write the answers that HAProxy gives by itself into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for status, error in ANSWERS.items():
        _file(folder, status).write_bytes(_raw_answer(error))


def balancing(folder: Path, front: Front | None = None) -> str:
    """Return the algorithm, and the lines that shall follow it.

    Without *front* clients reach Ray's frontend, and a stream counts as a request.
    """
    lines = [
        "leastconn",
        "option forwardfor",  # the last X-Forwarded-For is HAProxy's word, never a client's
        "option dontlog-normal",  # Ray's log target is a port where nobody listens
        f"timeout http-request {SLOW_CLIENT_SECONDS}s",  # for the whole head of a request
        f"timeout queue {QUEUE_SECONDS}s",
        f"default-server maxconn {REQUESTS_INSIDE_MAX}",
        *(f"errorfile {status.value} {_file(folder, status)}" for status in ANSWERS),
    ]
    defaults = "\n    ".join(lines)
    return defaults if front is None else f"{defaults}\n{_sections(front)}"


def _sections(front: Front) -> str:
    """Return our frontend, and the backends that Ray does not know."""
    return "\n".join(
        [
            "frontend gopherpay",
            f"    bind {front.address}",
            f"    use_backend gopherpay-streams if {{ path {STREAM_PATH} }}",
            "    use_backend gopherpay-ray if { path_beg /-/ }",
            # Found when a request comes: before the first deployment there is none, which is fine.
            f"    use_backend %[str({front.backend})]",
            "    default_backend default_backend",
            "backend gopherpay-streams",
            f"    server streams {front.streams} maxconn {STREAMS_MAX}",
            "backend gopherpay-ray",
            f"    server ray {front.ray}",
        ]
    )


def _file(folder: Path, status: HTTPStatus) -> Path:
    return folder / f"{status.value}.http"


def _raw_answer(error: GopherPayError) -> bytes:
    """Return a whole HTTP/1.1 response that tells of *error*."""
    answer = problem(error, NO_REQUEST_ID)
    status = HTTPStatus(answer.status)
    headers = [
        *answer.headers,
        (b"cache-control", b"no-store"),
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    head += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*head, b"", answer.body])
