//! What Redis does for a claim, in one step.

use ::redis::Cmd;
use procura_token::UnixTime;

use super::key::Key;
use super::value;
use crate::store::Epoch;
use crate::store::delegation::DelegationKey;

/// What a tag says of the epoch: its value in Redis, and what the claim script of that tag compares it with.
///
/// `<id in hex> <began in ms> <replication id of the master it began on>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) epoch: Epoch,
    /// Redis gives itself another one whenever it becomes master.
    pub(super) master: String,
}

impl Record {
    /// The value in Redis.
    pub(super) fn write(&self) -> String {
        // Rounded up: nothing before may pass for later.
        let began = self.epoch.began.since_epoch().as_nanos().div_ceil(1_000_000);
        format!("{:016x} {began} {}", self.epoch.id, self.master)
    }

    /// Reads a value that [`Record::write`] made.
    pub(super) fn read(text: &str) -> Option<Self> {
        let [id, began, master] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let began = UnixTime::new(core::time::Duration::from_millis(began.parse().ok()?));
        let epoch = Epoch { id: u64::from_str_radix(id, 16).ok()?, began };
        is_replication_id(master).then(|| Self { epoch, master: master.to_owned() })
    }
}

/// Whether it can stand in a script as it is.
pub(super) fn is_replication_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The scripts of one record. Their text has the record in it, so that their hash differs from that of every other epoch
/// and master: a server that knows them is the process they were given to, and has the record, or the script refuses.
#[derive(Clone, Debug)]
pub(super) struct Scripts {
    /// Grants claims.
    pub(super) claim: Script,
    /// Revokes delegations.
    pub(super) revoke: Script,
}

/// A script and its name.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) hash: String,
}

impl Scripts {
    pub(super) fn new(record: &Record) -> Self {
        let script = |text: &str| {
            let text = text.replace("$RECORD", &record.write()).replace("$HEAD", &value::head(record.epoch.id));
            Script { hash: ::redis::Script::new(&text).get_hash().to_owned(), text }
        };
        Self { claim: script(CLAIM), revoke: script(REVOKE) }
    }

    pub(super) const fn all(&self) -> [&Script; 2] {
        [&self.claim, &self.revoke]
    }
}

/// KEYS: the epoch's record; the delegation, if any; what is held; the uses.
/// ARGV: the delegation's record, or `C` to continue it, and its ms, both empty for none; how many things are held, and of
/// each its holder and its ms; the ms of each use.
/// Answers 0 when all is granted, the delegation's record if it was there, the number of the first use that is not new,
/// -1 if the epoch is over, -2 and below for the first, second … thing that is another's, nil if there is no delegation to
/// continue, and the delegation's record as it is if it does not go on. Nothing is written before everything is looked at; a
/// sole use is looked at by writing it. A delegation of an earlier epoch does not go on unless it begins once more.
const CLAIM: &str = "\
if redis.call('GET',KEYS[1])~='$RECORD' then return -1 end
local n,k,a,d,r,old,h,held=#KEYS,2,4,nil,nil,nil,tonumber(ARGV[3]),{}
if ARGV[1]~='' then d=KEYS[k] k=k+1 r=redis.call('GET',d)
if r and string.sub(r,1,2)~='1A' then return r end
old=r and string.sub(r,1,18)~='$HEAD'
if ARGV[1]=='C' and (old or not r) then return false end end
local f=k
for i=1,h do held[i]=redis.call('GET',KEYS[k]) if held[i] and held[i]~=ARGV[a] then return -1-i end k=k+1 a=a+2 end
if n>k then for i=k,n do if redis.call('EXISTS',KEYS[i])==1 then return i-k+1 end end end
for i=k,n do if not redis.call('SET',KEYS[i],1,'NX','PX',ARGV[i-k+a]) then return i-k+1 end end
for i=1,h do local key,o,ms=KEYS[f+i-1],ARGV[2*i+2],ARGV[2*i+3]
if held[i] then redis.call('PEXPIRE',key,ms,'GT') else redis.call('SET',key,o,'PX',ms) end end
if not d then return 0 end
if not r then redis.call('SET',d,ARGV[1],'PX',ARGV[2]) return 0 end
if old then r='$HEAD'..string.sub(r,19) redis.call('SET',d,r,'KEEPTTL') end
return r";

/// KEYS: the epoch's record; the delegation. ARGV: when.
/// Answers the delegation's record, now revoked, nil if there is none, -1 if the epoch is over. A Redis without memory left
/// must do it too.
const REVOKE: &str = "\
#!lua flags=allow-oom
if redis.call('GET',KEYS[1])~='$RECORD' then return -1 end
local r=redis.call('GET',KEYS[2])
if r and string.sub(r,1,2)=='1A' then
r='1R'..string.sub(r,3,18)..ARGV[1]..string.sub(r,19) redis.call('SET',KEYS[2],r,'KEEPTTL') end
return r";

