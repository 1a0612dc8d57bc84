"""What all tests share: no network, one thread a process, no time limits on generated examples."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")
