//! Tests of ledger, link, slot and roster on real threads and without a network. None of them sleeps
//! to wait for something.

mod calls;
mod ledger;
mod seats;
mod writers;
