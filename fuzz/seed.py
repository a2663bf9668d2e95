"""Fills corpus/ from the conformance vectors: python3 fuzz/seed.py"""

import base64
import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "spec-conformance" / "vectors"


def write(target, text):
    keep(target, text.encode())


def keep(target, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def opened(token, drop=()):
    """Header and claims of a token, as the targets sign them; nothing if it has none."""
    try:
        header, claims = (base64.urlsafe_b64decode(part + "==") for part in token.split(".")[:2])
        header = json.loads(header)
        header = {name: value for name, value in header.items() if name not in drop}
        header["alg"] = "ES256"
        return json.dumps(header) + "\n" + claims.decode()
    except (ValueError, AttributeError, TypeError):
        return None


def beside(wit, text):
    """The claims of a WPT that belong to this WIT."""
    header, claims = text.split("\n", 1)
    digest = base64.urlsafe_b64encode(hashlib.sha256(wit.encode()).digest()).rstrip(b"=").decode()
    try:
        return header + "\n" + json.dumps({**json.loads(claims), "wth": digest})
    except (ValueError, TypeError):
        return text


def lines(given):
    """The fields of a signed request, as `signature_input` takes them."""
    fields = {name: value for name, value in given["request"]["headers"]}
    names = ("Signature-Input", "Signature", "Workload-Identity-Token", "Content-Digest")
    return "\n".join([*(fields.get(name, "") for name in names), given["body"]])


def body(certificate):
    """What a certificate says: the first element of the outer sequence."""
    def end(at):
        length = certificate[at + 1]
        count = length - 0x80 if length > 0x80 else 0
        return at + 2 + count, int.from_bytes(certificate[at + 2 : at + 2 + count], "big") if count else length
    start, _ = end(0)
    content, length = end(start)
    return certificate[start : content + length]


for file in sorted(VECTORS.glob("*.json")):
    content = json.loads(file.read_text())
    for vector in content.get("vectors", []):
        given = vector["input"]
        if "token" in given:
            write("jws", given["token"])
            if text := opened(given["token"], drop=("kid",)):
                write("jws", text)
                write("json", text.split("\n", 1)[1])
        if vector["kind"] == "wpt":
            write("wpt", given["proof"])
            if text := opened(given["proof"]):
                write("wpt", beside("e30.e30.c2ln", text))
        elif vector["kind"] == "http-signature" and "response" not in given:
            write("signature_input", lines(given))
        elif "proof" in given:
            write("dpop", given["proof"])
            if text := opened(given["proof"], drop=("jwk",)):
                write("dpop", text)
                write("json", text.split("\n", 1)[1])
        if "bundle" in given:
            keep("certificate", b"B" + json.dumps(given["bundle"]).encode())
        if "chain" in given:
            chain = [base64.b64decode(one) for one in given["chain"]]
            keep("certificate", b"C" + b"".join(len(one).to_bytes(2, "big") + one for one in chain))
            keep("certificate", b"T" + body(chain[0]))
        if "jwks" in given:
            write("jwk", json.dumps(given["jwks"]))
            for key in given["jwks"].get("keys", []):
                write("jwk", json.dumps(key))
        if "jwk" in given:
            write("jwk", json.dumps(given["jwk"]))
        for name in ("value", "uri", "issuer", "audience", "trust_domain", "origin"):
            if name in given:
                write("identifiers", given[name])

recorded = HERE.parent / "crates" / "token" / "tests" / "tpm" / "recorded.json"
for tpm in json.loads(recorded.read_text()).values():
    keep("tpm", b"E" + bytes.fromhex(tpm["ek"]))
    key = bytes.fromhex(tpm["key"])
    for said in (tpm["creation"], tpm["certify"]):
        statement, signature = bytes.fromhex(said["statement"]), bytes.fromhex(said["signature"])
        parts = [bytes.fromhex(tpm["ak"]), key, statement, signature]
        keep("tpm", b"A" + b"".join(len(part).to_bytes(2, "big") + part for part in parts))
        keep("tpm", b"S" + key + statement)

for key in json.loads((VECTORS / "keys.json").read_text()).values():
    if isinstance(key, dict):
        write("jwk", json.dumps(key))
for text in ["sign\n/calendar\nnonce\nDPoP abc\nbody", "sign\n/\n\"\\\n\n"]:
    write("signature_input", text)
for text in ["a b c", "calendar.read calendar.write", "HTTPS://AS.Example:443/%74oken/../x?y#z", "http://[::1]:80/"]:
    write("identifiers", text)

invitation = {"type": "a", "actions": ["send"], "identifier": "x", "limit": {"amount": "1.50", "currency": "EUR"}}
for one, other in (([invitation], [invitation]), ([invitation, {"type": "b"}], [{"type": "b"}, {"type": "a"}])):
    write("authorization_details", json.dumps(one) + "\n" + json.dumps(other))

samples = HERE.parent / "src/trust/platform/profile/aws_sts/samples.json"
for request in json.loads(samples.read_text()).values():
    keep("aws_sts", b"R" + json.dumps(request).encode())
for arn, user_id in (
    ("arn:aws:sts::123456789012:assumed-role/deploy/s", "AROAEXAMPLEEXAMPLE001:s"),
    ("arn:aws:iam::123456789012:user/ops/alice", "AIDAEXAMPLEEXAMPLE001"),
):
    result = {"Account": "123456789012", "Arn": arn, "UserId": user_id}
    answer = {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}
    keep("aws_sts", b"A" + json.dumps(answer).encode())
