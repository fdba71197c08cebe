//! When the caller that has read a reply may keep it without a way through its waiter.

use super::Stage::{Ended, Open};
use super::{STAGES, ask, asked, give_up, in_flight, write};

#[test]
fn a_reply_that_its_own_caller_has_read_is_settled_only_where_it_ends_the_request_of_an_open_link()
{
    for stage in STAGES {
        for (name, wants, own) in [("apple", 1, true), ("apple", 2, false), ("berry", 1, false)] {
            let mut in_flight = in_flight();
            assert!(ask(&mut in_flight, name, wants));
            assert!(ask(&mut in_flight, "cherry", 1));
            assert!(!in_flight.settle_own(&'a'), "nothing has left");
            write(&mut in_flight, name.len() + 6, true);
            stage.reach(&mut in_flight);
            let own = own && stage == Open;
            assert_eq!(in_flight.settle_own(&'a'), own, "{stage:?} {name} {wants}");
            let left = if stage == Ended {
                0
            } else {
                2 - usize::from(own)
            };
            assert_eq!(
                (in_flight.live(), in_flight.answered),
                (left, own),
                "{stage:?}"
            );
        }
    }
    let mut given_up = asked(&["apple"]);
    write(&mut given_up, 5, true);
    assert_eq!(give_up(&mut given_up, 'a'), Some(5));
    assert!(!given_up.settle_own(&'a'));
}
