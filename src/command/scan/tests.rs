use super::*;
use crate::command::{Commands, Pipeline};
use std::cell::RefCell;
use std::collections::VecDeque;

/// Replies as it was told, and keeps what it was asked.
#[derive(Default)]
struct Script {
    replies: RefCell<VecDeque<(Result<Value>, Option<Origin>)>>,
    asked: RefCell<Vec<String>>,
}

impl Script {
    fn of(replies: impl IntoIterator<Item = (Result<Value>, Option<Origin>)>) -> Self {
        let replies = RefCell::new(replies.into_iter().collect());
        Self {
            replies,
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

impl Executor for Script {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        self.execute_traced(command).0
    }

    fn execute_traced(&self, command: &Cmd) -> (Result<Value>, Option<Origin>) {
        let words: Vec<&[u8]> = (0..).map_while(|at| command.nth(at)).collect();
        let text = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        self.asked.borrow_mut().push(text);
        let over = (Err(Error::conversion("the script is over")), None);
        self.replies.borrow_mut().pop_front().unwrap_or(over)
    }

    fn execute_pipeline(&self, _: &Pipeline) -> Vec<Result<Value>> {
        Vec::new()
    }
}

fn at(server: &str, changes: u64) -> Option<Origin> {
    let server = server.to_owned();
    Some(Origin { server, changes })
}

fn batch(cursor: &str, elements: &[&str]) -> Result<Value> {
    let elements = elements.iter().map(|text| Value::bulk(*text)).collect();
    let elements = Value::Array(Vec::into(elements));
    Ok(Value::array(vec![Value::bulk(cursor), elements]))
}

fn texts(scan: &mut Scan<'_, Script, String>) -> Vec<String> {
    scan.map(Result::unwrap).collect()
}

#[test]
fn batches_follow_each_other_to_cursor_0() {
    let script = Script::of([
        (batch("17", &["a", "b"]), at("one", 0)),
        // Looked at, and nothing matched: no end.
        (batch("18446744073709551615", &[]), at("one", 0)),
        (batch("0", &["c"]), at("one", 0)),
    ]);
    let options = ScanOptions::new().pattern("x*").count(7).key_type("set");
    let mut scan = script.scan_options::<String>(&options);
    assert_eq!(texts(&mut scan), ["a", "b", "c"]);
    assert!(scan.next().is_none() && scan.restarts() == 0);
    let behind = "MATCH x* COUNT 7 TYPE set";
    let expected =
        ["0", "17", "18446744073709551615"].map(|cursor| format!("SCAN {cursor} {behind}"));
    assert_eq!(script.asked(), expected);
}

#[test]
fn a_cursor_is_not_taken_to_another_server() {
    let elsewhere = [at("two", 0), at("one", 1), None];
    for other in elsewhere {
        let script = Script::of([
            (batch("17", &["a"]), at("one", 0)),
            // Asked with a cursor that is not its own: whatever it says is thrown away.
            (batch("0", &["x"]), other.clone()),
            (batch("5", &["a"]), other.clone()),
            (batch("0", &["b"]), other),
        ]);
        let mut scan = script.hscan_options::<String>("key", &ScanOptions::new());
        assert_eq!(texts(&mut scan), ["a", "a", "b"]);
        assert_eq!(scan.restarts(), 1);
        let cursors = ["0", "17", "0", "5"].map(|cursor| format!("HSCAN key {cursor}"));
        assert_eq!(script.asked(), cursors);
    }
}

#[test]
fn a_strict_scan_ends_where_another_would_begin_again() {
    let script = Script::of([
        (batch("17", &["a"]), at("one", 0)),
        (batch("0", &["x"]), at("two", 0)),
    ]);
    let mut scan = script.scan_options::<String>(&ScanOptions::new().strict());
    assert_eq!(scan.next().unwrap().unwrap(), "a");
    let error = scan.next().unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::CursorLost);
    assert_eq!(
        (error.command(), error.delivery()),
        (Some("SCAN"), Delivery::Replied)
    );
    assert!(scan.next().is_none() && script.asked().len() == 2);
}

#[test]
fn where_servers_take_turns_a_scan_ends_with_an_error() {
    // Each batch has a cursor that the next server does not know.
    let turns = (0..1000).map(|turn| (batch("17", &["a"]), at(["one", "two"][turn % 2], 0)));
    let script = Script::of(turns);
    let mut scan = script.scan::<String>();
    let mut yielded = 0;
    let error = loop {
        match scan.next().unwrap() {
            Ok(_) => yielded += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(*error.kind(), ErrorKind::CursorLost);
    assert_eq!((yielded, scan.restarts()), (101, 100));
    assert!(scan.next().is_none());
}

#[test]
fn a_first_command_belongs_to_no_server_before() {
    let script = Script::of([(batch("0", &["a"]), at("two", 9))]);
    let mut scan = script.scan_options::<String>(&ScanOptions::new().strict());
    assert_eq!(texts(&mut scan), ["a"]);
}

#[test]
fn an_executor_that_cannot_tell_is_trusted() {
    let script = Script::of([(batch("17", &["a"]), None), (batch("0", &["b"]), None)]);
    let mut scan = script.scan::<String>();
    assert_eq!((texts(&mut scan).len(), scan.restarts()), (2, 0));
}

#[test]
fn an_error_ends_it_and_names_the_command() {
    let refused = || Err(Error::conversion("refused"));
    let unlike = [
        (refused(), at("one", 0)),
        (Ok(Value::Int(1)), at("one", 0)),
        (batch("0", &["a", "no number"]), at("one", 0)),
    ];
    for reply in unlike {
        let is_refused = reply.0.is_err();
        let script = Script::of([(batch("17", &["1"]), at("one", 0)), reply]);
        let mut scan = script.scan::<i64>();
        assert_eq!(scan.next().unwrap().unwrap(), 1);
        let error = scan.next().unwrap().unwrap_err();
        // What the executor says has its name already.
        assert_eq!(error.command(), (!is_refused).then_some("SCAN"));
        assert!(scan.next().is_none() && script.asked().len() == 2);
    }
}

#[test]
fn it_shows_how_far_it_is_and_nothing_that_it_found() {
    let script = Script::of([(batch("17", &["secret"]), None)]);
    let mut scan = script.sscan::<String>("key");
    assert_eq!(scan.size_hint(), (0, None));
    assert!(scan.next().is_some());
    let shown = format!("{scan:?}");
    assert!(
        !shown.contains("secret") && shown.contains("SSCAN"),
        "{shown}"
    );
}
