use super::fields::Fields;
use super::huffman;
use super::integer::{self, integer};
use super::table::{DEFAULT_SIZE, Table};

/// An error in a header block, and its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) struct Fault {
    /// The offset in the block.
    pub(in crate::http2) offset: u32,
    pub(in crate::http2) problem: &'static str,
}

/// A decoder for the header blocks of one side, in order (RFC 7541 §3).
#[derive(Debug)]
pub(in crate::http2) struct Decoder {
    table: Table,
    /// The greatest table size that the other side has ever allowed; `None` if unknown.
    allowed: Option<u32>,
    /// The name and the value of the current literal.
    name: Vec<u8>,
    value: Vec<u8>,
}

/// The reason why decoding stopped within a block.
enum BlockError {
    /// The block ends inside a field.
    Incomplete,
    Problem(&'static str),
}

impl From<integer::IntegerError> for BlockError {
    fn from(stop: integer::IntegerError) -> Self {
        match stop {
            integer::IntegerError::Incomplete => BlockError::Incomplete,
            integer::IntegerError::TooLarge => BlockError::Problem("an integer is too large"),
        }
    }
}

impl From<&'static str> for BlockError {
    fn from(problem: &'static str) -> Self {
        BlockError::Problem(problem)
    }
}

impl Decoder {
    /// Creates the decoder of a new connection, whose table keeps at most `bound` bytes.
    pub(in crate::http2) fn new(bound: usize) -> Self {
        Decoder { table: Table::new(bound), allowed: Some(DEFAULT_SIZE), name: Vec::new(), value: Vec::new() }
    }

    /// Notes that the other side allows a table of `maximum` bytes (RFC 9113 §6.5.2).
    pub(in crate::http2) fn allow(&mut self, maximum: u32) {
        self.allowed = self.allowed.map(|allowed| allowed.max(maximum));
        self.table.allow(maximum);
    }

    /// Notes that a header block is missing here, or may be.
    pub(in crate::http2) fn lose(&mut self) {
        self.table.lose();
        self.allowed = None;
    }

    /// Releases all memory; entries inserted so far become unknown.
    pub(in crate::http2) fn forget(&mut self) {
        self.lose();
        (self.name, self.value) = (Vec::new(), Vec::new());
    }

    /// Returns whether every entry of the sender's table is known.
    #[cfg(test)]
    pub(super) const fn is_complete(&self) -> bool {
        self.table.is_complete()
    }

    /// Returns the allocated memory, in bytes.
    pub(in crate::http2) fn allocated(&self) -> usize {
        let scratch = self.name.capacity().saturating_add(self.value.capacity());
        self.table.allocated().saturating_add(scratch)
    }

    /// Decodes a block into `fields`, replacing their contents.
    ///
    /// Fields before an error are correct; the table is lost with it, because the rest of the block may have changed
    /// it.
    pub(in crate::http2) fn decode(&mut self, block: &[u8], fields: &mut Fields) -> Result<(), Fault> {
        fields.clear();
        let (rest, stop) = self.fields(block, fields);
        let problem = match stop {
            None => return Ok(()),
            Some(BlockError::Incomplete) => "the block ends inside a field",
            Some(BlockError::Problem(problem)) => problem,
        };
        fields.truncate();
        self.lose();
        Err(Fault { offset: block.len().saturating_sub(rest) as u32, problem })
    }

    /// Decodes the beginning of a block whose remainder is lost.
    pub(in crate::http2) fn decode_beginning(&mut self, block: &[u8], fields: &mut Fields) {
        fields.clear();
        self.fields(block, fields);
        fields.truncate();
        self.lose();
    }

    /// Decodes fields in sequence; returns how many bytes were left when it stopped, and why if it stopped before the
    /// end.
    fn fields(&mut self, block: &[u8], fields: &mut Fields) -> (usize, Option<BlockError>) {
        let mut rest = block;
        let mut first = true;
        while !rest.is_empty() {
            match self.field(rest, first, fields) {
                Ok((behind, is_field)) => {
                    rest = behind;
                    first &= !is_field;
                }
                Err(stop) => return (rest.len(), Some(stop)),
            }
        }
        self.rest();
        (0, None)
    }

    /// Decodes one field or size update (RFC 7541 §6); returns the remaining input, and whether it was a field.
    fn field<'b>(
        &mut self,
        input: &'b [u8],
        first: bool,
        fields: &mut Fields,
    ) -> Result<(&'b [u8], bool), BlockError> {
        let kind = input.first().copied().unwrap_or_default();
        if kind & 0x80 != 0 {
            let (index, rest) = integer(input, 7)?;
            let field = self.table.get(index).ok_or("no entry has this index")?;
            fields.push(field.name, field.value);
            return Ok((rest, true));
        }
        if kind & 0xe0 == 0x20 {
            let (size, rest) = integer(input, 5)?;
            if self.allowed.is_some_and(|allowed| size > allowed) {
                return Err("the table size exceeds what the other side allows".into());
            }
            self.table.resize(size);
            return if first { Ok((rest, false)) } else { Err("a table size update behind a field".into()) };
        }
        let indexed = kind & 0x40 != 0;
        let (index, rest) = integer(input, if indexed { 6 } else { 4 })?;
        let (known, rest) = if index == 0 {
            (true, string(rest, &mut self.name)?)
        } else {
            let name = self.table.get(index).ok_or("no entry has this index")?.name;
            self.name.clear();
            self.name.extend_from_slice(name.unwrap_or_default());
            (name.is_some(), rest)
        };
        let rest = string(rest, &mut self.value)?;
        let name = known.then_some(self.name.as_slice());
        fields.push(name, Some(&self.value));
        if indexed {
            self.table.insert(name, &self.value);
        }
        Ok((rest, true))
    }

    /// Releases scratch memory taken by a long literal.
    fn rest(&mut self) {
        const MOST: usize = 4096;
        for scratch in [&mut self.name, &mut self.value] {
            if scratch.capacity() > MOST {
                *scratch = Vec::new();
            }
        }
    }
}

/// Decodes a string literal (RFC 7541 §5.2) into `out`, replacing its contents; returns the remaining input.
fn string<'b>(input: &'b [u8], out: &mut Vec<u8>) -> Result<&'b [u8], BlockError> {
    out.clear();
    let huffman = input.first().is_some_and(|byte| byte & 0x80 != 0);
    let (length, rest) = integer(input, 7)?;
    let (bytes, rest) = rest.split_at_checked(length as usize).ok_or(BlockError::Incomplete)?;
    if huffman {
        huffman::decode(bytes, out).map_err(|stop| stop.problem)?;
    } else {
        out.extend_from_slice(bytes);
    }
    Ok(rest)
}
