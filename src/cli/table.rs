//! Columns for people.

/// `rows` with every column as wide as its widest cell; the first row is the heading.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The same for names and what they are; lines without a value are left out.
pub(super) fn pairs(lines: &[(&str, Option<String>)]) -> String {
    let known = lines.iter().filter_map(|(name, value)| Some(vec![(*name).to_owned(), inert(value.as_deref()?)]));
    table(&known.collect::<Vec<_>>())
}

/// What others wrote, without what a terminal would obey.
pub(super) fn inert(text: &str) -> String {
    text.chars().flat_map(|char| if char.is_control() { char.escape_default().collect() } else { vec![char] }).collect()
}
