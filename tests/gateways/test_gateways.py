"""What the judge makes of the gateways, compared with what is recorded."""

from pathlib import Path

import pytest

from .gateways import GATEWAYS, Gateway
from .records import judged, recorded
from .sandwiches import SANDWICHES, Sandwich, driven
from .sandwiches import recorded as recorded_sandwiches

pytestmark = pytest.mark.gateways


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_a_gateway_is_judged_as_recorded(gateway: Gateway, tmp_path: Path) -> None:
    if gateway.executable is None:
        pytest.skip(f"{gateway.program} is not installed: `make gateways` installs it")
    verdict = judged(gateway, tmp_path)
    # Another version of the same program is welcome to do the same.
    assert {**verdict, "version": recorded()[gateway.name]["version"]} == recorded()[gateway.name]


@pytest.mark.parametrize("sandwich", SANDWICHES, ids=lambda sandwich: sandwich.name)
def test_a_gateway_is_seen_from_both_sides_as_recorded(sandwich: Sandwich, tmp_path: Path) -> None:
    if sandwich.gateway.executable is None:
        pytest.skip(f"{sandwich.gateway.program} is not installed: `make gateways` installs it")
    found, record = driven(sandwich, tmp_path), recorded_sandwiches()[sandwich.name]
    assert {**found, "version": record["version"]} == record
