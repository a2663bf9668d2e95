//! Bytes as a TPM marshals them: big-endian integers, and buffers behind their length (TPM 2.0 Part 1 section 12).

use super::TpmError;

/// Reads one structure from its first byte to its last.
pub(super) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// `what` the bytes should be, for errors.
    pub(super) const fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    /// The content of the one buffer that `bytes` are, whole.
    pub(super) fn sole_buffer(what: &'static str, bytes: &'a [u8]) -> Result<&'a [u8], TpmError> {
        let mut outer = Self::new(what, bytes);
        let content = outer.buffer()?;
        outer.end()?;
        Ok(content)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], TpmError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(TpmError::Malformed(self.what))?;
        self.rest = rest;
        Ok(*array)
    }

    pub(super) fn u16(&mut self) -> Result<u16, TpmError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, TpmError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A `TPM2B`: two bytes of length, and as many bytes.
    pub(super) fn buffer(&mut self) -> Result<&'a [u8], TpmError> {
        let length = usize::from(self.u16()?);
        let (buffer, rest) = self.rest.split_at_checked(length).ok_or(TpmError::Malformed(self.what))?;
        self.rest = rest;
        Ok(buffer)
    }

    /// # Errors
    /// [`TpmError::Malformed`] if there are bytes left.
    pub(super) const fn end(self) -> Result<(), TpmError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TpmError::Malformed(self.what)) }
    }
}

/// `bytes` behind their length. What is written here has less than 1 KiB.
pub(super) fn buffer(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().as_slice(), bytes].concat()
}
