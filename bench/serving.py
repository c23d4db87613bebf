"""The figures of serve, each with its peer in the same run; used by bench.py.

Peers: libevent's evhttp with a constant response (evhttp_constant, built here), nginx with a
constant response, gunicorn + Flask + Surprise, FAISS for top-N, and Node with AWS's packages for
the function between streams. All but the first are optional. Load comes from wrk and from
`offered`.

The server runs on the first CPU and the load on the second, one thread each.
"""

import contextlib
import http.client
import json
import os
import pathlib
import random
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from common import BIN, CPUS, NODE_MODULES, REDIS, ROOT, cpu_seconds, free_port, resident, run, say, train_job

EVERY_CPU = ",".join(map(str, CPUS))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]
FAISS = os.environ.get("MF_FAISS")
REQUEST = '{"userId":"2","movieId":"2959"}'
ROUNDS = 5
SECONDS = 4


def train(folder, name="ml", **hyperparameters):
    """The model of script/run, trained on data/."""
    prefix = train_job(folder / name, hyperparameters, "train")
    shutil.copy(ROOT / "data/ratings.csv", prefix / "input/data/train")
    run(BIN / "train", "--prefix", prefix, stderr=subprocess.PIPE)
    return prefix


def wait_until_ready(port, process, path="/ping"):
    for _ in range(3000):
        if process.poll() is not None:
            sys.exit(f"bench: a server ended with {process.returncode} before it was ready")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.01)
    sys.exit("bench: a server did not become ready")


