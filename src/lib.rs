//! A blocking Redis client whose threads notice nothing while Redis is upgraded, moved or failed over.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod protocol;

#[cfg(feature = "sim")]
pub mod sim;
