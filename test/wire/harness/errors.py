"""The shape of an error that the gateway itself answers."""

from .message import Response

MEMBERS = {"message", "type", "code", "param"}


def assert_error(response: Response, *statuses: int) -> dict:
    """A JSON error with one of these statuses; its `error` member."""
    assert response.status in statuses, f"{response.status} {response.body[:500]!r}"
    assert response.header("content-type").startswith("application/json")
    error = response.json()["error"]
    assert set(error) == MEMBERS, error
    for member in ("message", "type"):
        assert isinstance(error[member], str) and error[member], error
    assert error["code"], error
    return error
