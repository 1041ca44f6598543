#!/usr/bin/env python3
"""Connections between this namespace and another, both with the kernel's TCP, and a capture of them.

explain_scenes.py DEVICE PID FAR OUT SCENE...: DEVICE is captured into OUT (pcap, raw IP); servers live
at FAR, the address of the namespace of process PID. Each scene uses the port that it is listed with
below, so that whoever reads the capture knows which is which."""
import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

PORTS = {"refused": 7001, "unread": 7002, "window": 7003, "bulk": 7004, "half_close": 7005,
         "keep_alive": 7006, "reuse": 7007, "abort": 7008, "late_data": 7009, "no_answer": 7010,
         "outage": 7011}
NOWHERE = {4: "10.1.0.99", 6: "fd01::99"}
SO_TIMESTAMPNS = 35
libc = ctypes.CDLL(None, use_errno=True)


class Capture(threading.Thread):
    def __init__(self, device, out):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((device, 3))
        self.out = open(out, "wb")
        self.out.write(struct.pack("=IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 101))
        self.going = True
        self.start()

    def run(self):
        while self.going or select.select([self.socket], [], [], 0)[0]:
            if not select.select([self.socket], [], [], 0.05)[0]:
                continue
            data, extra, _, _ = self.socket.recvmsg(70000, 64)
            seconds, ns = struct.unpack("qq", extra[0][2][:16])
            self.out.write(struct.pack("=IIII", seconds, ns, len(data), len(data)) + data)

    def finish(self):
        self.going = False
        self.join()
        self.out.close()


class Far:
    """Sockets of the other namespace: a socket stays where it was made."""

    def __init__(self, pid, address):
        self.here = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        self.address = address
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.pid = pid

    def listen(self, port, buffer=0):
        if libc.setns(self.there, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            s = socket.socket(self.family)
        finally:
            libc.setns(self.here, 0)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.bind((self.address, port))
        s.listen()
        return s

    def connect(self, port, source=None, address=None):
        s = socket.socket(self.family)
        s.settimeout(20)
        if source:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", source))
        s.connect((address or self.address, port))
        return s

    def pair(self, scene, source=None, buffer=0):
        listener = self.listen(PORTS[scene], buffer)
        near = self.connect(PORTS[scene], source)
        far, _ = listener.accept()
        far.settimeout(20)
        listener.close()
        return near, far


def drain(s):
    total = 0
    while True:
        data = s.recv(1 << 20)
        if not data:
            return total
        total += len(data)


def refused(far):
    try:
        far.connect(PORTS["refused"])
    except ConnectionRefusedError:
        return
    raise SystemExit("not refused")


def unread(far):
    near, there = far.pair("unread")
    near.sendall(bytes(1000))
    time.sleep(0.1)
    there.close()
    time.sleep(0.1)
    near.close()


def window(far):
    near, there = far.pair("window", buffer=4096)
    near.setblocking(False)
    sent = 0
    try:
        while True:
            sent += near.send(bytes(4096))
    except BlockingIOError:
        pass
    time.sleep(1.6)
    near.setblocking(True)
    closer = threading.Thread(target=near.close)
    closer.start()
    if drain(there) != sent:
        raise SystemExit("bytes are missing")
    there.close()
    closer.join()


def bulk(far):
    near, there = far.pair("bulk")
    data = bytes(1200000)
    sender = threading.Thread(target=lambda: (near.sendall(data), near.shutdown(socket.SHUT_WR)))
    sender.start()
    if drain(there) != len(data):
        raise SystemExit("bytes are missing")
    there.close()
    sender.join()
    drain(near)
    near.close()


def half_close(far):
    near, there = far.pair("half_close")
    near.sendall(b"question")
    near.shutdown(socket.SHUT_WR)
    drain(there)
    time.sleep(0.1)
    there.sendall(bytes(20000))
    there.close()
    drain(near)
    near.close()


def keep_alive(far):
    near, there = far.pair("keep_alive")
    near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    time.sleep(1.3)
    near.close()
    there.close()


def reuse(far):
    for _ in range(2):
        near, there = far.pair("reuse", source=45678)
        there.close()  # TIME-WAIT is there
        drain(near)
        near.close()
        time.sleep(0.1)


def abort(far):
    near, there = far.pair("abort")
    near.sendall(b"question")
    there.recv(100)
    there.sendall(b"answer")
    near.recv(100)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.close()
    time.sleep(0.1)
    there.close()


def late_data(far):
    near, there = far.pair("late_data")
    there.close()
    time.sleep(0.1)
    near.sendall(bytes(100))
    time.sleep(0.1)
    near.close()


def no_answer(far):
    s = socket.socket(far.family)
    s.settimeout(1.4)
    try:
        s.connect((NOWHERE[6 if far.family == socket.AF_INET6 else 4], PORTS["no_answer"]))
    except OSError:
        pass
    s.close()


def outage(far):
    """The other end's device is down for a while."""
    near, there = far.pair("outage")
    near.sendall(bytes(100))
    there.recv(100)
    time.sleep(0.1)
    there_do = ["nsenter", "-t", far.pid, "--net"]
    link = there_do + ["ip", "link", "set", "pb"]
    keep = "echo 1 > /proc/sys/net/ipv6/conf/pb/keep_addr_on_down"
    subprocess.run(there_do + ["sh", "-c", keep], check=True)
    subprocess.run(link + ["down"], check=True)
    near.sendall(bytes(100))
    time.sleep(1.5)
    subprocess.run(link + ["up"], check=True)
    there.recv(100)
    near.close()
    drain(there)
    there.close()


def main():
    device, pid, address, out = sys.argv[1:5]
    capture = Capture(device, out)
    far = Far(pid, address)
    for scene in sys.argv[5:]:
        globals()[scene](far)
        time.sleep(0.05)
    time.sleep(0.2)
    capture.finish()


if __name__ == "__main__":
    main()
