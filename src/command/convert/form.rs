//! The forms of types that replies become. Converts nothing.

/// What a type is made from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(
    unnameable_types,
    reason = "users implement and call nothing that has it"
)]
pub enum Form {
    /// A number of 8 bits: many of them are one string of bytes.
    Byte,
    /// Elements of a reply, which are gone when one of them does not fit.
    Compound,
    /// As many elements as it has fields, and at least one.
    Row,
    /// One flat reply, which a failed conversion hands back in its error.
    Scalar,
    /// Any reply, as it is.
    Whole,
}

impl Form {
    /// Whether a conversion that fails has put the reply into its error.
    pub(super) const fn hands_back(self) -> bool {
        !matches!(self, Self::Compound | Self::Row)
    }

    /// The form of a type that is this one with something around it.
    pub(super) const fn wrapped(self) -> Self {
        match self {
            Self::Byte => Self::Scalar,
            other => other,
        }
    }

    /// The form of a list of this type, where bytes in a row are bytes.
    pub(super) const fn in_a_row(self) -> Self {
        match self {
            Self::Byte => Self::Scalar,
            _ => Self::Compound,
        }
    }

    pub(super) const fn is_row(self) -> bool {
        matches!(self, Self::Row)
    }

    pub(super) const fn is_byte(self) -> bool {
        matches!(self, Self::Byte)
    }
}
