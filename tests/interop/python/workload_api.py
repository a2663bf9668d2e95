"""A server of the SPIFFE Workload API, as others make one: Google's gRPC, py-spiffe's compiled messages.

It does what it is told on standard input, one JSON object a line, and answers each with one on standard output:
  {"serve": "unix:///…" or "IP:port"}   begin to listen; an IP:0 is answered with the port
  {"stop": true}                        stop listening and break every stream
  {"end": RPC}                          end the streams of that call in order
  {"tell": RPC, …}                      what that call tells from now on, to those who listen too: a message's members with bytes
                                        in base64, or {"status": "UNIMPLEMENTED"}, or {"silent": true} to say nothing
  {"calls": RPC}                        how often it was called, those that were refused for lack of metadata included
"""

import base64
import collections
import json
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from spiffe._proto import workload_pb2

SERVICE = "SpiffeWorkloadAPI"


def wit_bundles():
    """The answer of the WIT profile, which py-spiffe does not know yet: map<string, string> bundles = 1."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="wit.proto", syntax="proto3")
    answer = file.message_type.add(name="WITBundlesResponse")
    entry = answer.nested_type.add(name="BundlesEntry", options=descriptor_pb2.MessageOptions(map_entry=True))
    for number, name in enumerate(("key", "value"), 1):
        entry.field.add(name=name, number=number, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    answer.field.add(
        name="bundles", number=1, type=field.TYPE_MESSAGE, label=field.LABEL_REPEATED, type_name="WITBundlesResponse.BundlesEntry"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("WITBundlesResponse"))


def decoded(values):
    return {name: base64.b64decode(value) for name, value in values.items()}


def x509_svid(svid):
    binary = {name: base64.b64decode(svid[name]) for name in ("x509_svid", "x509_svid_key", "bundle") if name in svid}
    return workload_pb2.X509SVID(spiffe_id=svid.get("spiffe_id", ""), hint=svid.get("hint", ""), **binary)


WIT_BUNDLES = wit_bundles()
MESSAGES = {
    "FetchX509Bundles": lambda told: workload_pb2.X509BundlesResponse(bundles=decoded(told["bundles"])),
    "FetchJWTBundles": lambda told: workload_pb2.JWTBundlesResponse(bundles=decoded(told["bundles"])),
    "FetchWITBundles": lambda told: WIT_BUNDLES(bundles={n: v.decode() for n, v in decoded(told["bundles"]).items()}),
    "FetchX509SVID": lambda told: workload_pb2.X509SVIDResponse(svids=[x509_svid(svid) for svid in told["svids"]]),
}


class Topic:
    """What one call tells."""

    def __init__(self):
        self.changed = threading.Condition()
        self.calls = 0
        self.ends = 0
        self.version = 0
        self.told = {"status": "UNIMPLEMENTED"}

    def change(self, **values):
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.version += 1
            self.changed.notify_all()


class Handler(grpc.GenericRpcHandler):
    def __init__(self, topics):
        self.topics = topics

    def service(self, details):
        service, _, rpc = details.method.lstrip("/").partition("/")
        if service != SERVICE or rpc not in self.topics:
            return None
        return grpc.unary_stream_rpc_method_handler(
            lambda _, context: self.stream(rpc, context), lambda data: data, lambda message: message.SerializeToString()
        )

    def stream(self, rpc, context):
        topic = self.topics[rpc]
        with topic.changed:
            topic.calls += 1
            ends, seen = topic.ends, None
        if ("workload.spiffe.io", "true") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no security header")
        while context.is_active():
            with topic.changed:
                topic.changed.wait_for(lambda: topic.ends != ends or topic.version != seen, timeout=0.2)
                if topic.ends != ends:
                    return
                if topic.version == seen:
                    continue
                seen, told = topic.version, topic.told
            if "status" in told:
                context.abort(grpc.StatusCode[told["status"]], "as told")
            if not told.get("silent"):
                yield MESSAGES[rpc](told)


class WorkloadApi:
    def __init__(self):
        self.topics = collections.OrderedDict((rpc, Topic()) for rpc in MESSAGES)
        self.server = None

    def serve(self, address):
        pool = futures.ThreadPoolExecutor(max_workers=64)
        self.server = grpc.server(pool, options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)])
        self.server.add_generic_rpc_handlers((Handler(self.topics),))
        port = self.server.add_insecure_port(address)
        self.server.start()
        return port

    def obey(self, order):
        if "serve" in order:
            return self.serve(order["serve"])
        if "stop" in order:
            self.server.stop(grace=None).wait()
        elif "end" in order:
            topic = self.topics[order["end"]]
            topic.change(ends=topic.ends + 1)
        elif "tell" in order:
            self.topics[order["tell"]].change(told=order)
        elif "calls" in order:
            return self.topics[order["calls"]].calls
        return 0


def main():
    api = WorkloadApi()
    for line in sys.stdin:
        print(json.dumps(api.obey(json.loads(line))), flush=True)


main()
