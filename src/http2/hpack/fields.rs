/// A header field; a name or a value that cannot be known is `None`.
///
/// A value is unknown only if its name is as well: both are in a table entry that was not captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, in lower case as sent.
    pub name: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
}

/// The result of looking up a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// No field has the name.
    Absent,
    /// No field is known to have the name, but one whose name is unknown may.
    Unknown,
    /// The value of the first field with the name.
    Value(&'a [u8]),
}

impl<'a> Lookup<'a> {
    /// Returns the value, if known.
    pub const fn value(self) -> Option<&'a [u8]> {
        match self {
            Lookup::Value(value) => Some(value),
            Lookup::Absent | Lookup::Unknown => None,
        }
    }
}

/// The header fields of one block, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    text: Vec<u8>,
    marks: Vec<Mark>,
    truncated: bool,
}

/// The ends of a field's name and value in the text; `None` if unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    name: Option<u32>,
    value: Option<u32>,
    end: u32,
}

impl Fields {
    /// Bounds the text of one block's fields: a short block may refer to long entries many times.
    pub(crate) const MAX_TEXT: usize = 256 * 1024;

    /// Returns an iterator over the fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let mut start = 0;
        self.marks.iter().map(move |mark| {
            let middle = mark.name.unwrap_or(start);
            let name = mark.name.and_then(|end| self.text.get(start as usize..end as usize));
            let value = mark.value.and_then(|end| self.text.get(middle as usize..end as usize));
            start = mark.end;
            Field { name, value }
        })
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Returns whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Returns whether fields after these are missing: part of the block was lost, or it is malformed or too long.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Returns the number of fields whose name is unknown.
    pub fn unknown(&self) -> usize {
        self.marks.iter().filter(|mark| mark.name.is_none()).count()
    }

    /// Looks up the value of the first field with a name.
    pub fn find(&self, name: &[u8]) -> Lookup<'_> {
        match self.iter().find(|field| field.name == Some(name)).and_then(|field| field.value) {
            Some(value) => Lookup::Value(value),
            None if self.truncated || self.unknown() > 0 => Lookup::Unknown,
            None => Lookup::Absent,
        }
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        self.text.capacity().saturating_add(self.marks.capacity().saturating_mul(size_of::<Mark>()))
    }

    /// Appends a field; beyond the bound, the fields are truncated.
    pub(crate) fn push(&mut self, name: Option<&[u8]>, value: Option<&[u8]>) {
        let more = name.map_or(0, <[u8]>::len).saturating_add(value.map_or(0, <[u8]>::len));
        // Every field counts, including empty ones.
        let used = self.text.len().saturating_add(self.marks.len().saturating_mul(size_of::<Mark>()));
        if self.truncated || used.saturating_add(more) > Self::MAX_TEXT {
            self.truncated = true;
            return;
        }
        let mut append = |part: Option<&[u8]>| {
            part.map(|part| {
                self.text.extend_from_slice(part);
                self.text.len() as u32
            })
        };
        let (name, value) = (append(name), append(value));
        self.marks.push(Mark { name, value, end: self.text.len() as u32 });
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.marks.clear();
        self.truncated = false;
    }

    pub(crate) const fn truncate(&mut self) {
        self.truncated = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_are_known_and_not() {
        let mut fields = Fields::default();
        fields.push(Some(b"a"), Some(b"1"));
        fields.push(None, Some(b"2"));
        fields.push(None, None);
        fields.push(Some(b"empty"), Some(b""));
        let listed: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        let expected: [(Option<&[u8]>, Option<&[u8]>); 4] =
            [(Some(b"a"), Some(b"1")), (None, Some(b"2")), (None, None), (Some(b"empty"), Some(b""))];
        assert_eq!(listed, expected);
        assert_eq!((fields.len(), fields.unknown()), (4, 2));
        assert_eq!(fields.find(b"a"), Lookup::Value(b"1"));
        assert_eq!(fields.find(b"b"), Lookup::Unknown);
    }

    #[test]
    fn a_name_is_absent_only_where_all_are_known() {
        let mut fields = Fields::default();
        fields.push(Some(b"a"), Some(b"1"));
        assert_eq!(fields.find(b"b"), Lookup::Absent);
        fields.truncate();
        assert_eq!(fields.find(b"b"), Lookup::Unknown);
        assert_eq!(fields.find(b"a"), Lookup::Value(b"1"));
    }

    #[test]
    fn text_and_fields_are_bounded() {
        let mut fields = Fields::default();
        for _ in 0..1_000_000 {
            fields.push(Some(b""), Some(b""));
        }
        assert!(fields.is_truncated() && fields.allocated() <= 2 * Fields::MAX_TEXT);
        let mut fields = Fields::default();
        for _ in 0..100 {
            fields.push(Some(&[b'n'; 60_000]), Some(b""));
        }
        assert!(fields.is_truncated() && fields.len() == 4 && fields.allocated() <= 2 * Fields::MAX_TEXT);
    }
}
