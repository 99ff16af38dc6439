/* The tracepoints of demo.c: a number, a text, a sequence of a length of its own, an enumeration, a float. */
#undef TRACEPOINT_PROVIDER
#define TRACEPOINT_PROVIDER ust_demo
#undef TRACEPOINT_INCLUDE
#define TRACEPOINT_INCLUDE "./demo-tp.h"
#if !defined(DEMO_TP_H) || defined(TRACEPOINT_HEADER_MULTI_READ)
#define DEMO_TP_H
#include <lttng/tracepoint.h>
#include <stdint.h>

TRACEPOINT_ENUM(ust_demo, mood, TP_ENUM_VALUES(ctf_enum_value("calm", 0) ctf_enum_range("busy", 1, 3)))

TRACEPOINT_EVENT(ust_demo, tick, TP_ARGS(uint32_t, n, const char *, text, const uint8_t *, bytes, int, mood),
	TP_FIELDS(ctf_integer(uint32_t, n, n) ctf_string(text, text)
		ctf_sequence_hex(uint8_t, bytes, bytes, uint32_t, n % 5)
		ctf_enum(ust_demo, mood, int, mood, mood)))

TRACEPOINT_EVENT(ust_demo, rest, TP_ARGS(double, third), TP_FIELDS(ctf_float(double, third, third)))
#endif
#include <lttng/tracepoint-event.h>
