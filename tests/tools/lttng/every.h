/* The tracepoints of `every.c`: each kind of field that LTTng-UST 2.13 and 2.16 have. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER every

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./every.h"

#if !defined(EVERY_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define EVERY_H

#include <float.h>
#include <lttng/tracepoint.h>
#include <lttng/ust-version.h>
#include <stddef.h>
#include <stdint.h>

LTTNG_UST_TRACEPOINT_ENUM(every, colour,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_value("red", 1)
		lttng_ust_field_enum_auto("green")
		lttng_ust_field_enum_range("shades of grey", 10, 20)
		lttng_ust_field_enum_auto("after")
		lttng_ust_field_enum_value("also red", 1)
		lttng_ust_field_enum_range("overlapping", 15, 30)
	)
)

LTTNG_UST_TRACEPOINT_ENUM(every, quotes,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_value("with \"quotes\" and \\", 40)
	)
)

LTTNG_UST_TRACEPOINT_ENUM(every, temperature,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_range("frost", -40, -1)
		lttng_ust_field_enum_value("zero", 0)
		lttng_ust_field_enum_auto("one")
		lttng_ust_field_enum_value("least", INT64_MIN)
	)
)

LTTNG_UST_TRACEPOINT_ENUM(every, wide,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_range("upper half", 0x8000000000000000ULL, 0xffffffffffffffffULL)
		lttng_ust_field_enum_value("nothing", 0ULL)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, integers,
	LTTNG_UST_TP_ARGS(int64_t, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int8_t, s8, n)
		lttng_ust_field_integer(uint8_t, u8, n)
		lttng_ust_field_integer(int16_t, s16, n)
		lttng_ust_field_integer(uint16_t, u16, n)
		lttng_ust_field_integer(int32_t, s32, n)
		lttng_ust_field_integer(uint32_t, u32, n)
		lttng_ust_field_integer(int64_t, s64, n)
		lttng_ust_field_integer(uint64_t, u64, n)
		lttng_ust_field_integer(char, a_char, n)
		lttng_ust_field_integer(signed char, a_signed_char, n)
		lttng_ust_field_integer(short, a_short, n)
		lttng_ust_field_integer(unsigned long, a_long, n)
		lttng_ust_field_integer(_Bool, a_bool, n)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, hexadecimal,
	LTTNG_UST_TP_ARGS(int64_t, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer_hex(int8_t, s8, n)
		lttng_ust_field_integer_hex(uint8_t, u8, n)
		lttng_ust_field_integer_hex(int16_t, s16, n)
		lttng_ust_field_integer_hex(uint16_t, u16, n)
		lttng_ust_field_integer_hex(int32_t, s32, n)
		lttng_ust_field_integer_hex(uint32_t, u32, n)
		lttng_ust_field_integer_hex(int64_t, s64, n)
		lttng_ust_field_integer_hex(uint64_t, u64, n)
		lttng_ust_field_integer_hex(void *, a_pointer, (void *) (uintptr_t) n)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, network,
	LTTNG_UST_TP_ARGS(int64_t, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer_network(int16_t, s16, n)
		lttng_ust_field_integer_network(uint16_t, u16, n)
		lttng_ust_field_integer_network(int32_t, s32, n)
		lttng_ust_field_integer_network(uint32_t, u32, n)
		lttng_ust_field_integer_network(int64_t, s64, n)
		lttng_ust_field_integer_network(uint64_t, u64, n)
		lttng_ust_field_integer_network_hex(int16_t, hex_s16, n)
		lttng_ust_field_integer_network_hex(uint32_t, hex_u32, n)
		lttng_ust_field_integer_network_hex(uint64_t, hex_u64, n)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, floats,
	LTTNG_UST_TP_ARGS(float, f, double, d),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_float(float, f32, f)
		lttng_ust_field_integer(uint8_t, between, 1)
		lttng_ust_field_float(double, f64, d)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, strings,
	LTTNG_UST_TP_ARGS(const char *, text, const char *, other),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_string(text, text)
		lttng_ust_field_string(other, other)
		lttng_ust_field_unused(other)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, arrays,
	LTTNG_UST_TP_ARGS(const int64_t *, n, const char *, text),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_array(int8_t, s8, n, 3)
		lttng_ust_field_array(uint8_t, u8, n, 3)
		lttng_ust_field_array(int16_t, s16, n, 3)
		lttng_ust_field_array(uint32_t, u32, n, 3)
		lttng_ust_field_array(int64_t, s64, n, 3)
		lttng_ust_field_array(uint64_t, u64, n, 1)
		lttng_ust_field_array_hex(uint8_t, hex_u8, n, 4)
		lttng_ust_field_array_hex(int64_t, hex_s64, n, 2)
		lttng_ust_field_array_network(uint16_t, net_u16, n, 4)
		lttng_ust_field_array_network(int64_t, net_s64, n, 2)
		lttng_ust_field_array_network_hex(uint32_t, net_hex_u32, n, 4)
		lttng_ust_field_array_text(char, text, text, 8)
		lttng_ust_field_array_text(uint8_t, bytes_as_text, text, 4)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, sequences,
	LTTNG_UST_TP_ARGS(const int64_t *, n, const char *, text, size_t, count),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_sequence(int8_t, s8, n, uint8_t, count)
		lttng_ust_field_sequence(uint8_t, u8, n, uint16_t, count)
		lttng_ust_field_sequence(int16_t, s16, n, uint32_t, count)
		lttng_ust_field_sequence(uint32_t, u32, n, uint64_t, count)
		lttng_ust_field_sequence(int64_t, s64, n, size_t, count)
		lttng_ust_field_sequence(uint64_t, u64, n, unsigned int, count)
		lttng_ust_field_sequence_hex(uint8_t, hex_u8, n, uint8_t, count)
		lttng_ust_field_sequence_hex(int64_t, hex_s64, n, uint8_t, count)
		lttng_ust_field_sequence_network(uint16_t, net_u16, n, uint8_t, count)
		lttng_ust_field_sequence_network(int64_t, net_s64, n, uint16_t, count)
		lttng_ust_field_sequence_network_hex(uint32_t, net_hex_u32, n, uint32_t, count)
		lttng_ust_field_sequence_text(char, text, text, uint8_t, count)
		lttng_ust_field_sequence_text(char, other_text, text, size_t, count / 2)
		lttng_ust_field_sequence_text(uint8_t, bytes_as_text, text, uint16_t, count)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(every, enumerations,
	LTTNG_UST_TP_ARGS(int64_t, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_enum(every, colour, int, as_int, n)
		lttng_ust_field_enum(every, colour, uint8_t, as_u8, n)
		lttng_ust_field_enum(every, temperature, int8_t, as_s8, n)
		lttng_ust_field_enum(every, temperature, int64_t, as_s64, n)
		lttng_ust_field_enum(every, wide, uint64_t, as_u64, n)
	)
)

/* LTTng 2.16 writes this in CTF 1.8 as metadata that babeltrace2 does not take: quotes in labels are not escaped. */
LTTNG_UST_TRACEPOINT_EVENT(every, quoted,
	LTTNG_UST_TP_ARGS(int, n),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_enum(every, quotes, int, label, n))
)

