//! A blocking Redis client whose threads notice nothing while Redis is upgraded, moved or failed over.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[allow(dead_code, reason = "the coordinator thread that drives it comes next")]
pub(crate) mod handoff;
pub mod protocol;
