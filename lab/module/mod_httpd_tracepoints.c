/*
 * An Apache module with the two tracepoints by which the study of 2023 cut requests out of its traces
 * (`sysds ingest --requests httpd`): httpd:enter_event_handler and httpd:exit_event_handler.
 *
 * The study patched Apache. Its patch is not published; by the names and by the connection's states that its reader of
 * traces leaves out, the tracepoints enclose what a worker of the event MPM does with a connection between two waits for
 * the client. The prefork MPM has no function for that, since its process waits itself, in the middle of reading; so this
 * module looks on where Apache reads from the network:
 *
 *   enter   the first bytes have come from the client, on a new connection or after it was idle
 *   exit    a request has been answered and logged, and Apache turns to the socket again, for the next one; or the
 *           connection is about to be closed
 *
 * So a handler has, as in the study: the TLS handshake, with the first request of a connection, and what the client says
 * before it closes (TLS's close_notify), without a request. The exit says how many requests there were. Each enter has its
 * exit, on the same thread, but for a process that is killed.
 *
 * What differs from such tracepoints in the event MPM:
 *   - The read that brings the first bytes comes just before the enter, not just after it, since here it is the wait.
 *   - A client that closes the connection without a word makes no handler. With the event MPM it makes an empty one.
 *   - Requests that a client sent at once may be a handler each, where they are one with the event MPM.
 *   - What Apache refuses while it reads (400) counts as no request: prefork answers when it closes the connection.
 *   - Connections that linger are never seen, where the study's rule has to leave out the states 6 and 7.
 *   - Writing is part of the handler even where the client takes its time: prefork waits for it.
 *   - A connection of HTTP/2 is one handler.
 *
 * Build with apxs2 -I . -c mod_httpd_tracepoints.c -llttng-ust -ldl. Apache forks its processes after it has loaded its
 * modules, so that it needs LD_PRELOAD=liblttng-ust-fork.so.1, or only the first process is traced.
 */
#include "httpd.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_protocol.h"
#include "util_filter.h"

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "httpd_tracepoints.h"

/* What there is to know of a connection. */
struct handler {
    conn_rec *connection;
    int open;     /* entered, and not left */
    int requests; /* answered since the enter */
};

module AP_MODULE_DECLARE_DATA httpd_tracepoints_module;

static const char FILTER[] = "HTTPD_TRACEPOINTS";

static int state_of(const conn_rec *c)
{
    return c->cs ? (int)c->cs->state : (int)CONN_STATE_READ_REQUEST_LINE;
}

static void enter(struct handler *handler)
{
    const conn_rec *c = handler->connection;

    if (handler->open)
        return;
    handler->open = 1;
    handler->requests = 0;
    lttng_ust_tracepoint(httpd, enter_event_handler, state_of(c), c->id, c->keepalives);
}

static void leave(struct handler *handler)
{
    const conn_rec *c = handler->connection;

    if (!handler->open)
        return;
    handler->open = 0;
    lttng_ust_tracepoint(httpd, exit_event_handler, state_of(c), c->id, handler->requests);
}

/* Sits on the socket, below TLS, and changes nothing. */
static apr_status_t look_on(ap_filter_t *filter, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t bytes)
{
    struct handler *handler = filter->ctx;
    apr_status_t status;

    /* Apache asks for more though the last request has been dealt with: now it waits. */
    if (handler->requests > 0)
        leave(handler);
    status = ap_get_brigade(filter->next, brigade, mode, block, bytes);
    if (mode != AP_MODE_INIT && status == APR_SUCCESS && !APR_BRIGADE_EMPTY(brigade)
        && !APR_BUCKET_IS_EOS(APR_BRIGADE_FIRST(brigade)))
        enter(handler);
    return status;
}

/* The connection's end, where nothing else saw it. */
static apr_status_t at_the_end(void *handler)
{
    leave(handler);
    return APR_SUCCESS;
}

static int pre_connection(conn_rec *c, void *socket)
{
    struct handler *handler;

    (void)socket;
    /* A stream of HTTP/2: the connection that carries it has the socket. */
    if (c->master)
        return DECLINED;
    handler = apr_pcalloc(c->pool, sizeof *handler);
    handler->connection = c;
    ap_set_module_config(c->conn_config, &httpd_tracepoints_module, handler);
    apr_pool_pre_cleanup_register(c->pool, handler, at_the_end);
    ap_add_input_filter(FILTER, handler, NULL, c);
    return DECLINED;
}

/* After the answer has been written, and its line in the log: only the request itself, neither what it was redirected
 * to nor subrequests come here. */
static int log_transaction(request_rec *r)
{
    struct handler *handler = ap_get_module_config(r->connection->conn_config, &httpd_tracepoints_module);

    if (handler)
        handler->requests++;
    return DECLINED;
}

static int pre_close_connection(conn_rec *c)
{
    struct handler *handler = ap_get_module_config(c->conn_config, &httpd_tracepoints_module);

    if (handler)
        leave(handler);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_pre_close_connection(pre_close_connection, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_register_input_filter(FILTER, look_on, NULL, AP_FTYPE_NETWORK - 1);
}

module AP_MODULE_DECLARE_DATA httpd_tracepoints_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0};