/// The command that revokes a delegation.
pub(super) fn revoke(hash: &str, epoch: &Key, delegation: &Key, when: &str) -> Cmd {
    let mut cmd = ::redis::cmd("EVALSHA");
    cmd.arg(hash).arg(2).arg(epoch.as_bytes()).arg(delegation.as_bytes()).arg(when);
    cmd
}

/// Writes a record if the tag still says what it is believed to say; answers 1 if so.
const BEGIN: &str = "\
if (redis.call('GET',KEYS[1]) or '')~=ARGV[1] then return 0 end
redis.call('SET',KEYS[1],ARGV[2])
return 1";

/// Writes `new` at `key` if there is still `old`; nothing is the empty text.
pub(super) fn begin(key: &Key, old: &str, new: &Record) -> Cmd {
    let mut cmd = ::redis::cmd("EVAL");
    cmd.arg(BEGIN).arg(1).arg(key.as_bytes()).arg(old).arg(new.write());
    cmd
}

/// The delegation that a tag is asked for.
#[derive(Debug)]
pub(super) struct AskedDelegation {
    /// What it is known by.
    pub(super) known_by: DelegationKey,
    /// Its key in Redis.
    pub(super) key: Key,
    /// Its record and its lifetime in ms if it may begin.
    pub(super) begin: Option<(String, u64)>,
}

/// What one tag is asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) delegation: Option<AskedDelegation>,
    /// Key, holder, lifetime in ms, place in the claim.
    pub(super) holdings: Vec<(Key, [u8; 16], u64, usize)>,
    /// Key, lifetime in ms, place in the claim.
    pub(super) uses: Vec<(Key, u64, usize)>,
}

impl Asked {
    /// The command that asks.
    pub(super) fn command(&self, hash: &str, epoch: &Key) -> Cmd {
        let keys = 1 + self.uses.len() + usize::from(self.delegation.is_some()) + self.holdings.len();
        let mut cmd = Cmd::with_capacity(6 + keys + 2 * self.holdings.len() + self.uses.len(), 160 + 64 * keys);
        cmd.arg("EVALSHA").arg(hash).arg(keys).arg(epoch.as_bytes());
        if let Some(delegation) = &self.delegation {
            cmd.arg(delegation.key.as_bytes());
        }
        for (key, ..) in &self.holdings {
            cmd.arg(key.as_bytes());
        }
        for (key, ..) in &self.uses {
            cmd.arg(key.as_bytes());
        }
        match self.delegation.as_ref().map(|delegation| &delegation.begin) {
            Some(Some((record, ttl))) => cmd.arg(record).arg(*ttl),
            Some(None) => cmd.arg("C").arg(""),
            None => cmd.arg("").arg(""),
        };
        cmd.arg(self.holdings.len());
        for (_, holder, ttl, _) in &self.holdings {
            cmd.arg(holder.as_slice()).arg(*ttl);
        }
        for (_, ttl, _) in &self.uses {
            cmd.arg(*ttl);
        }
        cmd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let epoch = Epoch { id: 0xab, began: UnixTime::from_secs(1_770_000_000) };
        Record { epoch, master: "0123456789abcdef0123456789abcdef01234567".into() }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        assert_eq!(record().write(), "00000000000000ab 1770000000000 0123456789abcdef0123456789abcdef01234567");
        assert_eq!(Record::read(&record().write()), Some(record()));
        let mut uneven = record();
        uneven.epoch.began = uneven.epoch.began + core::time::Duration::from_nanos(1);
        assert!(Record::read(&uneven.write()).is_some_and(|read| read.epoch.began > uneven.epoch.began));
        for text in [
            "",
            "ab 1",
            "xy 1 0123456789abcdef0123456789abcdef01234567",
            "ab 1 '",
            "ab -1 0123456789abcdef0123456789abcdef01234567",
        ] {
            assert_eq!(Record::read(text), None, "{text}");
        }
    }

    #[test]
    fn each_epoch_and_each_master_has_a_script_of_its_own() {
        let other_epoch = Record { epoch: Epoch { id: 1, ..record().epoch }, ..record() };
        let other_master = Record { master: "f".repeat(40), ..record() };
        let hashes =
            [record(), other_epoch, other_master].map(|record| Scripts::new(&record).all().map(|script| script.hash.clone()));
        let distinct: std::collections::BTreeSet<_> = hashes.iter().flatten().collect();
        assert_eq!(distinct.len(), 6);
    }
}
