//! What is known of Bloom and cuckoo filters, and the parts that they are moved in. Reads no item and no hash.

use super::Fields;
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;

/// What `BF.INFO` tells: see [`Commands::bf_info`](crate::Commands::bf_info).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BloomInfo {
    /// How many items it was made for, with all filters that it has grown by.
    pub capacity: u64,
    /// How many bytes it takes.
    pub size: u64,
    /// How many filters it consists of.
    pub filters: u64,
    /// How many items were added.
    pub items: u64,
    /// How many times as large the next filter is. `None`: it does not scale.
    pub expansion: Option<u64>,
    /// Which share of unknown items it may say to have. `None`: RedisBloom does not tell.
    pub error_rate: Option<f64>,
    /// By how much the share gets smaller with each filter. `None`: it does not scale, or RedisBloom does not tell.
    pub tightening_ratio: Option<f64>,
    /// How many items it can grow to. `None`: it does not scale, or RedisBloom does not tell.
    pub max_scaled_capacity: Option<u64>,
}

impl FromValue for BloomInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of BF.INFO")?;
        let made = Self {
            capacity: fields.need("Capacity"),
            size: fields.need("Size"),
            filters: fields.need("Number of filters"),
            items: fields.need("Number of items inserted"),
            expansion: fields.take("Expansion rate"),
            // Valkey's module has these three, as texts and a number.
            error_rate: fields.take("Error rate"),
            tightening_ratio: fields.take("Tightening ratio"),
            max_scaled_capacity: fields.take("Max scaled capacity"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// One field of `BF.INFO`: see [`Commands::bf_info_type`](crate::Commands::bf_info_type).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BloomInfoValue {
    /// The number. `None`: the filter has none, as one that does not scale has no expansion.
    pub number: Option<f64>,
}

impl FromValue for BloomInfoValue {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // RedisBloom has a list of one number on RESP2 and a map of one field on RESP3, Valkey's module the
        // number alone.
        let value = match value.into_plain() {
            Value::Map(pairs) => pairs.into_flat().into_vec().into_iter().nth(1),
            Value::Array(items) => items.into_iter().next(),
            other => Some(other),
        };
        let value = value.ok_or_else(|| Error::conversion("a reply of BF.INFO without a field"))?;
        let number = FromValue::from_value(value)?;
        Ok(Self { number })
    }
}

/// What became of one item that was to go into a cuckoo filter.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CuckooInsertion {
    /// It is in the filter, once more if it was there.
    Added,
    /// It was there, and was not added.
    Present,
    /// The filter is full: it was not added.
    Full,
}

impl FromValue for CuckooInsertion {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        match value.into_plain() {
            Value::Int(1) | Value::Bool(true) => Ok(Self::Added),
            Value::Int(0) => Ok(Self::Present),
            // On RESP3, CF.INSERT has a truth value for each item, and CF.INSERTNX these numbers as on RESP2.
            Value::Int(-1) | Value::Bool(false) => Ok(Self::Full),
            Value::Error(error) => Err(error.into()),
            other => {
                let text = format!("{} is no outcome of an insertion", other.kind());
                Err(Error::conversion(text).with_reply(other))
            }
        }
    }
}

/// What `CF.INFO` tells: see [`Commands::cf_info`](crate::Commands::cf_info).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CuckooInfo {
    /// How many bytes it takes.
    pub size: u64,
    /// How many buckets it has.
    pub buckets: u64,
    /// How many filters it consists of.
    pub filters: u64,
    /// How many items are in it.
    pub items: u64,
    /// How many items were deleted.
    pub deleted: u64,
    /// How many items a bucket holds.
    pub bucket_size: u64,
    /// How many times as large the next filter is; 0: it does not scale.
    pub expansion: u64,
    /// How many items are moved at most to make room for one.
    pub max_iterations: u64,
}

impl FromValue for CuckooInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of CF.INFO")?;
        let made = Self {
            size: fields.need("Size"),
            buckets: fields.need("Number of buckets"),
            filters: fields.need("Number of filters"),
            items: fields.need("Number of items inserted"),
            deleted: fields.need("Number of items deleted"),
            bucket_size: fields.need("Bucket size"),
            expansion: fields.need("Expansion rate"),
            max_iterations: fields.need("Max iterations"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// A part of a Bloom or cuckoo filter, as `BF.SCANDUMP` and `CF.SCANDUMP` yield it and `BF.LOADCHUNK` and
/// `CF.LOADCHUNK` take it.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct FilterChunk {
    /// What the next part is asked for with; 0: this is the end, and has no data.
    pub iterator: i64,
    /// The bytes, which only the server reads.
    pub data: Vec<u8>,
}

impl FilterChunk {
    /// A part that was kept somewhere.
    pub fn new(iterator: i64, data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        Self { iterator, data }
    }
}

impl std::fmt::Debug for FilterChunk {
    /// The number of bytes, never what they are: they tell which items there are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (iterator, length) = (self.iterator, self.data.len());
        write!(f, "FilterChunk({iterator}, {length} bytes)")
    }
}

impl FromValue for FilterChunk {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // At the end a Bloom filter has an empty text, and a cuckoo filter nil.
        let (iterator, data): (i64, Option<Vec<u8>>) = FromValue::from_value(value)?;
        Ok(Self::new(iterator, data.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: Value) -> [Value; 2] {
        [Value::bulk(name), value]
    }

    #[test]
    fn what_another_module_tells_of_a_filter_is_read_too() {
        let valkey = [
            field("Capacity", Value::Int(100)),
            field("Size", Value::Int(384)),
            field("Number of filters", Value::Int(1)),
            field("Number of items inserted", Value::Int(7)),
            field("Error rate", Value::bulk("0.01")),
            field("Expansion rate", Value::Int(2)),
            field("Tightening ratio", Value::bulk("0.5")),
            field("Max scaled capacity", Value::Int(26_214_300)),
            field("A field of tomorrow", Value::Bool(true)),
        ];
        let told = BloomInfo::from_value(Value::array(valkey.concat())).unwrap();
        assert_eq!((told.capacity, told.size, told.items), (100, 384, 7));
        assert_eq!((told.filters, told.expansion), (1, Some(2)));
        assert_eq!(told.error_rate, Some(0.01));
        assert_eq!(told.tightening_ratio, Some(0.5));
        assert_eq!(told.max_scaled_capacity, Some(26_214_300));
        let number = |value| BloomInfoValue::from_value(value).unwrap().number;
        assert_eq!(number(Value::bulk("0.01")), Some(0.01));
        assert_eq!(number(Value::Int(100)), Some(100.0));
        assert_eq!(number(Value::Nil), None);
        BloomInfoValue::from_value(Value::array(vec![])).unwrap_err();
        BloomInfoValue::from_value(Value::bulk("many")).unwrap_err();
    }

    #[test]
    fn an_outcome_that_is_not_known_comes_back_in_the_error() {
        let error = CuckooInsertion::from_value(Value::Int(2)).unwrap_err();
        assert_eq!(error.reply().and_then(Value::as_int), Some(2));
    }
}
