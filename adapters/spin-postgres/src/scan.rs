//! The part of SQL's lexical structure that finds the parameters of a statement and tells whether
//! it returns rows. Follows chapter 4.1 of PostgreSQL's manual, with `standard_conforming_strings`
//! on, which is the default.

/// A statement in parts.
#[derive(Debug, PartialEq)]
pub struct Scanned<'a> {
    pub pieces: Vec<Piece<'a>>,
    /// Parameters are `$1` to this.
    pub parameters: usize,
    pub returns_rows: bool,
}

#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    Text(&'a str),
    /// `$1` is 1.
    Parameter(usize),
}

/// Splits a statement into its parts.
///
/// # Errors
/// The fault of the statement: an unterminated string or comment, or a second statement.
pub fn scan(text: &str) -> Result<Scanned<'_>, String> {
    let mut scanner = Scanner { text, at: 0 };
    let mut scanned = Scanned {
        pieces: vec![],
        parameters: 0,
        returns_rows: false,
    };
    let (mut from, mut depth) = (0, 0usize);
    let mut clause = Clause::default();
    while let Some(token) = scanner.next()? {
        match token {
            Token::Parameter(number, start) => {
                scanned.pieces.push(Piece::Text(&text[from..start]));
                scanned.pieces.push(Piece::Parameter(number));
                scanned.parameters = scanned.parameters.max(number);
                from = scanner.at;
                clause.other();
            }
            Token::Word(word) if depth == 0 => clause.word(word),
            Token::Byte(b'(') => {
                clause.opens();
                depth += 1;
            }
            Token::Byte(b')') => {
                depth = depth.saturating_sub(1);
                clause.other();
            }
            Token::Byte(b',') if depth == 0 => clause.comma(),
            Token::Byte(b';') => {
                let end = scanner.at - 1;
                while let Some(token) = scanner.next()? {
                    if token != Token::Blank {
                        return Err("more than one statement".into());
                    }
                }
                scanned.pieces.push(Piece::Text(&text[from..end]));
                scanned.returns_rows = clause.returns_rows();
                return Ok(scanned);
            }
            Token::Blank => {}
            _ => clause.other(),
        }
    }
    scanned.pieces.push(Piece::Text(&text[from..]));
    scanned.returns_rows = clause.returns_rows();
    Ok(scanned)
}

/// The meaning of the words outside of parentheses.
#[derive(Default)]
struct Clause {
    verb: Option<&'static str>,
    returning: bool,
    /// After WITH, RECURSIVE or a comma comes a name, even if it reads like a verb.
    names: bool,
    /// Something other than a parenthesis came first.
    begun: bool,
    /// `(SELECT …)`: only queries begin like that.
    in_parentheses: bool,
}

impl Clause {
    const VERBS: [&'static str; 9] = [
        "SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN", "INSERT", "UPDATE", "DELETE", "MERGE",
    ];

    fn opens(&mut self) {
        self.in_parentheses |= !self.begun;
        self.other();
    }

    fn word(&mut self, word: &str) {
        self.begun = true;
        let is = |name: &&str| word.eq_ignore_ascii_case(name);
        if self.verb.is_none() && !self.names {
            self.verb = Self::VERBS.into_iter().find(is);
        }
        self.returning |= is(&"RETURNING");
        self.names = is(&"WITH") || is(&"RECURSIVE");
    }

    fn comma(&mut self) {
        self.names = true;
    }

    fn other(&mut self) {
        self.begun = true;
        self.names = false;
    }

