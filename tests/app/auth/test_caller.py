"""What a scope permits."""

import pytest

from app.auth import Caller, Scope
from app.auth.caller import include_lesser


@pytest.mark.parametrize(
    ("scopes", "included", "own", "others"),
    [
        (["read"], {Scope.READ}, False, False),
        (["upload"], {Scope.READ, Scope.UPLOAD}, True, False),
        (["read", "upload"], {Scope.READ, Scope.UPLOAD}, True, False),
        (["admin"], set(Scope), True, True),
        (["admin", "read"], set(Scope), True, True),
    ],
)
def test_scopes(scopes: list[str], included: set[Scope], own: bool, others: bool) -> None:
    caller = Caller("did:plc:me", include_lesser(scopes), "0")
    assert caller.scopes == included
    assert all(caller.has(scope) == (scope in included) for scope in Scope)
    assert caller.may_change("did:plc:me") is own
    assert caller.may_change("did:plc:other") is others


def test_an_admin_may_be_nobody_in_particular() -> None:
    caller = Caller(None, include_lesser(["admin"]), "0")
    assert caller.may_change("did:plc:anybody")


def test_an_unknown_scope_is_none() -> None:
    with pytest.raises(ValueError, match="root"):
        include_lesser(["root"])
