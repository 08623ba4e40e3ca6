"""Installs, starts, upgrades and removes the Debian packages in a root that has nothing of ours.

usage: try.py ROOT FOLDER-OF-THE-OLDER-PACKAGES FOLDER-OF-THE-NEWER-ONES

No systemd runs in there: what it would do is done here, by what the installed units say, and NOTIFY_SOCKET is ours.
"""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT, OLDER, NEWER = map(Path, sys.argv[1:])
MODULE, PROXY = "roomcast-redis-module", "roomcast-proxy"
UNIT = "roomcast-proxy.service"
PATIENCE = 30


def inside(*words, **more):
    """Runs a program in the root; what it says is shown if it fails."""
    done = subprocess.run(["chroot", str(ROOT), *words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def apt(*words):
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    return inside("apt-get", "-q", "-y", "--no-install-recommends", *words, env=environment)


def package(name, folder):
    """The file of a package, put into the root."""
    file = next(iter(sorted(folder.glob(f"{name}_*.deb"))))
    shutil.copy(file, ROOT / "tmp" / file.name)
    return f"/tmp/{file.name}"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, look):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"not within {PATIENCE} s: {what}")


def unit_of(name):
    """The settings of a unit's service, as they are installed."""
    text = next(path for path in (ROOT / "lib/systemd/system" / name, ROOT / "usr/lib/systemd/system" / name) if path.exists())
    return dict(re.findall(r"^(\w+)=(.*)$", text.read_text(), re.M))


class Service:
    """The proxy as its unit says, with a socket of ours in systemd's place."""

    def __init__(self, environment):
        unit = unit_of(UNIT)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = ROOT / "run/notify"
        path.unlink(missing_ok=True)
        self.told.bind(str(path))
        path.chmod(0o777)
        self.told.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            ["chroot", f"--userspec={unit['User']}:{unit['Group']}", str(ROOT), *unit["ExecStart"].split()],
            env={"NOTIFY_SOCKET": "/run/notify", "PATH": "/usr/sbin:/usr/bin:/bin", **environment},
        )

    def hear(self, word):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if word in self.told.recv(4096).decode().split("\n"):
                    return
            except TimeoutError:
                break
        self.process.kill()
        sys.exit(f"the service manager was not told {word}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.hear("STOPPING=1")
        code = self.process.wait(PATIENCE)
        self.told.close()
        if code != 0:
            sys.exit(f"asked to stop, the proxy ended with {code}")


def file_environment():
    """What the unit's EnvironmentFile says."""
    lines = (ROOT / "etc/roomcast/proxy.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def start_redis(port, *more):
    words = ["/usr/bin/redis-server", "/etc/redis/redis.conf", "--port", str(port), "--daemonize", "no", "--save", "", *more]
    redis = subprocess.Popen(["chroot", "--userspec=redis:redis", str(ROOT), *words], stdout=subprocess.DEVNULL)
    pong = lambda: ask_redis(port, "PING") == "PONG"
    wait_for("redis-server answers", pong)
    return redis


def ask_redis(port, *words):
    done = subprocess.run(
        ["chroot", str(ROOT), "/usr/bin/redis-cli", "-p", str(port), *words], capture_output=True, text=True
    )
    return done.stdout.strip()


def ready(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200
    except OSError:
        return False


def fingerprint(path):
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


def analyze(*words):
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)
    if done.returncode != 0 or "roomcast" in done.stderr:
        sys.exit(f"systemd-analyze {' '.join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout.strip().splitlines()[-1:]


def main():
    subprocess.run(["mount", "-t", "proc", "proc", str(ROOT / "proc")], check=True)
    policy = ROOT / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    apt("update")
    # The units that ours names come with systemd.
    apt("install", "redis-server", "systemd")
    redis_port, port = free_port(), free_port()
    bare, running = fingerprint("etc/redis/redis.conf"), None
    children = []
    try:
        running = start_redis(redis_port)
        children.append(running)
        apt("install", package(MODULE, OLDER), package(PROXY, OLDER))
        print("installed: " + inside("dpkg-query", "-W", "-f", "${Package} ${Version}; ", MODULE, PROXY))
        assert fingerprint("etc/redis/redis.conf") == bare, "redis.conf was edited"
        assert running.poll() is None and ask_redis(redis_port, "MODULE", "LIST") == "", "Redis was touched"
        assert not list((ROOT / "etc/systemd").rglob("*roomcast*")), "something was enabled"
        print("units: " + str(analyze("verify", f"--root={ROOT}", UNIT) or "verified"))
        print(*analyze("security", "--offline=true", "--threshold=30", f"--root={ROOT}", UNIT))
        # The drop-in as the example says.
        drop_in = ROOT / f"usr/share/doc/{MODULE}/examples/roomcast.conf"
        words = re.findall(r"^ExecStart=(.+)$", drop_in.read_text(), re.M)[0].split()
        running.terminate()
        running.wait(PATIENCE)
        running = start_redis(redis_port, "--loadmodule", words[words.index("--loadmodule") + 1])
        children.append(running)

        settings = ROOT / "etc/roomcast/proxy.env"
        with settings.open("a") as file:
            file.write(f"ROOMCAST_LISTEN=127.0.0.1:{port}\nROOMCAST_REDIS=redis://127.0.0.1:{redis_port}\n")
        one = Service(file_environment())
        children.append(one.process)
        one.hear("READY=1")
        wait_for("/readyz is green", lambda: ready(port))
        owner = os.stat(f"/proc/{one.process.pid}").st_uid
        assert owner != 0, "the service is root"
        print(f"started as user {owner}: ready")
        # An upgrade under it: systemd would restart it, Redis stays as it is.
        edited = settings.read_text()
        apt("install", "-o", "Dpkg::Options::=--force-confold", package(MODULE, NEWER), package(PROXY, NEWER))
        assert settings.read_text() == edited, "the upgrade changed the configuration"
        assert running.poll() is None, "the upgrade touched Redis"
        one.stop()
        two = Service(file_environment())
        children.append(two.process)
        two.hear("READY=1")
        two.stop()
        print("upgraded: " + inside("dpkg-query", "-W", "-f", "${Package} ${Version}; ", MODULE, PROXY))
        apt("remove", MODULE, PROXY)
        assert settings.read_text() == edited and not (ROOT / "usr/bin/roomcast-proxy").exists()
        assert running.poll() is None and not (ROOT / "usr/lib/roomcast").exists()
        apt("purge", MODULE, PROXY)
        assert not (ROOT / "etc/roomcast").exists(), "a purge leaves settings"
        assert fingerprint("etc/redis/redis.conf") == bare
        print("removed and purged: nothing is left but the user")
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()


main()
