//! What an end of the connection says about the bytes of a writer that waits for room.

use super::{ask, asked, end, failures};

#[test]
fn what_a_writer_has_not_written_when_it_waits_never_left() {
    for (torn, sent) in [(true, 2), (false, 4)] {
        let mut ledger = asked(&["abcd", "efgh"]);
        let mut batch = ledger.take_batch().unwrap();
        batch.advance(2);
        ledger.pause_batch(&batch, torn);
        let rest = if torn { 0 } else { 4 };
        assert_eq!(end(&mut ledger), [('a', sent), ('e', rest)]);
        assert!(!ledger.resume_batch(), "nothing more is written");
        ledger.return_batch(batch, torn);
        assert!(ledger.take_batch().is_none());
    }
}

#[test]
fn an_end_leaves_it_to_a_writer_in_the_socket_to_say_what_has_left() {
    for (torn, written, sent) in [(true, 1, [2, 0]), (true, 6, [4, 3]), (false, 1, [4, 4])] {
        let mut ledger = asked(&["abcd", "efgh"]);
        let mut batch = ledger.take_batch().unwrap();
        batch.advance(1);
        ledger.pause_batch(&batch, torn);
        assert!(ledger.resume_batch());
        assert!(ask(&mut ledger, "ijkl", 1));
        assert_eq!(end(&mut ledger), [], "nobody knows yet");
        batch.advance(written);
        assert_eq!(
            failures(ledger.return_batch(batch, torn)),
            [('a', sent[0]), ('e', sent[1]), ('i', 0)]
        );
        assert!(ledger.take_batch().is_none());
    }
}
