//! Scripts and functions.

use crate::common::redis::{Redis, Version};
use crate::trial::{Trial, everywhere};
use hitless::{Client, Commands, FlushMode, FunctionListOptions, FunctionRestore};
use hitless::{Options, Result, Script};
use hitless::{cmd, pipe};

/// Adds to its key and echoes its arguments.
const CODE: &str = "redis.call('INCR', KEYS[1]) return ARGV";

#[test]
fn scripting() {
    everywhere("scripting", |t| {
        let bytes: Vec<Vec<u8>> = vec![b"\xff\x00".to_vec(), b"7".to_vec()];
        says!(t, eval(CODE, b"\xfe", (b"\xff\x00", 7)) => bytes.clone());
        says!(t, get(b"\xfe") => 1);
        says!(t, eval_ro("return #KEYS + #ARGV", ["a", "b"], ()) => 2);
        refuses!(t, eval_ro(CODE, "n", ()) as (), "ERR");
        says!(t, script_flush() => ());
        let hash = Script::new(CODE).hash().to_owned();
        says!(t, script_exists([&hash]) => vec![false]);
        refuses!(t, evalsha(&hash, "n", ()) as (), "NOSCRIPT");
        says!(t, script_load(CODE) => hash.clone());
        says!(t, script_exists([hash.as_str(), "none"]) => vec![true, false]);
        says!(t, evalsha(&hash, b"\xfe", (b"\xff\x00", 7)) => bytes);
        if t.version == Version::Valkey91 {
            says!(t, script_show(&hash) => CODE.to_owned());
        } else {
            refuses!(t, script_show(&hash) as String, "ERR");
        }
        let hash = got!(t, script_load("return {KEYS[1]}")).unwrap();
        says!(t, evalsha_ro(&hash, b"\xff", ()) => [b"\xff".to_vec()]);
        says!(t, script_flush_mode(FlushMode::Async) => ());
        says!(t, script_exists(&hash) => vec![false]);
        refuses!(t, script_kill() as (), "NOTBUSY");
        refuses!(
            t,
            eval("return redis.error_reply('MINE x')", (), ()) as (),
            "MINE"
        );
    });
}

