//! Vectors as arguments, and the options of `VADD` and `VSIM`. Computes nothing with vectors.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs, VectorQuantization};

mod sealed {
    #[allow(unnameable_types, reason = "nobody else implements it")]
    pub trait Sealed: Copy {
        /// As servers have it.
        fn narrow(self) -> f32;
    }
}

/// A number of a vector: `f32` or `f64`. Servers compute with `f32`, and an `f64` is sent as the nearest one.
///
/// Bytes and integers are none: a vector that is packed into bytes must not be taken for one of small numbers.
pub trait VectorNumber: sealed::Sealed {}

impl sealed::Sealed for f32 {
    fn narrow(self) -> f32 {
        self
    }
}

impl VectorNumber for f32 {}

impl sealed::Sealed for f64 {
    fn narrow(self) -> f32 {
        self as f32
    }
}

impl VectorNumber for f64 {}

/// A vector as one argument of 4 bytes for each number (`FP32`).
///
/// As texts (`VALUES`) it would be up to three times as long, and the server would parse each number and round it to
/// the same `f32`.
pub(in crate::command) struct Packed<'a, T>(pub(in crate::command) &'a [T]);

impl<T: VectorNumber> ToArgs for Packed<'_, T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(b"FP32");
        let numbers = || self.0.iter().map(|number| number.narrow());
        // As bytes servers take it, and what it is compared with is NaN from then on.
        if !numbers().all(f32::is_finite) {
            return out.refuse("a number of a vector is infinite, none, or too great for an f32");
        }
        // The byte order of the server, which is this one wherever it runs.
        let bytes: Vec<u8> = numbers().flat_map(f32::to_le_bytes).collect();
        out.write(&bytes);
    }
}

/// What `VSIM` compares the elements of a vector set with.
///
/// ```
/// use hitless::VectorQuery;
///
/// let like_king = VectorQuery::element("king");
/// let near = VectorQuery::vector(&[0.7, 0.2, 0.4]);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VectorQuery(Encoded);

impl VectorQuery {
    /// An element of the same key. One that is not there is an error of the server.
    pub fn element(element: impl ToArg) -> Self {
        let mut words = Encoded::of("ELE");
        words.add(element);
        Self(words)
    }

    /// A vector, of as many numbers as those of the set have. A number that is not finite is
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) of the command.
    pub fn vector(numbers: &[impl VectorNumber]) -> Self {
        Self(Encoded::of(Packed(numbers)))
    }
}

impl ToArgs for VectorQuery {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.0.write_args(out);
    }
}

/// The optional arguments of `VADD`: see [`Commands::vadd_options`](crate::Commands::vadd_options).
///
/// The first element of a key decides what its set is like. Later ones may say the same, and not otherwise.
///
/// ```
/// use hitless::{VAddOptions, VectorQuantization};
///
/// let exact = (VAddOptions::new().quantization(VectorQuantization::Float))
///     .attributes(r#"{"year":1815}"#);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VAddOptions {
    dimensions: Option<u64>,
    in_background: bool,
    quantization: Option<VectorQuantization>,
    effort: Option<u64>,
    attributes: Option<Encoded>,
    max_links: Option<u64>,
}

impl VAddOptions {
    /// No option: as [`Commands::vadd`](crate::Commands::vadd).
    pub fn new() -> Self {
        Self::default()
    }

    /// The set keeps vectors of so many numbers, which it makes of the longer ones by a random projection
    /// (`REDUCE`). Defaults to vectors as they are.
    #[must_use]
    pub fn reduce(mut self, dimensions: u64) -> Self {
        self.dimensions = Some(dimensions);
        self
    }

