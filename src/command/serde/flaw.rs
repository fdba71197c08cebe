//! Why a value could not be written or read. Drops whatever may hold a part of the value: texts of users' own
//! types among it.

use serde::de::{Expected, Unexpected};
use serde::{de, ser};
use std::fmt;

/// How errors of serde begin that end with what was expected.
const EXPECTING: [&str; 5] = [
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant `",
    "unknown field `",
];

/// Errors that name parts of types only.
const HARMLESS: [&str; 4] = [
    "missing field `",
    "duplicate field `",
    "key must be a string",
    "float key must be finite",
];

/// What a type says of a value, without the value.
#[derive(Debug)]
pub(super) struct Flaw(pub(super) String);

impl Flaw {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What an error of JSON says. `path`: where it was.
    pub(super) fn of_json(error: &serde_json::Error, path: &serde_path_to_error::Path) -> Self {
        let text = error.to_string();
        // An error of writing has no line.
        let text = if error.is_data() || error.line() == 0 {
            harmless(&text)
        } else {
            // What is wrong with the text itself is told without any of it.
            text
        };
        // The path of the whole is empty, and would be shown as a dot.
        match path.iter().next() {
            Some(_) => Self(format!("{path}: {text}")),
            None => Self(text),
        }
    }
}

/// The part of an error of serde that says nothing of the value.
fn harmless(text: &str) -> String {
    if HARMLESS.iter().any(|start| text.starts_with(start)) {
        return text.to_owned();
    }
    // The value stands in front. It may say ", expected" too, so that the last one counts.
    let expected = (EXPECTING.iter().any(|start| text.starts_with(start)))
        .then(|| text.rsplit_once(", expected "))
        .flatten();
    match expected {
        Some((_, what)) => format!("expected {what}"),
        None => "its type refuses it".to_owned(),
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Flaw {}

impl ser::Error for Flaw {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(harmless(&text.to_string()))
    }
}

impl de::Error for Flaw {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(harmless(&text.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self(format!("expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self(format!("expected {expected}"))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self(format!("expected {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_was_there_is_not_told() {
        for (text, expected) in [
            ("missing field `age`", "missing field `age`"),
            ("invalid type: string \"x\", expected u32", "expected u32"),
            (
                "invalid type: string \"a, expected b\", expected u32",
                "expected u32",
            ),
            ("my own secret, expected no more", "its type refuses it"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
