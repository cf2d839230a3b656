use std::fmt::Write;

use super::pieces::{Piece, pieces};
use super::style::{Style, StyledWriter};
use crate::event::Missing;

const ROW: usize = 16;
const INDENT: usize = 6;

/// Writes a payload as rows of offset, hexadecimal bytes and ASCII, with missing ranges marked in place.
pub fn hex_dump(writer: &mut StyledWriter<'_>, known: &[u8], missing: &[Missing]) {
    let mut line = String::new();
    for piece in pieces(known, missing) {
        match piece {
            Piece::Known(offset, bytes) => rows(writer, offset, bytes, &mut line),
            Piece::Missing(gap) => {
                writer.blanks(INDENT);
                writer.put(Style::Dim, &format!("{:08x}", gap.offset));
                let words = match gap.length {
                    Some(1) => "  · 1 byte missing".to_owned(),
                    Some(length) => format!("  · {length} bytes missing"),
                    None => "  · the rest is missing".to_owned(),
                };
                writer.put(Style::Note, &words);
                writer.end();
            }
        }
    }
}

fn rows(writer: &mut StyledWriter<'_>, offset: u64, bytes: &[u8], line: &mut String) {
    let mut offset = offset;
    for row in bytes.chunks(ROW) {
        writer.blanks(INDENT);
        line.clear();
        // Writing into a string cannot fail.
        let _ = write!(line, "{offset:08x}");
        writer.put(Style::Dim, line);
        line.clear();
        for place in 0..ROW {
            line.push_str(if place % 8 == 0 { "  " } else { " " });
            let _ = match row.get(place) {
                Some(byte) => write!(line, "{byte:02x}"),
                None => line.write_str("  "),
            };
        }
        writer.put(Style::Plain, line);
        writer.put(Style::Dim, "  ");
        line.clear();
        line.extend(row.iter().map(|&byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }));
        writer.put(Style::Dim, line);
        writer.end();
        offset = offset.saturating_add(ROW as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(known: &[u8], missing: &[Missing]) -> String {
        let mut out = Vec::new();
        hex_dump(&mut StyledWriter::new(&mut out, false), known, missing);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_of_sixteen() {
        let bytes: Vec<u8> = (b'A'..b'A' + 15).chain([0x1b, 0xff]).collect();
        assert_eq!(
            dump(&bytes, &[]),
            concat!(
                "      00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 1b  ABCDEFGHIJKLMNO.\n",
                "      00000010  ff                                                .\n",
            )
        );
        assert_eq!(dump(b"", &[]), "");
    }

    #[test]
    fn missing_ranges_keep_the_offsets_true() {
        let holes = [Missing { offset: 1, length: Some(31) }, Missing { offset: 33, length: None }];
        assert_eq!(
            dump(b"ab", &holes),
            concat!(
                "      00000000  61                                                a\n",
                "      00000001  · 31 bytes missing\n",
                "      00000020  62                                                b\n",
                "      00000021  · the rest is missing\n",
            )
        );
    }
}
