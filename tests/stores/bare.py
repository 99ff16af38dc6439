"""As much of S3 as the program asks for, and as little work for it as possible: objects are in memory, nothing is hashed.

Usage: bare.py PORT      (the bucket `lab` is there)

For measurements, where the server should not be what is measured. It heeds conditions, one request after the other.
"""
import itertools
import re
import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape, unescape

from proxy import head

Answer = tuple[int, dict[str, str], bytes | memoryview]
LOCK = threading.Lock()
TAGS = itertools.count(1)
OBJECTS: dict[str, tuple[str, float, bytes]] = {}
UPLOADS: dict[str, dict[int, bytes]] = {}


def error(status: int, code: str) -> Answer:
    return status, {}, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def put(key: str, data: bytes, headers: dict[str, str]) -> Answer:
    with LOCK:
        there = OBJECTS.get(key)
        if headers.get("if-none-match") == "*" and there:
            return error(412, "PreconditionFailed")
        if "if-match" in headers and (not there or there[0] != headers["if-match"]):
            return error(412, "PreconditionFailed")
        tag = f'"{next(TAGS)}"'
        OBJECTS[key] = (tag, time.time(), data)
    return 200, {"ETag": tag}, b""


def get(key: str, headers: dict[str, str]) -> Answer:
    there = OBJECTS.get(key)
    if there is None:
        return error(404, "NoSuchKey")
    tag, when, data = there
    told = {"ETag": tag, "Last-Modified": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(when)), "Accept-Ranges": "bytes"}
    bounds = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
    if not bounds:
        return 200, told, data
    begin = int(bounds[1])
    end = min(int(bounds[2] or len(data)) + 1, len(data))
    if begin >= len(data):
        return error(416, "InvalidRange")
    return 206, told | {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"}, memoryview(data)[begin:end]


def listed(query: dict[str, list[str]]) -> Answer:
    prefix = query.get("prefix", [""])[0]
    found = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(when))}</LastModified>"
        f"<ETag>{escape(tag)}</ETag><Size>{len(data)}</Size></Contents>"
        for key, (tag, when, data) in sorted(OBJECTS.items()) if key.startswith(prefix))
    return 200, {}, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()


def answer(method: str, target: str, headers: dict[str, str], data: bytes) -> Answer:
    path, _, query_text = target.partition("?")
    query = parse_qs(query_text, keep_blank_values=True)
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if bucket != "lab":
        return error(404, "NoSuchBucket")
    upload = query.get("uploadId", [""])[0]
    if method == "GET" and not key:
        return listed(query)
    if method in ("GET", "HEAD"):
        return get(key, headers)
    if method == "POST" and "delete" in query:
        names = re.findall(r"<Key>([^<]*)</Key>", data.decode())
        for name in names:
            OBJECTS.pop(unescape(name), None)
        deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
        return 200, {}, f"<DeleteResult>{deleted}</DeleteResult>".encode()
    if method == "POST" and "uploads" in query:
        name = str(next(TAGS))
        UPLOADS[name] = {}
        return 200, {}, f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>".encode()
    if method == "PUT" and upload:
        UPLOADS[upload][int(query["partNumber"][0])] = data
        return 200, {"ETag": f'"{next(TAGS)}"'}, b""
    if method == "POST" and upload:
        _, told, _ = put(key, b"".join(part for _, part in sorted(UPLOADS.pop(upload).items())), {})
        tag = escape(told["ETag"])
        return 200, {}, f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>".encode()
    if method == "PUT":
        return put(key, data, headers)
    if method == "DELETE":
        OBJECTS.pop(key, None)
        UPLOADS.pop(upload, None)
        return 204, {}, b""
    return error(501, "NotImplemented")


class Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        coming = self.request.makefile("rb", buffering=1 << 16)
        with suppress(OSError, EOFError):
            while True:
                first, pairs = head(coming)
                headers = {key.lower(): value for key, value in pairs}
                data = coming.read(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ", 2)
                status, told, body = answer(method, target, headers, data)
                length = len(body)
                lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in told.items()), f"Content-Length: {length}", "", ""]
                self.request.sendall("\r\n".join(lines if status != 204 else lines[:-3] + ["", ""]).encode())
                if method != "HEAD" and length:
                    self.request.sendall(body)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Connection).serve_forever()
