//! Types of serde as arguments and replies: one value as JSON text, or the fields of a struct as those of a
//! hash. An error says where it was and what was expected there, never what was there instead.

mod fields;
mod flat;
mod flaw;
mod json;
mod read;

pub use fields::Fields;
pub use json::Json;

use flaw::Flaw;
