"""The world under test, as a client sees it: an issuer, a resource, and credentials that somebody else issued.

Set by run.sh: INTEROP_ISSUER, INTEROP_RESOURCE, INTEROP_GATEWAY, INTEROP_PROCURA (the program that prints credentials of the development
world) and INTEROP_DIR (where that world lives).
"""

import os
import subprocess

import requests

ISSUER = os.environ["INTEROP_ISSUER"]
RESOURCE = os.environ["INTEROP_RESOURCE"]
# Where the same resource is reached by workloads that show WITs.
GATEWAY = os.environ["INTEROP_GATEWAY"]
TRUST_DOMAIN = "spiffe://dev.procura.test"

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
WIT = "urn:procura:token-type:wit"

# For every request, in seconds.
TIMEOUT = 10


def svid(agent):
    """The JWT-SVID that the trust domain gives the agent, for the issuer alone."""
    return _credential("svid", "--kind", "jwt", "--id", f"/agent/{agent}")


def user_token(user):
    """The user's ID token."""
    return _credential("user-token", "--sub", user)


def x509_svid(agent):
    """The X.509-SVID that the trust domain gives the agent: certificate and key in PEM."""
    return _credential("svid", "--kind", "x509", "--id", f"/agent/{agent}")


def metadata():
    """The issuer's metadata (RFC 8414), which must name the issuer."""
    answer = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=TIMEOUT)
    answer.raise_for_status()
    document = answer.json()
    if document["issuer"] != ISSUER:
        raise ValueError(f"metadata of another issuer: {document['issuer']}")
    return document


def _credential(*words):
    command = [os.environ["INTEROP_PROCURA"], "dev", *words, "--dir", os.environ["INTEROP_DIR"]]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout.strip()
