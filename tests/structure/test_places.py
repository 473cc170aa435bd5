"""Where the program writes."""

from structure.places import HOME_VARIABLE, PROGRAM, writing_folder


def test_a_home_that_was_chosen_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert writing_folder("runs") == tmp_path / "runs"


def test_else_it_is_beside_the_program_or_in_the_users_home(monkeypatch):
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    assert writing_folder("outputs") in (PROGRAM / "outputs", PROGRAM.home() / ".structure-studio" / "outputs")
