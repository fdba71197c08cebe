//! What an error says about where: the command, its place in a pipeline, the part of the reply.

use super::common::redis::{Redis, Version};
use super::everywhere;
use hitless::{Client, Commands, Error, ErrorKind, FromValue, cmd, pipe};
use std::collections::{BTreeMap, HashSet};

#[track_caller]
fn text<T: FromValue + std::fmt::Debug>(client: &Client, command: &hitless::Cmd) -> String {
    let error = client.query::<T>(command).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conversion);
    error.to_string()
}

#[test]
fn a_number_that_does_not_fit_is_out_of_range_and_not_shown() {
    everywhere(|client| {
        client.set("n", 300).unwrap();
        let get = cmd("GET").arg("n");
        assert_eq!(
            text::<i8>(client, &get),
            "out of range for i8 (command GET)"
        );
        assert_eq!(
            text::<u8>(client, &get),
            "out of range for u8 (command GET)"
        );
        let incr = cmd("INCRBY").args(["n", "-1000"]);
        assert_eq!(
            text::<u64>(client, &incr),
            "out of range for u64 (command INCRBY)"
        );
        assert_eq!(
            text::<u16>(client, &get),
            "out of range for u16 (command GET)"
        );
        client.set("n", "9".repeat(50)).unwrap();
        assert_eq!(
            text::<i128>(client, &get),
            "out of range for i128 (command GET)"
        );
        client.set("n", "3 apples").unwrap();
        assert_eq!(
            text::<i8>(client, &get),
            "a bulk string cannot become i8 (command GET)"
        );
        let none = cmd("GET").arg("none");
        assert_eq!(
            text::<i64>(client, &none),
            "nil cannot become i64; an Option<..> holds it (command GET)"
        );
        client.set("n", [0xff]).unwrap();
        assert_eq!(
            text::<String>(client, &get),
            "bytes that are not UTF-8 cannot become a text; Vec<u8> holds them (command GET)"
        );
    });
}

#[test]
fn containers_say_which_of_their_parts_does_not_fit() {
    everywhere(|client| {
        client.rpush("list", ["1", "2", "300", "x"]).unwrap();
        let list = cmd("LRANGE").args(["list", "0", "-1"]);
        let out_of_range = "element 2: out of range for i8 (command LRANGE)";
        assert_eq!(text::<Vec<i8>>(client, &list), out_of_range);
        assert_eq!(text::<HashSet<i8>>(client, &list), out_of_range);
        assert_eq!(text::<[i8; 4]>(client, &list), out_of_range);
        assert_eq!(
            text::<(i8, i8, i8, i8)>(client, &list),
            "field 2: out of range for i8 (command LRANGE)"
        );
        assert_eq!(
            text::<Vec<(i8, i8)>>(client, &list),
            "element 1: field 0: out of range for i8 (command LRANGE)"
        );
        assert_eq!(
            text::<BTreeMap<i64, i64>>(client, &list),
            "element 1: value: a bulk string cannot become i64 (command LRANGE)"
        );
        assert_eq!(
            text::<(i64, i64)>(client, &list),
            "4 elements cannot become 2 fields (command LRANGE)"
        );
        assert_eq!(
            text::<[String; 3]>(client, &list),
            "4 elements cannot become an array of 3 (command LRANGE)"
        );
        assert_eq!(
            text::<Vec<(String, String, String)>>(client, &list),
            "4 elements cannot be divided into rows of 3 (command LRANGE)"
        );
        let nested = cmd("EVAL").args(["return {{1, {2, {3, 'x'}}}}", "0"]);
        assert_eq!(
            text::<Vec<(i64, (i64, Vec<i64>))>>(client, &nested),
            "element 0: field 1: field 1: element 1: a bulk string cannot become i64 (command EVAL)"
        );
    });
}

fn index_and_command(error: &Error) -> (Option<usize>, Option<&str>) {
    (error.index(), error.command())
}

#[test]
fn the_errors_of_a_pipeline_say_which_command_and_where() {
    everywhere(|client| {
        client.set("text", "words").unwrap();
        for atomic in [false, true] {
            let mut begun = pipe();
            if atomic {
                begun.atomic();
            }
            let pipeline = begun
                .cmd(cmd("SET").arg("n").arg(1000))
                .cmd(cmd("LPOP").arg("text"))
                .cmd(cmd("config get").arg("maxmemory"))
                .cmd(
                    cmd("georadiusbymember_ro")
                        .arg("text")
                        .args(["m", "1", "m"]),
                );
            let results = pipeline.run(client);
            let error = results[1].as_ref().unwrap_err();
            assert_eq!(index_and_command(error), (Some(1), Some("LPOP")));
            assert!(
                error
                    .to_string()
                    .contains("(command LPOP, at index 1 of the pipeline"),
                "{error}"
            );
            let error = results[3].as_ref().unwrap_err();
            assert_eq!(
                index_and_command(error),
                (Some(3), Some("GEORADIUSBYMEMBER_RO"))
            );
            let mut pipeline = pipe();
            pipeline
                .cmd(cmd("CONFIG GET").arg("maxmemory"))
                .cmd(cmd("STRLEN").arg("text"));
            let error = pipeline.query::<(i64, i64)>(client).unwrap_err();
            assert_eq!(index_and_command(&error), (Some(0), Some("CONFIG GET")));
            let error = pipeline.query::<Vec<char>>(client).unwrap_err();
            assert_eq!(index_and_command(&error), (Some(0), Some("CONFIG GET")));
        }
        let results = pipe()
            .cmd(cmd("GET").arg("n"))
            .cmd(cmd("SELECT 1"))
            .run(client);
        let refused = results.iter().filter_map(|result| result.as_ref().err());
        assert!(
            refused
                .map(Error::command)
                .any(|name| name == Some("SELECT"))
        );
        let error = client
            .execute(&cmd("client").arg("no-such").arg("secret"))
            .unwrap_err();
        assert_eq!(index_and_command(&error), (None, Some("CLIENT NO-SUCH")));
    });
}

#[test]
fn every_command_of_every_server_is_named_whole() {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        let client = Client::connect(redis.url()).unwrap();
        let names: Vec<String> = client.query(&cmd("COMMAND LIST")).unwrap();
        assert!(names.len() > 300, "{}", names.len());
        for name in names {
            let shown = format!("{:?}", cmd(&name.replace('|', " ")).arg("sec ret"));
            let expected = format!("Cmd({}, ", name.replace('|', " ").to_ascii_uppercase());
            assert!(shown.starts_with(&expected), "{shown}");
        }
    }
}
