#!/usr/bin/env bash
# Records what a TPM says, for the tests beside this: crates/token/tests/tpm/record.sh >crates/token/tests/tpm/recorded.json
# Needs swtpm, tpm2-tools and libtss2-tcti-swtpm0. Each entry: both public areas, the statement and its signature, in hexadecimal.
set -euo pipefail
dir=$(mktemp -d)
cd "$dir"
mkdir state
swtpm socket --tpm2 --tpmstate dir=state --server type=unixio,path=tpm.sock --ctrl type=unixio,path=tpm.sock.ctrl \
  --flags startup-clear >/dev/null 2>&1 &
swtpm=$!
trap 'kill $swtpm; rm -rf "$dir"' EXIT
until [ -S tpm.sock ]; do read -rt 0.05 <> <(:) || :; done
export TPM2TOOLS_TCTI=swtpm:path=$dir/tpm.sock

quiet() { "$@" >/dev/null; tpm2_flushcontext -t; }
hex() { basenc --base16 -w0 "$1" | tr A-F a-f; }

# A statement by CertifyCreation for an occasion, and one by Certify, whose qualifying data tpm2-tools fix.
record() { # name, of the attestation key: algorithm, hash, scheme; of the key: algorithm
  quiet tpm2_createek -c ek.ctx -G "$2" -u ek.pub
  quiet tpm2_createak -C ek.ctx -c ak.ctx -G "$2" -g "$3" -s "$4" -u ak.pub -n ak.name
  quiet tpm2_createprimary -C o -c primary.ctx
  quiet tpm2_create -C primary.ctx -G "$5" -a 'sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth' \
    -u key.pub -r key.priv -d hash -t ticket
  quiet tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx
  printf 'occasion' >occasion
  quiet tpm2_certifycreation -C ak.ctx -c key.ctx -g "$3" -s "$4" -d hash -t ticket -q occasion --attestation creation -o creation.sig
  quiet tpm2_certify -C ak.ctx -c key.ctx -g "$3" --scheme "$4" -o certify -s certify.sig
  quiet tpm2_readpublic -c key.ctx -n name
  quiet tpm2_readpublic -c ek.ctx -f der -o ek.der
  printf '"%s": {"ak": "%s", "ak_name": "%s", "key": "%s", "key_name": "%s", "ek": "%s", "ek_der": "%s", ' \
    "$1" "$(hex ak.pub)" "$(hex ak.name)" "$(hex key.pub)" "$(hex name)" "$(hex ek.pub)" "$(hex ek.der)"
  printf '"creation": {"qualifying": "%s", "statement": "%s", "signature": "%s"}, ' \
    "$(hex occasion)" "$(hex creation)" "$(hex creation.sig)"
  printf '"certify": {"qualifying": "00ff55aa", "statement": "%s", "signature": "%s"}}' "$(hex certify)" "$(hex certify.sig)"
}

echo '{'
record p256 ecc sha256 ecdsa ecc256:ecdsa-sha256; echo ,
record p384 ecc384 sha384 ecdsa ecc384:ecdsa-sha384; echo ,
record rsassa rsa sha256 rsassa rsa2048; echo ,
record rsapss rsa sha256 rsapss rsa2048:rsassa-sha256
echo; echo '}'
