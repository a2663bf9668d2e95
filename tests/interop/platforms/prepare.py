"""Makes a world that `procura dev` left in a directory believe every platform of the table: prepare.py DIRECTORY ISSUER"""

import json
import pathlib
import sys

import table

POLICY = """
permit (principal, action == Action::"issue_wit", resource == TrustDomain::"%s")
when { principal has platform && context.credential == principal.platform.kind };
""" % table.TRUST_DOMAIN


def rule(kind, row):
    """The table of the configuration. Texts of JSON are texts of TOML."""
    lines = ["[[platform]]", f'kind = "{kind}"', f'trust_domain = "{table.TRUST_DOMAIN}"']
    lines += [f'issuer = "{table.issuer(row)}"', f'jwks_file = "trust/{kind}.jwks.json"']
    if "audience" in row:
        lines.append(f'audiences = ["{row["audience"]}"]')
    require = [f"{name} = {json.dumps(value)}" for name, value in row["rule"].get("require", {}).items()]
    if require:
        lines.append(f'require = {{ {", ".join(require)} }}')
    return "\n".join(lines)


def main(directory, issuer):
    config = directory / "config.toml"
    text = config.read_text().replace("http://127.0.0.1:8080", issuer).replace("127.0.0.1:8080", issuer.removeprefix("http://"))
    tables = [f'[[trust_domain]]\nname = "{table.TRUST_DOMAIN}"\nissue_wit = true']
    for kind, row in table.rows().items():
        key = table.new_key()
        (directory / f"trust/{kind}.jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
        (directory / f"{kind}.jwk").write_text(json.dumps(key.as_dict(private=True)))
        tables.append(rule(kind, row))
    config.write_text("\n\n".join([text, *tables]) + "\n")
    (directory / "policies/ci.cedar").write_text(POLICY)


main(pathlib.Path(sys.argv[1]), sys.argv[2])
