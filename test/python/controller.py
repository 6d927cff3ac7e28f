"""A controller in Python: provisions a tunnel, looks at it, and removes it again.

Usage: controller.py TARGET [CA CERTIFICATE KEY], for example unix:/run/doublezerod/doublezerod.sock, or with files in PEM,
for mutual TLS, 192.0.2.1:7300

Prints what the daemon answered as one JSON document. The modules of doublezero.tunnel.v1 are generated from proto/:
    python -m grpc_tools.protoc -I proto --python_out=OUT --grpc_python_out=OUT proto/doublezero/tunnel/v1/*.proto
"""

import json
import sys

import grpc
from doublezero.tunnel.v1 import tunnel_service_pb2 as messages
from doublezero.tunnel.v1 import tunnel_spec_pb2 as spec
from doublezero.tunnel.v1.tunnel_service_pb2_grpc import TunnelServiceStub
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status

PATIENCE = 10  # seconds for each call

WANTED = spec.TunnelSpec(
    service_type=spec.SERVICE_TYPE_IBRL,
    tunnel_src="192.0.2.10",
    tunnel_dst="198.51.100.1",
    tunnel_net="169.254.0.0/31",
    doublezero_ip="192.0.2.10",
)
WRONG = spec.TunnelSpec(service_type=spec.SERVICE_TYPE_IBRL, tunnel_dst="224.0.0.1", tunnel_net="169.254.0.0/30")


def refusal(call, request):
    """The error that the daemon answers a request with: its code, and its details by type."""
    try:
        call(request, timeout=PATIENCE)
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        answer = {"code": error.code().name}
        for detail in status.details:
            for kind in (details.BadRequest, details.ErrorInfo):
                if detail.Is(kind.DESCRIPTOR):
                    message = kind()
                    detail.Unpack(message)
                    answer[kind.DESCRIPTOR.name] = MessageToDict(message)
        return answer
    raise AssertionError("the daemon took a request that it should have refused")


def connect(target, *files):
    """A channel with mutual TLS where files are given: the CA of the daemon, and a certificate with its key."""
    if not files:
        return grpc.insecure_channel(target)
    ca, certificate, key = (open(name, "rb").read() for name in files)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate))


def main(target, *files):
    with connect(target, *files) as channel:
        service = TunnelServiceStub(channel)
        provisioned = service.ProvisionTunnel(messages.ProvisionTunnelRequest(spec=WANTED), timeout=PATIENCE)
        name = provisioned.name
        got = service.GetTunnel(messages.GetTunnelRequest(name=name), timeout=PATIENCE)
        listed = service.ListTunnels(messages.ListTunnelsRequest(), timeout=PATIENCE)
        invalid = refusal(service.ProvisionTunnel, messages.ProvisionTunnelRequest(spec=WRONG))
        removed = service.RemoveTunnel(messages.RemoveTunnelRequest(name=name), timeout=PATIENCE)
        missing = refusal(service.GetTunnel, messages.GetTunnelRequest(name=name))
        left = service.ListTunnels(messages.ListTunnelsRequest(), timeout=PATIENCE)
    json.dump(
        {
            "provisioned": MessageToDict(provisioned),
            "got": MessageToDict(got),
            "listed": MessageToDict(listed),
            "invalid": invalid,
            "removed": MessageToDict(removed),
            "missing": missing,
            "left": MessageToDict(left),
        },
        sys.stdout,
        indent=2,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
