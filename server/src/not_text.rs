//! What a file is that has the name of a CSV file and holds something else.

/// How such files begin, and what they are.
const BEGINNINGS: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "a workbook (.xlsx, .ods) or another zip"),
    (b"\xd0\xcf\x11\xe0", "a workbook (.xls)"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a document (.rtf)"),
    (b"\x1f\x8b", "a compressed file (.gz)"),
    (b"<", "HTML or XML"),
];

/// What the file is, if its first bytes say that it is no text with rows.
pub(crate) fn not_text(beginning: &[u8]) -> Option<&'static str> {
    let beginning = beginning
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(beginning)
        .trim_ascii_start();
    let found = BEGINNINGS
        .iter()
        .find(|(bytes, _)| beginning.starts_with(bytes));
    found.map(|(_, what)| *what)
}
