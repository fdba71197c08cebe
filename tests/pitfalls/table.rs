//! What is known to go wrong in clients during maintenance: for each, the tests that show that it
//! does not here, or why it cannot, or the feature that will have to show it.

/// What is said of a pitfall.
#[derive(Debug)]
pub enum Answer {
    /// These tests, each with its file, show that it does not happen.
    Shown(&'static [(&'static str, &'static str)]),
    /// By construction it cannot happen.
    Cannot(&'static str),
    /// It can happen only to a feature that the client does not have yet.
    Later(&'static str),
}

use Answer::{Cannot, Later, Shown};

const ADVERSITY: &str = "tests/adversity.rs";
const BREAKER: &str = "src/handoff/breaker/tests.rs";
const CALLS: &str = "src/link/tests/calls.rs";
const COMMANDS: &str = "tests/commands.rs";
const CONNECT: &str = "tests/connect.rs";
const ENDPOINT: &str = "tests/protocol/endpoint.rs";
const FILLING: &str = "src/handoff/conductor/tests/filling.rs";
const FRAMES: &str = "tests/pitfalls/frames.rs";
const HANDSHAKE: &str = "tests/protocol/handshake.rs";
const HOSTILE: &str = "src/handoff/conductor/tests/hostile.rs";
const IDENTITY: &str = "tests/pitfalls/identity.rs";
const LIFECYCLE: &str = "tests/lifecycle.rs";
const MOVES: &str = "tests/pitfalls/moves.rs";
const MOVING: &str = "src/handoff/conductor/tests/moving.rs";
const NEGOTIATION: &str = "tests/pitfalls/negotiation.rs";
const NOTIFICATION: &str = "tests/protocol/notification.rs";
const NULL_MOVING: &str = "src/handoff/conductor/tests/null_moving.rs";
const POLICY: &str = "src/handoff/policy.rs";
const RANDOM: &str = "src/handoff/conductor/tests/random.rs";
const SEEN: &str = "src/handoff/identity/tests.rs";
const STANDALONE: &str = "tests/standalone.rs";
const TABLE_OF_WINDOWS: &str = "src/handoff/windows/tests.rs";
const TLS: &str = "tests/pitfalls/tls.rs";
const TRANSPORT_RESOLVE: &str = "src/transport/tests/resolve.rs";
const TRANSPORT_TLS: &str = "src/transport/tests/tls.rs";
const WAITS: &str = "src/link/window.rs";
const WINDOWS: &str = "tests/pitfalls/windows.rs";
const WINDOW_MACHINE: &str = "src/handoff/conductor/tests/windows.rs";

const CLUSTER: &str = "the cluster client, which has a map of hash slots";
const SUBSCRIPTIONS: &str = "subscriptions that survive a handoff";

/// Number, the fact, the answer.
pub const PITFALLS: &[(u8, &str, Answer)] = &[
    // Negotiation
    (
        1,
        "most servers do not know the opt-in: their users must not read about it in logs",
        Shown(&[(
            NEGOTIATION,
            "a_server_without_notifications_costs_one_line_of_debug_and_no_error",
        )]),
    ),
    (
        2,
        "a refused opt-in is no failure for breakers, hooks or counters",
        Shown(&[(
            NEGOTIATION,
            "a_refusal_reaches_no_hook_no_breaker_and_no_count_of_failures",
        )]),
    ),
    (
        3,
        "a server that accepted once may refuse later: mode Auto goes on connecting",
        Shown(&[(
            NEGOTIATION,
            "a_server_that_ceases_to_accept_is_served_without",
        )]),
    ),
    (
        4,
        "one server's refusal says nothing about another behind the same name",
        Shown(&[(
            NEGOTIATION,
            "a_refusal_by_one_server_keeps_nobody_from_asking_another",
        )]),
    ),
    (
        5,
        "on RESP2 the opt-in is never sent, and mode Enabled says why it cannot work",
        Shown(&[
            (
                ADVERSITY,
                "a_server_that_knows_resp2_only_is_served_in_mode_auto_and_refused_in_mode_enabled",
            ),
            (HANDSHAKE, "required_notifications_fail_on_resp2"),
            (
                HANDSHAKE,
                "a_resp2_connection_sends_neither_hello_nor_the_maintenance_command",
            ),
        ]),
    ),
    (
        6,
        "a unix socket has no host: the feature is off there, and nothing else is",
        Shown(&[(CONNECT, "a_unix_socket_serves_like_any_other")]),
    ),
    (
        7,
        "a missing configuration or listener must not be dereferenced",
        Cannot(
            "options are values with defaults, and hooks a list that may be empty: nothing is null",
        ),
    ),
    (
        8,
        "choosing the kind of endpoint must not wait for a name service",
        Shown(&[
            (POLICY, "the_form_follows_the_peer_and_the_encryption"),
            (TRANSPORT_RESOLVE, "a_literal_address_starts_no_thread"),
        ]),
    ),
    (
        9,
        "loopback, mapped, link-local, unique local and carrier addresses are classified rightly",
        Shown(&[(POLICY, "private_addresses_are_internal")]),
    ),
    (
        10,
        "the configured kind of endpoint is the one that is sent",
        Shown(&[
            (
                NEGOTIATION,
                "the_kind_of_place_that_was_configured_is_the_kind_that_is_asked_for",
            ),
            (
                HANDSHAKE,
                "every_type_of_endpoint_has_its_word_and_none_is_asked_for_bare",
            ),
        ]),
    ),
    (
        11,
        "every connection that opted in has somebody who listens",
        Shown(&[(NEGOTIATION, "every_connection_that_opted_in_is_listened_to")]),
    ),
    (
        12,
        "a push in the same segment as the answer to the opt-in counts",
        Shown(&[(
            NEGOTIATION,
            "a_notification_that_comes_with_the_answer_to_the_opt_in_is_heard",
        )]),
    ),
    (
        13,
        "pushes between the answers of the opening shift none of them",
        Shown(&[(
            NEGOTIATION,
            "notifications_between_the_answers_of_an_opening_shift_no_answer",
        )]),
    ),
    (
        14,
        "the opt-in costs no round trip of its own",
        Shown(&[(
            HANDSHAKE,
            "everything_goes_out_in_one_write_in_a_fixed_order",
        )]),
    ),
    (
        15,
        "clients for sentinels and rings need a mode of their own",
        Later("sentinel"),
    ),
    // Frames
    (
        16,
        "a MOVING that cannot be read marks nothing and relaxes nothing",
        Shown(&[
            (
                FRAMES,
                "a_moving_that_cannot_be_read_moves_nothing_and_relaxes_nothing",
            ),
            (ADVERSITY, "a_malformed_moving_is_counted_and_ignored"),
            (NOTIFICATION, "a_moving_that_cannot_be_read_says_why"),
        ]),
    ),
    (
        17,
        "IPv6 addresses come with and without brackets",
        Shown(&[
            (NOTIFICATION, "moving_names_its_place_in_every_form"),
            (ENDPOINT, "every_form_of_an_endpoint_is_read"),
        ]),
    ),
    (
        18,
        "the port of the new place may be another one",
        Shown(&[(FRAMES, "a_place_with_another_port_is_dialled_at_that_port")]),
    ),
    (
        19,
        "the first event has number 0",
        Shown(&[
            (MOVING, "number_zero_is_a_number"),
            (SEEN, "nothing_is_seen_at_first_not_even_number_zero"),
        ]),
    ),
    (
        20,
        "a time of zero or less means now",
        Shown(&[
            (FRAMES, "a_time_of_nothing_or_less_means_at_once"),
            (MOVING, "times_of_zero_and_below_mean_at_once"),
        ]),
    ),
    (
        21,
        "unknown pushes, further elements and other kinds of strings hurt nobody",
        Shown(&[
            (
                ADVERSITY,
                "pushes_of_unknown_kinds_are_counted_and_stand_in_nobodys_way",
            ),
            (
                NOTIFICATION,
                "elements_at_the_end_that_nobody_knows_are_ignored",
            ),
            (
                NOTIFICATION,
                "names_are_read_in_upper_and_lower_case_and_as_any_string",
            ),
        ]),
    ),
    (
        22,
        "a message that nobody subscribed to is nobody's reply",
        Shown(&[(FRAMES, "a_push_of_another_feature_is_nobodys_reply")]),
    ),
    (
        23,
        "moved hash slots come in triplets whose parts repeat, are unknown, or cannot be read",
        Shown(&[
            (
                NOTIFICATION,
                "every_shape_of_migrated_slots_that_ever_existed_is_read",
            ),
            (
                NOTIFICATION,
                "sources_and_destinations_may_repeat_and_be_unknown",
            ),
            (NOTIFICATION, "one_move_that_cannot_be_read_spoils_no_other"),
        ]),
    ),
    (
        24,
        "what matters are the frames of real servers",
        Shown(&[(NOTIFICATION, "frames_captured_from_real_servers_are_read")]),
    ),
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
        Shown(&[(
            IDENTITY,
            "what_a_connection_says_after_it_was_replaced_is_not_acted_upon",
        )]),
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
                MOVES,
                "attempts_that_fail_lead_to_the_named_place_all_the_same",
            ),
            (HOSTILE, "the_override_is_kept_across_reconnect_attempts"),
        ]),
    ),
    (
        58,
        "the configured name decides again in the end",
        Shown(&[
            (MOVES, "the_configured_name_decides_again_once_it_agrees"),
            (HOSTILE, "overlapping_overrides_end_in_the_right_order"),
        ]),
    ),
    (
        59,
        "but not before the name has followed the move",
        Shown(&[(
            MOVES,
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
            "a_command_that_blocks_is_served_where_it_waits_and_stalls_no_other",
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
        Shown(&[(MOVES, "every_attempt_asks_the_name_anew")]),
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
        Shown(&[(MOVES, "a_name_service_that_hangs_holds_up_no_command")]),
    ),
    (
        78,
        "a redirection to where the connection is already",
        Later(CLUSTER),
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
