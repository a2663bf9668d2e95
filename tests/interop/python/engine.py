"""Two JOSE libraries behind one small face: make a key, sign a proof, verify a token against a published key set."""

import json
import unittest

import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt

ALGORITHMS = ("ES256", "RS256", "EdDSA")


class Joserfc:
    """A key of the library joserfc."""

    def __init__(self, algorithm):
        self.algorithm = algorithm
        self._key = {
            "ES256": lambda: joserfc.jwk.ECKey.generate_key("P-256"),
            "RS256": lambda: joserfc.jwk.RSAKey.generate_key(2048),
            "EdDSA": lambda: joserfc.jwk.OKPKey.generate_key("Ed25519"),
        }[algorithm]()

    def public(self):
        return self._key.as_dict(private=False)

    def thumbprint(self):
        return self._key.thumbprint()

    def sign(self, header, claims):
        return joserfc.jwt.encode({"alg": self.algorithm, **header}, claims, self._key, algorithms=[self.algorithm])

    @staticmethod
    def verify(token, key_set):
        decoded = joserfc.jwt.decode(token, joserfc.jwk.KeySet.import_key_set(key_set), algorithms=["ES256"])
        return decoded.header, decoded.claims


class Jwcrypto:
    """A key of the library jwcrypto."""

    def __init__(self, algorithm):
        self.algorithm = algorithm
        self._key = {
            "ES256": lambda: jwcrypto.jwk.JWK.generate(kty="EC", crv="P-256"),
            "RS256": lambda: jwcrypto.jwk.JWK.generate(kty="RSA", size=2048),
            "EdDSA": lambda: jwcrypto.jwk.JWK.generate(kty="OKP", crv="Ed25519"),
        }[algorithm]()

    def public(self):
        return self._key.export_public(as_dict=True)

    def thumbprint(self):
        return self._key.thumbprint()

    def sign(self, header, claims):
        token = jwcrypto.jwt.JWT(header={"alg": self.algorithm, **header}, claims=claims)
        token.make_signed_token(self._key)
        return token.serialize()

    @staticmethod
    def verify(token, key_set):
        keys = jwcrypto.jwk.JWKSet.from_json(json.dumps(key_set))
        verified = jwcrypto.jwt.JWT(jwt=token, key=keys, algs=["ES256"], expected_type="JWS")
        return json.loads(verified.header), json.loads(verified.claims)


ENGINES = (Joserfc, Jwcrypto)


def for_every_engine(case, module):
    """Adds to a module one unittest.TestCase per library and algorithm: `case`, with `self.new_key()`."""
    for engine in ENGINES:
        for algorithm in ALGORITHMS:
            name = f"{case.__name__}_{engine.__name__}_{algorithm}"
            body = {"__module__": module["__name__"], "new_key": lambda _, make=engine, name=algorithm: make(name)}
            module[name] = type(name, (case, unittest.TestCase), body)
