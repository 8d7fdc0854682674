"""The commit that a measurement is quoted with."""

import subprocess
from pathlib import Path

import pytest

from mtcp.environment import current_commit


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with one file of code and two documents, all committed."""
    for name in ("mtcp/code.py", "docs/results.md", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("as committed\n")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    return tmp_path


def test_a_clean_checkout_gives_its_commit(checkout):
    head = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True)
    commit = current_commit(checkout)
    assert len(commit) >= 7
    assert head.stdout.startswith(commit)


def test_changed_documents_and_new_files_do_not_count(checkout):
    clean = current_commit(checkout)
    for name in ("docs/results.md", "README.md", "mtcp/new.py"):
        (checkout / name).write_text("changed\n")
    assert current_commit(checkout) == clean


def test_changed_code_counts(checkout):
    clean = current_commit(checkout)
    (checkout / "mtcp/code.py").write_text("changed\n")
    assert current_commit(checkout) == f"{clean}-dirty"


def test_outside_a_checkout_there_is_no_commit(tmp_path):
    assert current_commit(tmp_path) == ""
