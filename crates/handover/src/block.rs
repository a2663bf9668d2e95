//! The body of a block: facts that are read, and checks that are only ever written.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use biscuit_auth::builder::{Binary, Check, CheckKind, Convert, Expression, Fact, Op, Rule, Term, pred, string, var};
use biscuit_auth::datalog::SymbolTable;
use biscuit_auth::format::{convert, schema};
use procura_token::{ParseError, Resource, ScopeSet, UnixTime};
use prost::Message as _;

use crate::wire::{Field, fields};
use crate::{MAX_FACTS, malformed};

/// Symbols are names of facts and texts; beside each fact there may be its text, and what stands once.
const MAX_SYMBOLS: usize = MAX_FACTS + 64;
/// A fact is a name and at most three terms, all of them numbers.
const MAX_FACT: usize = 64;
/// Where the symbols of a block begin. Those below are Biscuit's own, for names and for texts alike.
const FIRST_SYMBOL: u64 = 1024;
static WELL_KNOWN: LazyLock<SymbolTable> = LazyLock::new(SymbolTable::new);

/// Writes a block as `biscuit-auth` would: the same statements always give the same octets.
pub(crate) fn write(facts: &[Fact], checks: &[Check], version: u32) -> Vec<u8> {
    let mut symbols = SymbolTable::new();
    let facts = facts.iter().map(|fact| convert::token_fact_to_proto_fact(&fact.convert(&mut symbols))).collect();
    let checks = checks.iter().map(|check| convert::token_check_to_proto_check(&check.convert(&mut symbols))).collect();
    let block = schema::Block {
        symbols: symbols.strings(),
        context: None,
        version: Some(version),
        facts,
        rules: Vec::new(),
        checks,
        scope: Vec::new(),
        public_keys: Vec::new(),
    };
    block.encode_to_vec()
}

/// One term of a fact that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Date(UnixTime),
    Number(i64),
}

/// Calls `take` with each fact of a block: its name, and its terms.
///
/// Nothing else of the block is looked at. Whoever reads it writes it again and compares: what was not read is then exactly
/// what would have been written.
pub(crate) fn read<'a>(
    block: &'a [u8],
    mut take: impl FnMut(&str, &[Value<'a>]) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut symbols = Vec::new();
    let mut facts = Vec::new();
    for field in fields(block, MAX_SYMBOLS + MAX_FACTS + 4)? {
        match field? {
            Field::Bytes(1, symbol) => symbols.push(core::str::from_utf8(symbol).map_err(|_| malformed("not UTF-8"))?),
            Field::Bytes(4, fact) if fact.len() <= MAX_FACT => facts.push(fact),
            Field::Number(3, _) | Field::Bytes(6, _) => {}
            _ => return Err(malformed("a block holds more than facts and checks")),
        }
    }
    if facts.len() > MAX_FACTS || symbols.len() > MAX_SYMBOLS {
        return Err(malformed("a block of too many facts"));
    }
    let text = |index: u64| -> Result<&'a str, ParseError> {
        let found = match index.checked_sub(FIRST_SYMBOL) {
            Some(place) => usize::try_from(place).ok().and_then(|place| symbols.get(place).copied()),
            None => WELL_KNOWN.get_symbol(index),
        };
        found.ok_or(malformed("an unknown symbol"))
    };
    for fact in facts {
        let schema::Fact { predicate } = schema::Fact::decode(fact).map_err(|_| malformed("not a fact"))?;
        let term = |term: &schema::Term| match term.content {
            Some(schema::term::Content::String(index)) => text(index).map(Value::Text),
            Some(schema::term::Content::Date(seconds)) => Ok(Value::Date(UnixTime::from_secs(seconds))),
            Some(schema::term::Content::Integer(number)) => Ok(Value::Number(number)),
            _ => Err(malformed("a term of another kind")),
        };
        let terms = predicate.terms.iter().map(term).collect::<Result<Vec<_>, _>>()?;
        take(text(predicate.name)?, &terms)?;
    }
    Ok(())
}

fn query(kind: CheckKind, fact: &str, term: Term, ops: Vec<Op>) -> Check {
    let expressions = if ops.is_empty() { Vec::new() } else { vec![Expression { ops }] };
    Check { queries: vec![Rule::new(pred::<Term>("query", &[]), vec![pred(fact, &[term])], expressions, Vec::new())], kind }
}

/// `check if time($time), $time < <end>`
pub(crate) fn ends(end: UnixTime) -> Check {
    let ops = vec![Op::Value(var("time")), Op::Value(Term::Date(end.as_secs())), Op::Binary(Binary::LessThan)];
    query(CheckKind::One, "time", var("time"), ops)
}

/// `check if target(<target>)`
pub(crate) fn is_for(target: &Resource) -> Check {
    query(CheckKind::One, "target", string(target.as_str()), Vec::new())
}

/// `check all scope($scope), {<scope>, …}.contains($scope)`
pub(crate) fn permits(scope: &ScopeSet) -> Check {
    let set: BTreeSet<_> = scope.iter().map(|scope| string(scope.as_str())).collect();
    let ops = vec![Op::Value(Term::Set(set)), Op::Value(var("scope")), Op::Binary(Binary::Contains)];
    query(CheckKind::All, "scope", var("scope"), ops)
}
