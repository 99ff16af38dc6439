"""A proxy between the program and a store, which fails as networks and stores do, and counts.

Each request is shown to the proxy's `rule`, which says what becomes of it. Nothing is encrypted, so the proxy sees all; it
changes nothing that a signature of S3 or Azure holds for.
"""
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Request:
    """A request as it came."""
    number: int
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def name(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def conditional(self) -> bool:
        return self.method == "PUT" and any(self.header(name) for name in ("if-match", "if-none-match"))

    @property
    def is_part(self) -> bool:
        """Whether it is a part of an object that is put in parts."""
        return self.method == "PUT" and ("partNumber=" in self.target or "comp=block&" in self.target + "&")

    @property
    def of_manifest(self) -> bool:
        return self.method == "PUT" and self.name.endswith("/manifest.json")


@dataclass(frozen=True)
class Then:
    """What becomes of a request. All is done in the order of the fields."""
    sleep: float = 0                        # seconds before anything is done
    before: Callable[[], None] | None = None  # called before the store sees the request
    answer: int | None = None               # a status instead of an answer of the store
    cut_request: bool = False               # the connection ends when half of the request has come
    without_conditions: bool = False        # the store does not see If-Match and If-None-Match
    after: Callable[[], None] | None = None   # called when the store has answered
    change: Callable[[bytes], bytes] | None = None  # of the body of the answer
    lose_answer: bool = False               # the connection ends instead of the answer
    cut_answer: bool = False                # the connection ends in the middle of the answer


PASS = Then()
Rule = Callable[[Request], Then]


@dataclass
class Counted:
    """What went through the proxy."""
    requests: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    received: int = 0
    targets: list[tuple[str, str, str, int]] = field(default_factory=list)


class Proxy(socketserver.ThreadingTCPServer):
    """Listens at `port` and passes on to `upstream`. To be used as a context."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.upstream = upstream
        self.port = int(self.server_address[1])
        self.rule: Rule = lambda request: PASS
        self.counted = Counted()
        self.lock = threading.Lock()
        # moto looks at the condition and then puts: two requests at the same time could both see it hold.
        self.conditional = threading.Lock()
        self.number = 0
        self.seen: list[str] = []
        self.under_way = 0
        self.idle = threading.Condition(self.lock)

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was cut is no error here."""

    def with_rule(self, rule: Rule) -> None:
        """From now on requests are numbered from 1, and what goes through is counted anew.

        Waits for the requests that are under way: the store may do them after whoever sent them was killed."""
        with self.idle:
            assert self.idle.wait_for(lambda: self.under_way == 0, timeout=60), f"{self.under_way} requests do not end"
            self.rule, self.number, self.counted, self.seen = rule, 0, Counted(), []

    @contextmanager
    def numbered(self) -> Iterator[int]:
        """The number of a request that is under way as long as this lasts."""
        with self.lock:
            self.number += 1
            self.under_way += 1
            number = self.number
        try:
            yield number
        finally:
            with self.idle:
                self.under_way -= 1
                self.idle.notify_all()

    def count(self, request: Request, sent: int) -> None:
        with self.lock:
            counted = self.counted
            counted.requests[request.method] = counted.requests.get(request.method, 0) + 1
            counted.received += len(request.body)
            counted.sent += sent
            counted.targets.append((request.method, request.name, request.header("range") or "", sent))


class Connection(socketserver.BaseRequestHandler):
    """One connection of the program, with one of its own to the store."""
    server: Proxy

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upstream: socket.socket | None = None
        self.coming = self.request.makefile("rb")
        with suppress(OSError, EOFError):
            while self.one():
                pass
        if self.upstream:
            self.upstream.close()

    def one(self) -> bool:
        """One request and its answer; whether the connection goes on."""
        first, headers = head(self.coming)
        with self.server.numbered() as number:
            return self.answered(number, first, headers)

    def answered(self, number: int, first: str, headers: list[tuple[str, str]]) -> bool:
        method, target, _ = first.split(" ", 2)
        request = Request(number, method, target, headers, b"")
        length = int(request.header("content-length") or 0)
        self.server.seen.append(request.name)
        then = self.server.rule(request)
        if then.cut_request:
            self.coming.read(length // 2)
            return False
        request.body = self.coming.read(length)
        if len(request.body) < length:
            return False
        time.sleep(then.sleep)
        if then.before:
            then.before()
        if then.answer:
            self.server.count(request, 0)
            self.request.sendall(refusal(then.answer, method))
            return True
        if request.conditional:
            with self.server.conditional:
                answer, body = self.passed_on(first, request, then)
        else:
            answer, body = self.passed_on(first, request, then)
        if then.after:
            then.after()
        self.server.count(request, len(body))
        if then.lose_answer:
            return False
        if then.cut_answer:
            self.request.sendall(answer + body[:len(body) // 2])
            return False
        self.request.sendall(answer + body)
        return True

    def passed_on(self, first: str, request: Request, then: Then) -> tuple[bytes, bytes]:
        headers = request.headers
        if then.without_conditions:
            headers = [(k, v) for k, v in headers if k.lower() not in ("if-match", "if-none-match")]
        lines = [first, *(f"{key}: {value}" for key, value in headers), "", ""]
        whole = "\r\n".join(lines).encode("latin-1") + request.body
        try:
            return self.asked(whole, request, then)
        except (OSError, EOFError):
            # The store closed a connection that it was not asked on for long.
            self.upstream = None
            return self.asked(whole, request, then)

    def asked(self, whole: bytes, request: Request, then: Then) -> tuple[bytes, bytes]:
        if self.upstream is None:
            self.upstream = socket.create_connection(("127.0.0.1", self.server.upstream))
            self.upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.answers = self.upstream.makefile("rb")
        self.upstream.sendall(whole)
        first, headers = head(self.answers)
        status = int(first.split(" ")[1])
        body = b"" if request.method == "HEAD" or status in (204, 304) else body_of(self.answers, headers)
        if then.change:
            body = then.change(body)
        if any(k.lower() == "connection" and v.lower() == "close" for k, v in headers):
            self.upstream = None
        kept = [(k, v) for k, v in headers if k.lower() not in ("transfer-encoding", "connection")]
        if request.method != "HEAD" and status not in (204, 304):
            kept = [(k, v) for k, v in kept if k.lower() != "content-length"] + [("Content-Length", str(len(body)))]
        lines = [first, *(f"{key}: {value}" for key, value in kept), "", ""]
        return "\r\n".join(lines).encode("latin-1"), body


def head(coming: "socket.SocketIO") -> tuple[str, list[tuple[str, str]]]:  # type: ignore[name-defined]
    """The first line of a message, and its headers."""
    first = coming.readline()
    if not first:
        raise EOFError
    headers = []
    while (line := coming.readline().strip()):
        key, _, value = line.decode("latin-1").partition(":")
        headers.append((key, value.strip()))
    return first.decode("latin-1").strip(), headers


def body_of(coming: "socket.SocketIO", headers: list[tuple[str, str]]) -> bytes:  # type: ignore[name-defined]
    of = {key.lower(): value for key, value in headers}
    if of.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while (size := int(coming.readline().split(b";")[0], 16)):
            body += coming.read(size)
            coming.readline()
        coming.readline()
        return body
    if "content-length" in of:
        return bytes(coming.read(int(of["content-length"])))
    return bytes(coming.read())


REASONS = {403: ("AccessDenied", "Access Denied"), 404: ("NoSuchBucket", "The specified bucket does not exist"),
           500: ("InternalError", "We encountered an internal error. Please try again."),
           503: ("SlowDown", "Please reduce your request rate.")}


def refusal(status: int, method: str) -> bytes:
    """An answer as S3 gives it."""
    code, message = REASONS[status]
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    body = "" if method == "HEAD" else body
    return (f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def aged(seconds: float) -> Callable[[bytes], bytes]:
    """Makes a listing say that its objects were put so long ago."""
    import datetime
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    iso = then.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
    http = then.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()

    def change(body: bytes) -> bytes:
        body = re.sub(rb"(<LastModified>)[^<]*", rb"\g<1>" + iso, body)
        return re.sub(rb"(<Last-Modified>)[^<]*", rb"\g<1>" + http, body)
    return change
