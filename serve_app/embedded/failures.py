"""Why the platform could not start, in one sentence for the person at the terminal."""

from __future__ import annotations


class StartFailure(Exception):
    """A part could not start; the message is one clear sentence that says what to do."""


class PortBusy(StartFailure):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} is taken by another program; "
            "stop that program or choose another one with --port."
        )


class DataFolderBusy(StartFailure):
    """Another running platform holds the data folder."""

    def __init__(self, folder: object) -> None:
        super().__init__(
            f"Another GopherPay is running on the data folder {folder}; "
            "stop it or choose another folder with --data-dir."
        )


class FolderUnusable(StartFailure):
    """A folder cannot be made, written or reached."""

    def __init__(self, folder: object, reason: str) -> None:
        super().__init__(f"The folder {folder} cannot be used: {reason}.")


class PostgresFailed(StartFailure):
    """The embedded Postgres did not start."""

    def __init__(self, reason: str, log_file: object) -> None:
        super().__init__(f"The embedded Postgres did not start: {reason} (log: {log_file}).")


class KafkaFailed(StartFailure):
    """The embedded Kafka did not start."""

    def __init__(self, reason: str, log_file: object) -> None:
        super().__init__(f"The embedded Kafka did not start: {reason} (log: {log_file}).")


class RayFailed(StartFailure):
    """The local Ray instance did not start."""

    def __init__(self, reason: str, log_folder: object) -> None:
        super().__init__(f"Ray did not start: {reason} (logs: {log_folder}).")
