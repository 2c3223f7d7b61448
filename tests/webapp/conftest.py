"""What tests of the routes share: one furnished instance for all of them."""

import pytest
from rights_world import World, a_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(tmp_path_factory.mktemp("rights") / "instance")