    fn returns_rows(&self) -> bool {
        self.returning
            || self.in_parentheses
            || matches!(
                self.verb,
                Some("SELECT" | "VALUES" | "TABLE" | "SHOW" | "EXPLAIN")
            )
    }
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    /// A parameter's number, and its start.
    Parameter(usize, usize),
    /// A keyword or a name without quotes.
    Word(&'a str),
    /// Space or a comment.
    Blank,
    /// A string or a name in quotes.
    Quoted,
    Byte(u8),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, String> {
        let (start, rest) = (self.at, self.rest());
        let bytes = rest.as_bytes();
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let token = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x0b' => {
                self.at += 1;
                Token::Blank
            }
            b'-' if bytes.get(1) == Some(&b'-') => {
                self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                Token::Blank
            }
            b'/' if bytes.get(1) == Some(&b'*') => self.comment()?,
            b'\'' | b'"' => self.quoted(first, false)?,
            b'$' if bytes.get(1).is_some_and(u8::is_ascii_digit) => {
                let digits = rest[1..]
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len() - 1);
                self.at += 1 + digits;
                match rest[1..=digits].parse() {
                    Ok(number) if (1..=65_535).contains(&number) => Token::Parameter(number, start),
                    _ => return Err(format!("there is no parameter {}", &rest[..=digits])),
                }
            }
            b'$' => self.dollar_quoted()?,
            _ if begins_name(first) => {
                let end = bytes
                    .iter()
                    .position(|&byte| !(begins_name(byte) || byte.is_ascii_digit() || byte == b'$'))
                    .unwrap_or(bytes.len());
                self.at += end;
                match (&rest[..end], bytes.get(end)) {
                    ("e" | "E", Some(b'\'')) => self.quoted(b'\'', true)?,
                    (word, _) => Token::Word(word),
                }
            }
            byte => {
                self.at += 1;
                Token::Byte(byte)
            }
        };
        Ok(Some(token))
    }

    /// A quoted string or name, in which the quote is doubled; with escapes, a backslash also
    /// consumes the next character.
    fn quoted(&mut self, quote: u8, escapes: bool) -> Result<Token<'a>, String> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at) {
                None => return Err("a string or a name in quotes does not end".into()),
                Some(b'\\') if escapes => at += 2,
                Some(&byte) if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
                Some(&byte) if byte == quote => break,
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        Ok(Token::Quoted)
    }

    /// `$$…$$` or `$tag$…$tag$`; a dollar that begins neither stands for itself.
    fn dollar_quoted(&mut self) -> Result<Token<'a>, String> {
        let rest = self.rest();
        let tag_end = rest[1..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()))
            .map(|end| end + 1);
        let Some(tag_end) = tag_end.filter(|&end| rest.as_bytes()[end] == b'$') else {
            self.at += 1;
            return Ok(Token::Byte(b'$'));
        };
        let tag = &rest[..=tag_end];
        let length = rest[tag.len()..]
            .find(tag)
            .ok_or("a string in dollars does not end")?;
        self.at += length + 2 * tag.len();
        Ok(Token::Quoted)
    }

    /// Comments nest.
    fn comment(&mut self) -> Result<Token<'a>, String> {
        let (bytes, mut depth) = (self.text.as_bytes(), 0usize);
        loop {
            match bytes.get(self.at..self.at + 2) {
                None => return Err("a comment does not end".into()),
                Some(b"/*") => (depth, self.at) = (depth + 1, self.at + 2),
                Some(b"*/") => (depth, self.at) = (depth - 1, self.at + 2),
                Some(_) => self.at += 1,
            }
            if depth == 0 {
                return Ok(Token::Blank);
            }
        }
    }
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameters(text: &str) -> Vec<usize> {
        let pieces = scan(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .pieces;
        pieces
            .iter()
            .filter_map(|piece| {
                if let Piece::Parameter(number) = piece {
                    Some(*number)
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn what_only_looks_like_a_parameter_is_left_alone() {
        for (text, found) in [
            ("SELECT $1, $12", vec![1, 12]),
            ("SELECT '$1', '''$2', \"$3\", \"a\"\"$4\", $5", vec![5]),
            ("SELECT '\\', $1", vec![1]),
            ("SELECT E'\\'$1', e'$2''$3', $4", vec![4]),
            ("SELECT $$ $1 $$, $a$ $2 $b$ $$ $a$, $3", vec![3]),
            ("SELECT a$1, é$2, $3", vec![3]),
            ("SELECT 1 -- $1 '\n, $2 /* $3 /* ' */ $4 */, $5", vec![2, 5]),
            ("SELECT name'$1', U&'$2'", vec![]),
            ("SELECT $1::uuid[],x=ANY($2)", vec![1, 2]),
        ] {
            assert_eq!(parameters(text), found, "{text}");
        }
    }

    #[test]
    fn rows_come_back_where_a_statement_returns_any() {
        for text in [
            "SELECT 1",
            " -- x\n( SELECT 1 ) UNION SELECT 2",
            "((SELECT 1))",
            "VALUES (1)",
            "INSERT INTO t VALUES ($1) RETURNING id",
            "with a AS (UPDATE t SET x = 1 RETURNING *) select * from a",
            "WITH RECURSIVE update AS (SELECT 1), delete AS MATERIALIZED (SELECT 2) SELECT * FROM update, delete FOR UPDATE",
            "WITH a AS (SELECT 1) UPDATE t SET x = 1 RETURNING x",
        ] {
            assert!(scan(text).unwrap().returns_rows, "{text}");
        }
        for text in [
            "UPDATE t SET x = (SELECT 1)",
            "INSERT INTO t SELECT * FROM u",
            "WITH a AS (INSERT INTO t VALUES (1) RETURNING *) DELETE FROM u WHERE x IN (SELECT 1)",
            "DELETE FROM t WHERE x = 'RETURNING' -- RETURNING",
            "WITH select_it AS (SELECT 1), values AS (SELECT 2) INSERT INTO t SELECT * FROM values",
        ] {
            assert!(!scan(text).unwrap().returns_rows, "{text}");
        }
    }

    #[test]
    fn a_second_statement_and_what_does_not_end_are_refused() {
        for text in [
            "SELECT 1; SELECT 2",
            "SELECT 1;;",
            "SELECT 'a",
            "SELECT \"a",
            "SELECT $a$ $b$",
            "SELECT /* /* */",
            "SELECT E'\\'",
            "SELECT $0",
            "SELECT $70000",
        ] {
            assert!(scan(text).is_err(), "{text}");
        }
        assert_eq!(
            scan("SELECT 1 ; -- end").unwrap().pieces,
            [Piece::Text("SELECT 1 ")]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_text(text in "[ a$E1'\"/*();,\\\\\\-\n_é]{0,40}") {
            if let Ok(scanned) = scan(&text) {
                let whole: String = scanned.pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => (*text).to_string(),
                    Piece::Parameter(number) => format!("${number}"),
                }).collect();
                prop_assert!(text == whole || text.strip_prefix(&whole).is_some_and(|rest| rest.starts_with(';')), "{text:?} {whole:?}");
            }
        }
    }
}
