//! The handoff itself.

use super::Answer::{Cannot, Later, Shown};
use super::{
    ADVERSITY, BREAKER, COMMANDS, FILLING, FRAMES, HOSTILE, IDENTITY, LIFECYCLE, MOVES, MOVING,
    NAMES, NULL_MOVING, Pitfall, RANDOM, STANDALONE, SUBSCRIPTIONS, TLS, TRANSPORT_TLS, WAITS,
    WINDOWS,
};

pub const PITFALLS: &[Pitfall] = &[
    // Handoff
    (
        51,
        "a MOVING between replies of one read costs no reply",
        Shown(&[(
            FRAMES,
            "a_moving_between_the_replies_of_one_read_costs_no_reply",
        )]),
    ),
    (
        52,
        "a dial that began before the MOVING and ended after it",
        Shown(&[
            (
                MOVES,
                "a_connection_that_was_being_made_when_its_server_said_goodbye_moves_too",
            ),
            (
                MOVING,
                "a_dial_that_began_before_the_notice_is_moved_when_it_ends_after_it",
            ),
        ]),
    ),
    (
        53,
        "a name with several addresses: all connections to the one, none to the others",
        Shown(&[
            (
                MOVES,
                "connections_to_another_address_of_the_name_stay_where_they_are",
            ),
            (
                MOVING,
                "an_address_of_a_dual_stack_socket_is_the_same_address",
            ),
            (MOVING, "links_that_never_opted_in_move_with_the_rest"),
        ]),
    ),
    (
        54,
        "a target that cannot be reached: the old connections serve, retries are short",
        Shown(&[
            (
                MOVES,
                "a_target_that_refuses_for_a_while_is_reached_soon_after",
            ),
            (
                ADVERSITY,
                "while_the_new_place_refuses_connections_the_old_sockets_serve_on",
            ),
            (
                ADVERSITY,
                "while_the_new_place_answers_nothing_the_old_sockets_serve_on",
            ),
        ]),
    ),
    (
        55,
        "what fails in the middle of a handoff leaves nothing paused",
        Shown(&[(
            MOVES,
            "a_policy_that_panics_in_the_middle_of_a_move_stops_nobody",
        )]),
    ),
    (
        56,
        "connections that are closed while they are handed over",
        Shown(&[
            (
                MOVES,
                "connections_that_die_while_they_are_to_move_disturb_no_other",
            ),
            (
                LIFECYCLE,
                "a_client_closes_while_its_connections_are_to_move_and_cannot",
            ),
            (RANDOM, "after_any_disturbance_everything_is_in_order_again"),
        ]),
    ),
    (
        57,
        "attempts to reconnect keep the place that was named",
        Shown(&[
            (
                NAMES,
                "attempts_that_fail_lead_to_the_named_place_all_the_same",
            ),
            (HOSTILE, "the_override_is_kept_across_reconnect_attempts"),
        ]),
    ),
    (
        58,
        "the configured name decides again in the end",
        Shown(&[
            (NAMES, "the_configured_name_decides_again_once_it_agrees"),
            (HOSTILE, "overlapping_overrides_end_in_the_right_order"),
        ]),
    ),
    (
        59,
        "but not before the name has followed the move",
        Shown(&[(
            NAMES,
            "new_connections_go_to_the_named_place_while_the_name_lags_behind",
        )]),
    ),
    (
        60,
        "clients made of the same options do not redirect each other",
        Shown(&[
            (
                MOVES,
                "a_move_of_one_client_leaves_others_of_the_same_options_alone",
            ),
            (
                WINDOWS,
                "one_client_is_relaxed_and_another_of_the_same_options_is_not",
            ),
        ]),
    ),
    (
        61,
        "a subscriber that waits for messages notices a MOVING without any",
        Later(SUBSCRIPTIONS),
    ),
    (
        62,
        "a connection that is subscribed never serves commands",
        Shown(&[(
            COMMANDS,
            "commands_that_would_change_a_shared_connection_are_refused_unsent",
        )]),
    ),
    (
        63,
        "a command that blocks without end stalls no other during a move",
        Shown(&[(
            MOVES,
            "a_command_that_blocks_goes_along_and_stalls_no_other",
        )]),
    ),
    (
        64,
        "a transaction is executed as one or not at all, whatever moves",
        Shown(&[
            (MOVES, "a_transaction_is_never_torn_by_a_move"),
            (
                COMMANDS,
                "commands_that_would_change_a_shared_connection_are_refused_unsent",
            ),
        ]),
    ),
    (
        65,
        "a target named by address where certificates bear names, and the reverse",
        Shown(&[
            (
                TLS,
                "a_place_named_by_address_or_by_name_is_trusted_under_the_configured_name",
            ),
            (
                TLS,
                "a_place_that_proves_to_be_another_is_not_used_and_the_old_one_serves_on",
            ),
            (
                TRANSPORT_TLS,
                "a_server_is_verified_under_the_configured_name",
            ),
        ]),
    ),
    (
        66,
        "what was cached under the old connection must go first",
        Later("client-side caching"),
    ),
    (
        67,
        "connections made between the half times of two moves are not forgotten",
        Shown(&[
            (
                MOVES,
                "a_connection_made_between_two_moves_of_its_front_is_not_forgotten",
            ),
            (
                NULL_MOVING,
                "links_made_between_two_half_times_are_not_orphaned",
            ),
        ]),
    ),
    (
        68,
        "no target may be named although a kind of place was asked for",
        Shown(&[(
            MOVES,
            "a_move_without_a_target_waits_for_the_name_on_the_measured_timeline",
        )]),
    ),
    (
        69,
        "what was to be retired at a time and is looked at later is retired all the same",
        Shown(&[
            (
                MOVES,
                "idle_connections_end_with_the_move_and_not_with_its_deadline",
            ),
            (
                MOVING,
                "a_thread_that_slept_through_the_window_moves_idle_links_all_the_same",
            ),
        ]),
    ),
    (
        70,
        "a thousand notifications cost no thread, and hold up no exit",
        Shown(&[
            (MOVES, "a_thousand_movings_without_a_target_cost_no_thread"),
            (
                LIFECYCLE,
                "a_thousand_moves_leave_no_thread_and_no_descriptor_behind",
            ),
            (
                STANDALONE,
                "five_hundred_connections_move_through_a_queue_of_two",
            ),
        ]),
    ),
    (
        71,
        "an idle connection that the server closed costs no command",
        Shown(&[
            (
                MOVES,
                "idle_connections_that_a_server_closed_cost_no_command",
            ),
            (
                ADVERSITY,
                "the_end_of_idle_connections_is_noticed_without_a_command_and_costs_none",
            ),
        ]),
    ),
    (
        72,
        "sockets may be closed without any warning",
        Shown(&[
            (MOVES, "a_silent_close_is_an_ordinary_reconnect"),
            (
                STANDALONE,
                "a_proxy_of_several_that_closes_without_a_moving_costs_busy_connections_nothing",
            ),
            (
                FILLING,
                "a_silent_close_without_notice_is_an_ordinary_reconnect",
            ),
        ]),
    ),
    (
        73,
        "an address that has gone for good is not dialled for ever",
        Shown(&[(NAMES, "every_attempt_asks_the_name_anew")]),
    ),
    (
        74,
        "an error during maintenance says so; a planned move is none",
        Shown(&[(
            WINDOWS,
            "a_failure_during_maintenance_says_so_and_a_planned_move_is_none",
        )]),
    ),
    (
        75,
        "one event is told once, not once for each connection",
        Shown(&[(
            IDENTITY,
            "an_event_that_many_connections_hear_of_is_told_once",
        )]),
    ),
    (
        76,
        "some hash slots of a node move: its connections do not",
        Shown(&[(
            FRAMES,
            "hash_slots_that_leave_a_node_take_no_connection_with_them",
        )]),
    ),
    (
        77,
        "what a notification asks of the network holds up nobody's reply",
        Shown(&[(NAMES, "a_name_service_that_hangs_holds_up_no_command")]),
    ),
    (
        78,
        "a redirection, also one to where the connection is already, is followed by nobody",
        Shown(&[(FRAMES, "a_redirection_is_an_error_and_is_not_followed")]),
    ),
    (
        79,
        "notifications of one deployment applied to another that it fails over to",
        Cannot(
            "a client serves one deployment: every window, redirect and handoff belongs to it alone",
        ),
    ),
    (
        80,
        "a handoff ends although the connection is never idle",
        Shown(&[(MOVES, "a_connection_that_is_never_idle_moves")]),
    ),
    (
        81,
        "subscriptions are made again on the new connection",
        Later(SUBSCRIPTIONS),
    ),
    (
        82,
        "login, database and name are set on the new connection",
        Shown(&[(
            MOVES,
            "what_was_set_for_a_connection_is_set_for_its_replacement",
        )]),
    ),
    (
        83,
        "a target that is dead is not insisted on",
        Shown(&[
            (
                MOVES,
                "a_target_that_is_dead_is_left_for_what_the_name_says",
            ),
            (HOSTILE, "a_dead_target_does_not_pin_new_links"),
            (
                BREAKER,
                "it_opens_at_five_failures_by_default_and_probes_after_a_minute",
            ),
        ]),
    ),
    (
        84,
        "a handoff that ran out of time is told from one that succeeded",
        Shown(&[(
            MOVES,
            "a_move_that_runs_out_of_time_is_told_from_one_that_succeeds",
        )]),
    ),
    (
        85,
        "a timeout just after a window still names what caused it",
        Shown(&[
            (
                WINDOWS,
                "a_timeout_shortly_after_the_end_of_a_window_names_it",
            ),
            (WAITS, "a_failure_shortly_after_a_window_still_names_it"),
        ]),
    ),
];
