//! What an end of the connection says about the bytes of a writer that waits for room.

use super::{asked, end};

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
fn what_a_writer_may_be_writing_may_have_left() {
    let mut ledger = asked(&["abcd"]);
    let mut batch = ledger.take_batch().unwrap();
    batch.advance(2);
    ledger.pause_batch(&batch, true);
    assert!(ledger.resume_batch());
    assert_eq!(end(&mut ledger), [('a', 4)]);
}
