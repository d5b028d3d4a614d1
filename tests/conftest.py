"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long a case takes is the machine's business: no test asserts on time.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
