//! One server, protocol and form of sending, to which the claims of a group are put.

use crate::common::redis::{Redis, Version};
use hitless::{Client, Commands, FromValue, Options, Pipeline, Protocol, Result, Value, cmd, pipe};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How a command is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Alone,
    Pipelined,
    Atomic,
}

pub(crate) struct Trial {
    pub(crate) client: Client,
    pub(crate) version: Version,
    pub(crate) protocol: Protocol,
    pub(crate) form: Form,
    /// The methods that were called.
    called: RefCell<BTreeSet<String>>,
}

impl Trial {
    /// Whether the server has this command.
    pub(crate) fn has(&self, command: &str) -> bool {
        let info: Vec<Value> = (self.client)
            .query(&cmd("COMMAND INFO").arg(command))
            .unwrap();
        info != [Value::Nil]
    }

    pub(crate) fn note(&self, method: &str) {
        self.called.borrow_mut().insert(method.to_owned());
    }

    /// A pipeline of this form.
    pub(crate) fn pipeline(&self) -> Pipeline {
        let mut pipeline = pipe();
        if self.form == Form::Atomic {
            pipeline.atomic();
        }
        pipeline
    }

    /// What became of the only command of a pipeline.
    pub(crate) fn only<T: FromValue>(&self, pipeline: &Pipeline) -> Result<T> {
        assert_eq!(pipeline.len(), 1);
        pipeline.query::<(Result<T>,)>(&self.client)?.0
    }

    #[track_caller]
    pub(crate) fn same<T: Debug + PartialEq>(&self, call: &str, got: Result<T>, expected: &T) {
        let at = (self.version, self.protocol, self.form);
        match got {
            Ok(got) => assert_eq!(got, *expected, "{call} {at:?}"),
            Err(error) => panic!("{call} {at:?}: {error:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused<T: Debug>(&self, call: &str, got: Result<T>, code: &str) {
        let at = (self.version, self.protocol, self.form);
        match got {
            Ok(got) => panic!("{call} {at:?}: not refused: {got:?}"),
            Err(error) => assert_eq!(error.code(), Some(code), "{call} {at:?}: {error:?}"),
        }
    }
}

/// What a method yields, in the form of the trial.
macro_rules! got {
    ($trial:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let trial: &$crate::trial::Trial = $trial;
        trial.note(stringify!($name));
        match trial.form {
            $crate::trial::Form::Alone => trial.client.$name($($argument),*),
            _ => {
                let mut pipeline = trial.pipeline();
                pipeline.$name($($argument),*);
                trial.only(&pipeline)
            }
        }
    }};
}

/// Claims what a method yields: `says!(t, get("key") => Some(1));`
macro_rules! says {
    ($trial:expr, $name:ident($($argument:expr),* $(,)?) => $expected:expr) => {{
        let expected = $expected;
        let got = got!($trial, $name($($argument),*));
        $trial.same(stringify!($name($($argument),*)), got, &expected);
    }};
}

/// As [`says`], of a method that a pipeline does not have.
#[allow(unused_macros, reason = "not every group has one")]
macro_rules! says_alone {
    ($trial:expr, $name:ident($($argument:expr),* $(,)?) => $expected:expr) => {{
        let expected = $expected;
        $trial.note(stringify!($name));
        let got = $trial.client.$name($($argument),*);
        $trial.same(stringify!($name($($argument),*)), got, &expected);
    }};
}

/// Claims that the server refuses a command with this code: `refuses!(t, get("list") as String, "WRONGTYPE");`
macro_rules! refuses {
    ($trial:expr, $name:ident($($argument:expr),* $(,)?) as $type:ty, $code:expr) => {{
        let got: hitless::Result<$type> = got!($trial, $name($($argument),*));
        $trial.refused(stringify!($name($($argument),*)), got, $code);
    }};
}

/// Puts the claims to every server in both protocols and all forms, each time with empty databases. Fails if
/// one of the methods in this list of commands was not called.
pub(crate) fn everywhere(list: &str, claims: impl Fn(&Trial)) {
    everywhere_with(list, &[], claims);
}

/// As [`everywhere`], on servers with these arguments.
pub(crate) fn everywhere_with(list: &str, arguments: &[&str], claims: impl Fn(&Trial)) {
    let mut called = BTreeSet::new();
    for version in Version::ALL {
        called.extend(on(version, &Redis::of(version, arguments), &claims));
    }
    all_called(list, &called);
}

/// Fails if a method in this list of commands was not called.
fn all_called(list: &str, called: &BTreeSet<String>) {
    let methods = methods(list);
    let missing: Vec<_> = methods.difference(called).collect();
    assert!(missing.is_empty(), "not called: {missing:?}");
}

/// As [`everywhere`], of a list that servers have by a module. On these servers.
#[allow(dead_code, reason = "lists of modules are behind features")]
pub(crate) fn with_modules(list: &str, versions: &[Version], claims: impl Fn(&Trial)) {
    let mut called = BTreeSet::new();
    for &version in versions {
        called.extend(on(version, &Redis::with_modules(version), &claims));
    }
    all_called(list, &called);
}

/// As [`everywhere`], on one server. Yields which methods were called.
pub(crate) fn on(version: Version, redis: &Redis, claims: impl Fn(&Trial)) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let options = Options::new(&redis.url()).unwrap().protocol(protocol);
        // A busy machine takes its time, which is no claim here.
        let ample = Duration::from_secs(60);
        let options = options.connect_timeout(ample).command_timeout(ample);
        let client = Client::connect(options.pool_size(2)).unwrap();
        for form in [Form::Alone, Form::Pipelined, Form::Atomic] {
            cmd("FLUSHALL").exec(&client).unwrap();
            let trial = Trial {
                client: client.clone(),
                version,
                protocol,
                form,
                called: RefCell::default(),
            };
            claims(&trial);
            called.extend(trial.called.into_inner());
        }
    }
    called
}

/// The names of the methods in a list of commands.
fn methods(list: &str) -> BTreeSet<String> {
    let file = format!("src/command/commands/{list}.rs");
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
    let names = source.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("fn ")?;
        Some(rest.split(['(', '<']).next()?.to_owned())
    });
    let names: BTreeSet<String> = names.collect();
    assert!(!names.is_empty(), "{file} has no methods");
    names
}
