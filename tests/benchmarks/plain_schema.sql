-- The plain service's tables: the same facts as the platform keeps, under the same constraints.
CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('customer', 'world')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (kind = 'world' OR balance_minor >= 0)
) WITH (fillfactor = 70);

CREATE TABLE transfers (
    id uuid PRIMARY KEY,
    source_account_id uuid NOT NULL REFERENCES accounts (id),
    destination_account_id uuid NOT NULL REFERENCES accounts (id),
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    currency text NOT NULL,
    description text,
    owner_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now(),
    CHECK (source_account_id <> destination_account_id)
);
CREATE INDEX ix_transfers_source ON transfers (source_account_id, id);
CREATE INDEX ix_transfers_destination ON transfers (destination_account_id, id);

CREATE TABLE postings (
    account_id uuid NOT NULL REFERENCES accounts (id),
    version bigint NOT NULL CHECK (version >= 1),
    transfer_id uuid NOT NULL REFERENCES transfers (id),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    balance_after_minor bigint NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, version)
);

CREATE TABLE idempotency_keys (
    owner_id uuid NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    object_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, idempotency_key)
);

CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate_id uuid NOT NULL,
    type text NOT NULL,
    payload json NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now()
);
