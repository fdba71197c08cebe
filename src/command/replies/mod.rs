//! Replies that have a shape of their own, as types. A field that a newer server adds is left out; one that an
//! older server lacks is `None` or empty.

mod fields;
mod keys;
mod strings;

pub use keys::{ExpireTime, FieldExpire, FieldPersist, KeyType, Migrated, Ttl};
pub use strings::{LcsMatch, LcsMatches};

use fields::Fields;
