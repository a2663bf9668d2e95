#!/bin/sh
# Makes what the other containers need, each in a volume of its own. Keeps what is there, except
# the agent's two credentials: they last an hour and are made anew.
#   /world   the service: signing keys, trust, policies, targets, its certificate, secrets
#   /redis   Redis: its password
#   /ca      whoever calls the service: the certificate to trust
#   /agent   the planner: its SVID and the token of a user
# A real deployment has SPIRE, an identity provider and a certificate authority instead of this script.
set -eu
umask 077
issuer=https://procura:8443

# The directory is made by whichever of these two comes first.
procura dev svid --dir /world --kind jwt --id /agent/planner --aud "$issuer" >/agent/svid
procura dev user-token --dir /world --sub alice --aud "$issuer" >/agent/user-token

mkdir -p /world/secrets /world/tls
if [ ! -e /world/secrets/nonce ]; then openssl rand -hex 32 >/world/secrets/nonce; fi
if [ ! -e /world/secrets/redis ]; then openssl rand -hex 32 >/world/secrets/redis; fi
printf 'requirepass %s\n' "$(cat /world/secrets/redis)" >/redis/redis.conf
# Redis runs as a user of its own, and nobody else mounts this.
chmod 644 /redis/redis.conf

# An authority for one certificate: its key is forgotten at once. A running service goes on with the certificate it has
# read, so a new one is made only when the old one is about to end; the service is then to be started again.
if ! openssl x509 -noout -checkend 86400 -in /world/tls/chain.pem >/dev/null 2>&1; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=compose authority' \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign \
    -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=procura \
    -keyout "$work/key.pem" -out "$work/request.pem" 2>/dev/null
  cat >"$work/extensions" <<EXTENSIONS
subjectAltName=DNS:procura
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
EXTENSIONS
  openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 \
    -extfile "$work/extensions" -out "$work/chain.pem" 2>/dev/null
  cp "$work/key.pem" "$work/chain.pem" /world/tls/
  cp "$work/ca.pem" /ca/ca.pem
fi

# The service and the agents run as this user (see Dockerfile).
chown -R 10001:10001 /world /agent /audit
chmod 755 /ca /redis
chmod 644 /ca/ca.pem
