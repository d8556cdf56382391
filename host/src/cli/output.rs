//! What the commands print: text for people, JSON for programs, and colours where there is a terminal.

use crate::error::Error;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, Write},
};

/// Where results go. When nobody reads them any more, as with `countersign verify | true`, the printing ends, and nothing else: what
/// a command does, and how it ends, is the same as with a reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    /// Whether printing to nobody is an error.
    needs_reader: bool,
}

pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// Text in a style. What is printed through [`Output`] loses it where there is no terminal, or `NO_COLOR` is set.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Text of a stranger's: characters that could steer a terminal, or turn its writing around, become visible.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                shown.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => shown.push(character),
        }
    }
    shown
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self {
            json,
            needs_reader: false,
        }
    }

    /// The same for a command that would run on for nobody: printing then is [`Error::OutputClosed`].
    pub(super) const fn with_reader(self) -> Self {
        Self {
            needs_reader: true,
            ..self
        }
    }

    /// Whether results are for a program.
    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints lines for people.
    ///
    /// # Errors
    /// [`Error::System`] where it cannot be written; [`Error::OutputClosed`] as [`with_reader`](Self::with_reader) says.
    pub(super) fn lines(self, text: impl Display) -> Result<(), Error> {
        let mut out = anstream::stdout().lock();
        self.written(writeln!(out, "{text}").and_then(|()| out.flush()))
    }

    /// Prints a value for a program, on a line of its own.
    ///
    /// # Errors
    /// As of [`lines`](Self::lines).
    pub(super) fn value(self, value: &impl Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_vec(value).map_err(|error| Error::System {
            doing: "writing JSON",
            source: error.into(),
        })?;
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Prints the value to a program, and the text to people.
    ///
    /// # Errors
    /// As of [`lines`](Self::lines).
    pub(super) fn either(self, value: &impl Serialize, text: impl Display) -> Result<(), Error> {
        match self.json {
            true => self.value(value),
            false => self.lines(text),
        }
    }

    /// Prints bytes as they stand.
    ///
    /// # Errors
    /// As of [`lines`](Self::lines).
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        self.written(out.write_all(bytes).and_then(|()| out.flush()))
    }

    fn written(self, result: io::Result<()>) -> Result<(), Error> {
        result.or_else(|error| match error.kind() {
            io::ErrorKind::BrokenPipe if self.needs_reader => Err(Error::OutputClosed),
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Error::System {
                doing: "writing to standard output",
                source: error,
            }),
        })
    }

    /// Tells people of something unwise on standard error, and goes on. Programs look for an error there.
    pub(super) fn warn(self, text: impl Display) {
        if !self.json {
            self.note(format_args!("warning: {text}"));
        }
    }

    /// A remark for people beside the result.
    pub(super) fn note(self, text: impl Display) {
        // Nobody is left to be told when this fails.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Says why the program ends.
    pub(super) fn failed(self, command: &str, error: &Error) {
        if self.json {
            return self.mistake(error.code(), &error.to_string());
        }
        match error {
            Error::Usage { code, message } => {
                let code = code.map_or_else(String::new, |code| format!(" ({code})"));
                self.note(format_args!(
                    "countersign {command}: {message}{code}\n\"countersign {command} --help\" shows how."
                ));
            }
            error => self.note(format_args!("countersign: {error}")),
        }
    }

    /// An error as JSON.
    pub(super) fn mistake(self, code: &str, message: &str) {
        self.note(serde_json::json!({ "error": { "code": code, "message": message } }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_becomes_visible() {
        assert_eq!(
            shown("a\u{1b}[31mé\u{9b}\u{202e}\n"),
            "a\\u001b[31mé\\u009b\\u202e\\u000a"
        );
    }
}
