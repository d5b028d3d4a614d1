"""Changes to the file system that survive a crash whole or not at all.

A rename is atomic for readers; it is lasting only once the folder that holds the name is
synced, and it must not become lasting before what it names.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, lasting."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make a folder and everything in it lasting, what is named before what names it.

    A file with a second name is one that never changes, and was lasting when it got that name.
    """
    for folder, _, files in os.walk(path, topdown=False):
        for name in sorted(files):
            file = Path(folder, name)
            if file.stat().st_nlink == 1:
                sync(file)
        sync(Path(folder))


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, unless it is there; its name is lasting."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def move(source: Path, target: Path) -> None:
    """Move a file, a link, or a folder to a free name; a file or link replaces one of its kind.

    What the source names must be lasting already.
    """
    source.replace(target)
    sync(target.parent)
    if source.parent != target.parent:
        sync(source.parent)


def write(target: Path, text: str, *, through: Path) -> None:
    """Replace a file's text in one step, written first to `through`."""
    through.write_text(text, encoding="utf-8")
    sync(through)
    move(through, target)


def link(target: Path, to: str, *, through: Path) -> None:
    """Let the symbolic link `target` point to `to` in one step, made first as `through`."""
    through.symlink_to(to)
    move(through, target)


def link_tree(source: Path, target: Path) -> None:
    """Give a folder's files second names under `target`, in no time; they must never change."""
    shutil.copytree(source, target, copy_function=os.link, dirs_exist_ok=True)


def clone_tree(source: Path, target: Path, *, shared: str, left: str) -> None:
    """Copy a folder of files, those of the pattern `shared` by a second name; leave `left` out."""
    target.mkdir()
    for file in source.iterdir():
        if not file.match(left):
            (os.link if file.match(shared) else shutil.copyfile)(file, target / file.name)
