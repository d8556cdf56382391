//! JSON that was parsed and printed again: the same value in other bytes.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::signature::json::{NotJson, Scanner};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};

/// Longest body that is printed again: 1 MiB. Its parts take several times that in memory.
const JSON_BYTES_MAX: usize = 1024 * 1024;

/// A value whose strings and numbers are kept as they stand.
enum Node<'a> {
    Scalar(&'a str),
    /// Without its quotes.
    Text(&'a str),
    List(Vec<Node<'a>>),
    Object(Vec<(&'a str, Node<'a>)>),
}

/// White space of a printer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// None: JavaScript, PHP, Go.
    Compact,
    /// One blank after commas and colons: Python.
    Blanks,
    /// One value a line, indented by this.
    Lines(&'static str),
}

/// Escapes of a printer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// As they stand.
    Kept,
    /// Only what must be: JavaScript.
    Few,
    /// Characters outside ASCII, digits in lower case: Python.
    Ascii,
    /// The same, and slashes: PHP.
    AsciiAndSlashes,
    /// Slashes: PHP with unescaped Unicode.
    Slashes,
    /// `<`, `>`, `&` and two line separators: Go.
    Html,
    /// Characters outside ASCII and what HTML knows, digits in upper case: .NET.
    HtmlAndAscii,
}

const SPACINGS: [Spacing; 5] = [
    Spacing::Compact,
    Spacing::Blanks,
    Spacing::Lines("  "),
    Spacing::Lines("    "),
    Spacing::Lines("\t"),
];
const ESCAPES: [Escapes; 7] = [
    Escapes::Kept,
    Escapes::Few,
    Escapes::Ascii,
    Escapes::AsciiAndSlashes,
    Escapes::Slashes,
    Escapes::Html,
    Escapes::HtmlAndAscii,
];

/// Tries the body as other printers write it; true when one fits. At most 280 trials: five spacings, seven ways of escaping,
/// two orders of keys, with and without a line break at the end.
pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) -> bool {
    let Some(text) = core::str::from_utf8(view.body).ok() else {
        return false;
    };
    if text.len() > JSON_BYTES_MAX {
        trials.leave_out();
        return false;
    }
    let Ok(tree) = parse(text) else {
        return false;
    };
    let mut own = Vec::new();
    let mut tried: Vec<u64> = Vec::new();
    for ending in ["", "\n"] {
        for sorted in [false, true] {
            for escapes in ESCAPES {
                for spacing in SPACINGS {
                    if !trials.can_afford(text.len()) {
                        return false;
                    }
                    let printer = Printer {
                        spacing,
                        escapes,
                        sorted,
                    };
                    let mut printed = printer.print(&tree);
                    trials.charge(printed.len());
                    if printed == text {
                        own.push((spacing, sorted));
                    }
                    printed.push_str(ending);
                    // Most bodies print alike in many ways; what was tried is known by a fingerprint.
                    let fingerprint = fingerprint(printed.as_bytes());
                    if printed == text || tried.contains(&fingerprint) {
                        continue;
                    }
                    tried.push(fingerprint);
                    let candidate = View {
                        body: printed.as_bytes(),
                        ..*view
                    };
                    if trials.verifies(&candidate).is_some() {
                        tell(trials, &printer, own.contains(&(spacing, sorted)));
                        return true;
                    }
                }
            }
        }
    }
    false
}

fn tell(trials: &mut Trials<'_>, printer: &Printer, only_escapes: bool) {
    let escapes = match printer.escapes {
        Escapes::Kept => "",
        Escapes::Few => ", with few escapes as JavaScript writes them",
        Escapes::Ascii => ", with \\u escapes as Python writes them",
        Escapes::AsciiAndSlashes => ", with \\u escapes and escaped slashes as PHP writes them",
        Escapes::Slashes => ", with escaped slashes as PHP writes them",
        Escapes::Html => ", with <, > and & escaped as Go writes them",
        Escapes::HtmlAndAscii => ", with \\u escapes as .NET writes them",
    };
    let order = if printer.sorted {
        ", with its keys sorted"
    } else {
        ""
    };
    if only_escapes {
        trials.certain(
            Cause::BodyEscapes,
            ["The signature fits the same JSON", escapes, order, "."].concat(),
        );
        return;
    }
    let spacing = match printer.spacing {
        Spacing::Compact => "without white space",
        Spacing::Blanks => "with a blank after each comma and colon",
        Spacing::Lines(_) => "on several lines",
    };
    trials.certain(
        Cause::BodyReserialised,
        [
            "The signature fits the same JSON printed ",
            spacing,
            escapes,
            order,
            ".",
        ]
        .concat(),
    );
}

/// FNV-1a, 64 bits. A collision would leave out one candidate.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The text in a JSON string, when the whole is one.
pub(super) fn text_of_string(text: &str) -> Option<String> {
    let mut scanner = Scanner::new(text.trim());
    let inner = scanner.string().ok()?;
    scanner.is_at_end().then(|| inner.into_owned())
}

