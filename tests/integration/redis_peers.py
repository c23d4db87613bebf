"""redis_peers.py: Redis for tests: the real server, and a scripted one.

    redis = RealRedis(test)                     on 127.0.0.1 and a port of its own
    redis = RealRedis(test, "--requirepass", "x")
    redis = RealRedis(test, tls=certificate)    speaks TLS only
    redis.command("GET", "a")                   → bytes, None, int, a list, or RedisError
    redis.pause(); redis.resume(); redis.kill(); redis.start()

    fake = FakeRedis(test, respond)             respond(connection, words) → bytes, or None
                                                to close
"""

import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

from ports import Port
from process import Run
from programs import DEADLINE

REDIS_SERVER = "/usr/bin/redis-server"


class RedisError(Exception):
    pass


class Wire:
    """The protocol, on a connected socket."""

    def __init__(self, sock):
        self.socket, self.file = sock, sock.makefile("rb")

    def send(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"closed after {line!r}")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return self.file.read(int(rest) + 2)[:-2]

    def close(self):
        self.file.close()
        self.socket.close()


class Certificate:
    """A self-signed one for these subject names ("DNS:cache", "IP:127.0.0.1")."""

    def __init__(self, folder, name, *subject_names):
        self.pem, self.key = Path(folder) / f"{name}.pem", Path(folder) / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.pem,
             "-addext", "subjectAltName=" + ",".join(subject_names)],
            check=True, capture_output=True)


class RealRedis:
    def __init__(self, test, *settings, tls=None, user=None, password=None):
        if not Path(REDIS_SERVER).exists():
            test.not_here("redis-server is not installed")
        port = Port()
        test._closers.append(port)
        self.port, self.settings, self.tls = port.number, settings, tls
        self.login = [word for word in (user, password) if word is not None]
        self.folder = test.folder
        self.run = None
        test._closers.append(self)
        self.start()

    def start(self):
        """Starts it (again) and waits until it responds."""
        ports = (["--port", "0", "--tls-port", self.port, "--tls-cert-file", self.tls.pem,
                  "--tls-key-file", self.tls.key, "--tls-ca-cert-file", self.tls.pem,
                  "--tls-auth-clients", "no"] if self.tls else ["--port", self.port])
        self.run = Run([REDIS_SERVER, *ports, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                        "no", "--dir", self.folder, *self.settings])
        if not self.run.wait_until(self.is_up, "a redis-server that responds"):
            raise AssertionError(f"redis-server ended{self.run.wait()}")

    def is_up(self):
        try:
            return self.command("PING") == b"PONG"
        except (OSError, RedisError):
            return False

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls.pem))
            context.check_hostname = False
            sock = context.wrap_socket(sock)
        wire = Wire(sock)
        if self.login:
            wire.send("AUTH", *self.login)
            wire.read()
        return wire

    def command(self, *words):
        wire = self.connect()
        try:
            wire.send(*words)
            return wire.read()
        finally:
            wire.close()

    def keys(self):
        return sorted(key.decode() for key in self.command("KEYS", "*"))

    def calls(self, name):
        """How many such commands it has received, by its own counters."""
        for line in self.command("INFO", "commandstats").decode().splitlines():
            if line.startswith(f"cmdstat_{name.lower()}:"):
                return int(line.split("calls=")[1].split(",")[0])
        return 0

    def pause(self):
        self.run.stop_the_clock()

    def resume(self):
        self.run.signal(signal.SIGCONT)

    def kill(self):
        self.run.signal(signal.SIGCONT)
        self.run.end()

    close = kill


class MovingRedis:
    """An address that a failover moves: connections that are open stay where they are, new ones go
    to `node`."""

    def __init__(self, test, node):
        self.node, self.n_connections, self.sockets = node, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        test._closers.append(self)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                ends = [self.listener.accept()[0],
                        socket.create_connection(("127.0.0.1", self.node.port))]
                self.n_connections += 1
                self.sockets += ends
                for a, b in (ends, ends[::-1]):
                    threading.Thread(target=self.copy, args=(a, b), daemon=True).start()
        except OSError:
            pass  # closed

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for sock in (self.listener, *self.sockets):
            sock.close()


def fail_over(master, replica):
    """The replica becomes the master, and the master its replica, as a planned failover has it."""
    replica.command("REPLICAOF", "NO", "ONE")
    master.command("REPLICAOF", "127.0.0.1", replica.port)


class FakeRedis:
    """respond is called with each command of each connection; what it returns is sent, None
    closes. commands has all of them; greeting is sent before the first one comes. reset():
    closes every connection with RST."""

    def __init__(self, test, respond):
        fake = self
        self.greeting = b""
        self.commands, self.connections = [], []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                fake.connections.append(self.request)
                wire = Wire(self.request)
                try:
                    self.request.sendall(fake.greeting)
                    while (words := wire.read()) is not None:
                        fake.commands.append(words)
                        response = fake.respond(self.request, words)
                        if response is None:
                            return
                        self.request.sendall(response)
                except (OSError, ValueError):
                    pass
                finally:
                    wire.file.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self.respond = respond
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01},
                         daemon=True).start()
        test._closers.append(self)

    def reset(self):
        for connection in self.connections:
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            except OSError:
                pass
        self.connections = []

    def close(self):
        self.server.shutdown()
        self.reset()
        self.server.server_close()


OK = b"+OK\r\n"


def nothing(words):
    """What an empty Redis returns."""
    return b"*%d\r\n" % (len(words) - 1) + b"$-1\r\n" * (len(words) - 1) if words[0] == b"MGET" else OK


def is_probe(words):
    return words == [b"MGET", b"rec:user:"]


def slow(seconds):
    """Responds as an empty Redis does, to MGET with this delay."""
    def respond(_, words):
        if words[0] == b"MGET" and not is_probe(words):
            time.sleep(seconds)
        return nothing(words)
    return respond


def eventually(condition, what, deadline=DEADLINE):
    until = time.monotonic() + deadline
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{deadline} s without: {what}")
        time.sleep(0.005)
    return value
