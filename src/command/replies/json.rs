//! What commands of JSON documents reply. Parses only the numbers that servers send as a text on RESP2; documents
//! are the user's.

use crate::command::FromValue;
use crate::command::convert::{Form, failed};
use crate::error::Result;
use crate::protocol::Value;
use serde_json::{Number, from_slice};

/// What a command of JSON documents has to say of each place that its path means, in the order of the document.
///
/// A JSONPath, which begins with `$`, means any number of places. A path of the old kind, such as `.name` or `.`,
/// means one. Servers reply a list to the first and one value to the second: both become this type, also where
/// RESP2 and RESP3 differ.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is made and taken apart by its one field"
)]
pub struct JsonMatches<T>(
    /// `None`: what is at this place is not of the kind that the command is for; of
    /// [`json_arr_pop`](crate::Commands::json_arr_pop), the array was empty; of a path of the old kind also, there
    /// is nothing.
    pub Vec<Option<T>>,
);

impl<T> JsonMatches<T> {
    /// What was said of the first place, for a path that means only one. `None`: it means none, or that place is
    /// not of the kind that the command is for.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let length: Option<u64> = client.json_arr_append("user:7", "$.tags", r#""new""#)?.first();
    /// # Ok::<(), hitless::Error>(())
    /// ```
    pub fn first(self) -> Option<T> {
        self.0.into_iter().next().flatten()
    }
}

impl<T: FromValue> FromValue for JsonMatches<T> {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let value = match value.into_items() {
            // JSON.TYPE has one list more around it on RESP3. No other reply to a JSONPath has a list in it.
            Ok(items) => match <[Value; 1]>::try_from(items.into_vec()) {
                Ok([one]) if matches!(one.plain(), Value::Array(_)) => one,
                Ok(one) => Value::array(Vec::from(one)),
                Err(items) => Value::array(items),
            },
            Err(error @ Value::Error(_)) => error,
            // A path of the old kind.
            Err(one) => Value::array(vec![one]),
        };
        Vec::from_value(value).map(Self)
    }
}

/// The numbers that a command has left in a document: one for each place that its path means, in the order of the
/// document.
///
/// Servers send them as a JSON text on RESP2, and as a list on RESP3: both become this type.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is made and taken apart by its one field"
)]
pub struct JsonNumbers<T>(
    /// `None`: at this place is no number, and it is as before. To a path of the old kind servers reply an error
    /// then, on RESP2.
    pub Vec<Option<T>>,
);

impl<T> JsonNumbers<T> {
    /// The number at the first place, for a path that means only one. `None`: it means none, or there is no number.
    pub fn first(self) -> Option<T> {
        self.0.into_iter().next().flatten()
    }
}

impl<T: FromValue> FromValue for JsonNumbers<T> {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let value = match value.into_plain() {
            Value::Bulk(text) => parsed(text)?,
            other => other,
        };
        Vec::from_value(value).map(Self)
    }
}

/// The numbers of a JSON text as RESP3 has them.
fn parsed(text: Vec<u8>) -> Result<Value> {
    let one = |number: Option<Number>| match number {
        None => Value::Nil,
        Some(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(other)) if number.is_f64() => Value::Double(other),
            // Beyond 64 bits with a sign: the digits say it exactly.
            _ => Value::bulk(number.to_string()),
        },
    };
    let each = |numbers: Vec<_>| Value::array(numbers.into_iter().map(one).collect::<Vec<_>>());
    if let Ok(numbers) = from_slice(&text) {
        return Ok(each(numbers));
    }
    match from_slice(&text) {
        Ok(number) => Ok(each(vec![number])),
        Err(_) => failed("a text is no JSON of numbers", Value::Bulk(text)),
    }
}

/// The kind of a JSON value.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum JsonType {
    /// The value `null`, which is not the absence of one.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction or an exponent.
    Number,
    /// A text, in quotes.
    String,
    /// A list of values of any kinds.
    Array,
    /// Names with values.
    Object,
    /// A word that is not known here.
    Other(String),
}

impl FromValue for JsonType {
    const FORM: Form = Form::Scalar;

    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let word = String::from_value(value)?;
        Ok(match word.as_str() {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => Self::Other(word),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_from_a_text_and_from_a_list() {
        let text = Value::bulk("[null,3,-3.5,3.0]");
        let list = vec![
            Value::Nil,
            Value::Int(3),
            Value::Double(-3.5),
            Value::Double(3.0),
        ];
        for reply in [text, Value::array(list)] {
            let numbers = JsonNumbers::<f64>::from_value(reply.clone()).unwrap();
            assert_eq!(numbers.0, [None, Some(3.0), Some(-3.5), Some(3.0)]);
            // One that does not fit says where it is.
            let error = JsonNumbers::<i64>::from_value(reply).unwrap_err();
            assert!(error.to_string().starts_with("element 2: "), "{error}");
        }
        for reply in [Value::bulk("3.0"), Value::array(vec![Value::Double(3.0)])] {
            let number = JsonNumbers::<i64>::from_value(reply).unwrap();
            assert_eq!(number.first(), Some(3));
        }
        let most = JsonNumbers::<u64>::from_value(Value::bulk("[18446744073709551615]")).unwrap();
        assert_eq!(most.first(), Some(u64::MAX));
        let none = JsonNumbers::<i64>::from_value(Value::bulk("[]")).unwrap();
        assert_eq!(none.first(), None);
    }

    #[test]
    fn what_is_no_number_is_handed_back() {
        let text = Value::bulk("[\"secret\"]");
        let error = JsonNumbers::<i64>::from_value(text.clone()).unwrap_err();
        assert_eq!(error.reply(), Some(&text));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_type_of_a_newer_server_is_kept_as_its_word() {
        let reply = Value::array(vec![Value::bulk("null"), Value::bulk("date")]);
        let types = JsonMatches::from_value(reply).unwrap().0;
        let newer = JsonType::Other("date".to_owned());
        assert_eq!(types, [Some(JsonType::Null), Some(newer)]);
    }
}
