//! An encoder for the tests: it can write a field in any legal way.

use super::huffman;

/// The way in which a field is written, where possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) enum Strategy {
    /// As an index if the table has the complete field; otherwise inserted.
    Index,
    /// As a literal with incremental indexing.
    Insert,
    /// As a literal without indexing.
    Literal,
    /// As a literal that is never indexed.
    Never,
}

/// A field of a block to be encoded.
#[derive(Clone, Debug)]
pub(in crate::http2) struct Instruction {
    pub(in crate::http2) name: Vec<u8>,
    pub(in crate::http2) value: Vec<u8>,
    pub(in crate::http2) strategy: Strategy,
    /// Whether the name is written as an index if the table has it.
    pub(in crate::http2) name_index: bool,
    pub(in crate::http2) huffman: bool,
}

impl Instruction {
    pub(in crate::http2) fn new(name: &str, value: &str) -> Self {
        let (name, value) = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Instruction { name, value, strategy: Strategy::Index, name_index: true, huffman: true }
    }
}

/// An encoder of header blocks, with a complete table.
#[derive(Debug)]
pub(in crate::http2) struct Encoder {
    /// Entries, newest first.
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    maximum: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { entries: Vec::new(), maximum: 4096 }
    }
}

impl Encoder {
    /// Encodes a table size update.
    pub(in crate::http2) fn resize(&mut self, maximum: usize, out: &mut Vec<u8>) {
        self.maximum = maximum;
        self.evict(maximum);
        integer(maximum, 5, 0x20, out);
    }

    pub(in crate::http2) fn encode(&mut self, field: &Instruction, out: &mut Vec<u8>) {
        let find = |entries: &[(Vec<u8>, Vec<u8>)], whole: bool| {
            let fits = |name: &[u8], value: &[u8]| name == field.name && (!whole || value == field.value);
            let known = (1..62).find(|&at| {
                let table = super::table::Table::new(0);
                let entry = table.get(at).unwrap();
                fits(entry.name.unwrap(), entry.value.unwrap())
            });
            known
                .map(|at| at as usize)
                .or_else(|| entries.iter().position(|it| fits(&it.0, &it.1)).map(|at| at + 62))
        };
        if field.strategy == Strategy::Index
            && let Some(index) = find(&self.entries, true)
        {
            return integer(index, 7, 0x80, out);
        }
        let (prefix, kind) = match field.strategy {
            Strategy::Index | Strategy::Insert => (6, 0x40),
            Strategy::Literal => (4, 0),
            Strategy::Never => (4, 0x10),
        };
        let index = field.name_index.then(|| find(&self.entries, false)).flatten();
        integer(index.unwrap_or(0), prefix, kind, out);
        if index.is_none() {
            string(&field.name, field.huffman, out);
        }
        string(&field.value, field.huffman, out);
        if kind == 0x40 {
            let size = field.name.len() + field.value.len() + 32;
            self.evict(self.maximum.saturating_sub(size));
            if size <= self.maximum {
                self.entries.insert(0, (field.name.clone(), field.value.clone()));
            }
        }
    }

    /// Encodes a block of fields with the ordinary strategies.
    pub(in crate::http2) fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            self.encode(&Instruction::new(name, value), &mut out);
        }
        out
    }

    fn evict(&mut self, upto: usize) {
        while self.entries.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>() > upto {
            self.entries.pop();
        }
    }
}

fn integer(value: usize, prefix: u32, kind: u8, out: &mut Vec<u8>) {
    let most = (1_usize << prefix) - 1;
    if value < most {
        return out.push(kind | value as u8);
    }
    out.push(kind | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn string(text: &[u8], huffman: bool, out: &mut Vec<u8>) {
    if huffman {
        let coded = huffman::encode(text);
        integer(coded.len(), 7, 0x80, out);
        out.extend(coded);
    } else {
        integer(text.len(), 7, 0, out);
        out.extend(text);
    }
}
