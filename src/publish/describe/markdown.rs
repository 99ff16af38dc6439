//! Somebody's words in the dataset card: text in Markdown, never markup.
//!
//! Labels come from whoever recorded, names from the traced machine, titles and descriptions from `dataset.toml`. The card
//! is shown by web sites, so none of them may bring a link, an image, a table cell, a heading or HTML of its own. What
//! cannot be markup stays as it is, so that plain words read the same in the file.

use crate::shown::shown;

/// Text within a line: a cell of a table, an item of a list, a heading.
pub(super) fn inline(text: &str) -> String {
    let text = shown(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        let is_word = |at: Option<usize>| {
            at.and_then(|at| chars.get(at))
                .is_some_and(|c| c.is_alphanumeric())
        };
        match c {
            '&' if is_entity(&chars[i + 1..]) => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Within a word it marks nothing.
            '_' if is_word(i.checked_sub(1)) && is_word(Some(i + 1)) => out.push('_'),
            // In an address it stands for a home.
            '~' if i > 0 && chars[i - 1] == '/' => out.push('~'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', *c]),
            '!' if chars.get(i + 1) == Some(&'[') => out.push_str("\\!"),
            c => out.push(*c),
        }
    }
    out
}

/// Whether what follows an `&` makes it an entity of HTML, which Markdown would show as a character.
fn is_entity(rest: &[char]) -> bool {
    let is_name = |c: &&char| c.is_ascii_alphanumeric() || **c == '#';
    let name = rest.iter().take_while(is_name).count();
    name > 0 && rest.get(name) == Some(&';')
}

/// Text that stands at the beginning of a line, in paragraphs that an empty line parts.
pub(super) fn block(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = inline(line);
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let numbered = digits > 0 && line[digits..].starts_with(['.', ')']);
        match line.chars().next() {
            Some('#' | '-' | '+' | '=' | ':') => format!("\\{line}"),
            _ if numbered => format!("{}\\{}", &line[..digits], &line[digits..]),
            _ => line,
        }
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .trim_matches('\n')
        .to_owned()
}

/// Text as code within a line, also in a cell of a table.
pub(super) fn code(text: &str) -> String {
    let text = shown(text);
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    let gap = match text.starts_with('`') || text.ends_with('`') {
        true => " ",
        false => "",
    };
    format!("{fence}{gap}{}{gap}{fence}", text.replace('|', "\\|"))
}

/// What a person says under `key`, or a mark that nobody does.
pub(super) fn said(text: &Option<String>, key: &str) -> String {
    match text {
        Some(text) => inline(text),
        None => format!("**[missing: `{key}` in dataset.toml]**"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_markup_becomes_words() {
        for plain in [
            "Linux 6.1.0-x86_64 (a, b)",
            "R&D at 5 %",
            "naïve: 1 + 1 = 2",
        ] {
            assert_eq!(inline(plain), plain);
            assert_eq!(block(plain), plain);
        }
        assert_eq!(
            inline("<img src=x onerror=y> ![a](b) |\n# c &lt; _d_ `e`\u{202e}"),
            "&lt;img src=x onerror=y&gt; \\!\\[a\\](b) \\| # c &amp;lt; \\_d\\_ \\`e\\`\\u{202e}"
                .replace("\\u{", "\\\\u{")
        );
    }

    #[test]
    fn a_paragraph_begins_no_block() {
        assert_eq!(
            block("# a\n- b\n\n1. c\n    code"),
            "\\# a\n\\- b\n\n1\\. c\ncode"
        );
    }

    #[test]
    fn code_holds_backticks_and_bars() {
        assert_eq!(code("abc"), "`abc`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`|\n"), "`` `\\|\\n ``");
    }
}