const LIBRARY: &[u8] = b"#!lua name=mine\n-- \xff
    redis.register_function{function_name='count', description='counts \xff', flags={'no-writes'},
        callback=function(keys, arguments) return #keys + #arguments end}
    redis.register_function('echo', function(keys, arguments) return arguments end)";

#[test]
fn functions() {
    everywhere("functions", |t| {
        says!(t, function_flush() => ());
        says!(t, function_load(LIBRARY) => "mine".to_owned());
        refuses!(t, function_load(LIBRARY) as String, "ERR");
        says!(t, function_load_replace(LIBRARY) => "mine".to_owned());
        says!(t, fcall("echo", (), (1, b"\xff")) => vec![b"1".to_vec(), b"\xff".to_vec()]);
        says!(t, fcall_ro("count", ["a", "b"], [1, 2, 3]) => 5);
        refuses!(t, fcall_ro("echo", (), ()) as (), "ERR");
        lists(t);
        let dump = got!(t, function_dump()).unwrap();
        refuses!(t, function_restore(&dump) as (), "ERR");
        says!(t, function_restore_policy(&dump, FunctionRestore::Replace) => ());
        says!(t, function_restore_policy(&dump, FunctionRestore::Flush) => ());
        says!(t, function_delete("mine") => ());
        refuses!(t, function_delete("mine") as (), "ERR");
        says!(t, function_restore(&dump) => ());
        refuses!(
            t,
            function_restore_policy(&dump, FunctionRestore::Append) as (),
            "ERR"
        );
        says!(t, function_flush_mode(FlushMode::Sync) => ());
        assert_eq!(got!(t, function_list()).unwrap(), []);
        refuses!(t, function_kill() as (), "NOTBUSY");
    });
}

fn lists(t: &Trial) {
    let all = got!(t, function_list()).unwrap();
    let coded = FunctionListOptions::new().library("m*").with_code();
    let some = got!(t, function_list_options(&coded)).unwrap();
    let none = FunctionListOptions::new().library("other");
    assert_eq!(got!(t, function_list_options(&none)).unwrap(), []);
    assert_eq!((all.len(), some.len()), (1, 1));
    assert_eq!(all[0].code, None);
    assert_eq!(some[0].code.as_deref(), Some(LIBRARY));
    assert_eq!(
        (all[0].name.as_str(), all[0].engine.as_str()),
        ("mine", "LUA")
    );
    let mut functions = all[0].functions.clone();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    let [count, echo] = &functions[..] else {
        panic!("{functions:?}")
    };
    assert_eq!((count.name.as_str(), echo.name.as_str()), ("count", "echo"));
    assert_eq!(count.description.as_deref(), Some("counts \u{fffd}"));
    assert_eq!(echo.description, None);
    assert_eq!(count.flags, ["no-writes"]);
    assert!(echo.flags.is_empty());
    let stats = got!(t, function_stats()).unwrap();
    assert_eq!(stats.running, None);
    let lua = stats.engines["LUA"];
    assert_eq!((lua.libraries, lua.functions), (1, 2));
}

/// How often a server was asked for a command.
fn calls(client: &Client, command: &str) -> u64 {
    let text: String = client.query(&cmd("INFO commandstats")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[test]
fn a_script_runs_once_whether_the_server_has_it_or_not() {
    for version in Version::ALL {
        let mut redis = Redis::of(version, &[]);
        // One connection, so that the last of the old server is gone when it answers again.
        let options = Options::new(&redis.url()).unwrap().pool_size(1);
        let client = Client::connect(options).unwrap();
        let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        let alone = |amount: i64| -> i64 { add.key("n").arg(amount).invoke(&client).unwrap() };
        let piped = |atomic: bool| -> (i64, i64) {
            let mut pipeline = pipe();
            if atomic {
                pipeline.atomic();
            }
            pipeline
                .invoke_script(&add.key("n").arg(1))
                .incr("n")
                .query(&client)
                .unwrap()
        };
        assert_eq!((alone(1), alone(1)), (1, 2));
        // The first call found that the server has not the script, and the second that it has.
        assert_eq!((calls(&client, "evalsha"), calls(&client, "eval")), (2, 1));
        client.script_flush().unwrap();
        assert_eq!(alone(1), 3);
        client.script_flush().unwrap();
        assert_eq!(piped(true), (4, 5));
        client.script_flush().unwrap();
        assert_eq!(piped(false), (6, 7));
        // Another process, which has neither the script nor the data.
        redis.kill();
        redis.restart();
        while client.ping().is_err() {}
        assert_eq!(piped(true), (1, 2));
        client.script_flush().unwrap();
        assert_eq!(alone(1), 3);
        assert_eq!((calls(&client, "evalsha"), calls(&client, "eval")), (1, 2));
    }
}

#[test]
fn a_script_takes_keys_and_arguments_of_any_types() {
    let redis = Redis::start();
    let client = Client::connect(redis.url()).unwrap();
    let all = Script::new("return {#KEYS, ARGV}").read_only();
    let none: (u64, Vec<String>) = all.invoke(&client).unwrap();
    assert_eq!(none, (0, vec![]));
    let mixed: (u64, Vec<Vec<u8>>) = all
        .key("a")
        .key((1, b"\xff"))
        .arg(true)
        .arg(Some(2.5))
        .arg(None::<i64>)
        .arg(["x"].iter())
        .invoke(&client)
        .unwrap();
    let expected: [&[u8]; 3] = [b"1", b"2.5", b"x"];
    assert_eq!(mixed, (3, expected.map(<[u8]>::to_vec).to_vec()));
    all.load(&client).unwrap();
    assert_eq!(client.script_exists(all.hash()).unwrap(), [true]);

    let write = Script::new("return redis.call('SET', 'key', 'value')").read_only();
    let refused: Result<()> = write.invoke(&client);
    assert_eq!(refused.unwrap_err().code(), Some("ERR"));
    // What does not fit has the name of the command.
    let misfit: Result<i64> = Script::new("return 'x'").invoke(&client);
    let misfit = misfit.unwrap_err();
    assert_eq!(misfit.command(), Some("EVAL"));
}
