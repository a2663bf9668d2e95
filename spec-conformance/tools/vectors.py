"""Makes the files in vectors/ with joserfc, jwcrypto, http-message-signatures and cryptography, libraries
that are not ours.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python vectors.py

PUBLISHED_VECTORS may name a directory of collected published examples; without it those already
in the files are kept. Everything else is made anew and comes out the same, RSA-PSS included,
because signatures of an earlier run are kept while they still verify.
"""

import json
import pathlib

import jsonschema
from jwcrypto import jwk, jws

from vector import bundle, certificate, dpop, keys, sign, signature, small, statement, svid, tokens, wit, wpt

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def remember():
    """Fills the store of RSA-PSS signatures from the files of an earlier run."""
    for file in FOLDER.glob("*.json"):
        for vector in json.loads(file.read_text()).get("vectors", []):
            token = vector["input"].get("token") or vector["input"].get("proof") or ""
            if token.count(".") == 2:
                sign.KEPT.setdefault(token.rpartition(".")[0], []).append(token)


def second_opinion(document):
    """jwcrypto must accept the signature of every token that we say is good."""
    for vector in document["vectors"]:
        given = vector["input"]
        token = given.get("token") or given.get("proof")
        if vector["expect"] != "accept" or not token:
            continue
        header = json.loads(sign.unb64u(token.split(".")[0]))
        if header["alg"] == "Ed25519":  # jwcrypto knows it only as EdDSA; joserfc made it
            continue
        if document["kind"] == "wpt":
            known = [json.loads(sign.unb64u(given["wit"].split(".")[1]))["cnf"]["jwk"]]
        else:
            known = [header["jwk"]] if "jwk" in header else given["jwks"]["keys"]
            known = [key for key in known if header.get("kid") in (None, key.get("kid")) or "jwk" in header]
        checked = jws.JWS()
        checked.allowed_algs = [header["alg"]]
        checked.deserialize(token)
        checked.verify(jwk.JWK(**{name: value for name, value in known[0].items() if name not in ("use", "alg")}))


def one_line_each(document):
    """A vector a line, so that a diff shows which ones changed."""
    lines = ",\n".join("  " + json.dumps(vector, separators=(",", ":")) for vector in document["vectors"])
    head = json.dumps({"kind": document["kind"], "reasons": document["reasons"]})
    return f'{head[:-1]}, "vectors": [\n{lines}\n]}}\n'


def main():
    have = keys.load()
    remember()
    schema = json.loads((FOLDER / "schema.json").read_text())
    total = 0
    for made in [
        dpop.build(have), svid.build(have), wit.build(have), tokens.id_token(have), tokens.access_token(have), small.thumbprint(have), small.identifier(),
        wpt.build(have), wpt.requests(have), signature.build(have), certificate.build(have), certificate.bundles(have), bundle.build(have), tokens.platform(have),
        statement.approval(have), statement.posture(have),
    ]:
        document = made.document()
        jsonschema.validate(document, schema)
        signature.second_opinion(document) if made.kind == "http-signature" else second_opinion(document)
        ids = [vector["id"] for vector in made.vectors]
        assert len(ids) == len(set(ids)), [name for name in ids if ids.count(name) > 1]
        (FOLDER / f"{made.kind}.json").write_text(one_line_each(document))
        good = sum(vector["expect"] == "accept" for vector in made.vectors)
        print(f"{made.kind:14} {len(ids):4} vectors, {good} to accept")
        total += len(ids)
    print(f"{'all':14} {total:4}")


main()
