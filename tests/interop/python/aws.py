"""AWS as the service meets it: requests that botocore signs, and an STS that recomputes every signature with botocore.

The STS knows its principals by their access keys. It answers as the real one is documented to: JSON to who asks for it, XML
else; a signature that does not fit, a token that is not the key's, and a request older than 15 minutes are refused.
"""

import base64
import contextlib
import datetime
import http.server
import json
import ssl
import threading
import urllib.parse
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
ACTION = "Action=GetCallerIdentity&Version=2011-06-15"


class Principal:
    """Who has an access key, as GetCallerIdentity tells it."""

    def __init__(self, access_key, arn, user_id, token=None):
        self.credentials = Credentials(access_key, f"secret of {access_key}", token)
        self.arn, self.user_id = arn, user_id

    @classmethod
    def role(cls, access_key, account, name, role_id, session):
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        return cls(access_key, arn, f"{role_id}:{session}", token=f"FwoGZXIvYXdzE{'Aa0+/=' * 4}{access_key}")

    @property
    def account(self):
        return self.arn.split(":")[4]


@contextlib.contextmanager
def clock(at):
    """Signs at another time: seconds since 1970, or now."""
    if at is None:
        yield
        return
    then = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: then):
        yield


def signed(principal, endpoint, headers, *, method="POST", body=ACTION, at=None, region=REGION, query=""):
    """A request as `client_assertion` takes it, before base64url: method, url, headers, body."""
    host = urllib.parse.urlsplit(endpoint).netloc
    with clock(at):
        if method == "POST":
            request = AWSRequest("POST", endpoint + query, {"Host": host, "Content-Type": FORM, **headers}, body)
            botocore.auth.SigV4Auth(principal.credentials, "sts", region).add_auth(request)
        else:
            request = AWSRequest("GET", f"{endpoint}?{body}{query}", {"Host": host, **headers})
            botocore.auth.SigV4QueryAuth(principal.credentials, "sts", region, expires=300).add_auth(request)
    presented = {"method": method, "url": request.url, "headers": dict(request.headers.items())}
    return {**presented, "body": body} if method == "POST" else presented


def assertion(presented):
    """What goes into `client_assertion`."""
    return base64.urlsafe_b64encode(json.dumps(presented).encode()).rstrip(b"=").decode()


class Sts:
    """An STS for `principals` on a port of this machine, until it is closed."""

    def __init__(self, principals, certificate, key):
        self.principals = {principal.credentials.access_key: principal for principal in principals}
        self.requests = []
        # What it answers instead, if anything: a status, headers and a body.
        self.instead = None
        sts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                sts.requests.append((self.command, self.path, dict(self.headers.items()), body))
                status, headers, answer = sts.instead or sts.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.endpoint = f"https://localhost:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, headers, body):
        wants_json = headers.get("accept") == "application/json"
        try:
            principal = self.caller(method, path, headers, body)
        except Refused as refusal:
            code = refusal.args[0]
            if wants_json:
                text = json.dumps({"Error": {"Code": code, "Message": "no", "Type": "Sender"}, "RequestId": "0"})
            else:
                text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"
            return 403, {"Content-Type": "application/json" if wants_json else "text/xml"}, text.encode()
        result = {"Account": principal.account, "Arn": principal.arn, "UserId": principal.user_id}
        if wants_json:
            response = {"GetCallerIdentityResult": result, "ResponseMetadata": {"RequestId": "01234567-89ab"}}
            return 200, {"Content-Type": "application/json"}, json.dumps({"GetCallerIdentityResponse": response}).encode()
        members = "".join(f"<{name}>{value}</{name}>" for name, value in result.items())
        text = f"<GetCallerIdentityResponse><GetCallerIdentityResult>{members}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        return 200, {"Content-Type": "text/xml"}, text.encode()

    def caller(self, method, path, headers, body):
        """The principal that signed the request, by a signature made anew."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query, strict_parsing=True)) if "?" in path else {}
        if method == "POST":
            _, _, rest = headers["authorization"].partition(" ")
            parts = dict(part.strip().split("=", 1) for part in rest.split(","))
            date, token = headers["x-amz-date"], headers.get("x-amz-security-token")
        else:
            parts = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
            date, token = query["X-Amz-Date"], query.get("X-Amz-Security-Token")
        access_key, _, region, service, _ = parts["Credential"].split("/")
        principal = self.principals.get(access_key)
        if principal is None or token != principal.credentials.token or service != "sts":
            raise Refused("InvalidClientTokenId")
        made = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs((datetime.datetime.now(datetime.timezone.utc) - made).total_seconds()) > 900:
            raise Refused("SignatureDoesNotMatch")

        bare = f"https://{headers['host']}{path}".replace(f"&X-Amz-Signature={parts['Signature']}", "")
        covered = {name: headers[name] for name in parts["SignedHeaders"].split(";")}
        again = AWSRequest(method, bare, covered, body if method == "POST" else None)
        again.context["timestamp"] = date
        signer = botocore.auth.SigV4Auth(principal.credentials, service, region)
        signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        if signature != parts["Signature"]:
            raise Refused("SignatureDoesNotMatch")
        parameters = dict(urllib.parse.parse_qsl(body)) if method == "POST" else query
        if parameters.get("Action") != "GetCallerIdentity":
            raise Refused("AccessDenied")
        return principal


class Refused(Exception):
    """An error code of STS."""


def samples():
    """Requests for the tests of the reader: python aws.py > src/trust/platform/aws_sts/samples.json"""
    headers = {"X-Procura-Audience": "https://procura.example", "X-Procura-Key": "A" * 43}
    endpoint, at = "https://sts.eu-central-1.amazonaws.com/", 1_800_000_000
    role = Principal.role("ASIAEXAMPLEEXAMPLE01", "123456789012", "deploy", "AROAEXAMPLEEXAMPLE001", "i-0123456789abcdef0")
    user = Principal("AKIAEXAMPLEEXAMPLE01", "arn:aws:iam::123456789012:user/ops/alice", "AIDAEXAMPLEEXAMPLE001")
    return {
        f"{name}-{method.lower()}": signed(principal, endpoint, headers, method=method, at=at)
        for name, principal in (("role", role), ("user", user))
        for method in ("POST", "GET")
    }


if __name__ == "__main__":
    print(json.dumps(samples(), indent=2))
