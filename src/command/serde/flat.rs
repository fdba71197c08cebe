//! A value that is one text, as the field of a hash. Yields nothing for what is absent, and refuses what has
//! parts: that becomes JSON.

use super::Flaw;
use serde::ser::Impossible;
use serde::{Serialize, Serializer};

/// Makes the text of one value; `None` of what is absent.
pub(super) struct Flat;

impl Flat {
    /// What it says of a value that has parts.
    pub(super) const NESTED: &str = "it has parts";
}

type Text = Option<Vec<u8>>;

/// Methods for what is written in its own letters.
macro_rules! texts {
    ($($name:ident($type:ty);)*) => {$(
        fn $name(self, value: $type) -> Result<Text, Flaw> {
            Ok(Some(value.to_string().into_bytes()))
        }
    )*};
}

/// Methods for what is absent.
macro_rules! absent {
    ($($name:ident($($type:ty),*);)*) => {$(
        fn $name(self, $(_: $type),*) -> Result<Text, Flaw> {
            Ok(None)
        }
    )*};
}

/// Methods for what has parts.
macro_rules! nested {
    ($($name:ident($($type:ty),*) -> $ok:ident;)*) => {$(
        type $ok = Impossible<Text, Flaw>;

        fn $name(self, $(_: $type),*) -> Result<Self::$ok, Flaw> {
            Err(Flaw::new(Self::NESTED))
        }
    )*};
}

impl Serializer for Flat {
    type Ok = Text;
    type Error = Flaw;

    texts! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
    }

    absent! {
        serialize_none();
    }

    nested! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn serialize_unit(self) -> Result<Text, Flaw> {
        // Empty, and there all the same: only an `Option` may be absent when it is read.
        Ok(Some(Vec::new()))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Text, Flaw> {
        self.serialize_unit()
    }

    fn serialize_bool(self, value: bool) -> Result<Text, Flaw> {
        // As an argument that is a `bool`.
        self.serialize_u8(value.into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Text, Flaw> {
        // As they are, UTF-8 or not: a hash holds any bytes.
        Ok(Some(value.to_owned()))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Text, Flaw> {
        // Without the quotes that JSON would put around it.
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Text, Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Text, Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Text, Flaw> {
        // JSON keeps the name of the variant beside the value.
        Err(Flaw::new(Self::NESTED))
    }
}
