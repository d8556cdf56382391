//! Meeting intent: does a reply speak of meeting?

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Most phrases of a list.
pub const PHRASES_MAX: usize = 1_000;

/// Longest phrase, in bytes.
pub const PHRASE_BYTES_MAX: usize = 200;

/// The documented list, in its order (E38).
const DOCUMENTED: [&str; 7] = [
    "calendar",
    "schedule",
    "thursday",
    "friday",
    "next week",
    "available",
    "let's talk",
];

/// How phrases are looked for (R-E10). Case never matters, in any script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhraseMatching {
    /// On the borders of words: "unavailable" does not contain "available". Curly apostrophes are as good as straight ones,
    /// and any white space is as good as one blank.
    #[default]
    WordBorders,
    /// Anywhere and character by character, as the document's sample does it.
    ExactSubstring,
}

/// Finds phrases that speak of meeting (E38). The default has the documented list and word borders.
///
/// The text may be a preview that was cut (R-E10), so a phrase at its end can be missed. The work is at most the length of
/// the text times the length of all phrases.
///
/// ```
/// use countersign_core::analytics::MeetingIntent;
///
/// let intent = MeetingIntent::default();
/// assert_eq!(intent.find("Sure, let\u{2019}s talk on Friday"), Some("friday"));
/// assert_eq!(intent.find("I am unavailable"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct MeetingIntent {
    matching: PhraseMatching,
    phrases: Vec<Phrase>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    given: String,
    folded: String,
}

/// The form that is written and read.
#[derive(Serialize, Deserialize)]
struct Settings {
    matching: PhraseMatching,
    phrases: Vec<String>,
}

/// A list of phrases that cannot be used. The fault of whoever sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeetingIntentError {
    /// More than [`PHRASES_MAX`].
    TooManyPhrases,
    /// A phrase of more than [`PHRASE_BYTES_MAX`] bytes.
    PhraseTooLong {
        /// Its place in the list, from 1.
        place: usize,
    },
    /// A phrase without anything to look for; it would be found in every text.
    PhraseEmpty {
        /// Its place in the list, from 1.
        place: usize,
    },
}

impl MeetingIntentError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyPhrases => "too_many_phrases",
            Self::PhraseTooLong { .. } => "phrase_too_long",
            Self::PhraseEmpty { .. } => "phrase_empty",
        }
    }
}

impl fmt::Display for MeetingIntentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyPhrases => write!(f, "too many phrases; give {PHRASES_MAX} at most"),
            Self::PhraseTooLong { place } => write!(
                f,
                "phrase {place} is too long; give {PHRASE_BYTES_MAX} bytes at most"
            ),
            Self::PhraseEmpty { place } => {
                write!(f, "phrase {place} is empty; leave it out")
            }
        }
    }
}

impl core::error::Error for MeetingIntentError {}

impl Default for MeetingIntent {
    fn default() -> Self {
        Self::from_phrases(PhraseMatching::WordBorders, DOCUMENTED)
    }
}

impl MeetingIntent {
    /// Looks for phrases of one's own.
    ///
    /// # Errors
    /// [`MeetingIntentError`]
    pub fn new<'a>(
        matching: PhraseMatching,
        phrases: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, MeetingIntentError> {
        // One more than allowed is enough to find that there are too many.
        let phrases = phrases.into_iter().take(PHRASES_MAX.saturating_add(1));
        let phrases: Vec<&str> = phrases.collect();
        if phrases.len() > PHRASES_MAX {
            return Err(MeetingIntentError::TooManyPhrases);
        }
        for (place, phrase) in (1..).zip(&phrases) {
            if phrase.len() > PHRASE_BYTES_MAX {
                return Err(MeetingIntentError::PhraseTooLong { place });
            }
            if matching.fold_phrase(phrase).is_empty() {
                return Err(MeetingIntentError::PhraseEmpty { place });
            }
        }
        Ok(Self::from_phrases(matching, phrases))
    }

    /// The documented list, looked for in another way.
    pub fn documented(matching: PhraseMatching) -> Self {
        Self::from_phrases(matching, DOCUMENTED)
    }