fn parse(text: &str) -> Result<Node<'_>, NotJson> {
    let mut scanner = Scanner::new(text);
    // Bounds nesting before anything recurses.
    scanner.skip(0)?;
    scanner.blanks();
    if !scanner.is_at_end() {
        return Err(NotJson);
    }
    node(&mut Scanner::new(text))
}

/// One value. Recurses no deeper than the scanner allows.
fn node<'a>(scanner: &mut Scanner<'a>) -> Result<Node<'a>, NotJson> {
    scanner.blanks();
    match scanner.peek() {
        Some(b'{') => {
            let mut fields = Vec::new();
            scanner.expect(b'{')?;
            scanner.blanks();
            while !scanner.take(b'}') {
                if !fields.is_empty() {
                    scanner.expect(b',')?;
                    scanner.blanks();
                }
                let key = scanner.pass_string()?;
                scanner.blanks();
                scanner.expect(b':')?;
                fields.push((key, node(scanner)?));
                scanner.blanks();
            }
            Ok(Node::Object(fields))
        }
        Some(b'[') => {
            let mut items = Vec::new();
            scanner.expect(b'[')?;
            scanner.blanks();
            while !scanner.take(b']') {
                if !items.is_empty() {
                    scanner.expect(b',')?;
                }
                items.push(node(scanner)?);
                scanner.blanks();
            }
            Ok(Node::List(items))
        }
        Some(b'"') => scanner.pass_string().map(Node::Text),
        _ => scanner.pass().map(Node::Scalar),
    }
}

struct Printer {
    spacing: Spacing,
    escapes: Escapes,
    sorted: bool,
}

impl Printer {
    fn print(&self, node: &Node<'_>) -> String {
        let mut text = String::new();
        self.value(node, 0, &mut text);
        text
    }

    fn value(&self, node: &Node<'_>, depth: usize, text: &mut String) {
        match node {
            Node::Scalar(scalar) => text.push_str(scalar),
            Node::Text(raw) => self.string(raw, text),
            Node::List(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    self.before(place, depth, text);
                    self.value(item, depth.saturating_add(1), text);
                }
                self.end(items.is_empty(), depth, text);
                text.push(']');
            }
            Node::Object(fields) => {
                text.push('{');
                let mut fields: Vec<_> = fields.iter().collect();
                if self.sorted {
                    fields.sort_by_key(|(key, _)| unescaped(key));
                }
                for (place, (key, value)) in fields.iter().enumerate() {
                    self.before(place, depth, text);
                    self.string(key, text);
                    text.push_str(if self.spacing == Spacing::Compact {
                        ":"
                    } else {
                        ": "
                    });
                    self.value(value, depth.saturating_add(1), text);
                }
                self.end(fields.is_empty(), depth, text);
                text.push('}');
            }
        }
    }

    /// What stands before a value of a list or object.
    fn before(&self, place: usize, depth: usize, text: &mut String) {
        if place > 0 {
            text.push(',');
        }
        match self.spacing {
            Spacing::Compact => {}
            Spacing::Blanks if place > 0 => text.push(' '),
            Spacing::Blanks => {}
            Spacing::Lines(indent) => line(indent, depth.saturating_add(1), text),
        }
    }

    fn end(&self, is_empty: bool, depth: usize, text: &mut String) {
        if let (Spacing::Lines(indent), false) = (self.spacing, is_empty) {
            line(indent, depth, text);
        }
    }

    fn string(&self, raw: &str, text: &mut String) {
        text.push('"');
        match self.escapes {
            Escapes::Kept => text.push_str(raw),
            escapes => unescaped(raw).chars().for_each(|c| escapes.write(c, text)),
        }
        text.push('"');
    }
}

fn line(indent: &str, depth: usize, text: &mut String) {
    text.push('\n');
    (0..depth).for_each(|_| text.push_str(indent));
}

/// The text of a string that the scanner has passed over.
fn unescaped(raw: &str) -> Cow<'_, str> {
    match raw.contains('\\') {
        true => crate::signature::json::unescaped(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
        false => Cow::Borrowed(raw),
    }
}

impl Escapes {
    fn write(self, c: char, text: &mut String) {
        let is_html = matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let is_dotnet = is_html || matches!(c, '"' | '\'' | '+' | '`');
        let by_number = match self {
            Self::Kept | Self::Few | Self::Slashes => false,
            Self::Ascii | Self::AsciiAndSlashes => !c.is_ascii(),
            Self::Html => is_html,
            Self::HtmlAndAscii => is_dotnet || !c.is_ascii(),
        };
        match c {
            c if by_number => self.number(c, text),
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => self.number(c, text),
            '/' if matches!(self, Self::Slashes | Self::AsciiAndSlashes) => text.push_str("\\/"),
            c => text.push(c),
        }
    }

    fn number(self, c: char, text: &mut String) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let bytes = unit.to_be_bytes();
            let digits = match self {
                Self::HtmlAndAscii => base16ct::upper::encode_string(&bytes),
                _ => base16ct::lower::encode_string(&bytes),
            };
            text.push_str("\\u");
            text.push_str(&digits.to_string());
        }
    }
}
