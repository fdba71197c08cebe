//! The fields of a struct as those of a hash. Knows no command, and removes no field.

use super::flat::Flat;
use super::json::text_of;
use super::{Flaw, read};
use crate::command::convert::Form;
use crate::command::{ArgWriter, FromValue, ToArgs};
use crate::error::{self, Error};
use crate::protocol::Value;
use serde::de::DeserializeOwned;
use serde::ser::{Impossible, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

/// A struct, or a map, whose fields are those of a hash.
///
/// ```no_run
/// use hitless::{Commands, Fields};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     name: String,
///     logins: u32,
///     email: Option<String>,
///     tags: Vec<String>,
/// }
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// # let ada = User { name: String::new(), logins: 3, email: None, tags: Vec::new() };
/// client.hset_multiple("user:7", Fields(&ada))?;
/// client.hincr_by("user:7", "logins", 1)?;
/// // None: there is no such key.
/// let found: Option<Fields<User>> = client.hgetall("user:7")?;
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// | a field that is | is in the hash |
/// |---|---|
/// | text, `char`, a variant without fields | its text |
/// | a number | its digits |
/// | `bool` | `1` or `0`; `true` and `false` are read too |
/// | bytes as serde has them (`serde_bytes`) | the bytes |
/// | `None` | not there: it is not written, and what the hash has stays |
/// | `()`, `PhantomData` | an empty text |
/// | `Some` | what is in it |
/// | a list, a map, a struct, another variant | JSON text |
///
/// Fields of the hash that the struct does not have are ignored. One that `#[serde(flatten)]` brings is a text.
///
/// # Errors
///
/// As those of [`Json`](crate::Json), with the name of the field.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is made and taken apart by its one field"
)]
pub struct Fields<T: ?Sized>(
    /// The struct itself.
    pub T,
);

impl<T: Serialize + ?Sized> ToArgs for Fields<T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // What is written before a flaw does no harm: the command is not sent.
        let written = self.0.serialize(Whole { out });
        if let Err(flaw) = written {
            out.refuse(&flaw.0);
        }
    }
}

impl<T: DeserializeOwned> FromValue for Fields<T> {
    // A hash that is empty is one that is not there.
    const FORM: Form = Form::Row;

    fn from_value(value: Value) -> error::Result<Self> {
        // Names and values of any bytes; a value that is nil comes from `HMGET` and its like.
        let pairs = Vec::<(Vec<u8>, Option<Vec<u8>>)>::from_value(value)?;
        let value = T::deserialize(read::Whole::of(pairs));
        value.map(Self).map_err(|flaw| Error::conversion(flaw.0))
    }
}

/// Writes the fields of one value.
struct Whole<'a, 'b> {
    out: &'a mut ArgWriter<'b>,
}

/// The same, while they come.
struct Each<'a, 'b> {
    out: &'a mut ArgWriter<'b>,
    /// The key of a map, until its value comes.
    key: Vec<u8>,
}

impl Each<'_, '_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &[u8], value: &T) -> Result<(), Flaw> {
        let text = match value.serialize(Flat) {
            Ok(text) => text,
            // Its own text would be that of its parts.
            Err(Flaw(why)) if why == Flat::NESTED => {
                let shown = String::from_utf8_lossy(name);
                Some(text_of(value).map_err(|flaw| Flaw(format!("field {shown}: {flaw}")))?)
            }
            Err(flaw) => {
                let shown = String::from_utf8_lossy(name);
                return Err(Flaw(format!("field {shown}: {flaw}")));
            }
        };
        // Name and value together: a name alone would shift all that follow it.
        if let Some(text) = text {
            self.out.write(name);
            self.out.write(&text);
        }
        Ok(())
    }
}

impl SerializeStruct for Each<'_, '_> {
    type Ok = ();
    type Error = Flaw;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Flaw> {
        self.field(name.as_bytes(), value)
    }

    fn end(self) -> Result<(), Flaw> {
        Ok(())
    }
}

impl SerializeMap for Each<'_, '_> {
    type Ok = ();
    type Error = Flaw;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Flaw> {
        self.key = match key.serialize(Flat) {
            Ok(Some(key)) => key,
            _ => return Err(Flaw::new("a key of a map that is no text")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        // Whoever writes a map writes the key first, so that there is one.
        let key = std::mem::take(&mut self.key);
        self.field(&key, value)
    }

    fn end(self) -> Result<(), Flaw> {
        Ok(())
    }
}

/// Why a value that is no struct has no fields.
fn shapeless<T>() -> Result<T, Flaw> {
    Err(Flaw::new("only a struct or a map has fields for a hash"))
}

/// Methods for what has no fields.
macro_rules! shapeless {
    ($($name:ident($($type:ty),*) -> $ok:ty;)*) => {$(
        fn $name(self, $(_: $type),*) -> Result<$ok, Flaw> {
            shapeless()
        }
    )*};
}

impl<'a, 'b> Serializer for Whole<'a, 'b> {
    type Ok = ();
    type Error = Flaw;
    type SerializeSeq = Impossible<(), Flaw>;
    type SerializeTuple = Impossible<(), Flaw>;
    type SerializeTupleStruct = Impossible<(), Flaw>;
    type SerializeTupleVariant = Impossible<(), Flaw>;
    type SerializeMap = Each<'a, 'b>;
    type SerializeStruct = Each<'a, 'b>;
    type SerializeStructVariant = Impossible<(), Flaw>;

    shapeless! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Flaw> {
        // As serde_json has it: the wrapper is not seen.
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Flaw> {
        shapeless()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Each<'a, 'b>, Flaw> {
        let key = Vec::new();
        Ok(Each { out: self.out, key })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Each<'a, 'b>, Flaw> {
        self.serialize_map(None)
    }
}
