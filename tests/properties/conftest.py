"""How hard hypothesis tries: a little at the desk, more where nobody waits."""

import os

from hypothesis import HealthCheck, Phase, settings

PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "database": None}

settings.register_profile("desk", max_examples=12, stateful_step_count=25, **PATIENT)
settings.register_profile(
    "ci",
    max_examples=120,
    stateful_step_count=40,
    phases=(Phase.explicit, Phase.generate),  # shrinking is for the desk; the blob leads there
    print_blob=True,
    **PATIENT,
)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
