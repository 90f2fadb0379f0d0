"""Lists the fixture plugins and clears the platform's own variables from the environment."""

import os

pytest_plugins = ["tests.fixtures.postgres"]

# A developer's own settings must not change what the tests mean.
for name in [name for name in os.environ if name.startswith("GOPHERPAY_")]:
    del os.environ[name]
