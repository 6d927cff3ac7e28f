// What JavaScript cannot do: block in a call, set SO_REUSEPORT (Node 20), and hear of the end of a listener. libuv ignores
// what accept says, and a Node program with an aborted listener knows of nothing.

/** Blocks in four calls at once, and tells with what error each wakes up. */
export const blocked = `
import errno, os, socket, threading
def open(kind, port, peer=None):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('10.99.0.1', port))
    if peer: s.connect(('192.0.2.1', peer))
    return s
tcp = open(socket.SOCK_STREAM, 20161, 20103)
tcp.recv(5)
listener = open(socket.SOCK_STREAM, 20162)
listener.listen()
calls = {
    'tcp': lambda: tcp.recv(1),
    'accept': listener.accept,
    'udp': lambda s=open(socket.SOCK_DGRAM, 20163): s.recv(1),
    'udp-peer': lambda s=open(socket.SOCK_DGRAM, 20164, 20105): s.recv(1),
}
def block(name):
    try: calls[name]()
    # One write a line: several threads wake up at once.
    except OSError as error: os.write(1, f'{name} {errno.errorcode[error.errno]}\\n'.encode())
for name in calls: threading.Thread(target=block, args=(name,)).start()
print('ready', flush=True)
`;

/** Opens two groups of sockets that share an address and port, and counts the errors that all of them get. */
export const sharers = `
import collections, errno, select, socket
poll = select.poll()
files = {}
for count, kind in ((16, socket.SOCK_DGRAM), (8, socket.SOCK_STREAM)):
    for _ in range(count):
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(('10.99.0.1', 20151))
        s.setblocking(False)
        if kind == socket.SOCK_STREAM: s.listen()
        files[s.fileno()] = s
        poll.register(s)
print('ready', flush=True)
errors = collections.Counter()
while files:
    for number, _ in poll.poll():
        s = files[number]
        try: s.accept() if s.type == socket.SOCK_STREAM else s.recv(1)
        except BlockingIOError: continue
        except OSError as error: errors[errno.errorcode[error.errno]] += 1
        poll.unregister(number)
        del files[number]
for name, count in sorted(errors.items()): print(name, count, flush=True)
`;
