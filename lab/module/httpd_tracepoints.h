/*
 * The tracepoints of mod_httpd_tracepoints.c, as LTTng-UST wants them: it includes this file several times over.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER httpd

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./httpd_tracepoints.h"

#if !defined(HTTPD_TRACEPOINTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define HTTPD_TRACEPOINTS_H

#include <lttng/tracepoint.h>

/*
 * connection_state   Apache's conn_state_e: 1 (processing) here, since only the event MPM makes use of others
 * connection_id      Apache's own number for the connection (%L and mod_log_config do not tell it): unique while it lasts
 * keepalives         requests that were read on the connection before
 */
LTTNG_UST_TRACEPOINT_EVENT(
    httpd, enter_event_handler,
    LTTNG_UST_TP_ARGS(int, state, long, id, int, keepalives),
    LTTNG_UST_TP_FIELDS(
        lttng_ust_field_integer(int, connection_state, state)
        lttng_ust_field_integer(long, connection_id, id)
        lttng_ust_field_integer(int, keepalives, keepalives)))

/* requests: those that were answered since the enter. 0 where the client only said goodbye, or failed to say hello. */
LTTNG_UST_TRACEPOINT_EVENT(
    httpd, exit_event_handler,
    LTTNG_UST_TP_ARGS(int, state, long, id, int, requests),
    LTTNG_UST_TP_FIELDS(
        lttng_ust_field_integer(int, connection_state, state)
        lttng_ust_field_integer(long, connection_id, id)
        lttng_ust_field_integer(int, requests, requests)))

#endif

#include <lttng/tracepoint-event.h>
