"""Whatever is asked in whatever order, Postgres answers as the model does."""

import asyncio
from dataclasses import replace
from random import Random
from uuid import UUID

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from actors.domain.accounts import world_account_id
from actors.domain.errors import AccountClosed, AccountNotEmpty, GopherPayError, KeyReused
from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import TransferKind
from actors.ids import new_id
from actors.ports.ledger import Fence, Fenced, KeyClaim
from actors.store.slots import PostgresSlots
from tests.fixtures.ledger import a_bank, a_movement, verified
from tests.properties.model import Answer, Model, ModelAccount

CURRENCIES = ("USD", "JPY")
OWNERS = (UUID(int=11), UUID(int=12))
PLACES_MAX = 15
PLACES = st.integers(0, PLACES_MAX)
PLACES = st.integers(0, 15)
SEEDS = st.integers(0, 2**32)
SIZES = st.sampled_from([1, 2, 5, 10, 20, 40])
KINDS = [TransferKind.TRANSFER] * 6 + [TransferKind.DEPOSIT, TransferKind.WITHDRAWAL]


class LedgerMachine(RuleBasedStateMachine):
    """Runs every command through the real commit path and through the model."""

    run = None
    bank = None
    slots = None
    dsn = None

    @initialize(funds=st.lists(st.integers(0, 200), min_size=3, max_size=5))
    def begin(self, funds):
        self.model = Model().with_world(*CURRENCIES)
        self.world_before = self.stored(tuple(self.model.accounts))
        for account_id, (balance_minor, version) in self.world_before.items():
            account = self.model.accounts[account_id]
            account.balance_minor, account.version = balance_minor, version
        self.salt = str(new_id())
        self.wallets = []
        self.asked = []
        self.first = {}
        self.epochs = {}
        self.claim_slots()
        for number, amount_minor in enumerate(funds):
            self.open(OWNERS[number % 2], "USD", None)
            if amount_minor:
                self.commit([self.deposit_to(self.wallets[-1], amount_minor)], fenced=False)

    @rule(
        owner_id=st.sampled_from(OWNERS),
        currency=st.sampled_from(CURRENCIES),
        key=st.one_of(st.none(), st.integers(0, 12)),
    )
    def open(self, owner_id, currency, key):
        account_id = new_id()
        claim = None if key is None else KeyClaim(owner_id, self.key(key), currency.encode())
        before = None if claim is None else self.model.keys.get((owner_id, claim.idempotency_key))
        if before is not None and (before[0], before[1].verdict) != (currency.encode(), "opened"):
            with_error = self.error(
                self.bank.accounts.open(account_id, owner_id, currency, None, claim)
            )
            assert isinstance(with_error, KeyReused)
            return
        opened, was_before = self.run(
            self.bank.accounts.open(account_id, owner_id, currency, None, claim)
        )
        assert was_before == (before is not None)
        if before is not None:
            assert opened.id == before[1].transfer_id
            return
        assert opened.id == account_id
        self.wallets.append(account_id)
        self.model.accounts[account_id] = ModelAccount(owner_id, currency)
        if claim is not None:
            answer = Answer("opened", transfer_id=account_id)
            self.model.keys[owner_id, claim.idempotency_key] = (claim.fingerprint, answer)

    @rule(place=PLACES, amount_minor=st.integers(1, 300))
    def deposit(self, place, amount_minor):
        self.commit(
            [self.deposit_to(self.wallets[place % len(self.wallets)], amount_minor)], fenced=True
        )

    @rule(seed=SEEDS, size=SIZES, fenced=st.booleans())
    def batch(self, seed, size, fenced):
        self.commit(self.movements(seed, size), fenced=fenced)

    @rule(seed=SEEDS, size=SIZES)
    def all_or_none(self, seed, size):
        movements = self.movements(seed, size)
        expected = self.model.commit_all_or_none(movements)
        self.compare(movements, expected, self.run(self.bank.ledger.commit_all_or_none(movements)))

    @rule(seed=SEEDS)
    def rehearse(self, seed):
        [movement] = self.movements(seed, 1)
        outcome = self.run(self.bank.ledger.rehearse(movement))

        assert seen(outcome) == self.model.rehearse(movement)
        self.assert_balances()

    @rule(seed=SEEDS, size=SIZES)
    def a_stale_owner_writes_nothing(self, seed, size):
        movements = self.movements(seed, size)
        stale = self.fence(movements)
        self.run(self.slots.release("machine", list(stale.epochs)))
        self.claim_slots()

        assert isinstance(self.error(self.bank.post(*movements, fence=stale)), Fenced)
        self.assert_balances()

    @rule(place=PLACES, wanted=st.sampled_from(["frozen", "frozen", "open"]))
    def set_status(self, place, wanted):
        account_id = self.wallets[place % len(self.wallets)]
        change = self.bank.accounts.freeze if wanted == "frozen" else self.bank.accounts.unfreeze
        if self.model.accounts[account_id].status == "closed":
            assert isinstance(self.error(change(account_id, "why")), AccountClosed)
            return
        self.run(change(account_id, "why"))
        self.model.accounts[account_id].status = wanted

    @rule(place=PLACES)
    def close(self, place):
        account_id = self.wallets[place % len(self.wallets)]
        account = self.model.accounts[account_id]
        closing = self.bank.accounts.close(account_id, account.owner_id)
        if account.balance_minor:
            assert isinstance(self.error(closing), AccountNotEmpty)
            return
        self.run(closing)
        account.status = "closed"

    def teardown(self):
        if self.dsn is not None and hasattr(self, "model"):
            report = verified(self.dsn)
            assert report.findings == ()
            assert set(report.currencies.values()) <= {0}

    def movements(self, seed, size):
        """Return what somebody might wish: mostly what can be, at times what cannot."""
        random = Random(seed)  # noqa: S311 - a story, not a secret
        movements = []
        for _ in range(size):
            earlier = random.choice([movements, self.asked])
            if earlier and random.random() < 0.2:
                movements.append(replace(random.choice(earlier), transfer_id=new_id()))
            else:
                movements.append(self.movement(random))
        return movements

    def movement(self, random):
        kind = random.choice(KINDS)
        wallet_id = random.choice(self.wallets)
        wallet = self.model.accounts[wallet_id]
        currency = random.choice([wallet.currency] * 9 + [*CURRENCIES])
        ends = [wallet_id, self.other_end(random, kind, currency)]
        if kind is TransferKind.DEPOSIT:
            ends.reverse()
        return a_movement(
            *ends,
            random.randint(1, random.choice([20, 60, 60, 10**15])),
            kind=kind,
            currency=currency,
            key=random.choice([None, self.key(random.randint(0, 12))]),
            owner_id=random.choice([None, None, None, wallet.owner_id, OWNERS[0]]),
            principal_id=random.choice(OWNERS),
        )

    def other_end(self, random, kind, currency):
        """Return who is on the other side: mostly one who fits."""
        world = world_account_id(currency)
        fitting = random.choice(self.wallets) if kind is TransferKind.TRANSFER else world
        return random.choice([fitting] * 9 + [random.choice(self.wallets), world, new_id()])

    def deposit_to(self, account_id, amount_minor):
        currency = self.model.accounts[account_id].currency
        return a_movement(
            world_account_id(currency),
            account_id,
            amount_minor,
            kind=TransferKind.DEPOSIT,
            currency=currency,
        )

    def key(self, number):
        return f"{self.salt}-{number}"

    def claim_slots(self):
        self.run(self.slots.heartbeat("machine", "here", 1))
        self.run(self.slots.claim("machine", SLOT_COUNT))  # of those that nobody owns
        self.epochs = {lease.slot: lease.epoch for lease in self.run(self.slots.owned("machine"))}

    def fence(self, movements):
        slots = {slot_of(movement.source_id) for movement in movements}
        return Fence({slot: self.epochs[slot] for slot in slots})

    def commit(self, movements, *, fenced):
        fence = self.fence(movements) if fenced else None
        outcomes = self.run(self.bank.post(*movements, fence=fence))
        self.compare(movements, self.model.commit(movements), outcomes)

    def compare(self, movements, expected, outcomes):
        note(f"{outcomes}")
        assert [seen(outcome) for outcome in outcomes] == expected
        for movement, outcome in zip(movements, outcomes, strict=True):
            key = (movement.principal_id, movement.idempotency_key)
            if outcome.transfer is not None:
                assert outcome.transfer == self.first.setdefault(key, outcome.transfer)
        self.asked += movements
        self.assert_balances()

    def assert_balances(self):
        expected = {
            account_id: (account.balance_minor, account.version)
            for account_id, account in self.model.accounts.items()
        }
        assert self.stored(tuple(expected)) == expected

    def stored(self, account_ids):
        rows = self.run(
            self.bank.pool.rows(
                "SELECT id, balance_minor, version FROM accounts WHERE id = ANY(%s)",
                (list(account_ids),),
            )
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def error(self, awaitable):
        """Return the error that *awaitable* ends with."""
        try:
            result = self.run(awaitable)
        except (GopherPayError, Fenced) as error:
            return error
        return AssertionError(f"no error but {result}")


def seen(outcome):
    """Return an outcome in the model's words."""
    return Answer(
        outcome.verdict,
        outcome.code,
        outcome.transfer and outcome.transfer.id,
        tuple(sorted(outcome.facts.items())),
        outcome.replayed,
    )


def test_postgres_answers_as_the_model_does(database):
    with asyncio.Runner() as runner:
        opening = a_bank(database.app_dsn, connections=2)
        bank = runner.run(opening.__aenter__())
        machine = type(
            "Machine",
            (LedgerMachine,),
            {
                "run": staticmethod(runner.run),
                "bank": bank,
                "slots": PostgresSlots(bank.pool, lease_seconds=3600),
                "dsn": database.owner_dsn,
            },
        )
        try:
            run_state_machine_as_test(machine)
        finally:
            runner.run(opening.__aexit__(None, None, None))
