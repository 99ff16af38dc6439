// Small web servers of the kinds that people run, each of which logs what it did: `record` traces them.
//
// servers KIND: listens on a free port of the loopback interface, which it writes to stdout, and serves until it is
// killed. What it did goes to stderr, one line each, with the thread that did it:
//
//   accept   PID TID FD PORT                   a connection was accepted from the client's PORT
//   exchange PID TID FD PORT READ WRITTEN      a request was read and answered, with so many bytes
//   close    PID TID FD PORT                   the descriptor is about to be closed
//
// A request is `GET /BYTES` with a body of BYTES in the answer; `Connection: close` ends the connection after it, as does
// the client's end.
//
//   threads  the main thread accepts and polls idle connections; four workers serve one request at a time (as Apache's
//            event MPM)
//   handoff  the main thread accepts; two workers serve a connection from its first to its last request (worker MPM)
//   epoll    one thread, an event loop, descriptors that do not block, answers in two writes
//   fork     a process for each connection; the child leaves the closing to its exit when the request is for 13 bytes
//   exec     a program for each connection: dup2 to 0 and 1, close_range, execve; the descriptor is close-on-exec
//   helpers  one thread that starts a program while a connection is open: /4 with the descriptor close-on-exec,
//            /5 with one that is inherited, so that the connection ends when the program does
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1 << 16, WORKERS = 4 };

struct connection {
    int fd, port, used, more;
    char request[4096];
};

static char body[MOST];
static int listening;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void say(const char *what, const struct connection *c, long got, long sent) {
    char line[128];
    int n = snprintf(line, sizeof line, "%s %d %ld %d %d", what, getpid(), syscall(SYS_gettid), c->fd, c->port);
    if (got >= 0)
        n += snprintf(line + n, sizeof line - n, " %ld %ld", got, sent);
    line[n++] = '\n';
    if (write(2, line, n) != n)
        _exit(1);
}

// Accepts a connection; NULL where none waits.
static struct connection *take(int flags) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    int fd = accept4(listening, (struct sockaddr *)&from, &length, flags);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return NULL;
        fail("accept4");
    }
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->port = ntohs(from.sin_port);
    say("accept", c, -1, -1);
    return c;
}

static void finish(struct connection *c) {
    say("close", c, -1, -1);
    close(c->fd);
    free(c);
}

// Reads what is there of a request: its length once it is whole, 0 if not yet, -1 at the end.
static int fill(struct connection *c, int nonblocking) {
    for (;;) {
        ssize_t n = nonblocking ? recv(c->fd, c->request + c->used, sizeof c->request - 1 - c->used, 0)
                                : read(c->fd, c->request + c->used, sizeof c->request - 1 - c->used);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return -1;
        c->used += n;
        c->request[c->used] = 0;
        if (strstr(c->request, "\r\n\r\n"))
            return c->used;
    }
}

static int wanted(const struct connection *c) {
    int bytes = 0;
    sscanf(c->request, "GET /%d", &bytes);
    return bytes < MOST ? bytes : MOST;
}

static void send_all(int fd, const char *data, long n) {
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        if (done <= 0)
            _exit(1);
        data += done;
        n -= done;
    }
}

// Answers the whole request of `c` to the descriptor `out`; whether the connection goes on.
static int answer(struct connection *c, int out, int two_writes) {
    int bytes = wanted(c), got = c->used;
    char head[128];
    int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", bytes);
    if (two_writes) {
        send_all(out, head, n);
        send_all(out, body, bytes);
    } else {
        struct iovec parts[] = {{head, n}, {body, bytes}};
        if (writev(out, parts, 2) != n + bytes)
            _exit(1);
    }
    c->more = !strstr(c->request, "Connection: close");
    c->used = 0;
    say("exchange", c, got, n + bytes);
    return c->more;
}

// A queue of connections for the workers.
static struct connection *queue[1024];
static int first, last, poller;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;

static void push(struct connection *c) {
    pthread_mutex_lock(&lock);
    queue[last++ % 1024] = c;
    pthread_cond_signal(&some);
    pthread_mutex_unlock(&lock);
}

static struct connection *pop(void) {
    pthread_mutex_lock(&lock);
    while (first == last)
        pthread_cond_wait(&some, &lock);
    struct connection *c = queue[first++ % 1024];
    pthread_mutex_unlock(&lock);
    return c;
}

static void arm(int how, struct connection *c) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &e) < 0)
        fail("epoll_ctl");
}

