/*
 * Makes events with all kinds of fields and contexts that LTTng-UST has, for `record`.
 *
 *   every types ROUNDS          each tracepoint, with extreme and with ordinary values, and another application context each time
 *   every ticks COUNT PAUSE     COUNT ticks, PAUSE ms apart
 *   every blocks COUNT BYTES    COUNT events with a text of BYTES, as fast as it goes
 *   every threads COUNT         COUNT ticks in each of three threads with names of their own
 */
#define _GNU_SOURCE
#define LTTNG_UST_TRACEPOINT_DEFINE
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#include "every.h"

#include <lttng/ust-events.h>
#include <lttng/ust-ringbuffer-context.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* liblttng-ust's interface for applications' contexts is part of its ABI, but in no header that is installed. */
enum { NONE, S8, S16, S32, S64, U8, U16, U32, U64, FLOAT, DOUBLE, STRING, TYPES };
struct lttng_ust_ctx_value;
struct lttng_ust_context_provider {
	uint32_t struct_size;
	const char *name;
	size_t (*get_size)(void *priv, struct lttng_ust_probe_ctx *probe, size_t offset);
	void (*record)(void *priv, struct lttng_ust_probe_ctx *probe, struct lttng_ust_ring_buffer_ctx *ctx,
		       struct lttng_ust_channel_buffer *channel);
	void (*get_value)(void *priv, struct lttng_ust_probe_ctx *probe, struct lttng_ust_ctx_value *value);
	void *priv;
};
void *lttng_ust_context_provider_register(struct lttng_ust_context_provider *provider);

static int context_type;
static const char context_text[] = "a text of the application";
static const int64_t context_integer = -0x0123456789abcdefLL;
static const float context_float = 0.1f;
static const double context_double = -1e300;

static size_t context_length(void)
{
	static const size_t lengths[TYPES] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, sizeof context_text};
	return lengths[context_type];
}

static const void *context_bytes(void)
{
	switch (context_type) {
	case FLOAT: return &context_float;
	case DOUBLE: return &context_double;
	case STRING: return context_text;
	default: return &context_integer;
	}
}

/* x86 keeps the parts of an event unaligned. */
static size_t context_size(void *priv, struct lttng_ust_probe_ctx *probe, size_t offset)
{
	(void) priv, (void) probe, (void) offset;
	return 1 + context_length();
}

static void context_record(void *priv, struct lttng_ust_probe_ctx *probe, struct lttng_ust_ring_buffer_ctx *ctx,
			   struct lttng_ust_channel_buffer *channel)
{
	(void) priv, (void) probe;
	char tag = (char) context_type;
	channel->ops->event_write(ctx, &tag, 1, 1);
	if (context_length() > 0)
		channel->ops->event_write(ctx, context_bytes(), context_length(), 1);
}

static void context_value(void *priv, struct lttng_ust_probe_ctx *probe, struct lttng_ust_ctx_value *value)
{
	(void) priv, (void) probe, (void) value;
	abort(); /* Only filters ask. */
}

static struct lttng_ust_context_provider provider = {
	.struct_size = sizeof provider,
	.name = "$app.every",
	.get_size = context_size,
	.record = context_record,
	.get_value = context_value,
};

/* In a file of its own, `messages.c`: LTTng's headers for these do not go with those for tracepoints of one's own. */
void messages(int n);

#define T(name, ...) lttng_ust_tracepoint(every, name, ##__VA_ARGS__)

static void levels(int n)
{
	T(emerg, n); T(alert, n); T(crit, n); T(err, n); T(warning, n); T(notice, n); T(info, n);
	T(debug_system, n); T(debug_program, n); T(debug_process, n); T(debug_module, n); T(debug_unit, n);
	T(debug_function, n); T(debug_line, n); T(debug, n);
	T(m0, n); T(m1, n); T(m2, n); T(m3, n); T(m4, n); T(m5, n); T(m6, n); T(m7, n);
}

static void types(int round)
{
	static const int64_t integers[] = {
		0, 1, -1, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, INT64_MAX, INT64_MIN,
		0x0102030405060708, -0x0102030405060708,
	};
	static const double floats[] = {0.0, -0.0, 0.1, -1.5, 1e-310, 1e38, 1e308, INFINITY, -INFINITY, NAN};
	static const char *const texts[] = {
		"", "plain", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "a line\nand\ta tab", "no UTF-8: \xff\xfe", "\\x41 \"quoted\"",
		"\x01\x1f\x7f",
	};
	static const char *const fixed[] = {"12345678", "short\0x", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3", "\0leftov"};
	static const int64_t colours[] = {1, 2, 10, 15, 20, 21, 30, 31, 40, 0, -1, -40, -41, 255, INT64_MIN, INT64_MAX};
	const size_t n = sizeof integers / sizeof *integers;

	for (size_t i = 0; i < n; i++) {
		context_type = (round + (int) i) % TYPES;
		T(integers, integers[i]);
		T(hexadecimal, integers[i]);
		T(network, integers[i]);
		T(arrays, &integers[i < n - 4 ? i : n - 5], fixed[i % 4]);
	}
	for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
		T(floats, (float) floats[i], floats[i]);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		T(strings, texts[i], texts[(i + 1) % 7]);
	for (size_t count = 0; count < 8; count++) {
		T(sequences, integers + 3, fixed[count % 4], count);
#if LTTNG_UST_MINOR_VERSION >= 16
		T(blobs, (const uint8_t *) "\0\1\2\376\377abc", count);
#endif
	}
	for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
		T(enumerations, colours[i]);
	T(quoted, 40);
	T(names, 100);
	T(nowrite, 7);
	T(empty);
	levels(round);
	messages(round);
	T(empty);
}

static void *thread(void *name)
{
	pthread_setname_np(pthread_self(), name);
	for (int i = 0; i < 5; i++) {
		T(tick, i);
		usleep(1000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int count = argc > 2 ? atoi(argv[2]) : 0;
	int more = argc > 3 ? atoi(argv[3]) : 0;

	if (!lttng_ust_context_provider_register(&provider))
		return 1;
	if (!strcmp(what, "types")) {
		for (int i = 0; i < count; i++)
			types(i * 5);
	} else if (!strcmp(what, "ticks")) {
		for (int i = 0; i < count; i++) {
			if (i)
				usleep((useconds_t) more * 1000);
			T(tick, i);
		}
	} else if (!strcmp(what, "blocks")) {
		char *text = calloc(1, (size_t) more + 1);
		memset(text, 'x', (size_t) more);
		for (int i = 0; i < count; i++)
			T(block, i, text);
		free(text);
	} else if (!strcmp(what, "threads")) {
		static char *const names[] = {"first", "the second thr", "\xc3\xa4 third"};
		pthread_t threads[3];
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, thread, names[i]);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
	} else {
		fputs("usage: every types|ticks|blocks|threads COUNT [PAUSE|BYTES]\n", stderr);
		return 2;
	}
	return 0;
}
