//! A message of Protocol Buffers, taken apart without reading it: so that what it holds can be counted first.

use procura_token::ParseError;

use crate::malformed;

/// A field of a message: its number, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

/// The fields of a message, in the order in which they stand.
pub(crate) struct Fields<'a>(&'a [u8]);

/// The fields of `message`, of which there are at most `limit`.
pub(crate) fn fields(message: &[u8], limit: usize) -> Result<Fields<'_>, ParseError> {
    for (count, field) in Fields(message).enumerate() {
        field?;
        if count >= limit {
            return Err(malformed("more than a hand-over may hold"));
        }
    }
    Ok(Fields(message))
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(malformed("not a message of Protocol Buffers")))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        match (tag >> 3, tag & 7) {
            (number, 0) => Some(Field::Number(number, self.varint()?)),
            (number, 2) => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Some(Field::Bytes(number, bytes))
            }
            // No message of Biscuit has fields of other wire types.
            _ => None,
        }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(first & 0x7f).checked_shl(shift)?;
            if *first < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_fields_and_nothing_else() {
        let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'o', b'k'];
        let all: Vec<_> = fields(&message, 2).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(all, [Field::Number(1, 150), Field::Bytes(2, b"ok")]);
        assert!(fields(&message, 1).is_err());
        for broken in [&[0x08][..], &[0x12, 0x03, b'o', b'k'], &[0x0d, 0, 0, 0, 0], &[0x80; 11], &[0x12, 0xff, 0xff]] {
            assert!(fields(broken, 9).is_err(), "{broken:?}");
        }
    }
}
