#!/usr/bin/env bash
# The arrangement of docker-compose.yml without Docker: the same init.sh, procura.toml and redis.conf, the same command
# lines, paths, host names, users and capabilities, as processes in a mount and network namespace of their own. Needs root,
# redis-server, openssl, curl and built binaries. Not rehearsed: images, the networks between containers, and that a
# container sees its own volumes only.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${REHEARSAL:-}" ]; then
  REHEARSAL=$(mktemp -d)
  export REHEARSAL
  trap 'rm -rf --one-file-system "$REHEARSAL"' EXIT
  unshare --mount --net --pid --fork --kill-child "$0"
  exit
fi

binaries=$(realpath "${CARGO_TARGET_DIR:-target}/debug")
root=$REHEARSAL
ip link set lo up

# A root with this machine's programs, and everything that compose would mount.
mkdir -p "$root"/{bin,sbin,lib,lib64,usr,dev,proc,etc/procura,etc/ssl,opt,world,agent,ca,redis,audit,secrets,data}
mkdir -m 1777 "$root/tmp"
for room in bin sbin lib lib64 usr dev etc/ssl; do
  if [ -d "/$room" ]; then mount --rbind "/$room" "$root/$room"; fi
done
mount -t proc proc "$root/proc"
chmod 755 "$root"
install -t "$root/opt" "$binaries"/{procura,calendar,planner}
cp /etc/passwd /etc/group "$root/etc/"
cp deploy/compose/{init.sh,procura.toml} "$root/etc/procura/"
cp deploy/compose/redis.conf "$root/etc/redis.conf"
printf '127.0.0.1 localhost procura redis\n' >"$root/etc/hosts"
printf 'hosts: files\n' >"$root/etc/nsswitch.conf"
mount --bind "$root/redis" "$root/secrets"
export PATH=/opt:$PATH

# As a container runs it: that user, with no capabilities but those that are named.
inside() { local user=$1 capabilities=$2; shift 2; chroot "$root" setpriv --bounding-set="-all$capabilities" --inh-caps=-all \
  --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs -- "$@"; }
as_init() { inside 0:0 ,+chown,+dac_override,+fowner "$@"; }
as_agents() { inside 10001:10001 "" "$@"; }
as_redis() { inside 65534:65534 "" "$@"; }

until_done() { for _ in {1..100}; do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "not ready: $*" >&2; return 1; }

# Twice, as `up` and `run` do: what is there must survive.
as_init sh /etc/procura/init.sh
cp "$root/world/tls/chain.pem" "$root/world/keys/token.jwk" "$root/opt/"
as_init sh /etc/procura/init.sh
cmp "$root/world/tls/chain.pem" "$root/opt/chain.pem"
cmp "$root/world/keys/token.jwk" "$root/opt/token.jwk"

chown 65534:65534 "$root/data"
as_redis redis-server /etc/redis.conf >"$root/opt/redis.log" &
until_done as_init sh -c 'redis-cli ping | grep -q -e PONG -e NOAUTH'
as_agents procura serve --config /etc/procura/procura.toml &
until_done as_agents curl --silent --fail --max-time 2 --cacert /ca/ca.pem https://procura:8443/readyz
as_agents env SSL_CERT_FILE=/ca/ca.pem calendar --issuer=https://procura:8443 \
  --resource=http://127.0.0.1:8090/calendar --nonces &
until_done as_agents curl --silent --max-time 2 --output /dev/null http://127.0.0.1:8090/calendar
as_agents env SSL_CERT_FILE=/ca/ca.pem planner --issuer=https://procura:8443 --svid=/agent/svid \
  --user-token=/agent/user-token --resource=http://127.0.0.1:8090/calendar --scope=calendar.read
keys=$(REDISCLI_AUTH=$(cat "$root/world/secrets/redis") redis-cli dbsize)
echo "rehearsed: $(wc -l <"$root/audit/events.jsonl") audit events, $keys keys in Redis"
[ "$keys" -gt 0 ]