    /// A thread of the server looks for the neighbours of the element, so that other clients do not wait for that
    /// (`CAS`).
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.in_background = true;
        self
    }

    /// How the set keeps numbers (`NOQUANT`, `Q8`, `BIN`). Defaults to [`VectorQuantization::Int8`].
    #[must_use]
    pub fn quantization(mut self, quantization: VectorQuantization) -> Self {
        self.quantization = Some(quantization);
        self
    }

    /// How many candidates the server looks at for the links of the element (`EF`): more find better ones. Defaults
    /// to 200.
    #[must_use]
    pub fn effort(mut self, candidates: u64) -> Self {
        self.effort = Some(candidates);
        self
    }

    /// The attributes of the element, a JSON object (`SETATTR`): `Json(&attributes)` with the feature `serde`, or a
    /// text. Defaults to none. Servers do not look whether it is JSON.
    #[must_use]
    pub fn attributes(mut self, json: impl ToArg) -> Self {
        self.attributes = Some(Encoded::of(json));
        self
    }

    /// How many links an element has at most (`M`). Defaults to 16.
    #[must_use]
    pub fn max_links(mut self, links: u64) -> Self {
        self.max_links = Some(links);
        self
    }

    /// What stands in front of the vector.
    pub(in crate::command) fn before(&self) -> Option<(&'static str, u64)> {
        self.dimensions.map(|count| ("REDUCE", count))
    }
}

impl ToArgs for VAddOptions {
    /// What stands behind the element.
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write_if(self.in_background, "CAS");
        self.quantization.write_args(out);
        self.effort.map(|count| ("EF", count)).write_args(out);
        if let Some(json) = &self.attributes {
            out.write(b"SETATTR");
            json.write_args(out);
        }
        self.max_links.map(|count| ("M", count)).write_args(out);
    }
}

/// The optional arguments of `VSIM`: see [`Commands::vsim_options`](crate::Commands::vsim_options).
///
/// ```
/// use hitless::VSimOptions;
///
/// let recent = VSimOptions::new().count(5).filter(".year >= 2000 and .language == \"en\"");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VSimOptions {
    count: Option<u64>,
    epsilon: Option<f64>,
    effort: Option<u64>,
    filter: Option<Encoded>,
    filter_effort: Option<u64>,
    exact: bool,
    in_foreground: bool,
}

impl VSimOptions {
    /// No option: as [`Commands::vsim`](crate::Commands::vsim).
    pub fn new() -> Self {
        Self::default()
    }

    /// How many elements there are at most (`COUNT`). Defaults to 10; 0 is an error of the server.
    #[must_use]
    pub fn count(mut self, elements: u64) -> Self {
        self.count = Some(elements);
        self
    }

    /// Elements whose score is less than 1 minus this are left out (`EPSILON`; Redis 8.2). Defaults to 1, which
    /// leaves out none; 0 is an error of the server.
    #[must_use]
    pub fn epsilon(mut self, distance: f64) -> Self {
        self.epsilon = Some(distance);
        self
    }

    /// How many candidates the server looks at (`EF`): more find better ones. Useful from 50 to 1000.
    #[must_use]
    pub fn effort(mut self, candidates: u64) -> Self {
        self.effort = Some(candidates);
        self
    }

    /// Only elements whose attributes meet this condition (`FILTER`), such as `.year >= 2000`. Those without
    /// attributes meet none.
    #[must_use]
    pub fn filter(mut self, condition: impl ToArg) -> Self {
        self.filter = Some(Encoded::of(condition));
        self
    }

    /// How many candidates the server tries the condition on (`FILTER-EF`). Defaults to 100 times the count; 0 is
    /// until there are enough.
    #[must_use]
    pub fn filter_effort(mut self, candidates: u64) -> Self {
        self.filter_effort = Some(candidates);
        self
    }

    /// Compares with every element instead of following links (`TRUTH`): exact, and slow in a large set.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Searches on the thread of the server that serves all clients, which wait meanwhile (`NOTHREAD`).
    #[must_use]
    pub fn in_foreground(mut self) -> Self {
        self.in_foreground = true;
        self
    }
}

impl ToArgs for VSimOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.count.map(|count| ("COUNT", count)).write_args(out);
        let epsilon = self.epsilon.map(|distance| ("EPSILON", distance));
        epsilon.write_args(out);
        self.effort.map(|count| ("EF", count)).write_args(out);
        if let Some(condition) = &self.filter {
            out.write(b"FILTER");
            condition.write_args(out);
        }
        let filter_effort = self.filter_effort.map(|count| ("FILTER-EF", count));
        filter_effort.write_args(out);
        out.write_if(self.exact, "TRUTH");
        out.write_if(self.in_foreground, "NOTHREAD");
    }
}