static void *serve_one(void *unused) {
    (void)unused;
    for (;;) {
        struct connection *c = pop();
        if (fill(c, 0) > 0 && answer(c, c->fd, 0))
            arm(EPOLL_CTL_MOD, c);
        else
            finish(c);
    }
    return NULL;
}

static void *serve_all(void *unused) {
    (void)unused;
    for (;;) {
        struct connection *c = pop();
        while (fill(c, 0) > 0 && answer(c, c->fd, 0))
            ;
        finish(c);
    }
    return NULL;
}

static void start(void *(*work)(void *), int n) {
    pthread_t thread;
    while (n-- > 0)
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            fail("pthread_create");
}

static void threads(void) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[8];
    epoll_ctl(poller, EPOLL_CTL_ADD, listening, &e);
    start(serve_one, WORKERS);
    for (;;) {
        int n = epoll_wait(poller, ready, 8, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            if (c)
                push(c);
            else if ((c = take(SOCK_CLOEXEC)))
                arm(EPOLL_CTL_ADD, c);
        }
    }
}

static void handoff(void) {
    start(serve_all, 2);
    for (;;)
        push(take(SOCK_CLOEXEC));
}

static void event_loop(void) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[8];
    epoll_ctl(poller, EPOLL_CTL_ADD, listening, &e);
    for (;;) {
        int n = epoll_wait(poller, ready, 8, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            if (!c) {
                if ((c = take(SOCK_CLOEXEC | SOCK_NONBLOCK))) {
                    int on = 1;
                    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    e.data.ptr = c;
                    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
                }
                continue;
            }
            int whole = fill(c, 1);
            if (whole < 0 || (whole > 0 && !answer(c, c->fd, 1)))
                finish(c);
        }
    }
}

// Accepts connections, each for a child of its own: returns in the children only.
static struct connection *take_in_child(void) {
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        struct connection *c = take(SOCK_CLOEXEC);
        if (fork() == 0)
            return c;
        close(c->fd);
        free(c);
    }
}

static void fork_each(void) {
    struct connection *c = take_in_child();
    close(listening);
    while (fill(c, 0) > 0 && answer(c, c->fd, 0))
        if (wanted(c) == 13)
            _exit(0);
    finish(c);
    _exit(0);
}

static void exec_each(void) {
    struct connection *c = take_in_child();
    char port[16];
    snprintf(port, sizeof port, "%d", c->port);
    dup2(c->fd, 0);
    dup2(c->fd, 1);
    syscall(SYS_close_range, 3, ~0u, 0);
    execl("/proc/self/exe", "servers", "stdin", port, NULL);
    _exit(1);
}

// What exec_each executes: serves the connection that is 0 and 1, and leaves the closing to its exit.
static void serve_stdin(int port) {
    struct connection c = {.fd = 0, .port = port};
    while (fill(&c, 0) > 0 && answer(&c, 1, 0))
        ;
    _exit(0);
}

// Starts a program that outlives the connection.
static void help(void) {
    pid_t child = vfork();
    if (child == 0) {
        execl("/proc/self/exe", "servers", "sleep", NULL);
        _exit(1);
    }
}

static void helpers(void) {
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        struct connection *c = take(SOCK_CLOEXEC);
        while (fill(c, 0) > 0) {
            int more = answer(c, c->fd, 0);
            if (wanted(c) == 5)
                fcntl(c->fd, F_SETFD, 0);
            if (wanted(c) == 4 || wanted(c) == 5)
                help();
            if (!more)
                break;
        }
        finish(c);
    }
}

static void listen_on_loopback(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listening, (struct sockaddr *)&at, length) < 0 || listen(listening, 64) < 0)
        fail("listen");
    getsockname(listening, (struct sockaddr *)&at, &length);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
}

int main(int count, char **args) {
    const struct {
        const char *kind;
        void (*serve)(void);
    } kinds[] = {{"threads", threads}, {"handoff", handoff},   {"epoll", event_loop},
                 {"fork", fork_each},  {"exec", exec_each}, {"helpers", helpers}};
    const char *kind = count > 1 ? args[1] : "";
    memset(body, 'x', sizeof body);
    if (!strcmp(kind, "stdin"))
        serve_stdin(atoi(args[2]));
    if (!strcmp(kind, "sleep")) {
        usleep(60000);
        _exit(0);
    }
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i].kind)) {
            listen_on_loopback();
            kinds[i].serve();
        }
    fprintf(stderr, "servers: no kind %s\n", kind);
    return 2;
}
