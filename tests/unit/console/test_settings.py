"""Settings of the console: encrypted, or on a loopback address for development; what is wrong is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong_console.settings import SettingsError, load_settings

NODE = 'node = "127.0.0.1:7100"\ncredentials = "pki/hub"\n'
TLS = '[tls]\ncertificate = "console.pem"\nkey = "console-key.pem"\n'


def load(folder: Path, content: str) -> object:
    file = folder / "console.toml"
    file.write_text(content)
    return load_settings(file)


def test_files_count_from_the_folder_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "console.toml"
    file.write_text(f'listen = "[::]:7180"\n{NODE}{TLS}')
    settings = load_settings(file)
    assert settings.address == ("::", 7180)
    assert settings.credentials == tmp_path / "pki/hub"
    assert settings.accounts == tmp_path / "accounts.json"
    assert settings.tls is not None
    assert settings.tls.key == tmp_path / "console-key.pem"


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIETONG_CONSOLE_NODE", "hub.xietong.test:7000")
    file = tmp_path / "console.toml"
    file.write_text(NODE + TLS)
    assert load_settings(file).node == "hub.xietong.test:7000"


@pytest.mark.parametrize("listen", ["127.0.0.1:7180", "[::1]:7180", "localhost:7180"])
def test_plain_http_is_for_development_on_this_machine(tmp_path: Path, listen: str) -> None:
    assert load(tmp_path, f'listen = "{listen}"\ninsecure_loopback = true\n{NODE}')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (NODE, "tls"),
        (f'listen = "0.0.0.0:7180"\ninsecure_loopback = true\n{NODE}', "tls"),
        (f'listen = "7180"\n{NODE}{TLS}', "HOST:PORT"),
        (f'listen = "127.0.0.1:99999"\n{NODE}{TLS}', "HOST:PORT"),
        (f"idle_minutes = 0\n{NODE}{TLS}", "idle_minutes"),
        (f"answer_seconds = 3600\n{NODE}{TLS}", "answer_seconds"),
        (f"colour = 1\n{NODE}{TLS}", "colour"),
        (TLS, "node"),
        ("listen =", "TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(tmp_path, content)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config"):
        load_settings(tmp_path / "console.toml")
