/* The tracepoints of LTTng-UST itself that take a text, for `every.c`. */
#include <lttng/tracef.h>
#include <lttng/tracelog.h>

void messages(int n)
{
	lttng_ust_tracef("traced with %s: %d", "tracef", n);
	lttng_ust_tracelog(LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING, "traced with %s: %d", "tracelog", n);
}