    fn from_phrases<'a>(
        matching: PhraseMatching,
        phrases: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let phrase = |given: &'a str| Phrase {
            given: given.to_owned(),
            folded: matching.fold_phrase(given),
        };
        Self {
            matching,
            phrases: phrases.into_iter().map(phrase).collect(),
        }
    }

    /// The first phrase of the list that the text contains, as it stands in the list.
    pub fn find(&self, text: &str) -> Option<&str> {
        let text = self.matching.fold(text);
        let found = |phrase: &&Phrase| match self.matching {
            PhraseMatching::WordBorders => stands_alone(&text, &phrase.folded),
            PhraseMatching::ExactSubstring => text.contains(&phrase.folded),
        };
        self.phrases
            .iter()
            .find(found)
            .map(|phrase| phrase.given.as_str())
    }
}

impl TryFrom<Settings> for MeetingIntent {
    type Error = MeetingIntentError;

    fn try_from(settings: Settings) -> Result<Self, MeetingIntentError> {
        let phrases = settings.phrases.iter().map(String::as_str);
        Self::new(settings.matching, phrases)
    }
}

impl From<MeetingIntent> for Settings {
    fn from(intent: MeetingIntent) -> Self {
        let phrases = intent.phrases.into_iter().map(|phrase| phrase.given);
        Self {
            matching: intent.matching,
            phrases: phrases.collect(),
        }
    }
}

impl PhraseMatching {
    /// The text without the differences that do not count.
    fn fold(self, text: &str) -> String {
        let mut folded = String::with_capacity(text.len());
        for c in text.chars() {
            match (self, c) {
                (Self::WordBorders, c) if c.is_whitespace() => {
                    if !folded.ends_with(' ') {
                        folded.push(' ');
                    }
                }
                // Left and right single quotation mark, the letter apostrophe, and the full-width one.
                (Self::WordBorders, '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{ff07}') => {
                    folded.push('\'');
                }
                (Self::WordBorders | Self::ExactSubstring, c) => folded.extend(c.to_lowercase()),
            }
        }
        folded
    }

    /// Blanks around a phrase count only where every character does.
    fn fold_phrase(self, phrase: &str) -> String {
        match self {
            Self::WordBorders => self.fold(phrase.trim()),
            Self::ExactSubstring => self.fold(phrase),
        }
    }
}

/// Whether the phrase occurs in the text and is not a part of longer words.
fn stands_alone(text: &str, phrase: &str) -> bool {
    let mut before = None;
    let mut rest = text;
    while let Some((skipped, found)) = rest
        .find(phrase)
        .and_then(|place| rest.split_at_checked(place))
    {
        let left = skipped.chars().next_back().or(before);
        let right = found
            .get(phrase.len()..)
            .and_then(|after| after.chars().next());
        if is_border(left, phrase.chars().next()) && is_border(phrase.chars().next_back(), right) {
            return true;
        }
        // On by one character: another occurrence may overlap this one.
        let mut after = found.chars();
        before = after.next();
        rest = after.as_str();
    }
    false
}

/// Whether a word can end between these two characters.
fn is_border(left: Option<char>, right: Option<char>) -> bool {
    !(left.is_some_and(is_of_a_word) && right.is_some_and(is_of_a_word))
}

