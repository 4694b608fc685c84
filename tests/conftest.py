"""Settings of all property tests of the project itself."""

from hypothesis import settings

# A busy machine is no defect, and what fails for one must fail for all.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
