"""Roles against actions, and who sees which process."""

from dataclasses import replace
from pathlib import Path

import pytest

from nbprocessor.auth.identity import Identity, identity
from nbprocessor.auth.policy import MATRIX, Action, Policy, Role
from nbprocessor.config import Auth
from nbprocessor.model.process import Process

ON = {"keycloak": "127.0.0.1:8080", "realm": "r"}
PROCESS = Process("p", "1.0.0", "p", "p", {}, {}, b"", "", Path("p.ipynb"))


def someone(*roles: str, groups: tuple[str, ...] = (), name: str = "cora") -> Identity:
    return Identity("https://keycloak/realms/r", "1", name, frozenset(groups), frozenset(roles))


def test_every_action_has_its_roles_and_an_administrator_may_do_all():
    assert set(MATRIX) == set(Action)
    assert all(Role.ADMINISTRATOR in roles for roles in MATRIX.values())


def test_roles_have_the_names_that_the_settings_give_them():
    policy = Policy(Auth(**ON, editors=["redaktion"], administrators=["chef", "chefin"]))
    assert policy.allows(someone("redaktion"), Action.RUN)
    assert policy.allows(someone("chefin"), Action.ADMINISTER)
    assert not policy.allows(someone("kommonitor-editor"), Action.LOOK)


def test_whoever_has_no_role_may_do_nothing():
    assert not any(Policy(Auth(**ON)).allows(someone(), action) for action in Action)


def with_access(access) -> Process:
    return replace(PROCESS, reserved={} if access is None else {"access": access})


@pytest.mark.parametrize(
    ("access", "groups", "sees"),
    [
        (None, (), True),
        ("public", (), True),
        ("private", (), False),
        ({"users": ["cora"]}, (), True),
        ({"users": ["1"]}, (), True),
        ({"users": ["carl"]}, (), False),
        ({"groups": ["/a"]}, ("/a",), True),
        ({"groups": ["/a"]}, ("/a/b",), True),
        ({"groups": ["/a/"]}, ("/a/b",), True),
        ({"groups": ["/a/b"]}, ("/a",), False),
        ({"groups": ["/a"]}, ("/ab",), False),
        ({"groups": ["/a"]}, ("a",), False),
        ("something else", (), False),
        ([], (), False),
    ],
)
def test_front_matter_says_who_sees_a_process(access, groups, sees):
    policy = Policy(Auth(**ON))
    assert policy.sees(someone("kommonitor-viewer", groups=groups), with_access(access)) is sees
    assert policy.sees(someone("administrator"), with_access(access))
    assert not policy.sees(someone(groups=groups), with_access(access))
    assert not policy.sees(None, with_access(access))


def test_roles_of_the_client_count_beside_those_of_the_realm():
    claims = {
        "iss": "i",
        "sub": "s",
        "azp": "web",
        "realm_access": {"roles": ["a"]},
        "resource_access": {"me": {"roles": ["b"]}, "other": {"roles": ["c"]}},
    }
    assert identity(claims, "me").roles == {"a", "b"}


@pytest.mark.parametrize("odd", [None, "text", 1, [], {"roles": None}, {"roles": "administrator"}, {"roles": [1, {}]}])
def test_claims_of_another_form_give_no_rights_and_no_error(odd):
    claims = {"iss": "i", "sub": "s", "realm_access": odd, "resource_access": odd, "groups": odd, "azp": odd}
    found = identity(claims | {"preferred_username": odd, "jti": odd}, "me")
    assert found.roles == frozenset()
    assert not found.is_service


def test_two_people_of_one_name_are_two_owners():
    one, other = someone(), replace(someone(), issuer="https://keycloak/realms/other")
    assert one.owner != other.owner
    assert one.owner != replace(one, subject="2").owner
