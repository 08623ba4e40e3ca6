//! Reads over a JSON text once: whether it is one, how deep it is, whether all of it is Unicode, and where the members of the
//! outermost object lie. Nothing is copied, and the cost of a byte does not depend on how many fields there are, which a
//! reader that makes a value of each field cannot say of itself (7,000 fields cost 40 times the same bytes as one string).

use smallvec::SmallVec;
use std::borrow::Cow;

/// What a JSON text is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Objects and arrays within one another, at the deepest place; 0 for a number.
    pub depth: usize,
    /// No string has half a surrogate pair (`\ud800`), which is no character.
    pub unicode: bool,
}

impl Shape {
    /// Common readers take it: not deeper than this, and nothing that is no character.
    pub const fn is_readable(&self, most: usize) -> bool {
        self.depth <= most && self.unicode
    }
}

/// A field of the outermost object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    text: &'a str,
    /// Where its name begins in the text, with the quote.
    pub from: usize,
    /// Behind the name's closing quote.
    named: usize,
    /// The name has a backslash.
    escaped: bool,
    /// Where its value begins.
    start: usize,
    /// Where its value has ended.
    pub to: usize,
}

impl<'a> Member<'a> {
    /// The name; as it is written if that is half a surrogate pair, which no name that anybody looks for is.
    pub fn name(&self) -> Cow<'a, str> {
        if self.escaped
            && let Some(quoted) = self.text.get(self.from..self.named)
            && let Ok(name) = serde_json::from_str(quoted)
        {
            return Cow::Owned(name);
        }
        let plain = self.text.get(self.from + 1..self.named - 1);
        Cow::Borrowed(plain.unwrap_or_default())
    }

    /// Whether the name is one that `test` is true of. Cheaper than the name as a text, of which there may be thousands.
    pub fn is(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        if self.escaped {
            return test(self.name().as_bytes());
        }
        let plain = self.text.as_bytes().get(self.from + 1..self.named - 1);
        plain.is_some_and(test)
    }

    /// Its value as it is written.
    pub fn value(&self) -> &'a str {
        self.text.get(self.start..self.to).unwrap_or_default()
    }
}

/// Reads `text`, and calls `each` with the members if it is an object. `None` if it is not JSON; `each` may have been called
/// then.
pub fn scan<'a>(text: &'a str, mut each: impl FnMut(Member<'a>)) -> Option<Shape> {
    let mut reader = Reader {
        text,
        at: 0,
        open: SmallVec::new(),
        outer: 0,
        deepest: 0,
        unicode: true,
    };
    reader.blank();
    if reader.take(b'{') {
        reader.members(&mut each)?;
    } else {
        reader.value()?;
    }
    reader.blank();
    (reader.at == text.len()).then_some(Shape {
        depth: reader.deepest,
        unicode: reader.unicode,
    })
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// The brackets that are open, without the outermost object's. A list instead of recursion: text may be very deep.
    open: SmallVec<[u8; 64]>,
    /// 1 within the outermost object.
    outer: usize,
    deepest: usize,
    unicode: bool,
}

// What each field passes through is inlined by order: calls would cost as much as the field.
impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, wanted: u8) -> Option<()> {
        self.take(wanted).then_some(())
    }

    #[inline(always)]
    fn blank(&mut self) {
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
        {
            self.at += 1;
        }
    }

    /// The outermost object, behind its bracket.
    fn members(&mut self, each: &mut impl FnMut(Member<'a>)) -> Option<()> {
        self.outer = 1;
        self.deepest = 1;
        self.blank();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            let from = self.at;
            self.need(b'"')?;
            let escaped = self.string()?;
            let named = self.at;
            self.colon()?;
            let start = self.at;
            self.value()?;
            each(Member {
                text: self.text,
                from,
                named,
                escaped,
                start,
                to: self.at,
            });
            self.blank();
            match self.next()? {
                b',' => self.blank(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    #[inline(always)]
    fn colon(&mut self) -> Option<()> {
        self.blank();
        self.need(b':')?;
        self.blank();
        Some(())
    }

    /// A whole value.
    #[inline(always)]
    fn value(&mut self) -> Option<()> {
        loop {
            if self.begin()? {
                continue;
            }
            // Something has ended: what follows it, in what it stands in?
            loop {
                let Some(bracket) = self.open.last().copied() else {
                    return Some(());
                };
                self.blank();
                match (self.next()?, bracket) {
                    (b',', b'{') => {
                        self.blank();
                        self.name()?;
                        break;
                    }
                    (b',', _) => {
                        self.blank();
                        break;
                    }
                    (b'}', b'{') | (b']', b'[') => self.open.pop(),
                    _ => return None,
                };
            }
        }
    }

    /// A value up to its end, or up to the first one within it: whether that is next.
    #[inline(always)]
    fn begin(&mut self) -> Option<bool> {
        let first = self.next()?;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => {
                self.open.push(first);
                self.deepest = self.deepest.max(self.open.len() + self.outer);
                self.blank();
                let close = if first == b'{' { b'}' } else { b']' };
                if !self.take(close) {
                    if first == b'{' {
                        self.name()?;
                    }
                    return Some(true);
                }
                self.open.pop();
            }
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            b'-' => {
                let digit = self.next()?;
                self.number(digit)?;
            }
            digit => self.number(digit)?,
        }
        Some(false)
    }

    /// A field's name, up to its value.
    fn name(&mut self) -> Option<()> {
        self.need(b'"')?;
        self.string()?;
        self.colon()
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        rest.iter().try_for_each(|letter| self.need(*letter))
    }

    /// A number behind its sign and first digit.
    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Some(());
        }
        if self.take(b'.') {
            self.digit()?;
            self.digits();
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digit()?;
            self.digits();
        }
        Some(())
    }

    fn digit(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then_some(())
    }

    #[inline(always)]
    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// A string behind its opening quote: whether there are backslashes in it.
    #[inline(always)]
    fn string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let end = rest.iter().position(|byte| !plain(byte))?;
            self.at += end;
            match self.next()? {
                b'"' => return Some(escaped),
                b'\\' => self.escape()?,
                _ => return None,
            }
            escaped = true;
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => match self.hex()? {
                0xd800..=0xdbff => {
                    // The other half must follow at once. What else follows is looked at as what it is.
                    let before = self.at;
                    let low = self.take(b'\\') && self.take(b'u');
                    if !low || !matches!(self.hex()?, 0xdc00..=0xdfff) {
                        self.unicode = false;
                        self.at = before;
                    }
                }
                0xdc00..=0xdfff => self.unicode = false,
                _ => {}
            },
            _ => return None,
        }
        Some(())
    }

    fn hex(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit << 4 | char::from(self.next()?).to_digit(16)?;
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests;
