"""All kinds, in the order in which they are best applied and read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gopherpay_operator.resources.connections import KAFKA_CONNECTION, POSTGRES_CONNECTION
from gopherpay_operator.resources.kafka import EVENT_TOPIC
from gopherpay_operator.resources.kinds import Kind
from gopherpay_operator.resources.migrations import DATABASE_MIGRATION
from gopherpay_operator.resources.novu import NOVU_CONNECTION, NOVU_INTEGRATION, NOVU_TOPIC
from gopherpay_operator.resources.postgres import POSTGRES_DATABASE
from gopherpay_operator.resources.promotions import NOVU_PROMOTION
from gopherpay_operator.resources.roles import POSTGRES_ROLE
from gopherpay_operator.resources.workflows import NOVU_LAYOUT, NOVU_WORKFLOW

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            KAFKA_CONNECTION,
            EVENT_TOPIC,
            POSTGRES_CONNECTION,
            POSTGRES_DATABASE,
            POSTGRES_ROLE,
            DATABASE_MIGRATION,
            NOVU_CONNECTION,
            NOVU_INTEGRATION,
            NOVU_LAYOUT,
            NOVU_WORKFLOW,
            NOVU_TOPIC,
            NOVU_PROMOTION,
        )
    }
)
"""Every kind by its name."""
