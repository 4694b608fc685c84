from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.contract import Price
from mockserver.scenarios.scenario import Subject
from mockserver.state import accounts
from mockserver.state.accounts import Account, AccountError, charge, fingerprint
from mockserver.state.decisions import Demand
from mockserver.state.store import State
from mockserver.wire import Json
from tests.mockserver.asking import AUTHORIZATION, BGE, MULTIMODAL, QWEN, ask, fields, read

MONEY = st.decimals(-(10**15) + 1, 10**15 - 1, places=20)
PRICES = st.decimals(0, 10**9 - 1, places=12)
TOKENS = st.integers(0, 10**12)


def user_info(state: State) -> dict[str, Any]:
    info: dict[str, Any] = read(
        ask(state, method="GET", path="/v1/user/info", headers=AUTHORIZATION)
    )["data"]
    return info


@given(PRICES, PRICES, TOKENS, TOKENS)
def test_a_charge_is_exact(text: Decimal, image: Decimal, words: int, pictures: int) -> None:
    due = Fraction(text) * words / 10**6 + Fraction(image) * pictures / 10**6
    assert Fraction(charge(Price(text, image), words, pictures)) == due


@given(MONEY, MONEY, st.decimals(0, 10**15, places=20))
def test_payment_is_exact_and_spends_what_was_given_first(
    granted: Decimal, charged: Decimal, amount: Decimal
) -> None:
    before = Account("a", (), granted, charged)
    after = before.pay(amount)
    assert Fraction(after.total_balance) == Fraction(before.total_balance) - Fraction(amount)
    left = Fraction(granted) - Fraction(amount)
    assert Fraction(after.granted_balance) == max(left, min(Fraction(granted), Fraction(0)))


def test_the_price_of_the_model_is_taken_for_text_and_images() -> None:
    state = State()
    ask(state, fields(model=QWEN, query="a", documents=["b c"] * 10))
    assert user_info(state)["totalBalance"] == "99.99999160"  # 30 tokens at 0.28
    document = {"text": "b", "image": "https://example.org/apple.png"}
    ask(state, fields(model=MULTIMODAL, query="a", documents=[document]))
    spent = Decimal("99.99999160") - Decimal(user_info(state)["totalBalance"])
    assert spent == (3 * Decimal("0.7") + 256 * Decimal("1.8")) / 10**6


def test_user_info_has_each_balance_without_exponent() -> None:
    state = State()
    state.change_account("account-1", granted_balance="0.00000001", charged_balance="2.50")
    assert user_info(state)["balance"] == "0.00000001"
    assert user_info(state)["chargeBalance"] == "2.50"
    assert user_info(state)["totalBalance"] == "2.50000001"


def test_the_last_request_is_answered_whole_and_the_next_is_refused() -> None:
    state = State()
    state.change_account("account-1", charged_balance="0.0000001")
    assert ask(state, fields(model=QWEN)).status == 200
    assert Decimal(user_info(state)["totalBalance"]) < 0
    response = ask(state, fields(model=QWEN))
    assert response.status == 402
    assert read(response)["message"] == "Sorry, your account balance is insufficient"
    state.change_account("account-1", charged_balance="1")
    assert ask(state, fields(model=QWEN)).status == 200


def test_an_empty_balance_leaves_free_models_usable() -> None:
    state = State()
    state.change_account("account-1", charged_balance=Decimal(0))
    assert ask(state, fields(model=BGE)).status == 200
    assert ask(state, fields(model=QWEN)).status == 402


def test_a_refused_request_costs_nothing() -> None:
    state = State()
    state.change_account("account-1", limits={"RPM": 0})
    assert ask(state, fields(model=QWEN)).status == 429
    assert user_info(state)["totalBalance"] == "100.00"


def test_a_forbidden_account_is_refused_and_can_see_why() -> None:
    state = State()
    state.change_account("account-1", standing="forbidden")
    response = ask(state, fields())
    assert (response.status, read(response)) == (403, "Forbidden")
    assert user_info(state)["status"] == "forbidden"
    state.change_account("account-1", standing="normal")
    assert ask(state, fields()).status == 200


def test_an_account_has_as_many_keys_as_it_is_given() -> None:
    state = State(keys=())
    state.open_account("sk-a", "sk-b", name="ours", limits={"RPM": 2})
    statuses = [
        ask(state, fields(), headers={"authorization": f"Bearer {key}"}).status
        for key in ("sk-a", "sk-b", "sk-a", "sk-c")
    ]
    assert statuses == [200, 200, 429, 401]


def test_keys_are_exchanged_with_the_other_terms() -> None:
    state = State(keys=["sk-a"])
    state.change_account("account-1", keys=["sk-b"])
    assert state.account_of("sk-a") is None
    assert state.account_of("sk-b") is state.accounts["account-1"]


def test_a_closed_account_leaves_nothing_behind() -> None:
    state = State(keys=["sk-a"])
    state.change_account("account-1", limits={"RPM": 1})
    headers = {"authorization": "Bearer sk-a"}
    assert ask(state, fields(), headers=headers).status == 200
    state.close_account("account-1")
    assert ask(state, fields(), headers=headers).status == 401
    state.open_account("sk-a", name="account-1", limits={"RPM": 1})
    assert ask(state, fields(), headers=headers).status == 200


def test_names_that_are_made_up_are_free() -> None:
    state = State(keys=["sk-a", "sk-b"])
    state.close_account("account-1")
    state.open_account("sk-c")
    assert list(state.accounts) == ["account-2", "account-3"]


