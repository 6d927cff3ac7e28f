"""Says something to an echo over mutual TLS: once in a small and once in a large message, and in a stream.

Usage: mutual_tls.py TARGET CA CERTIFICATE KEY, the last three files in PEM. Prints JSON.
"""

import json
import sys

import grpc

PATIENCE = 100  # seconds for each call
LARGE = bytes(2 * 1024 * 1024)


def main(target, *files):
    ca, certificate, key = (open(name, "rb").read() for name in files)
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    with grpc.secure_channel(target, credentials) as channel:
        once = channel.unary_unary("/test.Echo/Once")
        stream = channel.stream_stream("/test.Echo/Stream")
        small = once(b"hello", timeout=PATIENCE).decode()
        large = once(LARGE, timeout=PATIENCE) == LARGE
        streamed = [answer.decode() for answer in stream(iter([b"a", b"b", b"c"]), timeout=PATIENCE)]
    json.dump({"small": small, "large": large, "streamed": streamed}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
