//! The records of a CSV text, as RFC 4180 has them, for files that users write.

/// The line of a mistake, from 1, and what it is.
pub(super) type Mistake = (u64, String);

/// The records of a CSV text, each with the number of its first line.
pub(super) struct Records<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> Records<'a> {
    /// Those of `text`.
    pub(super) fn of(text: &'a str) -> Self {
        Records {
            rest: text,
            line: 1,
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<(u64, Vec<String>), Mistake>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let first = self.line;
        let mut record = Vec::new();
        loop {
            match self.field() {
                Ok((field, last)) => {
                    record.push(field);
                    if last {
                        return Some(Ok((first, record)));
                    }
                }
                Err(mistake) => {
                    self.rest = "";
                    return Some(Err(mistake));
                }
            }
        }
    }
}

impl Records<'_> {
    /// The next field, and whether it is the last of its record.
    fn field(&mut self) -> Result<(String, bool), Mistake> {
        let mut field = String::new();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            self.rest = quoted;
            loop {
                let end = self.rest.find('"');
                let end = end.ok_or_else(|| (self.line, "a quote is not closed".to_owned()))?;
                field.push_str(&self.rest[..end]);
                self.rest = &self.rest[end + 1..];
                match self.rest.strip_prefix('"') {
                    Some(rest) => {
                        field.push('"');
                        self.rest = rest;
                    }
                    None => break,
                }
            }
            self.line += field.matches('\n').count() as u64;
        } else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            field.push_str(&self.rest[..end]);
            self.rest = &self.rest[end..];
            if !self.rest.starts_with(',') && field.ends_with('\r') {
                field.pop();
                self.rest = &self.rest[self.rest.len().min(1)..];
                self.line += 1;
                return Ok((field, true));
            }
        }
        let after = |end: &str| self.rest.strip_prefix(end);
        if let Some(rest) = after(",") {
            self.rest = rest;
            return Ok((field, false));
        }
        match after("\r\n").or_else(|| after("\n")) {
            Some(rest) => self.rest = rest,
            None if self.rest.is_empty() => {}
            None => return Err((self.line, "something follows a closing quote".to_owned())),
        }
        self.line += 1;
        Ok((field, true))
    }
}
