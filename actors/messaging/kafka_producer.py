"""Records to Apache Kafka, each batch waited for: ``actors.messaging.sender.Sender``.

The producer of confluent_kafka is called in a thread of its own. (Its AIOProducer refuses
headers.)  A record that fails must not let later ones of its key pass, so librdkafka may neither
time a record out by itself nor go on after a refusal: we give up whole producers instead.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from actors.messaging.own_thread import OwnThread
from actors.messaging.sender import UNTRIED, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actors.ports.events import Record

RULES: Final[Mapping[str, object]] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    # The next ones keep the order of a key when one of its records fails: none is timed out
    # alone, a refusal ends the producer, and nothing is under way behind what may be refused.
    "delivery.timeout.ms": 0,
    "enable.gapless.guarantee": True,
    "max.in.flight.requests.per.connection": 1,
}
"""What the promises of a sender rest on, whatever else is configured."""

PATIENCE_SECONDS: Final = 30.0
"""Without any answer for so long the batch is given up; it is read and sent again later."""

WAIT_SECONDS: Final = 0.2

LASTING: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.POLICY_VIOLATION,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError._BAD_MSG,  # noqa: SLF001 - librdkafka's own codes begin so
        KafkaError._INVALID_ARG,  # noqa: SLF001 - see above
    }
)
"""A record's own fault; anything else is an outage, and nobody's."""

SILENT: Final = Failure("the brokers did not answer in time")

log = structlog.get_logger(__name__)


class KafkaSender:
    """Sends batches with an idempotent producer, which is replaced when it is of no more use."""

    def __init__(
        self,
        configuration: Mapping[str, object],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        make_producer: Callable[[dict[str, object]], Any] = Producer,
    ) -> None:
        """Say how the brokers are reached; nothing is connected yet.

        Args:
            configuration: librdkafka's, for a producer: brokers and security.
            patience_seconds: Without an answer, before a batch is given up.
            make_producer: Makes the client.
        """
        self._configuration = {**configuration, **RULES}
        self._patience_seconds = patience_seconds
        self._make_producer = make_producer
        self._thread = OwnThread("kafka-producer")
        self._producer: Any = None
        self._is_closing = False

    async def send(self, records: Sequence[Record]) -> list[Failure | None]:
        """Send *records* and wait for the brokers; see ``actors.messaging.sender.Sender``."""
        return await self._thread.call(self._send, records)

    async def close(self) -> None:
        """End the client; a batch under way is given up."""
        self._is_closing = True
        await self._thread.call(self._give_up)
        self._thread.end()

    def _send(self, records: Sequence[Record]) -> list[Failure | None]:
        failures: list[Failure | None] = [UNTRIED] * len(records)
        try:
            if self._producer is None:
                self._producer = self._make_producer(dict(self._configuration))
            self._produce(records, failures)
            self._await_reports()
        except KafkaException as error:
            log.warning("producer.failed", reason=error.args[0].name())
            self._give_up()
        if any(failures):
            self._give_up()
        return failures

    def _produce(self, records: Sequence[Record], failures: list[Failure | None]) -> None:
        """Hand *records* to librdkafka, up to the first that it does not take."""
        for index, record in enumerate(records):
            try:
                if not self._takes(record, partial(_report, failures, index)):
                    return
            except KafkaException as error:
                _report(failures, index, error.args[0], None)
                return
            except (TypeError, ValueError) as error:  # no record at all
                failures[index] = Failure(type(error).__name__, is_lasting=True)
                return
            failures[index] = SILENT

    def _takes(self, record: Record, report: Callable[[KafkaError | None, object], None]) -> bool:
        """Tell whether librdkafka takes *record*, for which it may have to send others first."""
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    on_delivery=report,
                    headers=record.headers,
                )
            except BufferError:  # its memory is bounded
                if not self._makes_room():
                    return False
            else:
                return True

    def _makes_room(self) -> bool:
        """Tell whether librdkafka has got rid of something, within our patience."""
        return self._waits_below(len(self._producer))

    def _await_reports(self) -> None:
        """Wait until every record has its report, as long as there are any."""
        while len(self._producer) and self._waits_below(len(self._producer)):
            pass

    def _waits_below(self, count: int) -> bool:
        """Tell whether fewer than *count* records wait for their report, within our patience.

        What else librdkafka tells, such as that no broker is there, is no progress. The end of
        the producer comes once, as an exception, before the reports that explain it.
        """
        until = time.monotonic() + self._patience_seconds
        while not self._is_closing and time.monotonic() < until:
            try:
                self._producer.poll(WAIT_SECONDS)
            except KafkaException as error:
                log.info("producer.ended", reason=error.args[0].name())
                self._producer.purge(blocking=False)
            if len(self._producer) < count:
                return True
        return False

    def _give_up(self) -> None:
        """Let the client go with all that it still has."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(blocking=False)


def _report(
    failures: list[Failure | None], index: int, error: KafkaError | None, _message: object
) -> None:
    """Keep what became of the record at *index*."""
    failures[index] = None if error is None else Failure(error.name(), error.code() in LASTING)
