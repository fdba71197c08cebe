//! Places, and what a search for them replies. Computes nothing: distances are those of the server.

use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;

/// A place on earth. As arguments it is two: the longitude and the latitude.
///
/// ```no_run
/// use hitless::{Commands, GeoPoint};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// client.geo_add("cities", &[(GeoPoint::new(13.361389, 38.115556), "Palermo")])?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct GeoPoint {
    /// Degrees from -180 (west) to 180 (east).
    pub longitude: f64,
    /// Degrees from -85.05112878 (south) to 85.05112878 (north): servers refuse what is nearer to a pole.
    pub latitude: f64,
}

impl GeoPoint {
    /// A place by its degrees, the longitude first, as servers have it.
    pub const fn new(longitude: f64, latitude: f64) -> Self {
        Self {
            longitude,
            latitude,
        }
    }
}

impl FromValue for GeoPoint {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // In this order on every server, which is not the order of maps and navigation.
        let (longitude, latitude) = FromValue::from_value(value)?;
        Ok(Self::new(longitude, latitude))
    }
}

/// One member that a search has found: see [`Commands::geo_search`](crate::Commands::geo_search).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GeoMatch<T> {
    /// Which one it is.
    pub member: T,
    /// How far it is from the middle, in the unit of the search. `None` unless
    /// [`GeoSearchOptions::with_distance`](crate::GeoSearchOptions::with_distance) asks for it.
    pub distance: Option<f64>,
    /// Its score, which is 52 bits of its place. `None` unless
    /// [`GeoSearchOptions::with_hash`](crate::GeoSearchOptions::with_hash) asks for it.
    pub hash: Option<u64>,
    /// Where it is. `None` unless
    /// [`GeoSearchOptions::with_point`](crate::GeoSearchOptions::with_point) asks for it.
    pub point: Option<GeoPoint>,
}

impl<T: FromValue> FromValue for GeoMatch<T> {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // Without options a search replies members alone, and no row for each.
        let (member, more) = match value.into_plain().into_items() {
            Ok(items) => {
                let mut items = items.into_iter();
                (items.next().unwrap_or(Value::Nil), Some(items))
            }
            Err(member) => (member, None),
        };
        let (mut distance, mut hash, mut point) = (None, None, None);
        // Each kind is at most once in a row, so that its type says which it is.
        for value in more.into_iter().flatten() {
            match value.into_plain() {
                // A pair of numbers, texts on RESP2.
                place @ Value::Array(_) => point = Some(GeoPoint::from_value(place)?),
                Value::Int(number) => hash = Some(u64::from_value(Value::Int(number))?),
                // A text on both protocols, and a double from whoever sends one.
                length => distance = Some(f64::from_value(length)?),
            }
        }
        Ok(Self {
            member: T::from_value(member).map_err(|error| error.within(format_args!("member")))?,
            distance,
            hash,
            point,
        })
    }
}