/* Names that are words of TSDL or of a dataset, or begin with underscores. */
LTTNG_UST_TRACEPOINT_EVENT(every, names,
	LTTNG_UST_TP_ARGS(int, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, _one, n)
		lttng_ust_field_integer(int, __two, n + 1)
		lttng_ust_field_integer(int, event, n + 2)
		lttng_ust_field_integer(int, integer_, n + 3)
		lttng_ust_field_integer(int, stream, n + 4)
		lttng_ust_field_integer(int, timestamp, n + 5)
		lttng_ust_field_integer(int, cpu_id, n + 6)
		lttng_ust_field_integer(int, vtid, n + 7)
		lttng_ust_field_integer(int, ip, n + 8)
		lttng_ust_field_integer(int, IP, n + 9)
		lttng_ust_field_integer(int, _y_length, n + 10)
		lttng_ust_field_sequence(uint8_t, x, &n, uint8_t, 2)
	)
)

/* Fields for filters only, which no trace has. */
LTTNG_UST_TRACEPOINT_EVENT(every, nowrite,
	LTTNG_UST_TP_ARGS(int, n),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer_nowrite(int, unseen, n)
		lttng_ust_field_integer(int, seen, n)
		lttng_ust_field_string_nowrite(unseen_text, "unseen")
		lttng_ust_field_sequence_nowrite(int, unseen_list, &n, uint8_t, 1)
	)
)

