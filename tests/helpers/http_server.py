"""A local HTTP server with selectable faults."""

from http.server import BaseHTTPRequestHandler, HTTPServer

CONTENT = bytes(range(256)) * 20


class Server(HTTPServer):
    """Serve one file at any address; the attributes select faults of the server."""

    content = CONTENT
    status = 200
    ranges = True
    cut = None  # bytes of a response after which the connection is closed
    length = True
    chunked = False
    kind = "application/octet-stream"
    content_range = None  # sent instead of the right header

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data.bin"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.requested.append(wanted)
        self.close_connection = True
        start = int(wanted[6:-1]) if wanted and server.ranges else 0
        body, total = server.content[start:], len(server.content)
        if server.status != 200 or (start and not body):
            self.send_response(416 if start else server.status)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", server.kind)
        if start:
            header = server.content_range or f"bytes {start}-{total - 1}/{total}"
            self.send_header("Content-Range", header)
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            ending = b"\r\n0\r\n\r\n" if server.cut is None else b""
            body = b"%x\r\n" % len(body) + body[: server.cut] + ending
        elif server.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if server.chunked else body[: server.cut])

    def log_message(self, *_):
        pass
