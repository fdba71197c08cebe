//! How a consumer takes entries out of replies.

use super::*;
use crate::command::Pipeline;
use crate::protocol::Value;
use std::cell::RefCell;

/// Answers the next command with this.
struct Answer(RefCell<Value>);

impl Executor for Answer {
    fn execute(&self, _: &Cmd) -> Result<Value> {
        Ok(self.0.replace(Value::Nil))
    }

    fn execute_pipeline(&self, _: &Pipeline) -> Vec<Result<Value>> {
        Vec::new()
    }
}

fn text(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Bulk(bytes.into())
}

fn list(values: Vec<Value>) -> Value {
    Value::Array(values.into())
}

type Read = Vec<((), Vec<StreamEntry>)>;

#[test]
fn entries_are_moved_out_of_a_reply_and_not_copied() {
    let value = vec![7_u8; 4096];
    let place = value.as_ptr();
    let entry = list(vec![text("1-1"), list(vec![text("field"), text(value)])]);
    let reply = list(vec![list(vec![text("stream"), list(vec![entry])])]);
    let read = moved::<Read>(&Answer(RefCell::new(reply)), &cmd("XREADGROUP"));
    let entries = read.unwrap().remove(0).1;
    assert_eq!(entries[0].id, StreamId::new(1, 1));
    assert_eq!(entries[0].fields[0].1.as_ptr(), place);
}

#[test]
fn what_is_no_entry_is_an_error_that_names_the_command() {
    let answer = Answer(RefCell::new(list(vec![text("stream")])));
    let error = moved::<Read>(&answer, &cmd("XREADGROUP")).unwrap_err();
    assert!(error.to_string().contains("XREADGROUP"), "{error}");
    // It says nothing of what the server did: what came is listed as pending.
    assert_ne!(error.delivery(), crate::error::Delivery::NotSent);
}
