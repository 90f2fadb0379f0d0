"""How hard hypothesis tries: a little at the desk, more where nobody waits."""

import os

from hypothesis import HealthCheck, Phase, settings

QUICK = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "database": None,
    # A story on a real database takes minutes to shorten: that is for who hunts a failure.
    "phases": (Phase.explicit, Phase.generate),
    "print_blob": True,
}

settings.register_profile("desk", max_examples=20, stateful_step_count=30, **QUICK)
settings.register_profile("ci", max_examples=80, stateful_step_count=40, **QUICK)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
