"""Messages and signatures of RFC 9421 by the library http-message-signatures, whose author is not ours.

The library signs and verifies what it calls metadata: a fixed set of parameters, with `keyid` always. The WIMSE profile has
parameters of its own and forbids `keyid`. So two methods that choose parameters are overridden; parsing and serializing
of structured fields, components (`;req` included), the signature base and digests stay the library's.
"""

import http_message_signatures as library
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature
from http_message_signatures.structures import PreparedSignature, VerifyResult

TAG = "wimse-workload-to-workload"
EXTENSIONS = {"wimse-aud", "wimse-sign-response", "wimse-req-nonce"}


class Fields:
    """Header fields in order; a name may occur twice."""

    def __init__(self, pairs):
        self.pairs = [list(pair) for pair in pairs]

    def items(self):
        return list(map(tuple, self.pairs))

    def __iter__(self):
        return iter([name for name, _ in self.pairs])

    def __contains__(self, name):
        return any(name.lower() == have.lower() for have, _ in self.pairs)

    def __delitem__(self, name):
        self.pairs = [pair for pair in self.pairs if pair[0].lower() != name.lower()]

    def __setitem__(self, name, value):
        del self[name]
        self.pairs.append([name, value])

    def __getitem__(self, name):
        return next(value for have, value in self.pairs if have.lower() == name.lower())


class Request:
    """A request as the library wants one."""

    def __init__(self, method, origin, target, pairs):
        self.method, self.url, self.request_target, self.headers = method, origin + target, target, Fields(pairs)


class Response:
    """A response as the library wants one."""

    def __init__(self, status, pairs, request):
        self.status_code, self.headers, self.request = status, Fields(pairs), request


class Signer(HTTPMessageSigner):
    """Signs with exactly these parameters, in this order."""

    def prepare(self, message, *, parameters, label, covered_component_ids, **_):
        nodes = self._parse_covered_component_ids(covered_component_ids)
        base, node, _ = self._build_signature_base(message, covered_component_ids=nodes, signature_params=parameters)
        return PreparedSignature(base.encode(), str(node), label, self.signature_algorithm.algorithm_id)

    def sign_with(self, message, parameters, covered, label="wimse"):
        """Signs in place; gives the signature base."""
        prepared = self.prepare(message, parameters=parameters, label=label, covered_component_ids=covered)
        signature = self.signature_algorithm(private_key=self.key_resolver).sign(prepared.signature_base)
        self.apply(message, prepared, signature)
        return prepared.signature_base.decode()


class Verifier(HTTPMessageVerifier):
    """Verifies with the one key it was given, and knows the parameters of the profile."""

    signature_metadata_parameters = HTTPMessageVerifier.signature_metadata_parameters | EXTENSIONS

    def validate_created_and_expires(self, sig_input, max_age=None):
        """The library would look at the clock; who calls this judges time."""

    def _verify_one(self, *, label, sig_input, signature, message, max_age, component_resolver_factory=None):
        if {"keyid", "alg"} & set(sig_input.params):
            raise InvalidSignature("the profile forbids `keyid` and `alg`")
        if unknown := set(sig_input.params) - self.signature_metadata_parameters:
            raise InvalidSignature(f"unknown parameters {unknown}")
        base, node, elements = self._build_signature_base(message, covered_component_ids=list(sig_input), signature_params=sig_input.params)
        try:
            self.signature_algorithm(public_key=self.key_resolver).verify(signature=signature.value, message=base.encode())
        except Exception as error:
            raise InvalidSignature(error) from error
        return VerifyResult(label=label, algorithm=self.signature_algorithm, covered_components=elements, parameters=dict(node.params), body=None, nonce=sig_input.params.get("nonce"))


def content_digest(body, algorithm="sha-256"):
    """The library's Content-Digest of a body."""
    return type("Digest", (library.ContentDigest,), {"algorithm": algorithm}).create(body)