/// Letters, digits, and the accents that follow their letter.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Holds: E38, R-E10
    #[test]
    fn the_documented_list_is_found_on_word_borders() {
        let intent = MeetingIntent::default();
        for phrase in DOCUMENTED {
            assert_eq!(intent.find(phrase), Some(phrase));
        }
        for (text, found) in [
            ("Are you AVAILABLE?", Some("available")),
            ("available", Some("available")),
            ("I am unavailable.", None),
            ("availability", None),
            ("unavailable, but later available", Some("available")),
            ("see my (calendar)", Some("calendar")),
            ("rescheduled", None),
            ("re-schedule", Some("schedule")),
            ("let\u{2019}s talk", Some("let's talk")),
            ("LET\u{2018}S   TALK!", Some("let's talk")),
            ("let\u{2bc}s\ntalk", Some("let's talk")),
            ("outlet's talk", None),
            ("let's talks", None),
            ("next\u{a0}week", Some("next week")),
            ("nextweek", None),
            ("fridays", None),
            ("friday\u{301}", None),
            ("", None),
            ("nothing of it", None),
        ] {
            assert_eq!(intent.find(text), found, "{text:?}");
        }
    }

    #[test]
    fn the_first_phrase_of_the_list_is_told() {
        let text = "next week, or this friday, see my calendar";
        assert_eq!(MeetingIntent::default().find(text), Some("calendar"));
        let own = MeetingIntent::new(PhraseMatching::WordBorders, ["friday", "calendar"]);
        assert_eq!(own.unwrap().find(text), Some("friday"));
    }

    // Holds: E38, R-E10
    #[test]
    fn exact_substrings_are_found_as_the_sample_finds_them() {
        let exact = MeetingIntent::documented(PhraseMatching::ExactSubstring);
        for (text, found) in [
            ("I am Unavailable", Some("available")),
            ("let's talk", Some("let's talk")),
            ("let\u{2019}s talk", None),
            ("next  week", None),
            ("next week", Some("next week")),
        ] {
            assert_eq!(exact.find(text), found, "{text:?}");
        }
    }

    #[test]
    fn case_is_folded_in_any_script() {
        let phrases = [
            "\u{41a}\u{410}\u{41b}\u{415}\u{41d}\u{414}\u{410}\u{420}\u{42c}",
            " Gespr\u{c4}ch ",
        ];
        for matching in [PhraseMatching::WordBorders, PhraseMatching::ExactSubstring] {
            let own = MeetingIntent::new(matching, phrases).unwrap();
            let russian = "\u{43c}\u{43e}\u{439} \u{43a}\u{430}\u{43b}\u{435}\u{43d}\u{434}\u{430}\u{440}\u{44c}";
            assert_eq!(own.find(russian), Some(phrases[0]));
            let german = own.find("ein gespr\u{e4}ch!");
            // Blanks around a phrase count in the exact mode.
            let borders = matching == PhraseMatching::WordBorders;
            assert_eq!(german, borders.then_some(phrases[1]));
        }
    }

    #[test]
    fn occurrences_may_overlap_and_phrases_may_begin_with_anything() {
        let own = MeetingIntent::new(PhraseMatching::WordBorders, ["a a", "?!"]).unwrap();
        assert_eq!(own.find("xa a a"), Some("a a"));
        assert_eq!(own.find("xa ax"), None);
        assert_eq!(own.find("when?!x"), Some("?!"));
    }

    #[test]
    fn lists_are_checked_also_when_they_are_read() {
        let new = |phrases: &[&str]| {
            MeetingIntent::new(PhraseMatching::WordBorders, phrases.iter().copied()).map(|_| ())
        };
        assert_eq!(new(&[]), Ok(()));
        let empty = MeetingIntentError::PhraseEmpty { place: 2 };
        assert_eq!(new(&["a", " \n"]), Err(empty));
        let long = "x".repeat(PHRASE_BYTES_MAX + 1);
        let too_long = MeetingIntentError::PhraseTooLong { place: 1 };
        assert_eq!(new(&[&long]), Err(too_long));
        let many = ["a"; PHRASES_MAX + 1];
        assert_eq!(new(&many), Err(MeetingIntentError::TooManyPhrases));
        assert_eq!(new(&many[1..]), Ok(()));

        let json = serde_json::to_string(&MeetingIntent::default()).unwrap();
        assert!(json.starts_with(r#"{"matching":"word_borders","phrases":["calendar","#));
        let read: MeetingIntent = serde_json::from_str(&json).unwrap();
        assert_eq!(read, MeetingIntent::default());
        let empty = r#"{"matching":"word_borders","phrases":[""]}"#;
        assert!(serde_json::from_str::<MeetingIntent>(empty).is_err());
    }
}
