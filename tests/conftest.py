"""Settings for every test: generated examples are the same in each run and may take as long as compiling a kernel."""

from hypothesis import settings

settings.register_profile("equipoise", deadline=None, derandomize=True)
settings.load_profile("equipoise")
