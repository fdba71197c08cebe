//! What commands of vector sets reply, where it has a shape. Compares no vectors.

use super::Fields;
use crate::command::convert::Form;
use crate::command::{ArgWriter, FromValue, ToArgs};
use crate::error::{Error, Result};
use crate::protocol::Value;

/// An element that a search has found: see [`Commands::vsim_withattribs`](crate::Commands::vsim_withattribs).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VectorMatch<T, A> {
    /// The element.
    pub element: T,
    /// How similar it is: 1 is the same direction, 0.5 a right angle, 0 the opposite direction.
    pub score: f64,
    /// Its attributes; `None` if it has none.
    pub attributes: Option<A>,
}

impl<T, A> From<(T, f64, Option<A>)> for VectorMatch<T, A> {
    fn from((element, score, attributes): (T, f64, Option<A>)) -> Self {
        Self {
            element,
            score,
            attributes,
        }
    }
}

impl<T: FromValue, A: FromValue> FromValue for VectorMatch<T, A> {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        <(T, f64, Option<A>)>::from_value(value).map(Self::from)
    }

    #[inline]
    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        let value = match value.into_plain() {
            // RESP3 has a map from each element to a list of the two others, RESP2 all three in turn.
            Value::Map(pairs) => {
                let row = |(element, others): (Value, Value)| {
                    let mut row = vec![element];
                    match others.into_items() {
                        Ok(others) => row.extend(others.into_vec()),
                        Err(other) => row.push(other),
                    }
                    Value::array(row)
                };
                Value::array(pairs.into_iter().map(row).collect::<Vec<_>>())
            }
            other => other,
        };
        let rows = Vec::<(T, f64, Option<A>)>::from_value(value)?;
        Ok(rows.into_iter().map(Self::from).collect())
    }
}

/// How a vector set keeps the numbers of its vectors.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum VectorQuantization {
    /// As `f32`, 4 bytes each (`NOQUANT`).
    Float,
    /// As integers of 8 bits (`Q8`), which is what servers take where none is said.
    Int8,
    /// As one bit each, their signs (`BIN`).
    Binary,
    /// A word that is not known here.
    Other(String),
}

impl ToArgs for VectorQuantization {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Float => out.write(b"NOQUANT"),
            Self::Int8 => out.write(b"Q8"),
            Self::Binary => out.write(b"BIN"),
            Self::Other(word) => word.write_args(out),
        }
    }
}

impl FromValue for VectorQuantization {
    const FORM: Form = Form::Scalar;

    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let word = String::from_value(value)?;
        // Replies have other words than arguments.
        Ok(match word.as_str() {
            "f32" => Self::Float,
            "int8" => Self::Int8,
            "bin" => Self::Binary,
            _ => Self::Other(word),
        })
    }
}

/// A vector as the server keeps it: see [`Commands::vemb_raw`](crate::Commands::vemb_raw).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RawVector {
    /// What its bytes are.
    pub quantization: VectorQuantization,
    /// The vector, made to have the length 1.
    pub data: Vec<u8>,
    /// Which length it had.
    pub norm: f64,
    /// The greatest number that an integer of 8 bits stands for; `None` of other kinds.
    pub range: Option<f64>,
}

impl FromValue for RawVector {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Vec::<Value>::from_value(value)?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        let wanted = |part: &str| format!("a raw vector has no {part}");
        let need = |part: &str, value| match value {
            Value::Nil => Err(Error::conversion(wanted(part))),
            value => Ok(value),
        };
        Ok(Self {
            quantization: FromValue::from_value(need("kind", next())?)?,
            data: FromValue::from_value(need("bytes", next())?)?,
            norm: FromValue::from_value(need("length", next())?)?,
            range: FromValue::from_value(next())?,
        })
    }
}

/// What a vector set is like: see [`Commands::vinfo`](crate::Commands::vinfo).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct VectorSetInfo {
    /// How it keeps vectors.
    pub quantization: VectorQuantization,
    /// How many numbers its vectors have.
    pub dimensions: u64,
    /// How many numbers the vectors have from which it makes its own, with
    /// [`VAddOptions::reduce`](crate::VAddOptions::reduce); `None` without.
    pub reduced_from: Option<u64>,
    /// How many elements it has.
    pub size: u64,
    /// How many of its elements have attributes.
    pub with_attributes: u64,
    /// How many links an element has at most, on each level but the lowest, which has twice as many.
    pub max_links: u64,
    /// The highest level of its graph; 0 is the lowest.
    pub max_level: u64,
}

impl FromValue for VectorSetInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of VINFO")?;
        let reduced_from: Option<u64> = fields.take("projection-input-dim");
        let made = Self {
            quantization: fields.must("quant-type")?,
            dimensions: fields.need("vector-dim"),
            reduced_from: reduced_from.filter(|&count| count > 0),
            size: fields.need("size"),
            with_attributes: fields.need("attributes-count"),
            max_links: fields.need("hnsw-m"),
            max_level: fields.need("max-level"),
        };
        fields.end()?;
        Ok(made)
    }
}
