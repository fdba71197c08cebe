//! Places, units, areas and options of geo commands: words of commands and nothing more.

use crate::command::arg::Encoded;
use crate::command::replies::GeoPoint;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// A unit of length.
///
/// ```no_run
/// use hitless::{Commands, GeoUnit};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let apart: Option<f64> = client.geo_dist("cities", "Palermo", "Catania", GeoUnit::Kilometers)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum GeoUnit {
    /// 1 m, which is what servers take where none is said.
    Meters,
    /// 1000 m.
    Kilometers,
    /// 1609.34 m, as servers have it.
    Miles,
    /// 0.3048 m.
    Feet,
}

impl ToArgs for GeoUnit {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Meters => out.write(b"m"),
            Self::Kilometers => out.write(b"km"),
            Self::Miles => out.write(b"mi"),
            Self::Feet => out.write(b"ft"),
        }
    }
}

impl ToArg for GeoUnit {}

impl ToArgs for GeoPoint {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        (self.longitude, self.latitude).write_args(out);
    }
}

/// The optional arguments of `GEOADD`.
///
/// ```no_run
/// use hitless::{Commands, GeoAddOptions, GeoPoint};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let move_only = GeoAddOptions::new().if_present().count_changed();
/// let place = [(GeoPoint::new(13.361389, 38.115556), "bus 7")];
/// let moved = client.geo_add_options("buses", &place, &move_only)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GeoAddOptions {
    existence: Option<&'static str>,
    changed: bool,
}

impl GeoAddOptions {
    /// No option: adds members, and moves those that are there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds members only, and moves none (`NX`). The last of this and [`if_present`](Self::if_present) counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.existence = Some("NX");
        self
    }

    /// Moves members only, and adds none (`XX`).
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.existence = Some("XX");
        self
    }

    /// Counts the members that were moved besides those that were added (`CH`).
    #[must_use]
    pub fn count_changed(mut self) -> Self {
        self.changed = true;
        self
    }
}

impl ToArgs for GeoAddOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.existence.write_args(out);
        out.write_if(self.changed, "CH");
    }
}

/// The middle of an area: a [`GeoPoint`], or where a member is.
///
/// ```
/// use hitless::{GeoArea, GeoCenter, GeoPoint, GeoUnit};
///
/// let around_a_member = GeoArea::circle(GeoCenter::member("Palermo"), 100.0, GeoUnit::Kilometers);
/// // A point is one, too.
/// let around_a_point = GeoArea::circle(GeoPoint::new(15.0, 37.0), 100.0, GeoUnit::Kilometers);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GeoCenter(Encoded);

impl GeoCenter {
    /// Where a member of the same key is. One that is not there is an error of the server.
    pub fn member(member: impl ToArg) -> Self {
        let mut words = Encoded::of("FROMMEMBER");
        words.add(member);
        Self(words)
    }
}

impl From<GeoPoint> for GeoCenter {
    fn from(point: GeoPoint) -> Self {
        let mut words = Encoded::of("FROMLONLAT");
        words.add(point);
        Self(words)
    }
}

/// Where `GEOSEARCH` looks for members.
///
/// ```no_run
/// use hitless::{Commands, GeoArea, GeoMatch, GeoPoint, GeoSearchOptions, GeoUnit};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let area = GeoArea::rectangle(GeoPoint::new(15.0, 37.0), 400.0, 200.0, GeoUnit::Kilometers);
/// let found: Vec<GeoMatch<String>> = client.geo_search("cities", &area, &GeoSearchOptions::new())?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GeoArea(Encoded);

impl GeoArea {
    /// Within a distance of its middle.
    pub fn circle(center: impl Into<GeoCenter>, radius: f64, unit: GeoUnit) -> Self {
        let mut words = center.into().0;
        words.add(("BYRADIUS", radius, unit));
        Self(words)
    }

    /// As wide from west to east and as high from south to north, half of it on each side of its middle.
    pub fn rectangle(center: impl Into<GeoCenter>, width: f64, height: f64, unit: GeoUnit) -> Self {
        let mut words = center.into().0;
        words.add(("BYBOX", width, height, unit));
        Self(words)
    }

    /// Within these corners, of which there are at least three. Distances count from the mean of the corners.
    /// Valkey 9.
    pub fn polygon(corners: &[GeoPoint]) -> Self {
        // Valkey refuses a middle here: it computes its own.
        let mut words = Encoded::of(("BYPOLYGON", corners.len()));
        words.add(corners);
        Self(words)
    }
}

impl ToArgs for GeoArea {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.0.write_args(out);
    }
}

/// The optional arguments of `GEOSEARCH` and its like.
///
/// ```
/// use hitless::GeoSearchOptions;
///
/// let three = GeoSearchOptions::new().nearest_first().count(3).with_distance();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GeoSearchOptions {
    order: Option<&'static str>,
    count: Option<(u64, bool)>,
    distance: bool,
    hash: bool,
    point: bool,
}

impl GeoSearchOptions {
    /// No option: all members of the area, in no order.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those nearest to the middle first (`ASC`). The last order counts.
    #[must_use]
    pub fn nearest_first(mut self) -> Self {
        self.order = Some("ASC");
        self
    }

    /// Those farthest from the middle first (`DESC`). The last order counts.
    #[must_use]
    pub fn farthest_first(mut self) -> Self {
        self.order = Some("DESC");
        self
    }

    /// At most so many, those nearest to the middle if no order is said. 0 is an error of the server.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some((count, false));
        self
    }

    /// At most so many, whichever the server finds first (`ANY`), which costs it less. The last count counts.
    #[must_use]
    pub fn count_any(mut self, count: u64) -> Self {
        self.count = Some((count, true));
        self
    }

    /// Yields how far each is from the middle, in the unit of the area (`WITHDIST`). What stores refuses it.
    #[must_use]
    pub fn with_distance(mut self) -> Self {
        self.distance = true;
        self
    }

    /// Yields the score of each, which is 52 bits of its place (`WITHHASH`). What stores refuses it.
    #[must_use]
    pub fn with_hash(mut self) -> Self {
        self.hash = true;
        self
    }

    /// Yields where each is (`WITHCOORD`). What stores refuses it.
    #[must_use]
    pub fn with_point(mut self) -> Self {
        self.point = true;
        self
    }
}

impl ToArgs for GeoSearchOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.order.write_args(out);
        if let Some((count, any)) = self.count {
            ("COUNT", count).write_args(out);
            out.write_if(any, "ANY");
        }
        out.write_if(self.distance, "WITHDIST");
        out.write_if(self.hash, "WITHHASH");
        out.write_if(self.point, "WITHCOORD");
    }
}
