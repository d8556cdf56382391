//! Secrets: from files, variables, the command line, or asked for at the terminal.

use super::{SECRET, output::Output};
use crate::{error::Error, store::SecretText};
use clap::Args;
use std::{
    env::{self, VarError},
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

/// The variable that counts where no option says anything.
pub(super) const VARIABLE: &str = "COUNTERSIGN_SECRET";
/// Longest file with a secret, in bytes. A private key as PEM has some hundreds.
const FILE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Args)]
#[command(next_help_heading = SECRET)]
pub(super) struct SecretArgs {
    /// A file with the secret; a line break at its end is no part of it
    #[arg(long, value_name = "FILE")]
    secret_file: Vec<PathBuf>,
    /// An environment variable. Without any of these COUNTERSIGN_SECRET, or else it is asked for
    #[arg(long, value_name = "NAME")]
    secret_env: Vec<String>,
    /// For a quick try only: other programs and the shell's history see it
    #[arg(long, value_name = "TEXT", value_parser = given)]
    secret: Vec<SecretText>,
}

fn given(text: &str) -> Result<SecretText, std::convert::Infallible> {
    Ok(SecretText::new(text.to_owned()))
}

impl SecretArgs {
    /// Whether there are any.
    pub(super) fn are_given(&self) -> bool {
        !(self.secret_file.is_empty() && self.secret_env.is_empty() && self.secret.is_empty())
    }

    /// Every secret, in the order in which they are tried. `whose` is asked for at the terminal where there is none.
    ///
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn read(self, whose: &str, out: &Output) -> Result<Vec<SecretText>, Error> {
        if !self.are_given() {
            return Ok(vec![default(whose)?]);
        }
        if !self.secret.is_empty() {
            out.warn(
                "a secret on the command line is seen by other programs and kept by the shell; --secret-file is safer.",
            );
        }
        let files = self.secret_file.iter().map(|file| in_file(file));
        let variables = self.secret_env.iter().map(|name| {
            variable(name)?
                .ok_or_else(|| Error::usage(format!("The environment variable {name} is not set.")))
        });
        files
            .chain(variables)
            .chain(self.secret.into_iter().map(Ok))
            .collect()
    }
}

/// The text of a file without a line break at its end, which editors add.
///
/// # Errors
/// [`Error::Usage`]
pub(super) fn in_file(file: &Path) -> Result<SecretText, Error> {
    let name = file.display();
    let mut text = Vec::new();
    File::open(file)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(|error| Error::usage(format!("{name} cannot be read: {}.", reason(&error))))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::usage(format!(
            "{name} is longer than {FILE_BYTES_MAX} bytes, which no secret is."
        )));
    }
    let text = String::from_utf8(text)
        .map_err(|_| Error::usage(format!("{name} holds no text, which every secret is.")))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| {
        line.strip_suffix('\r').unwrap_or(line)
    });
    Ok(SecretText::new(text.to_owned()))
}

/// What the operating system says, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

/// `None` where it is not set, or empty.
fn variable(name: &str) -> Result<Option<SecretText>, Error> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(Some(SecretText::new(value))),
        Ok(_) | Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::usage(format!(
            "The environment variable {name} holds no text, which every secret is."
        ))),
    }
}

fn default(whose: &str) -> Result<SecretText, Error> {
    if let Some(secret) = variable(VARIABLE)? {
        return Ok(secret);
    }
    let asked = match io::stderr().is_terminal() {
        // From the terminal itself, so that standard input may be a request.
        true => rpassword::prompt_password(format!("Secret of {whose}: ")).ok(),
        false => None,
    };
    match asked {
        Some(text) if !text.is_empty() => Ok(SecretText::new(text)),
        _ => Err(Error::usage(format!(
            "No secret was given. Use --secret-file FILE, or set {VARIABLE}."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_at_the_end_of_a_file_is_no_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        for (text, secret) in [
            ("s", "s"),
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s\r", "s\r"),
            (" s \n\n", " s \n"),
            ("", ""),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(in_file(&file).unwrap().as_str(), secret, "{text:?}");
        }
        std::fs::write(&file, [0xff]).unwrap();
        assert!(in_file(&file).is_err());
        std::fs::write(&file, vec![b'x'; 64 * 1024 + 1]).unwrap();
        assert!(in_file(&file).is_err());
        let missing = in_file(&folder.path().join("none")).unwrap_err();
        assert!(
            missing
                .to_string()
                .ends_with("cannot be read: No such file or directory.")
        );
    }

    #[test]
    fn secrets_do_not_print() {
        let args = SecretArgs {
            secret_file: Vec::new(),
            secret_env: Vec::new(),
            secret: vec![SecretText::new("hush".to_owned())],
        };
        assert!(!format!("{args:?}").contains("hush"));
    }
}
