//! One value as JSON text. Parses and writes nothing itself: serde_json does.

use super::Flaw;
use crate::command::convert::{Form, bytes, failed};
use crate::command::{ArgWriter, FromValue, ToArg, ToArgs};
use crate::error;
use crate::protocol::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value of any type that serde knows, as JSON text: an argument of any command, and what a reply becomes.
///
/// ```no_run
/// use hitless::{Commands, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     name: String,
///     logins: u32,
/// }
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let ada = User { name: "Ada".to_owned(), logins: 3 };
/// client.set("user:7", Json(&ada))?;
/// // None: there is no such key.
/// let found: Option<Json<User>> = client.get("user:7")?;
/// let users: Vec<Option<Json<User>>> = client.mget(["user:7", "user:8"])?;
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// # Errors
///
/// A value that cannot be JSON, such as a map whose keys are no texts, is
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage), and its command is not sent. A reply that is not JSON, or not
/// that of the type, is [`ErrorKind::Conversion`](crate::ErrorKind::Conversion), and
/// [`Error::reply`](crate::Error::reply) has it. Both name the place and the field, and neither says what stood
/// there.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is made and taken apart by its one field"
)]
pub struct Json<T: ?Sized>(
    /// The value itself.
    pub T,
);

impl<T: Serialize + ?Sized> ToArgs for Json<T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match text_of(&self.0) {
            Ok(text) => out.write(&text),
            Err(flaw) => out.refuse(&flaw.0),
        }
    }
}

impl<T: Serialize + ?Sized> ToArg for Json<T> {}

/// A value as JSON text.
pub(super) fn text_of<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Flaw> {
    let plain = serde_json::to_vec(value);
    plain.or_else(|_| {
        // Once more, and this time with a look at where it is: that costs, and nearly nothing fails.
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::new(&mut text);
        let again = serde_path_to_error::serialize(value, &mut writer);
        match again {
            Ok(_) => Ok(text),
            Err(error) => {
                let Flaw(why) = Flaw::of_json(error.inner(), error.path());
                Err(Flaw(format!("it cannot be JSON: {why}")))
            }
        }
    })
}

impl<T: DeserializeOwned> FromValue for Json<T> {
    const FORM: Form = Form::Scalar;

    fn from_value(value: Value) -> error::Result<Self> {
        let text = bytes(value, "JSON")?;
        // The usual case, at the speed of serde_json alone.
        if let Ok(value) = serde_json::from_slice(&text) {
            return Ok(Self(value));
        }
        // Once more, as above.
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let why = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(error) => Flaw::of_json(error.inner(), error.path()),
            // What follows the value was the fault.
            Ok(value) => match reader.end() {
                Ok(()) => return Ok(Self(value)),
                Err(error) => Flaw(error.to_string()),
            },
        };
        failed(
            format!("a text cannot become the type by JSON: {why}"),
            Value::Bulk(text),
        )
    }
}