@contextlib.contextmanager
def running(command, port, env=None, cpu=SERVER_CPU, path="/ping", cwd=None):
    """A server on one CPU, ready; stopped at the end."""
    process = subprocess.Popen(
        ["taskset", "-c", str(cpu), *map(str, command)],
        env={**os.environ, **(env or {})}, cwd=cwd,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(port, process, path)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def serve(prefix, port, threads=1, **settings):
    env = dict(SAGEMAKER_BIND_TO_PORT=str(port), SERVE_ADDRESS="127.0.0.1",
               SERVE_THREADS=str(threads), **settings)
    return running([BIN / "serve", "--prefix", prefix], port, env)


def wrk(url, folder, body, seconds=SECONDS, connections=32, content_type="application/json", cpu=LOAD_CPU):
    """(requests per second, p99 in ms, requests, responses that were not 200) of POST."""
    content, script = folder / "body", folder / "post.lua"
    content.write_text(body)
    script.write_text(f"""
local file = io.open("{content}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "{content_type}"
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %f %f %d %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, summary.requests, e.status + e.connect + e.read + e.write + e.timeout))
end
""")
    out = run("taskset", "-c", cpu, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url)
    if "RESULT " not in out:
        sys.exit(f"bench: wrk printed {out}")
    rate, p99, n, bad = out.split("RESULT ")[1].split()[:4]
    return float(rate), float(p99), int(n), int(bad)


def invocations(port):
    return f"http://127.0.0.1:{port}/invocations"


def offered(port, per_second, seconds=5, connections=8, what=("/invocations", REQUEST), words=()):
    return json.loads(run("taskset", "-c", LOAD_CPU, BIN / "offered", port, per_second, seconds, connections, *what,
                          input="".join(f"{word}\n" for word in words)))


def stolen():
    """Seconds since start in which the host gave no time to CPUs of this virtual machine that had work."""
    return int(open("/proc/stat").readline().split()[8]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def constant_nginx(folder, port):
    config = folder / "nginx.conf"
    config.write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/nginx;
  server {{ listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"predicted_rating":4.425361}}'; }} }} }}
""")
    with running([shutil.which("nginx") or "/usr/sbin/nginx", "-c", config], port) as process:
        yield process


def flask(folder, port):
    python = os.environ.get("MF_SURPRISE", "")
    return running(
        [python, "-m", "gunicorn", "-w", "1", "--keep-alive", "75", "-k", "gthread",
         "--threads", "8", "-b", f"127.0.0.1:{port}", "flask_peer:app"],
        port, dict(MF_BENCH_RATINGS=str(ROOT / "data/ratings.csv")), cwd=ROOT / "bench",
    )


def has_flask():
    python = os.environ.get("MF_SURPRISE")
    return python and subprocess.run(
        [python, "-c", "import flask, gunicorn, surprise"], capture_output=True).returncode == 0


def throughput(folder):
    say("\n## serve: one rating as JSON, keep-alive, one thread each, wrk on the other CPU")
    prefix = train(folder)
    ports = dict(serve=free_port(), evhttp=free_port())
    peers = {"serve": serve(prefix, ports["serve"]),
             "evhttp": running([BIN / "evhttp_constant", str(ports["evhttp"])], ports["evhttp"])}
    if shutil.which("nginx") or os.path.exists("/usr/sbin/nginx"):
        ports["nginx"] = free_port()
        peers["nginx"] = constant_nginx(folder, ports["nginx"])
    if has_flask():
        ports["flask"] = free_port()
        peers["flask"] = flask(folder, ports["flask"])
    rates = {name: [] for name in peers}
    with contextlib.ExitStack() as stack:
        for server in peers.values():
            stack.enter_context(server)
        for _ in range(ROUNDS):
            for name in peers:
                rate, _, _, bad = wrk(invocations(ports[name]), folder, REQUEST)
                if bad:
                    say(f"{name}: {bad} bad responses")
                rates[name].append(rate)
        for name in ("serve", "flask"):
            if name in peers:
                facts = offered(ports[name], 2000)
                say(f"{name} at 2000/s: p50 {facts['p50_us']:.0f} µs, p99 {facts['p99_us']:.0f} µs, "
                    f"slowest {facts['slowest_us']:.0f} µs, {facts['errors']} errors")
    mine = statistics.median(rates["serve"])
    for name, values in rates.items():
        rate = statistics.median(values)
        say(f"{name:7} {rate:9.0f}/s, median of {ROUNDS} rounds in turn; serve is {mine / rate:.2f} times that")


def batch(folder):
    say("\n## batch: 10,000 pairs in a request, one thread")
    prefix = train(folder)
    generator = random.Random(1)
    lines = open(ROOT / "data/ratings.csv").read().split("\n")[1:-1]
    pairs = [generator.choice(lines).split(",")[:2] for _ in range(10000)]
    bodies = {
        "application/json": json.dumps(
            {"instances": [{"userId": u, "movieId": m} for u, m in pairs]}, separators=(",", ":")),
        "application/jsonlines": "".join(
            json.dumps({"userId": u, "movieId": m}, separators=(",", ":")) + "\n" for u, m in pairs),
        "text/csv": "".join(f"{u},{m}\n" for u, m in pairs),
    }
    port = free_port()
    with serve(prefix, port):
        for content_type, body in bodies.items():
            runs = [wrk(invocations(port), folder, body, 3, 2, content_type) for _ in range(3)]
            bad = sum(run[3] for run in runs)
            rate = statistics.median(run[0] for run in runs) * len(pairs)
            say(f"{content_type:22} {rate / 1e6:5.2f} M predictions/s over HTTP"
                + (f", {bad} bad responses" if bad else ""))
    say(run(BIN / "bench_inference", prefix / "model/model.bin").rstrip())


def top_n_of(what, options=()):
    """The ten best by bench_top_n with these options, in turn with FAISS if it is installed."""
    peer = [FAISS, ROOT / "bench/faiss_peer.py"] if FAISS else []
    r = json.loads(run(*peer, BIN / "bench_top_n", *options))
    against = f"FAISS {r['faiss_p50_us']} µs; ours / FAISS = {r['ours_to_faiss']}; " if peer else ""
    say(f"{what}, {r['cpu']}: p50 {r['p50_us']} µs, p99 {r['p99_us']} µs; without the index "
        f"{r['plain_p50_us']} µs; {against}{100 * r['scored']:.2f} % of the items scored exactly")


def top_n(folder):
    say("\n## topn: the ten best of all items, one request at a time, one thread")
    if not FAISS:
        say("no FAISS (MF_FAISS)")
    top_n_of("60,000 items, 64 independent factors")
    for factors in (128, 256):
        prefix = train(folder, f"ranking-{factors}", ranking_factors=factors)
        top_n_of(f"a ranking model of data/ratings.csv, 9,066 items, {factors} directions",
                 ("--model", prefix / "model/model.bin"))


STEERED = dict(
    kept_50="a filter that keeps 50 %", kept_10="10 %", kept_1="1 %", excluded_1000="1,000 excluded",
    explained="three reasons each", varied="diversity 0.5", average_of_5="group of 5, average",
    least_misery_of_5="group of 5, least misery")


def steer(folder):
    say("\n## steer: lists of ten beside the plain list of the same user, one thread")
    if not FAISS:
        say("no FAISS (MF_FAISS)")
    prefix = train(folder)
    for what, options, peer in (
        ("60,000 items, 64 independent factors", (), FAISS),
        ("the same as a ranking model", ("--ranking", "1"), None),
        ("data/ratings.csv", ("--model", prefix / "model/model.bin"), None),
    ):
        words = [peer, ROOT / "bench/faiss_steer.py"] if peer else []
        r = json.loads(run(*words, BIN / "bench_steer", *options))
        say(f"{what}, {r['cpu']}: plain {r['plain_us']} µs")
        for key, name in STEERED.items():
            if key == "explained" and r["lowered"] == 0:  # no ranking model
                continue
            against = f"; FAISS {r[key + '_faiss_us']} µs, {r[key + '_faiss_to_ours']} times ours" \
                if key + "_faiss_us" in r else ""
            say(f"  {name:28} {r[key + '_us']:7} µs, {r[key + '_ratio']} times plain{against}")
        say(f"  the audience of an item      {r['audience_of_100_us']:7} µs for 100 users")
        if r["lowered"] > 0:
            say(f"  lower without the first reason: {100 * r['lowered']:.2f} % of the items")


def make_model(prefix, mib):
    """The path of a new model of this size, with 64 factors, below prefix."""
    path = prefix / "model/model.bin"
    path.parent.mkdir(parents=True)
    run(BIN / "bench_model", mib, 64, path)
    return path


def start(folder):
    say("\n## start: a model of 1 GB, warm, and 5,000 idle connections")
    size = make_model(folder / "big", 1024).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seconds = []
    for attempt in range(5):
        port = free_port()
        begin = time.monotonic()
        with serve(folder / "big", port, threads=len(CPUS)) as process:
            seconds.append(time.monotonic() - begin)
            before = resident(process.pid)
            if attempt == 4:
                idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(5000)]
                facts = offered(port, 100, 2)
                grown = resident(process.pid)
                for s in idle:
                    s.close()
                say(f"model {size / 1e6:.0f} MB; resident {before / 1e6:.0f} MB, with {len(idle)} idle "
                    f"connections {grown / 1e6:.0f} MB: model + {(grown - size) / 2**20:.1f} MiB "
                    f"(limit 64); p99 beside them {facts['p99_us']:.0f} µs")
    say(f"start to first /ping 200: median {statistics.median(seconds):.2f} s, "
        f"slowest {max(seconds):.2f} s (limit 1.5)")


def mixed(folder, seconds=None):
    seconds = seconds or int(os.environ.get("MF_MIXED_SECONDS", "20"))
    say(f"\n## mixed: {seconds} s of everything at once (MF_MIXED_SECONDS)")
    prefix = train(folder)
    many = "\n".join(json.dumps({"userId": str(u % 671 + 1), "movieId": "318"}) for u in range(2000))
    requests = [
        ("POST", "/invocations", REQUEST, {"Content-Type": "application/json"}, 200),
        ("POST", "/invocations", '{"userId":"5","top_n":10}', {}, 200),
        ("POST", "/invocations", '{"movieId":"2959","similar":5}', {}, 200),
        ("POST", "/invocations", '{"ratings":[{"movieId":"1","rating":5}],"top_n":3}', {}, 200),
        ("POST", "/invocations", '{"userId":"unknown","top_n":3}', {}, 200),
        ("POST", "/invocations", many, {"Content-Type": "application/jsonlines"}, 200),
        ("POST", "/invocations", "2,2959\n3,1\n", {"Content-Type": "text/csv"}, 200),
        ("POST", "/invocations", '{"userId":"2"', {}, 400),
        ("POST", "/invocations", "x", {"Content-Type": "image/png"}, 415),
        ("GET", "/internal/recommend/7?top_n=20", None, {}, 200),
        ("GET", "/ping", None, {}, 200),
        ("GET", "/metrics", None, {}, 200),
        ("GET", "/nowhere", None, {}, 404),
    ]
    port = free_port()
    sent, wrong, memory = [], [], []
    stop = threading.Event()

    def client(seed):
        generator = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        count = 0
        while not stop.is_set():
            method, path, body, headers, expected = generator.choice(requests)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
                if response.status != expected:
                    wrong.append(f"{path} {response.status}")
            except (OSError, http.client.HTTPException) as e:
                wrong.append(f"{path} {e!r}")
                connection.close()
            count += 1
            if count % 500 == 0:
                connection.close()
        sent.append(count)

    with serve(prefix, port, threads=len(CPUS)) as process:
        clients = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for thread in clients:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(5, max(0.1, end - time.monotonic())))
            memory.append(resident(process.pid))
            if len(memory) % 6 == 0:
                process.send_signal(signal.SIGHUP)
        stop.set()
        for thread in clients:
            thread.join()
        files = len(os.listdir(f"/proc/{process.pid}/fd"))
    say(f"{sum(sent)} requests, {len(wrong)} wrong {wrong[:3] or ''}; resident after 5 s "
        f"{memory[0] / 1e6:.1f} MB, at most {max(memory) / 1e6:.1f} MB, at the end "
        f"{memory[-1] / 1e6:.1f} MB; {files} open files; a reload every 30 s")


@contextlib.contextmanager
def redis(port):
    """Debian's redis-server, keeping nothing, on the CPU of serve."""
    process = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CPU), REDIS, "--port", str(port), "--bind",
         "127.0.0.1", "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                yield process
                return
            time.sleep(0.01)
        sys.exit("bench: redis-server did not become ready")
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


def counters(port):
    """{name: value} of /metrics, without those that have labels."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return {name: float(value) for name, value in (line.split(" ") for line in lines if line[0] != "#")
            if "{" not in name}


def zipf(n_users, n, exponent=1.0, seed=1):
    """n ranks from 1 to n_users, rank r with a probability proportional to 1/r^exponent."""
    weights = [1 / rank ** exponent for rank in range(1, n_users + 1)]
    return random.Random(seed).choices(range(1, n_users + 1), weights, k=n)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def is_void(name, least, share):
    """Whether a figure would measure something else: a smaller share of the lists than `least` came
    from Redis, or, if that is 0, any. Prints it."""
    void = share < least or (least == 0 and share > 0)
    if void:
        say(f"{name}: NO FIGURE, as {100 * share:.1f} % came from Redis (expected: "
            f"{f'at least {100 * least:.0f} %' if least else 'none'}); too busy a machine?")
    return void


def must_be_right(port, result):
    """Ends the benchmark unless serve computes the same list for that user."""
    right = get(port, f"/internal/recommend/{result['user_id']}?top_n=20")["recommendations"]
    if len(right) != 20 or result["recommendations"] != right:
        sys.exit(f"bench: {result} is not what serve computes: {right}")


def cached(folder):
    say("\n## cached: a user's best 20 of 60,000 items through Redis, 1,000 requests a second, one thread; "
        "Redis on the same CPU")
    if not os.path.exists(REDIS):
        say("no redis-server")
        return
    make_model(folder / "ml", 101)
    list_of = ("/recommend/cached/{}?top_n=20",)
    port, redis_port = free_port(), free_port()
    variables = dict(REDIS_ENABLED="true", REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=str(redis_port),
                     SERVE_ACCESS_LOG="off")

    def measure(name, words, limit=None, what=list_of, seconds=10, rate=1000, from_cache=None):
        """from_cache: least share of lists from Redis; 0: none may come from it."""
        before = counters(port)
        stolen_before = stolen()
        facts = offered(port, rate, seconds, 16, what, words)
        lost = stolen() - stolen_before
        after = counters(port)
        hits, misses, skipped = (after[f"cache_{kind}_total"] - before[f"cache_{kind}_total"]
                                 for kind in ("hits", "misses", "skipped"))
        n = hits + misses + skipped
        if facts["errors"] > 0:
            sys.exit(f"bench: {facts['errors']} responses of {name} were not 200")
        for word in words[:20]:
            must_be_right(port, get(port, list_of[0].format(word)))
        if from_cache is not None and is_void(name, from_cache, hits / n):
            return
        say(f"{name:36} p50 {facts['p50_us']:5.0f} µs, p99 {facts['p99_us']:5.0f} µs, slowest "
            f"{facts['slowest_us']:6.0f} µs, {facts['errors']} errors"
            + (f"; {100 * hits / n:.1f} % from Redis, {skipped:.0f} without a lookup" if n else "")
            + (f" (limit {limit} ms: {facts['p99_us'] / 1000 / limit:.2f} of it)" if limit else "")
            + f"; the host took {1000 * lost / seconds:.0f} ms a second")

    user = "u{:08}".format
    with redis(redis_port) as store:
        with serve(folder / "ml", port, **variables):
            facts = counters(port)
            n_users = int(facts["recommender_model_users"])
            say(f"{facts['recommender_model_items']:.0f} items, {n_users} users, 64 factors")
            once = [user(u) for u in range(n_users)]
            few = [user(u) for u in range(1000)]
            measure("/ping, for comparison", (), what=("/ping",))
            measure("each user once, so computed", once[-20000:], 5, from_cache=0)
            measure("a thousand users, the first time", few, seconds=1, from_cache=0)
            measure("the same again, from Redis", few, 2, from_cache=0.99)
            ranks = zipf(100000, 60000)
            measure("Zipf's users of 100,000 (a minute)", [user(rank) for rank in ranks], seconds=60)
            store.send_signal(signal.SIGSTOP)
            measure("Redis hangs", few, seconds=10)
            store.send_signal(signal.SIGCONT)
        with serve(folder / "ml", port, SERVE_ACCESS_LOG="off"):
            measure("without Redis", once[-20000:], 5)


def node_function(folder, name, **more):
    """A program that runs NAME_peer.js with AWS's client of the Runtime API and these variables; None without Node
    or its packages. At real-time priority (chrt -f) it hung here, pinned to one CPU: on a busy machine use
    nice -n -19."""
    client = NODE_MODULES / "aws-lambda-ric"
    if shutil.which("node") is None or not (client / "dist/rapid-client.node").exists():
        return None
    program = folder / f"{name}-peer"
    variables = dict(LAMBDA_TASK_ROOT=ROOT / "bench", NODE_PATH=NODE_MODULES, AWS_LAMBDA_FUNCTION_NAME=name,
                     AWS_LAMBDA_FUNCTION_VERSION="$LATEST", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1024", **more)
    program.write_text("#!/bin/sh\n" + "".join(f"export {k}={shlex.quote(str(v))}\n" for k, v in variables.items()) +
                       f"cd '{ROOT}/bench' && exec node '{client}/bin/index.mjs' {name}_peer.handler\n")
    program.chmod(0o755)
    return program


def recommend(folder):
    say("\n## recommend: batches of requests from a stream, a user's best 20 of 60,000 items each; Redis on the "
        "first CPU, the function and its streams on the second, serve with a thread for each CPU on all")
    if not os.path.exists(REDIS):
        say("no redis-server")
        return
    model = make_model(folder / "ml", 101)
    port, redis_port = free_port(), free_port()
    plain = dict(os.environ, RECOMMEND_SERVICE_URL=f"http://127.0.0.1:{port}")
    through = dict(plain, REDIS_ENABLED="true", REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=str(redis_port))
    first = 0

    def measure(name, env, batch, batches, users, limit, from_cache=0, program=BIN / "recommend"):
        """limit: requests a second to reach, None of a peer; from_cache: least share of lists from Redis,
        0 if none may come from it. Returns requests a second and microseconds of CPU for each, or None."""
        nonlocal first
        rates, ours, theirs = [], [], []
        for _ in range(ROUNDS):
            before = cpu_seconds(server.pid)
            facts = json.loads(run("taskset", "-c", LOAD_CPU, BIN / "bench_recommend", program, batch, batches,
                                   users, first, env=env))
            must_be_right(port, facts["sample"])
            if is_void(name, from_cache, facts["from_cache"]):
                return None
            all_of_them = batch * (batches + batches // 10 + 1)
            theirs.append((cpu_seconds(server.pid) - before) * 1e6 / all_of_them)
            ours.append(facts["cpu_us"])
            rates.append(facts["per_second"])
            first += 0 if users == 1000 else all_of_them
        rate, our, their = map(statistics.median, (rates, ours, theirs))
        say(f"{name:44} {rate:6.0f}/s, fastest {max(rates):.0f}/s; batch p50 {facts['batch_ms']['median']:.2f} ms, "
            f"p99 {facts['batch_ms']['p99']:.2f} ms; CPU for each request {our:.1f} µs here, {their:.1f} µs in serve"
            + (f" (limit {limit}/s: {rate / limit:.2f}; the function's CPU alone {1e6 / our:.0f}/s)" if limit else ""))
        return rate, our

    variables = dict(SAGEMAKER_BIND_TO_PORT=str(port), SERVE_ADDRESS="127.0.0.1", SERVE_ACCESS_LOG="off",
                     SAGEMAKER_MODEL_SERVER_WORKERS=str(len(CPUS)))
    with redis(redis_port), running([BIN / "serve", "--prefix", folder / "ml"], port, variables,
                                    EVERY_CPU) as server:
        ours = {batch: measure(f"from Redis, batches of {batch:,}", through, batch, 50000 // batch, 1000, 20000, 0.99)
                for batch in (100, 1000)}
        peer = node_function(folder, "recommend", MODEL_VERSION=get(port, "/health")["model"]["version"])
        if peer is None:
            say("no node, or no tests/node with aws-lambda-ric: no peer")
        else:  # The peer cannot compute: all lists have to be in Redis, however busy the machine is.
            run(BIN / "bench_recommend", BIN / "recommend", 100, 20, 1000,
                env=dict(through, REDIS_CONNECT_MS="10000", REDIS_COMMAND_MS="10000"))
        for batch in ours if peer is not None else ():
            theirs = measure(f"Node with AWS's SDK, batches of {batch:,}", through, batch, 50000 // batch, 1000, None,
                             0.99, peer)
            if ours[batch] and theirs:
                say(f"ours / Node = {ours[batch][0] / theirs[0]:.1f} by the clock, "
                    f"{theirs[1] / ours[batch][1]:.1f} by the CPU's time")
        measure("computed by serve, batches of 100", plain, 100, 50, 10 ** 6, 5000)
        measure("computed and stored in Redis", through, 100, 50, 10 ** 6, 5000)
        lines = "".join(json.dumps({"userId": f"u{u:08}", "top_n": 20}) + "\n" for u in range(25))
        rate, *_ = wrk(invocations(port), folder, lines, connections=4, content_type="application/jsonlines")
        say(f"serve alone, 25 users in a request: {25 * rate:.0f} lists/s")
        env = {k: v for k, v in plain.items() if k != "RECOMMEND_SERVICE_URL"}
        env["MODEL_URI"] = str(model)
        measure("computed in the function's own process", env, 100, 50, 10 ** 6, 5000)
    say(f"load average of the machine: {os.getloadavg()[0]:.1f} on {len(CPUS)} CPUs")


def at_var_task(folder):
    """The command that runs a program with the folder at /var/task, as the zip's loader needs it."""
    script = ('mount -t tmpfs none /var && mkdir /var/task && mount --bind "$1" /var/task && shift'
              ' && exec "$@"')
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ("unshare", *user, "--mount", "--propagation", "private", "sh", "-c", script, "sh", folder)


def predict(folder):
    say("\n## predict: the function between a Runtime API and an endpoint that take no time")
    many = folder / "movies.csv"
    with open(many, "w") as out:
        out.write("movieId,title,genres\n")
        for i in range(90000):
            out.write(f'{i + 1},"Movie, The {i} ({1900 + i % 120})",Comedy|Drama|Romance\n')
    packed = folder / "predict.zip"
    task = folder / "task"
    for option in (("--output", packed), ("--folder", task)):
        run(ROOT / "script/package-lambda", "predict", *option, stderr=subprocess.PIPE)
    unpacked = sum(path.stat().st_size for path in task.rglob("*") if path.is_file())
    say(f"predict.zip: {packed.stat().st_size / 1e6:.2f} MB, unpacked {unpacked / 1e6:.2f} MB")
    few = ROOT / "data/movies.csv"
    for name, movies, program, wrapper in (
            ("9,066 movies", few, BIN / "predict", ()), ("90,000 movies", many, BIN / "predict", ()),
            ("9,066 movies, from the zip", few, "/var/task/bootstrap", at_var_task(task))):
        done = subprocess.run([*wrapper, BIN / "bench_predict", program, movies, "41", "20000"],
                              check=not wrapper, capture_output=True, text=True)
        if done.returncode != 0:
            say(f"{name}: NOT MEASURED HERE: {done.stderr.strip()}")
            continue
        r = json.loads(done.stdout)
        say(f"{name}: start to first next {r['start_ms']['median']} ms (p90 {r['start_ms']['p90']}); adds "
            f"{r['added_ms']['median']} ms (p99 {r['added_ms']['p99']}) to a call; "
            f"resident {r['resident_kb'] / 1024:.1f} MB")


def cloud(folder):
    say("\n## cloud: POST /predict through the local cloud, 4 function processes, endpoint behind it")
    prefix = train(folder)
    port, api = free_port(), free_port()
    env = dict(SAGEMAKER_BIND_TO_PORT=str(port), SERVE_ADDRESS="127.0.0.1", SERVE_ACCESS_LOG="errors")
    command = [BIN / "local-cloud", "--port", api, "--log", "functions",
               "--endpoint", f"movies=http://127.0.0.1:{port}",
               "--function", f"predict={BIN / 'predict'}", "--processes", 4, "--start", "early",
               "--variable", "ENDPOINT_NAME=movies", "--variable", "METRICS=false",
               "--variable", f"MOVIES_URI={ROOT / 'data/movies.csv'}", "--route", "ANY /predict=predict"]

    def offer(seconds, url):
        return wrk(url, folder, REQUEST, seconds, 8, cpu=EVERY_CPU)

    with running([BIN / "serve", "--prefix", prefix], port, env, EVERY_CPU), \
            running(command, api, {}, EVERY_CPU, "/predict?userId=2&movieId=2959"):
        direct, *_ = offer(5, invocations(port))
        runs = [offer(30, f"http://127.0.0.1:{api}/predict")]
        while sum(n for _, _, n, _ in runs) < 100_000 and len(runs) < 20:
            runs.append(offer(30, f"http://127.0.0.1:{api}/predict"))
    rate = statistics.median(r for r, _, _, _ in runs)
    say(f"{rate:.0f}/s, p99 {max(p for _, p, _, _ in runs):.1f} ms, {sum(b for *_, b in runs)} errors in "
        f"{sum(n for _, _, n, _ in runs)} requests (limits 3000/s, 8 ms, 0 errors in 100,000); the endpoint "
        f"alone {direct:.0f}/s, a ratio of {rate / direct:.3f}")
    say("load, cloud, functions and endpoint share the CPUs")


PARTS = dict(cached=cached, recommend=recommend, predict=predict, cloud=cloud, serve=throughput, batch=batch,
             topn=top_n, steer=steer, start=start, mixed=mixed)


def run_part(name):
    with tempfile.TemporaryDirectory() as folder:
        PARTS[name](pathlib.Path(folder))
