/* A program with two tracepoints: hits ust_demo:tick COUNT times, each STEP microseconds, from a thread of the name NAME. */
#define _GNU_SOURCE
#define TRACEPOINT_CREATE_PROBES
#define TRACEPOINT_DEFINE
#include "demo-tp.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	pthread_setname_np(pthread_self(), argv[1]);
	unsigned count = atoi(argv[2]), step = atoi(argv[3]);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t bytes[4] = { i, i >> 8, 0x80, 0xff };
		tracepoint(ust_demo, tick, i, i % 2 ? "odd" : "", bytes, i % 5);
		if (i % 16 == 15)
			tracepoint(ust_demo, rest, i / 3.0);
		if (step)
			usleep(step);
	}
	return 0;
}
