//! The names of things in Redis: at most 30 bytes, because the next one costs 16 more.

use procura_token::{base64url, sha256};

use crate::store::delegation::DelegationKey;
use crate::store::{HeldKind, UseKind};

/// How many hash tags a cluster's keys are spread over.
pub(super) const TAGS: usize = 64;

/// A key: `p:`, six characters for the service, `:`, in a cluster a hash tag `{00}` to `{3f}`, a letter for the kind, and
/// the beginning of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    bytes: [u8; 30],
    length: u8,
}

impl Key {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }

    fn push(&mut self, part: &[u8]) {
        let from = usize::from(self.length);
        if let Some(room) = self.bytes.get_mut(from..from + part.len()) {
            room.copy_from_slice(part);
            self.length += part.len() as u8;
        }
    }
}

/// Makes the keys of one service.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    service: [u8; 9],
    tags: usize,
}

impl Keys {
    /// Keys of the service called `prefix`: of 64 tags for a cluster, else of one that is not written.
    pub(super) fn new(prefix: &str, cluster: bool) -> Self {
        let name = base64url::encode(sha256(prefix.as_bytes()));
        let mut service = *b"p:......:";
        service.iter_mut().skip(2).take(6).zip(name.bytes()).for_each(|(to, from)| *to = from);
        Self { service, tags: if cluster { TAGS } else { 1 } }
    }

    /// How many tags there are.
    pub(super) const fn tags(&self) -> usize {
        self.tags
    }

    /// The tag of what is named by `hash`, or by its first half.
    pub(super) fn tag(&self, hash: &[u8]) -> usize {
        hash.first().map_or(0, |first| usize::from(*first) % self.tags)
    }

    /// What is used once.
    pub(super) fn used(&self, kind: UseKind, hash: &[u8; 32]) -> Key {
        self.key(self.tag(hash), kind.letter(), hash.first_chunk().unwrap_or(&[0; 16]))
    }

    /// A delegation.
    pub(super) fn delegation(&self, key: &DelegationKey) -> Key {
        self.key(self.tag(key), b'G', key)
    }

    /// The pattern of all delegations, for `SCAN`. Nothing of the service's part means anything in a pattern.
    pub(super) fn delegations(&self) -> Vec<u8> {
        let tag: &[u8] = if self.tags > 1 { b"{??}" } else { b"" };
        [&self.service, tag, b"G*"].concat()
    }

    /// Whose key this is, if it is a delegation's.
    pub(super) fn read_delegation(&self, key: &[u8]) -> Option<DelegationKey> {
        let known = key.last_chunk()?;
        (self.delegation(known).as_bytes() == key).then_some(*known)
    }

    /// The holder of something.
    pub(super) fn holder(&self, kind: HeldKind, hash: &[u8; 32]) -> Key {
        self.key(self.tag(hash), kind.letter(), hash.first_chunk().unwrap_or(&[0; 16]))
    }

    /// What stands for a use when it is only tried whether one could be granted.
    pub(super) fn trial(&self, tag: usize, hash: &[u8; 16]) -> Key {
        self.key(tag, b'T', hash)
    }

    /// The epoch's record at a tag.
    pub(super) fn epoch(&self, tag: usize) -> Key {
        self.key(tag, b'E', &[])
    }

    fn key(&self, tag: usize, kind: u8, hash: &[u8]) -> Key {
        let mut key = Key { bytes: [0; 30], length: 0 };
        key.push(&self.service);
        if self.tags > 1 {
            let digit = |nibble: usize| b"0123456789abcdef"[nibble % 16];
            key.push(&[b'{', digit(tag / 16), digit(tag), b'}']);
        }
        key.push(&[kind]);
        key.push(hash);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_service_kind_and_hash_and_have_at_most_thirty_bytes() {
        let keys = Keys::new("a", true);
        let hash = sha256(b"x");
        let half = *hash.first_chunk().unwrap();
        let all = [
            keys.used(UseKind::DpopProof, &hash),
            keys.used(UseKind::Wpt, &hash),
            keys.used(UseKind::Signature, &hash),
            keys.used(UseKind::ClientAssertion, &hash),
            keys.delegation(&half),
            keys.holder(HeldKind::Key, &hash),
            keys.holder(HeldKind::Identifier, &hash),
            keys.trial(0, &[0; 16]),
            keys.epoch(0),
            Keys::new("b", true).used(UseKind::DpopProof, &hash),
            keys.used(UseKind::DpopProof, &sha256(b"y")),
        ];
        for (place, key) in all.iter().enumerate() {
            assert!(key.as_bytes().len() <= 30 && key.as_bytes().starts_with(b"p:"), "{key:?}");
            assert!(all.iter().skip(place + 1).all(|other| other != key), "{key:?}");
        }
        assert_eq!(Keys::new("a", false).used(UseKind::DpopProof, &hash).as_bytes().len(), 26);
    }

    #[test]
    fn the_key_of_a_delegation_is_known_from_all_others() {
        for cluster in [true, false] {
            let keys = Keys::new("a", cluster);
            let (hash, half) = (sha256(b"x"), *sha256(b"x").first_chunk().unwrap());
            assert_eq!(keys.read_delegation(keys.delegation(&half).as_bytes()), Some(half));
            let others = [
                keys.used(UseKind::Wpt, &hash),
                keys.epoch(0),
                Keys::new("b", cluster).delegation(&half),
                Keys::new("a", !cluster).delegation(&half),
            ];
            for other in others {
                assert_eq!(keys.read_delegation(other.as_bytes()), None);
            }
            assert_eq!(keys.read_delegation(b""), None);
        }
    }

    #[test]
    fn a_key_lies_at_the_tag_of_its_first_byte() {
        let keys = Keys::new("a", true);
        let mut hash = [7; 32];
        for (first, tag) in [(0x00, "{00}"), (0x3f, "{3f}"), (0x40, "{00}"), (0xab, "{2b}")] {
            hash[0] = first;
            let (key, epoch) = (keys.used(UseKind::Wpt, &hash), keys.epoch(keys.tag(&hash)));
            for key in [key, epoch] {
                assert_eq!(&key.as_bytes()[9..13], tag.as_bytes());
            }
        }
    }
}
