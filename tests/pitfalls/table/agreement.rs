//! What is agreed with a server, and the frames in which it speaks.

use super::Answer::{Cannot, Later, Shown};
use super::{
    ADVERSITY, CONNECT, ENDPOINT, FRAMES, HANDSHAKE, MOVING, NEGOTIATION, NOTIFICATION, OPT_IN,
    POLICY, Pitfall, SEEN, TRANSPORT_RESOLVE,
};

pub const PITFALLS: &[Pitfall] = &[
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
        Shown(&[
            (
                NEGOTIATION,
                "a_refusal_reaches_no_hook_and_no_count_of_failures",
            ),
            (
                NEGOTIATION,
                "a_move_to_a_server_that_refuses_the_opt_in_opens_no_breaker",
            ),
        ]),
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
        "a server that speaks RESP2 only is asked once on each connection, and mode Enabled says why it cannot work",
        Shown(&[
            (
                ADVERSITY,
                "a_server_that_knows_resp2_only_is_served_in_mode_auto_and_refused_in_mode_enabled",
            ),
            (
                OPT_IN,
                "a_server_without_resp3_is_served_unless_notifications_are_required",
            ),
            (OPT_IN, "resp2_never_asks"),
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
        Shown(&[
            (CONNECT, "a_unix_socket_serves_like_any_other"),
            (OPT_IN, "a_unix_socket_never_asks"),
        ]),
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
        "a MOVING that cannot be read marks nothing, but one whose number cannot be read counts",
        Shown(&[
            (
                FRAMES,
                "a_moving_that_cannot_be_read_moves_nothing_and_relaxes_nothing",
            ),
            (ADVERSITY, "a_malformed_moving_is_counted_and_ignored"),
            (NOTIFICATION, "a_moving_that_cannot_be_read_says_why"),
            (
                NOTIFICATION,
                "a_moving_without_a_readable_number_still_counts",
            ),
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
];
