//! Where in SQL a cursor stands: what is said before it decides what may follow.
//!
//! A few rules of SQL's texts are enough for that (strings, quoted names, comments, semicolons), and they hold for what is
//! not whole yet, which a parser would refuse.

/// In what the end of a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Names, keywords, numbers.
    Sql,
    /// A string that began at this byte, behind its quote.
    Text(usize),
    /// A quoted name that began at this byte, behind its quote.
    Name(usize),
    /// A comment.
    Comment,
}

/// Where the statement begins in which a text ends, and in what the text ends.
pub(super) fn place(text: &str) -> (usize, Inside) {
    let (mut statement, mut inside) = (0, Inside::Sql);
    let mut depth = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        match (inside, c) {
            (Inside::Sql, '\'') => inside = Inside::Text(at + 1),
            (Inside::Sql, '"') => inside = Inside::Name(at + 1),
            (Inside::Sql, ';') => statement = at + 1,
            (Inside::Sql, '-') if next == Some('-') => inside = Inside::Comment,
            (Inside::Sql | Inside::Comment, '/')
                if next == Some('*') && (inside == Inside::Sql || depth > 0) =>
            {
                (inside, depth) = (Inside::Comment, depth + 1);
                chars.next();
            }
            // A doubled quote ends one and begins the next: to what follows it is the same.
            (Inside::Text(_), '\'') | (Inside::Name(_), '"') => inside = Inside::Sql,
            (Inside::Comment, '*') if depth > 0 && next == Some('/') => {
                depth -= 1;
                chars.next();
                if depth == 0 {
                    inside = Inside::Sql;
                }
            }
            (Inside::Comment, '\n') if depth == 0 => inside = Inside::Sql,
            _ => {}
        }
    }
    (statement, inside)
}

/// Where the word begins in which a text ends; at its end where it ends in none.
pub(super) fn word_start(text: &str) -> usize {
    text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_')
        .len()
}

/// The words of SQL, without what stands between them.
pub(super) fn words(sql: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| !c.is_alphanumeric() && c != '_';
    sql.split(between).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_names_and_comments_are_told_apart() {
        for (text, expected) in [
            ("SELECT 1; SELECT ", (9, Inside::Sql)),
            ("SELECT ';", (0, Inside::Text(8))),
            ("SELECT 'it''s", (0, Inside::Text(12))),
            ("SELECT 'a', \"b", (0, Inside::Name(13))),
            ("SELECT 1 -- a;", (0, Inside::Comment)),
            ("SELECT 1 -- a;\n", (0, Inside::Sql)),
            ("SELECT /* /* */ ;", (0, Inside::Comment)),
            ("SELECT /* /* */ */ ;", (20, Inside::Sql)),
            ("SELECT 1 -- /* \n", (0, Inside::Sql)),
            ("SELECT 4 / 2 - 1", (0, Inside::Sql)),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_names_in_any_script() {
        assert_eq!(word_start("SELECT größe"), 7);
        assert_eq!(word_start("a.b "), 4);
        let all: Vec<_> = words("FROM events e, \"x\" WHERE e.n_1=2").collect();
        assert_eq!(all, ["FROM", "events", "e", "x", "WHERE", "e", "n_1", "2"]);
    }
}
