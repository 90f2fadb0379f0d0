"""The broker of a platform's own: in its data folder, and in its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serve_app.embedded.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.settings import Settings


def embedded_kafka(settings: Settings, report: Callable[[str], None]) -> EmbeddedKafka:
    """Return the broker of this data folder, not started yet."""
    return EmbeddedKafka(
        settings.data_dir / "kafka", log_file=settings.logs_folder / "kafka.log", report=report
    )


def with_embedded_kafka(settings: Settings, bootstrap_servers: str) -> Settings:
    """Return *settings* that name our own broker, which asks for no credential."""
    return settings.model_copy(
        update={
            "kafka_bootstrap_servers": bootstrap_servers,
            "kafka_security_protocol": "PLAINTEXT",
            "kafka_certificate_file": None,
            "kafka_key_file": None,
        }
    )
