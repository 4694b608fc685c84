"""pip installs what is pinned, and nothing else."""

import hashlib
import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from contract_tests.interop.clients import Client
from contract_tests.interop.installing import InstallError, install, place

pytestmark = pytest.mark.clients


@pytest.fixture
def digest(tmp_path: Path) -> str:
    """Make a package, and return its digest."""
    file = tmp_path / "small-1.0-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        archive.writestr("small.py", "WORDS = 'of the package'\n")
        archive.writestr(
            "small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
        )
        archive.writestr(
            "small-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("small-1.0.dist-info/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def installed(folder: Path, digest: str) -> Path:
    pins = f"small==1.0 --hash=sha256:{digest}\n"
    (folder / "small.txt").write_text(pins, encoding="utf-8")
    client = Client("small", "small", ("small.py",), folder)
    settings = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    install(client, folder / "clients", settings)
    return place(client, folder / "clients")


def test_a_package_with_the_pinned_digest_is_installed(tmp_path: Path, digest: str) -> None:
    (package,) = installed(tmp_path, digest).rglob("small.py")
    assert "of the package" in package.read_text(encoding="utf-8")


@pytest.mark.usefixtures("digest")
def test_a_package_with_another_digest_is_not(tmp_path: Path) -> None:
    with pytest.raises(InstallError):
        installed(tmp_path, "0" * 64)
    assert list((tmp_path / "clients").iterdir()) == []
