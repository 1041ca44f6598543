# A server that frames its bodies in every way that HTTP/1.1 has, and in some that it has not.
# Serves www/small of the directory it is started in.
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = open("www/small", "rb").read()
        out = self.wfile
        self.close_connection = True
        if self.path == "/chunked":
            out.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            at, size = 0, 1
            while at < len(body):
                piece = body[at : at + size]
                out.write(b"%X;name=value\r\n%s\r\n" % (len(piece), piece))
                at += len(piece)
                size = size * 3 % 5003 + 1
            out.write(b"0\r\nTrailer: value\r\n\r\n")
        elif self.path == "/until-close":
            out.write(b"HTTP/1.0 200 OK\r\n\r\n" + body)
        elif self.path == "/interim":
            out.write(b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")
            out.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        elif self.path == "/short":
            out.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1) + body)
        elif self.path == "/bad-chunk":
            out.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")
        else:
            out.write(b"220 this is no HTTP\r\n\r\n")

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
