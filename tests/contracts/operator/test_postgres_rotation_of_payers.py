"""A rotation while money moves: the platform's own commits, by a login that the operator keeps."""

import asyncio

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.contracts.operator.postgres_world import ADMIN_PASSWORD, World
from tests.contracts.operator.readers import Readers
from tests.contracts.operator.test_postgres_rotation import DUAL, rotated
from tests.fixtures.ledger import a_bank, a_movement, assert_books_are_right

FUNDS_MINOR = 1_000_000
PAYERS = 2
PAYMENTS_A_SESSION = 3
STEPS = (0, 1, 2, 3, 4)


class Payers(Readers):
    """Processes that read the Secret, sign in, pay a few times and end, without a pause."""

    def __init__(self, world, database, wallets):
        super().__init__(PAYERS)
        self.world, self.database, self.wallets = world, database, wallets
        self.paid = 0
        self.is_over = False

    async def pay(self, number):
        while not self.is_over:
            told = self.world.secret()
            login = {"user": told["username"], "password": told["password"]}
            dsn = make_conninfo(self.world.dsn, dbname=self.database, **login)
            async with a_bank(dsn, connections=1, wait_seconds=5) as bank:
                for _ in range(PAYMENTS_A_SESSION):
                    await bank.post(a_movement(*self.wallets, 1))
                    self.paid += 1
            self.rounds[number] += 1


@pytest.fixture
def name(database):
    """Return the name of a database of the platform."""
    return conninfo_to_dict(database.owner_dsn)["dbname"]


@pytest.fixture
def world(postgres, administrator, ask):
    ask(f"GRANT gopherpay_app TO {administrator} WITH ADMIN OPTION")
    return World(postgres.dsn("postgres"), user=administrator, password=ADMIN_PASSWORD)


@pytest.fixture
def key(world, name, free_name):
    """Return the login of the platform's processes, as a resource."""
    return world.put(
        "PostgresRole",
        f"{free_name}-app",
        password=DUAL,
        memberOf=["gopherpay_app"],
        connectionSecretTemplate={"name": "app-db", "database": name},
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_no_payment_fails_while_the_password_of_the_payers_rotates(
    database, world, name, key
):
    await world.bring(key)
    async with a_bank(database.app_dsn) as bank:
        wallets = [await bank.wallet(FUNDS_MINOR), await bank.wallet()]

    payers = Payers(world, name, wallets)
    async with asyncio.TaskGroup() as group:  # a payment that fails ends all of it
        for number in range(PAYERS):
            group.create_task(payers.pay(number))
        for steps in STEPS:
            before = world.secret()["password"]
            world.note(key, rotate_at=str(steps))
            await rotated(world, key, payers, steps)
            assert world.secret()["password"] != before
        payers.is_over = True

    async with a_bank(database.app_dsn) as bank:
        held_minor = [await bank.balance_minor(each) for each in wallets]
    assert payers.paid > 0
    assert held_minor == [FUNDS_MINOR - payers.paid, payers.paid]
    await assert_books_are_right(database.owner_dsn)