def test_an_account_that_is_closed_while_it_asks_is_refused() -> None:
    state = State()
    model = state.models[BGE]
    state.close_account("account-1")
    decision = state.decide(Demand("account-1", None, model, Subject(None, None, 1), text_tokens=1))
    assert decision.admission is not None
    assert decision.admission.refused == "standing"


def test_the_key_of_a_closed_account_is_still_taken_out_of_what_is_shown() -> None:
    state = State(keys=["sk-former", "sk-mock"])
    ask(state, fields(query="my key is sk-former"))
    state.close_account("account-1")
    ask(state, fields(query="my key was sk-former, not sk-other"))
    queries = [call.sent.query for call in state.journal]
    assert queries == ["my key is [redacted]", "my key was [redacted], not sk-other"]


def test_the_keys_of_closed_accounts_are_forgotten_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "FORMER_KEYS", 2)
    state = State(keys=["sk-a", "sk-b", "sk-c"])
    for name in list(state.accounts):
        state.close_account(name)
    assert [state.is_key(key) for key in ("sk-a", "sk-b", "sk-c")] == [False, True, True]


def test_a_key_that_a_rollback_removes_is_still_taken_out_of_what_is_shown() -> None:
    state = State()
    before = state.snapshot()
    state.open_account("sk-later")
    state.rollback(before)
    assert state.account_of("sk-later") is None
    assert state.redact("my key was sk-later") == "my key was [redacted]"
    assert state.is_key("sk-later")


def test_a_payment_forgets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "FORMER_KEYS", 1)
    state = State(keys=["sk-former", "sk-mock"])
    state.close_account("account-1")
    assert ask(state, fields(model=QWEN)).status == 200
    assert state.accounts["account-2"].total_balance < 100
    assert state.is_key("sk-former")


@pytest.mark.memory
def test_others_are_answered_while_the_accounts_of_a_snapshot_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = State()
    seen = list[bool]()

    def from_json(row: Mapping[str, Any]) -> Account:
        asking = Thread(target=state.view, args=["sk-mock"], daemon=True)
        asking.start()
        asking.join(10)
        seen.append(not asking.is_alive())
        return Account(row["name"], tuple(row["keys"]))

    monkeypatch.setattr(Account, "from_json", from_json)
    state.reset()
    assert seen == [True]


def test_no_key_is_in_the_state_but_its_fingerprint() -> None:
    state = State(keys=["sk-secret"])
    assert "sk-secret" not in repr(state.accounts["account-1"]) + repr(state.snapshot())
    # Who reads a state file must not get in with what it shows.
    assert state.account_of(fingerprint("sk-secret")) is None


@pytest.mark.parametrize(
    ("terms", "complaint"),
    [
        ({"charged_balance": True}, '$.charged_balance: true is not of type "string"'),
        ({"charged_balance": float("nan")}, "$.charged_balance: "),
        ({"charged_balance": "1e3"}, "$.charged_balance: "),
        ({"balance": 1, "granted_balance": 1}, "balance is the total, so granted_balance cannot"),
        ({"standing": "bad"}, "$.standing: "),
        ({"limits": {"RPM": -1}}, "$.limits.RPM: -1 is less than the minimum of 0"),
        ({"limits": {"QPM": 1}}, "$.limits: unknown member 'QPM'; did you mean"),
        ({"limit": {}}, "unknown member 'limit'; did you mean 'limits'?"),
        ({"model_limits": {"bge": {}}}, "$.model_limits: there is no model 'bge'"),
        ({"keys": ["sk-b"]}, "$.keys[0]: already belongs to 'account-2'"),
    ],
)
def test_wrong_terms_change_nothing_and_say_where(terms: dict[str, Any], complaint: str) -> None:
    state = State(keys=["sk-a", "sk-b"])
    before = state.snapshot()
    with pytest.raises(AccountError) as caught:
        state.change_account("account-1", **terms)
    assert str(caught.value).startswith(complaint)
    assert state.snapshot() == before


@pytest.mark.parametrize("money", ["2.5", 2.5, Decimal("2.5")])
def test_balance_is_the_total_and_money_may_be_a_number(money: str | float | Decimal) -> None:
    state = State()
    state.change_account("account-1", granted_balance="7")
    account = state.change_account("account-1", balance=money)
    assert (account.granted_balance, account.charged_balance) == (Decimal(0), Decimal("2.5"))
    assert state.change_account("account-1", balance=0).total_balance == 0


def test_limits_may_be_in_lower_case() -> None:
    account = State().change_account(
        "account-1", limits={"rpm": 1}, model_limits={BGE: {"tpm": 2, "RPD": None}}
    )
    assert account.limits == {"RPM": 1}
    assert account.model_limits == {BGE: {"TPM": 2, "RPD": None}}


@pytest.mark.parametrize("keys", [["sk-secret\n"], ["sk-sécret"], ["sk-secret", 5], "sk-secret"])
def test_a_key_that_cannot_be_is_refused_and_not_repeated(
    keys: list[Json] | str,
) -> None:
    with pytest.raises(AccountError, match=r"^\$\.keys") as caught:
        State().change_account("account-1", keys=keys)
    assert "cret" not in str(caught.value)


def test_a_name_is_given_once() -> None:
    with pytest.raises(AccountError, match="account 'account-1' already exists"):
        State().open_account("sk-b", name="account-1")
