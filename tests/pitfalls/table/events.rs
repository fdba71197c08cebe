//! What is one event and what is another, and what events do to timeouts.

use super::Answer::{Cannot, Later, Shown};
use super::{
    CALLS, CLUSTER, IDENTITY, MOVING, NULL_MOVING, Pitfall, RANDOM, SEEN, TABLE_OF_WINDOWS, WAITS,
    WINDOW_MACHINE, WINDOWS,
};

pub const PITFALLS: &[Pitfall] = &[
    // Identity
    (
        25,
        "hundreds of connections hear of one event, which is one operation",
        Shown(&[
            (
                IDENTITY,
                "two_hundred_connections_that_hear_of_a_move_move_once",
            ),
            (
                RANDOM,
                "no_command_fails_when_the_target_can_be_reached_and_five_seconds_are_announced",
            ),
        ]),
    ),
    (
        26,
        "connections made in the window are told again, and do not move again",
        Shown(&[(
            IDENTITY,
            "new_connections_that_hear_of_the_move_that_made_them_do_not_move_again",
        )]),
    ),
    (
        27,
        "overlapping moves may share a number",
        Shown(&[
            (
                IDENTITY,
                "moves_with_one_number_and_different_places_are_different_moves",
            ),
            (
                MOVING,
                "the_same_number_with_another_target_is_another_move",
            ),
        ]),
    ),
    (
        28,
        "one address may be left more than once",
        Shown(&[
            (IDENTITY, "an_address_that_is_left_twice_is_left_twice"),
            (
                MOVING,
                "a_later_move_of_the_same_address_is_a_move_of_its_own",
            ),
            (NULL_MOVING, "both_notices_of_one_maintenance_are_followed"),
        ]),
    ),
    (
        29,
        "a lower number than the last is not old for that",
        Shown(&[
            (
                IDENTITY,
                "a_move_with_a_lower_number_than_the_last_is_a_move",
            ),
            (
                MOVING,
                "a_lower_number_is_admitted_after_a_higher_one_has_passed",
            ),
        ]),
    ),
    (
        30,
        "a connection that was replaced and not closed yet may still speak",
        Shown(&[
            (
                IDENTITY,
                "what_a_connection_says_after_it_was_replaced_is_not_acted_upon",
            ),
            (MOVING, "what_a_replaced_link_says_is_stale"),
        ]),
    ),
    (
        31,
        "copies extend no window and discard no connection",
        Shown(&[(MOVING, "copies_extend_no_window_and_postpone_no_deadline")]),
    ),
    (
        32,
        "new connections are told of completions that are hours old",
        Shown(&[
            (IDENTITY, "the_memory_of_a_migration_long_past_is_no_event"),
            (
                WINDOW_MACHINE,
                "completions_told_to_new_links_are_catch_ups",
            ),
            (WINDOW_MACHINE, "a_catch_up_ends_no_window"),
        ]),
    ),
    (
        33,
        "the end of one operation does not end another's window",
        Shown(&[
            (
                WINDOW_MACHINE,
                "a_completion_ends_only_what_started_before_it",
            ),
            (
                WINDOW_MACHINE,
                "a_completion_ends_nothing_of_another_family",
            ),
        ]),
    ),
    (
        34,
        "an end that never comes must not be waited for",
        Shown(&[(WINDOWS, "a_start_without_an_end_is_ended_by_its_cap")]),
    ),
    (
        35,
        "SMIGRATED is no copy of SMIGRATING",
        Shown(&[(
            WINDOW_MACHINE,
            "slot_migrations_are_completed_by_their_own_number",
        )]),
    ),
    (
        36,
        "SMIGRATED without a start counts as well",
        Shown(&[(
            WINDOW_MACHINE,
            "slot_migrations_are_completed_by_their_own_number",
        )]),
    ),
    (
        37,
        "a newer slot migration does not hide an older one that goes on",
        Shown(&[(
            WINDOW_MACHINE,
            "overlapping_slot_migrations_each_have_their_window",
        )]),
    ),
    (
        38,
        "a change of the slot map that failed must be tried again",
        Later(CLUSTER),
    ),
    (
        39,
        "a change of the slot map opens connections that are told of it in turn",
        Later(CLUSTER),
    ),
    (
        40,
        "the memory of events is bounded, and longer than their windows and tails",
        Shown(&[
            (
                SEEN,
                "ten_thousand_events_take_the_place_of_two_hundred_and_fifty_six",
            ),
            (
                WINDOW_MACHINE,
                "a_copy_that_comes_after_the_completion_opens_nothing",
            ),
        ]),
    ),
    (
        41,
        "a duration is no point in time, and no point in time means none",
        Shown(&[
            (
                WINDOW_MACHINE,
                "a_moving_relaxes_the_old_place_for_its_time_and_five_seconds",
            ),
            (WAITS, "a_window_loosens_and_never_tightens"),
        ]),
    ),
    (
        42,
        "a later start extends a window and never shortens it",
        Shown(&[
            (
                TABLE_OF_WINDOWS,
                "a_start_seen_again_extends_and_never_shortens",
            ),
            (WINDOW_MACHINE, "a_later_start_extends"),
        ]),
    ),
    // Timeouts
    (
        43,
        "relaxing never shortens a timeout, nor that of a command that blocks",
        Shown(&[
            (WAITS, "no_schedule_of_windows_shortens_a_wait"),
            (
                WAITS,
                "a_command_that_blocks_waits_to_the_end_of_the_window",
            ),
        ]),
    ),
    (
        44,
        "no timeout stays no timeout, before, during and after",
        Shown(&[(
            WINDOWS,
            "a_client_without_a_timeout_has_none_before_during_and_after_a_move",
        )]),
    ),
    (
        45,
        "a thread that waits already is given the longer time",
        Shown(&[
            (
                WINDOWS,
                "a_thread_that_waits_for_its_reply_when_a_window_opens_waits_longer",
            ),
            (
                WINDOWS,
                "a_failover_that_takes_longer_than_the_timeout_costs_no_command",
            ),
            (CALLS, "a_window_that_opens_meanwhile_extends_a_wait"),
        ]),
    ),
    (
        46,
        "changing a socket's timeout in the middle of a probe of that socket",
        Cannot(
            "no timeout is a property of a socket: a window is a number that those who wait read",
        ),
    ),
    (
        47,
        "what an idle connection hears counts for the commands that follow",
        Shown(&[(
            WINDOWS,
            "a_moving_that_an_idle_connection_hears_relaxes_the_commands_that_follow",
        )]),
    ),
    (
        48,
        "replacements are made with patience, and serve with the ordinary timeouts",
        Shown(&[(
            WINDOWS,
            "replacements_are_made_with_patience_and_timeouts_are_the_own_ones_afterwards",
        )]),
    ),
    (
        49,
        "two parties that both believe the other ends the relaxation",
        Shown(&[
            (WINDOW_MACHINE, "links_are_told_what_the_table_says"),
            (
                WINDOW_MACHINE,
                "a_link_hears_of_all_windows_that_concern_it",
            ),
        ]),
    ),
    (
        50,
        "zero and none have no secret meaning for sockets",
        Shown(&[(
            WINDOWS,
            "a_relaxed_timeout_of_zero_relaxes_nothing_and_shortens_nothing",
        )]),
    ),
];
