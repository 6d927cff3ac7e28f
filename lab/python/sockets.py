"""Programs with sockets on a tunnel's addresses, and what each of them hears.

  sockets.py host LOCAL FAR SINK five programs, each a process of its own, with sockets on LOCAL that talk to FAR; one of
                                 them only sends, to SINK
  sockets.py talk LOCAL FAR      a TCP connection that says something every 10 ms and expects it back
  sockets.py device TUNNEL PUBLIC OVERLAY...
                                 the other end of all these, with a tap on both of its interfaces

Prints lines `MILLISECONDS PROGRAM EVENT`, by the kernel's monotonic clock; the event `ready` when a program is where it
shall be found. Ends with standard input.
"""

import errno
import os
import select
import signal
import socket
import struct
import sys
import time

UDP, ECHO, TCP, LISTENER = 7001, 7002, 7003, 7004
HELLO = b"hello"


def say(program, *words):
    stamp = time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
    os.write(1, f"{stamp:.3f} {program} {' '.join(words)}\n".encode())


def name(number):
    return errno.errorcode.get(number, str(number))


def outcome(call, *arguments):
    """What a call comes to: the errno's name, `end` for the end of a stream, or `ok`."""
    try:
        return "end" if call(*arguments) == b"" else "ok"
    except OSError as error:
        return name(error.errno)


def bound(kind, local, port=0):
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((local, port))
    return made


def connected_tcp(local, far):
    """Returns when the other end has accepted. Nothing outlives its program, to be told to the next one's peer."""
    made = bound(socket.SOCK_STREAM, local)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.connect((far, TCP))
    made.recv(len(HELLO), socket.MSG_WAITALL)
    return made


def connected_udp(local, far):
    made = bound(socket.SOCK_DGRAM, local)
    made.connect((far, UDP))
    return made


def udp_sender(me, local, _far, sink):
    """Every 5 ms; tells when a send comes to something else than the one before."""
    sender = bound(socket.SOCK_DGRAM, local)
    last = None
    while True:
        now = outcome(sender.sendto, b"x", (sink, UDP))
        if now != last:
            say(me, now)
        if last is None:
            say(me, "ready")
        last = now
        time.sleep(0.005)


def udp_reader(me, local, far, _sink):
    reader = connected_udp(local, far)
    say(me, "ready")
    say(me, outcome(reader.recv, 1))


def tcp_reader(me, local, far, _sink):
    reader = connected_tcp(local, far)
    say(me, "ready")
    say(me, outcome(reader.recv, 1))


def epoll_loop(me, local, far, _sink):
    sockets = {"TCP": connected_tcp(local, far), "UDP": connected_udp(local, far)}
    names = {made.fileno(): kind for kind, made in sockets.items()}
    poller = select.epoll()
    for number in names:
        poller.register(number, select.EPOLLIN)
    say(me, "ready")
    while names:
        for number, mask in poller.poll():
            kind = names.pop(number)
            poller.unregister(number)
            bits = [bit for bit in ("EPOLLERR", "EPOLLHUP") if mask & getattr(select, bit)]
            pending = sockets[kind].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            say(f"{me}-{kind}", "+".join(bits), name(pending))


def listener(me, local, _far, _sink):
    waiting = bound(socket.SOCK_STREAM, local, LISTENER)
    waiting.listen()
    say(me, "ready")
    say(me, outcome(waiting.accept))


def talker(me, local, far):
    talking = bound(socket.SOCK_STREAM, local)
    talking.connect((far, ECHO))
    ready = False
    while True:
        talking.send(b"x")
        if talking.recv(1) == b"":
            return say(me, "end")
        if not ready:
            say(me, "ready")
        ready = True
        say(me, "echo")
        time.sleep(0.01)


def run(program, me, *arguments):
    try:
        program(me, *arguments)
    except OSError as error:
        say(me, name(error.errno))
    signal.pause()


def processes(programs, *arguments):
    """Starts each in a process, and ends them with standard input."""
    children = []
    for me, program in programs.items():
        child = os.fork()
        if child == 0:
            run(program, me, *arguments)
        children.append(child)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)


def tap(interface):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    made.bind((interface, 0x0800))
    return made


def tapped(packet, overlay):
    """An IPv4 packet from an overlay address in a few words, and whether it ends a connection; nothing for the others."""
    source = socket.inet_ntoa(packet[12:16])
    if source not in overlay:
        return None, False
    protocol, header = packet[9], (packet[0] & 15) * 4
    kind = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP"}.get(protocol, str(protocol))
    reset = protocol == 6 and packet[header + 13] & 4
    (port,) = struct.unpack("!H", packet[header + 2 : header + 4])
    text = f"{kind}{' reset' if reset else ''} from {source} to {socket.inet_ntoa(packet[16:20])}"
    return text, reset and port == TCP


def accept(listening, poller, connections):
    made, _ = listening.accept()
    echoes = listening.getsockname()[1] == ECHO
    if not echoes:
        made.send(HELLO)
    connections[made.fileno()] = made, echoes
    poller.register(made.fileno(), select.EPOLLIN)


def hear(number, poller, connections):
    made, echoes = connections[number]
    try:
        heard = made.recv(1)
        if heard != b"":
            return made.send(heard) if echoes else None
        say("peer", "end")
    except OSError as error:
        say("peer", name(error.errno))
    poller.unregister(number)
    connections.pop(number)[0].close()


def device(tunnel, public, *overlay):
    sink = bound(socket.SOCK_DGRAM, "", UDP)
    taps = {made.fileno(): (made, where) for where, made in (("tunnel", tap(tunnel)), ("public", tap(public)))}
    listening = {}
    for port in (TCP, ECHO):
        made = bound(socket.SOCK_STREAM, "", port)
        made.listen()
        listening[made.fileno()] = made
    poller, connections = select.epoll(), {}
    for number in (0, *taps, *listening):
        poller.register(number, select.EPOLLIN)
    say("device", "ready")
    while True:
        for number, _ in poller.poll():
            if number == 0:
                sink.close()
                return
            if number in taps:
                made, where = taps[number]
                text, ends = tapped(made.recv(2048), overlay)
                # Through the tunnel they are all expected to come: only the ends of our connections are news.
                if text is not None and (where == "public" or ends):
                    say(where, text)
            elif number in listening:
                accept(listening[number], poller, connections)
            elif number in connections:
                hear(number, poller, connections)


def main(role, *arguments):
    if role == "device":
        device(*arguments)
    elif role == "talk":
        processes({"talker": talker}, *arguments)
    else:
        programs = (udp_sender, udp_reader, tcp_reader, epoll_loop, listener)
        processes({program.__name__.replace("_", "-"): program for program in programs}, *arguments)


main(*sys.argv[1:])
