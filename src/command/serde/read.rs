//! The fields of a hash as a struct. Guesses no type: the struct says which it wants.

use super::Flaw;
use serde::Deserializer;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Expected, IntoDeserializer as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::vec::IntoIter;

/// A hash, as its fields and their values. What has no value is left out.
pub(super) struct Whole {
    pairs: IntoIter<(Vec<u8>, Option<Vec<u8>>)>,
    /// The field whose name was read, until its value is.
    field: Option<(Vec<u8>, Vec<u8>)>,
}

impl Whole {
    pub(super) fn of(pairs: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Self {
        let pairs = pairs.into_iter();
        Self { pairs, field: None }
    }
}

impl<'de> Deserializer<'de> for Whole {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_map(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Whole {
    type Error = Flaw;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Flaw> {
        // A field without a value is one that is not there, so that an `Option` is `None`.
        let next = (self.pairs).find_map(|(name, value)| Some((name, value?)));
        let Some((name, value)) = next else {
            return Ok(None);
        };
        // A copy, so that an error of the value can say whose it is.
        let key = seed.deserialize(One(name.clone()));
        self.field = Some((name, value));
        key.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Flaw> {
        let Some((name, value)) = self.field.take() else {
            // Only a type that is written by hand can ask like that.
            return Err(Flaw::new("a value was asked for before its name"));
        };
        let value = seed.deserialize(One(value));
        value.map_err(|flaw| {
            let name = String::from_utf8_lossy(&name);
            Flaw(format!("field {name}: {flaw}"))
        })
    }
}

/// One text: the name of a field, or its value.
struct One(Vec<u8>);

impl One {
    fn text(&self, expected: &dyn Expected) -> Result<&str, Flaw> {
        let text = std::str::from_utf8(&self.0);
        text.map_err(|_| Flaw(format!("expected {expected}, in UTF-8")))
    }

    fn string(self, expected: &dyn Expected) -> Result<String, Flaw> {
        let text = String::from_utf8(self.0);
        text.map_err(|_| Flaw(format!("expected {expected}, in UTF-8")))
    }
}

/// Methods for numbers.
macro_rules! numbers {
    ($($name:ident $visit:ident $type:ty;)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            match self.text(&visitor)?.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Flaw(format!("expected {}", &visitor as &dyn Expected))),
            }
        }
    )*};
}

/// A value that has parts, from its JSON text.
macro_rules! from_json {
    ($one:ident.$name:ident($($argument:expr),*)) => {{
        // A reader, and not the text itself, because what borrows must outlive this.
        let mut reader = serde_json::Deserializer::from_reader($one.0.as_slice());
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
        match tracked.$name($($argument),*) {
            Ok(value) => reader.end().map(|()| value).map_err(|error| Flaw(error.to_string())),
            Err(error) => Err(Flaw::of_json(&error, &track.path())),
        }
    }};
}

/// Methods for what has parts.
macro_rules! nested {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $name<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Flaw> {
            from_json!(self.$name($($argument,)* visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for One {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        // What it is nobody says: a text, and bytes where it is none.
        match String::from_utf8(self.0) {
            Ok(text) => visitor.visit_string(text),
            Err(error) => visitor.visit_byte_buf(error.into_bytes()),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self.0.as_slice() {
            // The words are those of other clients.
            b"1" | b"true" => visitor.visit_bool(true),
            b"0" | b"false" => visitor.visit_bool(false),
            _ => Err(Flaw::new("expected a boolean: 1, 0, true or false")),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    nested! {
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_string(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let text = self.string(&visitor)?;
        visitor.visit_string(text)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_byte_buf(self.0)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_byte_buf(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        // A field that is there has a value: nil was left out before.
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        // A variant with fields is an object of JSON; one without is its name, without quotes.
        if self.0.first() == Some(&b'{') {
            return from_json!(self.deserialize_enum(name, variants, visitor));
        }
        let text: StringDeserializer<Flaw> = self.string(&visitor)?.into_deserializer();
        visitor.visit_enum(text)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        // A field that the type does not have may have any name.
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_unit()
    }
}
