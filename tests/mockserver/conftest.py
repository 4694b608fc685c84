"""Settings of the property tests of this room."""

from hypothesis import settings

# A busy machine is no defect of the mock.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
