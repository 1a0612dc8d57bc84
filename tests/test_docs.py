"""Every page of the documentation is current: its links, names, commands, tables and pictures."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.pages import ROOT, check_command, commands_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURES = ROOT / "docs" / "screenshots"
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def _script(name: str) -> ModuleType:
    """A script of docs/, imported."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@each_page
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@each_page
def test_commands_and_their_options_exist(page: Path) -> None:
    for arguments in commands_of(page.read_text()):
        check_command(arguments)


@each_page
def test_files_named_in_backticks_exist(page: Path) -> None:
    names = re.findall(r"`((?:core|tui|tests|data|docs)/[\w./-]+)`", page.read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


@each_page
def test_names_in_backticks_exist_in_the_code(page: Path) -> None:
    names = re.findall(r"`((?:core|tui)(?:\.\w+)+)`", page.read_text())
    assert [name for name in names if not _exists(name)] == []


def _exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_picture_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in PICTURES.iterdir() if path.name not in pages] == []


@pytest.mark.parametrize("path", sorted(PICTURES.iterdir()), ids=lambda path: path.name)
def test_a_picture_needs_no_font_for_charts_and_loads_nothing(path: Path) -> None:
    picture = path.read_text()
    text = "".join(re.findall(r"<text[^>]*>([^<]*)", picture))
    assert re.findall("[\u2500-\u259f\u2800-\u28ff]", text) == []  # lines, blocks, braille
    assert re.findall(r"url\(|href|@import", picture) == []
    assert len(picture) < 200_000


def test_the_page_of_keys_shows_the_present_bindings() -> None:
    """If this fails, run `python docs/keys.py`."""
    keys = _script("keys")
    assert keys.PAGE.read_text() == keys.keys_page()


def test_the_page_of_the_protocol_shows_the_present_messages() -> None:
    """If this fails, run `python docs/protocol.py`."""
    protocol = _script("protocol")
    assert protocol.PAGE.read_text() == protocol.protocol_page()


def test_the_tables_of_packages_show_the_present_packages_and_arrows() -> None:
    """If this fails, run `python docs/packages.py`."""
    packages = _script("packages")
    page = packages.PAGE.read_text()
    assert page == packages.with_tables(page)
    assert "`core.text`" in page
