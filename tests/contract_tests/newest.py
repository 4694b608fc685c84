"""The newest contract, and what is drawn from it, as the judge reads them."""

from contract_tests.contract import load_contract
from contract_tests.strategies import Strategies

NEWEST = load_contract()
REQUIREMENTS = NEWEST.requirements
MODELS = NEWEST.models
STRATEGIES = Strategies(NEWEST)
