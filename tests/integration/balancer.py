"""balancer.py: nginx as a load balancer with the settings of deploy/template.yaml.

    balancer = Balancer(test, stack)     its listener and target group; 127.0.0.1, a port of its own
    balancer.register(port)              a target, as soon as it has passed its health checks
    balancer.deregister(port)            no new requests; returns when its pending requests are done
    balancer.is_healthy(port)            one health check
    balancer.send("GET", "/path")        → (status, headers, body); headers["X-Target"]: the target

Like the service it stands for, it distributes requests round-robin, does not retry, keeps
connections to targets for as long as the template says, and forwards a request while it is still
being received.
"""

import http.client
import os
import shutil
import signal
import time
from pathlib import Path

from ports import Port
from process import Run
from programs import DEADLINE

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error; {user}
worker_shutdown_timeout {delay}s;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0; proxy_max_temp_file_size 0;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream targets {{ {targets} keepalive 32; keepalive_timeout {idle}s; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024; keepalive_timeout {idle}s; ignore_invalid_headers {drops_invalid};
    location / {{
      proxy_pass http://targets; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering off; proxy_next_upstream off; proxy_read_timeout {idle}s;
      add_header X-Target $upstream_addr always;
    }}
  }}
}}
"""


def matches(status, codes):
    """Whether a status is among "200", "200,204" or "200-299"."""
    for part in codes.split(","):
        first, _, last = part.partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


class Balancer:
    def __init__(self, test, stack):
        if not Path(NGINX).exists():
            test.not_here("nginx is not installed")

        def only(kind):
            (found,) = (r for r in stack.resources.values() if r["Type"] == f"AWS::ElasticLoadBalancingV2::{kind}")
            return stack.value(found["Properties"])

        def attributes(of, name):
            return {a["Key"]: a["Value"] for a in of.get(name, [])}

        self.balancer, self.group, self.listener = only("LoadBalancer"), only("TargetGroup"), only("Listener")
        of_balancer = attributes(self.balancer, "LoadBalancerAttributes")
        self.idle_seconds = int(of_balancer["idle_timeout.timeout_seconds"])
        self.delay_seconds = int(attributes(self.group, "TargetGroupAttributes")["deregistration_delay.timeout_seconds"])
        drops = of_balancer.get("routing.http.drop_invalid_header_fields.enabled") == "true"
        for what, of in (("listener", self.listener), ("targets", self.group)):
            test.assertEqual("HTTP", of["Protocol"], what)
        self.folder = test.folder / "balancer"
        self.folder.mkdir()
        port = Port()
        test._closers.append(port)
        self.port, self.targets, self.run = port.number, [], None
        self.fixed = {"folder": self.folder, "port": self.port, "idle": self.idle_seconds,
                      "delay": self.delay_seconds, "drops_invalid": "on" if drops else "off"}
        test._closers.append(self)

    @property
    def name(self):
        """Its DNS name; here all run on one machine."""
        return f"127.0.0.1:{self.port}"

    def _configure(self):
        """Reloads nginx with these targets: old workers finish their requests and exit."""
        # The worker runs as the user of the test, because only that user may read the test's
        # folder.
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(
            targets="".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self.targets), user=user, **self.fixed))
        if self.run is None:
            self.run = Run([NGINX, "-e", "stderr", "-p", self.folder, "-c", self.folder / "nginx.conf"])
            if not self.run.wait_until(self._is_up, "an nginx that responds"):
                raise AssertionError(f"nginx ended{self.run.wait()}")
            return
        old = self._workers()
        self.run.signal(signal.SIGHUP)
        self.run.wait_until(lambda: (now := self._workers()) and not now & old, "nginx with new targets",
                            DEADLINE + self.delay_seconds)

    def _workers(self):
        """The running workers, without zombies."""
        pids = Path(f"/proc/{self.run.pid}/task/{self.run.pid}/children").read_text().split()
        found = set()
        for pid in pids:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.add(pid)
            except OSError:
                pass
        return found

    def _is_up(self):
        try:
            return self.send("GET", "/") is not None
        except OSError:
            return False

    def is_healthy(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        try:
            connection.request("GET", self.group["HealthCheckPath"])
            return matches(connection.getresponse().status, self.group["Matcher"]["HttpCode"])
        except OSError:
            return False
        finally:
            connection.close()

    def register(self, *ports):
        for port in ports:
            until, n_good = time.monotonic() + DEADLINE, 0
            while n_good < self.group["HealthyThresholdCount"]:
                n_good = n_good + 1 if self.is_healthy(port) else 0
                if n_good == 0:
                    if time.monotonic() > until:
                        raise AssertionError(f"the target on port {port} does not become healthy")
                    time.sleep(0.01)
        self.targets += ports
        self._configure()

    def deregister(self, port):
        self.targets.remove(port)
        self._configure()

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def close(self):
        if self.run is not None:
            self.run.signal(signal.SIGTERM)
            self.run.wait()  # SIGKILL would leave its workers running
