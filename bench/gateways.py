"""The processes of a run: the upstream, and each gateway before it."""

import dataclasses
import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable

# Below the ports that the system takes for outgoing connections.
_PORTS = iter(range(21000, 32000))
_START_SECONDS = 30

CHAT = "/v1/chat/completions"


def free_port() -> int:
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


@dataclasses.dataclass
class Server:
    """A process that listens, and how to ask it for a completion."""

    name: str
    process: subprocess.Popen
    port: int
    path: str = CHAT

    def processes(self) -> list[int]:
        """Its process and the children of that."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found

    def watched(self, name: str) -> list[str]:
        return [word for pid in self.processes() for word in ("--watch", f"{name}={pid}")]

    def resident_bytes(self) -> int:
        """Resident memory of all its processes together."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    for pid in self.processes())
        return pages * os.sysconf("SC_PAGESIZE")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(name: str, command: list[str], port: int, folder: Path, path: str = CHAT,
          environment: dict | None = None, address: str = "127.0.0.1") -> Server:
    """Starts it with its output in files of `folder`, and waits until it takes connections."""
    with open(folder / f"{name}.out", "wb") as out, open(folder / f"{name}.err", "wb") as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env={**os.environ, **(environment or {})}, cwd=folder)
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((address, port), 1).close()
            return Server(name, process, port, path)
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                errors = (folder / f"{name}.err").read_text(errors="replace")
                raise RuntimeError(f"{name} did not start: {errors}") from None
            time.sleep(0.02)


def start_upstream(binary: Path, folder: Path) -> tuple[Server, list[int]]:
    ports = [free_port(), free_port()]
    command = [str(binary), *(word for port in ports for word in ("--port", str(port)))]
    return start("upstream", command, ports[0], folder), ports


def _debian_program(name: str, root: Path) -> tuple[str, dict]:
    """A program of the system, or the one that bench/setup unpacked."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found:
        return found, {}
    libraries = [str(path) for path in root.glob("usr/lib/*-linux-gnu")]
    return str(root / "usr/sbin" / name), {"LD_LIBRARY_PATH": ":".join(libraries)}


_NGINX = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log {folder}/nginx-access.log combined;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  client_max_body_size 100m;
  keepalive_requests 100000000;
  tcp_nodelay on;
  upstream servers {{
    least_conn;
{servers}
    keepalive 1024;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def start_nginx(folder: Path, root: Path, upstreams: list[int]) -> Server:
    port = free_port()
    file = folder / "nginx.conf"
    servers = "\n".join(f"    server 127.0.0.1:{upstream};" for upstream in upstreams)
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    file.write_text(_NGINX.format(folder=folder, port=port, servers=servers, user=user))
    program, environment = _debian_program("nginx", root)
    command = [program, "-p", str(folder), "-e", str(folder / "nginx-error.log"), "-c", str(file)]
    return start("nginx", command, port, folder, environment=environment)


# Its log goes to standard output, which start() makes a file: HAProxy opens none itself.
_HAPROXY = """\
global
  nbthread 1
  maxconn 8192
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend servers
backend servers
  balance leastconn
{servers}
"""


def start_haproxy(folder: Path, root: Path, upstreams: list[int]) -> Server:
    port = free_port()
    file = folder / "haproxy.cfg"
    servers = "\n".join(f"  server up{upstream} 127.0.0.1:{upstream}" for upstream in upstreams)
    file.write_text(_HAPROXY.format(port=port, servers=servers))
    program, environment = _debian_program("haproxy", root)
    return start("haproxy", [program, "-db", "-f", str(file)], port, folder,
                 environment=environment)


# Everything else is as it is by default: metrics, health checks, model lists, scraping, JSON log.
_OLLA = """\
server: {{port: {port}, threads: {threads}}}
logging: {{output: file, directory: "{folder}/{name}-log"}}
endpoints:
{servers}
"""


def olla_config(folder: Path, upstreams: list[int], port: int, threads: int = 1,
                more: str = "", name: str = "olla") -> Path:
    """A file with olla's default config; `more` are keys of each endpoint."""
    servers = "\n".join(f'  - {{url: "http://127.0.0.1:{upstream}", type: vllm{more}}}'
                        for upstream in upstreams)
    file = folder / f"{name}.yaml"
    file.write_text(_OLLA.format(folder=folder, port=port, threads=threads, servers=servers,
                                 name=name))
    return file


def start_olla(folder: Path, binary: Path, upstreams: list[int], threads: int = 1,
               wrap: Callable[[list[str]], list[str]] = list, more: str = "",
               environment: dict | None = None, name: str = "olla") -> Server:
    """`wrap` makes the command another one, such as that of a tool which runs olla."""
    port = free_port()
    file = olla_config(folder, upstreams, port, threads, more, name)
    command = wrap([str(binary), "serve", "-c", str(file)])
    server = start(name, command, port, folder, f"/olla/vllm{CHAT}", environment)
    time.sleep(0.3)  # Until the model lists are read.
    return server
