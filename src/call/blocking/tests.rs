//! What is sent when a command is asked again.

use crate::command::Cmd;
use crate::command::table::Dispatch;
use std::time::Duration;

#[test]
fn the_time_of_a_command_that_blocks_is_rewritten_where_it_stands() {
    let encoded = |text: &str| Cmd::new(text).whole().unwrap().to_vec();
    for (text, rewritten) in [
        ("BLPOP a b 0", "BLPOP a b 1.250"),
        ("BRPOPLPUSH 0 0 0", "BRPOPLPUSH 0 0 1.250"),
        ("BLMOVE a b LEFT RIGHT 9", "BLMOVE a b LEFT RIGHT 1.250"),
        ("BLMPOP 0 1 0 LEFT", "BLMPOP 1.250 1 0 LEFT"),
        ("BZMPOP 0 1 k MIN", "BZMPOP 1.250 1 k MIN"),
        ("BZPOPMIN k inf", "BZPOPMIN k 1.250"),
        ("XREAD BLOCK 0 STREAMS 0 0", "XREAD BLOCK 1250 STREAMS 0 0"),
        (
            "XREADGROUP GROUP BLOCK 0 block 0 STREAMS s >",
            "XREADGROUP GROUP BLOCK 0 block 1250 STREAMS s >",
        ),
    ] {
        let command = Cmd::new(text);
        let shorter = command.blocking_for(Duration::from_micros(1_249_001));
        let shorter = shorter.expect("it blocks");
        assert_eq!(shorter.whole().unwrap(), encoded(rewritten), "{text}");
        assert_eq!(
            shorter.dispatch(),
            Dispatch::Exclusive(Some(Duration::from_millis(1250)))
        );
    }
    for text in ["XREAD STREAMS s 0", "GET k", "WAIT 1 0", "BLPOP"] {
        let rewritten = Cmd::new(text).blocking_for(Duration::from_secs(1));
        assert!(rewritten.is_none(), "{text}");
    }
}