#if LTTNG_UST_MINOR_VERSION >= 16
LTTNG_UST_TRACEPOINT_EVENT(every, blobs,
	LTTNG_UST_TP_ARGS(const uint8_t *, bytes, size_t, count),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_fixed_length_blob(fixed, bytes, 5, "application/x-every")
		lttng_ust_field_fixed_length_blob(plain, bytes, 2, NULL)
		lttng_ust_field_variable_length_blob(varying, bytes, uint8_t, count, "image/png")
		lttng_ust_field_variable_length_blob(long_one, bytes, uint64_t, count, NULL)
	)
)
#endif

LTTNG_UST_TRACEPOINT_EVENT(every, empty, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS())

LTTNG_UST_TRACEPOINT_EVENT(every, tick,
	LTTNG_UST_TP_ARGS(int, n),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, n, n))
)

LTTNG_UST_TRACEPOINT_EVENT(every, block,
	LTTNG_UST_TP_ARGS(int, n, const char *, text),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, n, n)
		lttng_ust_field_string(text, text)
	)
)

/* Instances of one class, with each level: enough kinds of event for large headers. */
LTTNG_UST_TRACEPOINT_EVENT_CLASS(every, levelled,
	LTTNG_UST_TP_ARGS(int, n),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, n, n))
)

#define LEVELLED(name, level) \
	LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(every, levelled, every, name, LTTNG_UST_TP_ARGS(int, n)) \
	LTTNG_UST_TRACEPOINT_LOGLEVEL(every, name, level)

LEVELLED(emerg, LTTNG_UST_TRACEPOINT_LOGLEVEL_EMERG)
LEVELLED(alert, LTTNG_UST_TRACEPOINT_LOGLEVEL_ALERT)
LEVELLED(crit, LTTNG_UST_TRACEPOINT_LOGLEVEL_CRIT)
LEVELLED(err, LTTNG_UST_TRACEPOINT_LOGLEVEL_ERR)
LEVELLED(warning, LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING)
LEVELLED(notice, LTTNG_UST_TRACEPOINT_LOGLEVEL_NOTICE)
LEVELLED(info, LTTNG_UST_TRACEPOINT_LOGLEVEL_INFO)
LEVELLED(debug_system, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_SYSTEM)
LEVELLED(debug_program, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_PROGRAM)
LEVELLED(debug_process, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_PROCESS)
LEVELLED(debug_module, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_MODULE)
LEVELLED(debug_unit, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_UNIT)
LEVELLED(debug_function, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_FUNCTION)
LEVELLED(debug_line, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_LINE)
LEVELLED(debug, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG)
LTTNG_UST_TRACEPOINT_MODEL_EMF_URI(every, debug, "http://localhost/model?a=b#c")

#define MORE(name) \
	LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(every, levelled, every, name, LTTNG_UST_TP_ARGS(int, n))
MORE(m0)
MORE(m1)
MORE(m2)
MORE(m3)
MORE(m4)
MORE(m5)
MORE(m6)
MORE(m7)

#endif

#include <lttng/tracepoint-event.h>
