//! A blocking Redis client whose threads notice nothing while Redis is upgraded, moved or failed over.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[allow(dead_code, reason = "the coordinator thread that drives it comes next")]
pub(crate) mod handoff;
pub mod options;
pub mod protocol;

#[allow(dead_code, reason = "nothing above it yet")]
mod clock;
#[allow(dead_code, unused_imports, reason = "nothing above it yet")]
pub(crate) mod transport;
