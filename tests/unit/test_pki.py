"""The development PKI on disk: what is there, what is kept, what is renewed, and what is left alone."""

from __future__ import annotations

import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.verification import PolicyBuilder, Store

from xietong_client.pki import (
    CERTIFICATE_VALIDITY_DAYS,
    PARTIES,
    CertificateFiles,
    DevelopmentCA,
    Identity,
    PkiError,
    Role,
    init,
)

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
POLICE_NODE = Identity("police", Role.EXCHANGE)
START_TIMEOUT_SECONDS = 10.0

Snapshot = dict[str, tuple[bytes, int]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete PKI, for tests that only read."""
    directory = tmp_path_factory.mktemp("made") / "pki"
    init(directory, now=NOW)
    return directory


@pytest.fixture
def pki(made: Path, tmp_path: Path) -> Path:
    """A copy of the complete PKI, for tests that change it."""
    return shutil.copytree(made, tmp_path / "pki")


def certificate_of(files: CertificateFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


def kept(directory: Path) -> dict[str, CertificateFiles]:
    """The files of every identity, by the identity's path."""
    return {files.identity.path: files for files in init(directory, now=NOW)}


def issued(directory: Path, now: datetime = NOW) -> set[str]:
    """Completes the PKI and says whose certificates that took."""
    return {files.identity.path for files in init(directory, now=now) if files.issued}


def snapshot(directory: Path) -> Snapshot:
    """Content and inode of every file: also a file replaced by its equal shows."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_ino) for path in paths}


def keys(directory: Path) -> Snapshot:
    return {name: entry for name, entry in snapshot(directory).items() if name.endswith("-key.pem")}


def verifies(certificate: x509.Certificate, ca: x509.Certificate, now: datetime = NOW) -> bool:
    """Whether the chain holds for a TLS client; raises if not."""
    verifier = PolicyBuilder().store(Store([ca])).time(now).build_client_verifier()
    return verifier.verify(certificate, []).chain == [certificate, ca]


def assert_pairs_match(directory: Path) -> None:
    ca = DevelopmentCA.load(directory)
    for files in kept(directory).values():
        key = load_pem_private_key(files.key.read_bytes(), password=None)
        assert certificate_of(files).public_key() == key.public_key(), files.identity.path
        assert verifies(certificate_of(files), ca.certificate), files.identity.path


# What is there


def test_every_identity_has_its_files(made: Path) -> None:
    stems = {f"{party}/{role}" for party in PARTIES for role in ("exchange", "signer", "operator")} | {
        "police/system-case-handling",
        "police/system-evidence-archive",
        "procuratorate/system-prosecution",
        "court/system-trial",
        "justice/system-legal-aid",
        "ca",
    }
    assert snapshot(made).keys() == {f"{stem}{end}" for stem in stems for end in (".pem", "-key.pem")}


def test_keys_and_folders_are_private_from_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: dict[str, int] = {}
    real_open = os.open

    def recording_open(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real_open(path, flags, mode)
        created[path.name] = stat.S_IMODE(os.fstat(descriptor).st_mode)
        return descriptor

    monkeypatch.setattr(os, "open", recording_open)
    umask = os.umask(0)
    try:
        init(tmp_path / "pki", now=NOW)
    finally:
        os.umask(umask)

    key_modes = {mode for name, mode in created.items() if "-key.pem" in name}
    folders = [tmp_path / "pki", *(tmp_path / "pki" / party for party in PARTIES)]
    assert key_modes == {0o600}
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in keys(tmp_path)} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_every_chain_verifies(made: Path) -> None:
    assert_pairs_match(made)


# What is kept and what is renewed


def test_a_second_init_changes_nothing(pki: Path) -> None:
    before = snapshot(pki)
    assert issued(pki, NOW + DAY) == set()
    assert snapshot(pki) == before


@pytest.mark.parametrize(("days_left", "renewed"), [(31, False), (29, True), (-5, True)])
def test_certificates_are_renewed_in_their_last_30_days(pki: Path, days_left: int, renewed: bool) -> None:
    before, paths = keys(pki), set(kept(pki))
    moment = NOW + timedelta(days=CERTIFICATE_VALIDITY_DAYS - days_left)
    assert issued(pki, moment) == (paths if renewed else set())
    assert keys(pki) == before
    ca = DevelopmentCA.load(pki).certificate
    for files in init(pki, now=moment):
        assert files.expires == certificate_of(files).not_valid_after_utc
        assert verifies(certificate_of(files), ca, moment)


def test_a_renewed_ca_keeps_what_it_issued(tmp_path: Path) -> None:
    old = DevelopmentCA.create(tmp_path, days=20, now=NOW)
    leaf = certificate_of(old.issue(POLICE_NODE, tmp_path, now=NOW))
    assert leaf.not_valid_after_utc == NOW + 20 * DAY  # never longer than the CA

    init(tmp_path, now=NOW)

    new = DevelopmentCA.load(tmp_path)
    assert new.certificate != old.certificate
    assert new.key.private_numbers() == old.key.private_numbers()
    assert verifies(leaf, new.certificate)
    assert_pairs_match(tmp_path)


def test_what_is_missing_is_issued_and_the_rest_is_kept(pki: Path) -> None:
    files = kept(pki)
    files["court/exchange"].certificate.unlink()
    files["hub/signer"].key.unlink()
    old_key = files["court/exchange"].key.read_bytes()
    assert issued(pki) == {"court/exchange", "hub/signer"}
    assert files["court/exchange"].key.read_bytes() == old_key
    assert_pairs_match(pki)


def test_a_certificate_of_another_identity_is_replaced(pki: Path) -> None:
    files = kept(pki)
    shutil.copy(files["court/exchange"].certificate, files["police/exchange"].certificate)
    shutil.copy(files["court/exchange"].key, files["police/exchange"].key)
    assert issued(pki) == {"police/exchange"}


def test_a_certificate_of_another_key_is_replaced(pki: Path) -> None:
    files = kept(pki)
    shutil.copy(files["court/exchange"].key, files["police/exchange"].key)
    assert issued(pki) == {"police/exchange"}
    assert_pairs_match(pki)


def test_a_certificate_of_the_future_is_replaced(pki: Path) -> None:
    DevelopmentCA.load(pki).issue(POLICE_NODE, pki, now=NOW + DAY)
    assert issued(pki) == {"police/exchange"}
    assert_pairs_match(pki)


def test_after_a_new_ca_everything_is_issued_again(pki: Path) -> None:
    paths = set(kept(pki))
    (pki / "ca.pem").unlink()
    (pki / "ca-key.pem").unlink()
    assert issued(pki) == paths
    assert_pairs_match(pki)


def test_a_ca_key_without_certificate_is_used(pki: Path) -> None:
    (pki / "ca.pem").unlink()  # what a kill between the two writes leaves
    before = keys(pki)
    assert issued(pki) == set()
    assert keys(pki) == before


def test_create_does_not_replace_a_ca(pki: Path) -> None:
    before = snapshot(pki)
    with pytest.raises(PkiError, match="exists already"):
        DevelopmentCA.create(pki)
    assert snapshot(pki) == before


def test_runs_at_once_leave_pairs_that_match(tmp_path: Path) -> None:
    runs, start = 4, Barrier(4)

    def run(_: int) -> int:
        start.wait(timeout=START_TIMEOUT_SECONDS)
        return len(init(tmp_path / "pki", now=NOW))

    with ThreadPoolExecutor(runs) as pool:
        assert len(set(pool.map(run, range(runs)))) == 1
    assert issued(tmp_path / "pki") == set()
    assert_pairs_match(tmp_path / "pki")


def test_a_failed_write_leaves_the_old_certificate_and_no_litter(
    pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = snapshot(pki)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        init(pki, now=NOW + timedelta(days=CERTIFICATE_VALIDITY_DAYS))
    assert snapshot(pki) == before


# What is refused


@pytest.mark.parametrize(
    ("file", "content_of", "named"),
    [
        ("ca-key.pem", None, "ca-key.pem"),
        ("ca-key.pem", "hub/exchange-key.pem", "ca.pem"),
        ("ca.pem", "hub/exchange.pem", "ca.pem"),
        ("police/operator.pem", "police/operator-key.pem", "police/operator.pem"),
        ("police/operator-key.pem", "police/operator.pem", "police/operator-key.pem"),
        ("police/exchange-key.pem", "police/signer-key.pem", "police/exchange-key.pem"),
        ("police/signer-key.pem", "police/exchange-key.pem", "police/signer-key.pem"),
    ],
)
def test_a_damaged_pki_is_named_and_left_alone(
    pki: Path, file: str, content_of: str | None, named: str
) -> None:
    if content_of:
        shutil.copy(pki / content_of, pki / file)
    else:
        (pki / file).unlink()
    before = snapshot(pki)
    with pytest.raises(PkiError, match="missing or not what") as refusal:
        init(pki, now=NOW)
    assert str(refusal.value).startswith(str(pki / named))
    assert snapshot(pki) == before


def test_a_key_of_another_curve_is_refused(pki: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (pki / "police/exchange-key.pem").write_bytes(pem)
    with pytest.raises(PkiError, match=r"exchange-key\.pem is missing or not what"):
        init(pki, now=NOW)
    assert (pki / "police/exchange-key.pem").read_bytes() == pem


def test_the_remedy_for_a_damaged_pair_works(pki: Path) -> None:
    (pki / "police/operator-key.pem").write_text("not a key")
    with pytest.raises(PkiError, match=r"remove both operator\.pem, operator-key\.pem"):
        init(pki, now=NOW)
    (pki / "police/operator.pem").unlink()
    (pki / "police/operator-key.pem").unlink()
    assert issued(pki) == {"police/operator"}
    assert_pairs_match(pki)


def test_a_ca_of_another_trust_domain_is_refused(pki: Path) -> None:
    before = snapshot(pki)
    with pytest.raises(PkiError, match=r"holds the CA of xietong\.test, not of city\.example"):
        init(pki, "city.example", now=NOW)
    assert snapshot(pki) == before


def test_an_expired_ca_issues_nothing(tmp_path: Path) -> None:
    ca = DevelopmentCA.create(tmp_path, days=1, now=NOW)
    with pytest.raises(PkiError, match="renew an expired CA"):
        ca.issue(POLICE_NODE, tmp_path, now=NOW + 2 * DAY)
    assert not (tmp_path / "police/exchange.pem").exists()
