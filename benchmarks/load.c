/* A load generator for POST requests on keep-alive connections: each connection sends its next
 * request when it has the whole answer to the last one. Every request has a key of its own.
 *
 *   load PORT CONNECTIONS SECONDS RUN FILE
 *
 * FILE has a line for each request, taken in turn: host, tab, headers' bearer token, tab, path, tab,
 * body. Prints one JSON object: answered, accepted (201), refused (503), other, seconds, and the
 * microseconds of accepted answers (p50, p99, max) and of refused ones (refused_p99).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM 16384
#define KEPT 4000000

struct conn {
    int fd;
    size_t have;
    double sent_s;
    char answer[ROOM];
};

struct line {
    char *host, *token, *path, *body;
};

static struct line *lines;
static size_t line_count, turn;
static unsigned long number;
static const char *run;
static float *accepted_us, *refused_us;
static size_t accepted, refused, other;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_lines(const char *name) {
    FILE *file = fopen(name, "r");
    if (!file) fail(name);
    size_t room = 0, taken = 0;
    char *text = NULL;
    while (getline(&text, &taken, file) > 0) {
        if (line_count == room) {
            room = room ? room * 2 : 1024;
            lines = realloc(lines, room * sizeof *lines);
        }
        text[strcspn(text, "\n")] = 0;
        char *rest = strdup(text);
        struct line *one = &lines[line_count++];
        one->host = strsep(&rest, "\t");
        one->token = strsep(&rest, "\t");
        one->path = strsep(&rest, "\t");
        one->body = rest;
        if (!one->body) fail("a line has four fields");
    }
    free(text);
    fclose(file);
    if (!line_count) fail("no requests");
}

static void ask(struct conn *c) {
    const struct line *one = &lines[turn++ % line_count];
    char text[ROOM];
    int size = snprintf(text, sizeof text,
        "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
        "Idempotency-Key: %s-%lu\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        one->path, one->host, one->token, run, number++, strlen(one->body), one->body);
    c->have = 0;
    c->sent_s = now_s();
    /* A request is smaller than the socket's buffer, which is empty: it goes out in one piece. */
    if (send(c->fd, text, (size_t)size, MSG_NOSIGNAL) != size) fail("send");
}

static void note(struct conn *c) {
    int status = atoi(c->answer + 9);
    float us = (float)((now_s() - c->sent_s) * 1e6);
    if (status == 201) {
        if (accepted < KEPT) accepted_us[accepted] = us;
        accepted++;
    } else if (status == 503 || status == 429) {
        if (refused < KEPT) refused_us[refused] = us;
        refused++;
    } else {
        if (!other++) fprintf(stderr, "%.*s\n", (int)c->have, c->answer);
    }
}

/* Whether the answer is whole; its length is always said. */
static int whole(struct conn *c) {
    c->answer[c->have] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(c->answer, "content-length:");
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    return c->have >= (size_t)(end + 4 - c->answer) + body;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double share(float *us, size_t count, double part) {
    if (count > KEPT) count = KEPT;
    return count ? us[(size_t)((double)(count - 1) * part)] : 0;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int port = atoi(argv[1]), count = atoi(argv[2]);
    double seconds = atof(argv[3]);
    run = argv[4];
    read_lines(argv[5]);
    accepted_us = malloc(KEPT * sizeof *accepted_us);
    refused_us = malloc(KEPT * sizeof *refused_us);
    struct conn *conns = calloc((size_t)count, sizeof *conns);
    int poll = epoll_create1(0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    for (int i = 0; i < count; i++) {
        int on = 1;
        conns[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(conns[i].fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
        setsockopt(conns[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &conns[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, conns[i].fd, &event);
    }
    double began_s = now_s(), until_s = began_s + seconds;
    for (int i = 0; i < count; i++) ask(&conns[i]);
    int open = count;
    double ended_s = began_s;
    while (open > 0) {
        struct epoll_event events[256];
        int found = epoll_wait(poll, events, 256, 15000);
        if (found <= 0) { fprintf(stderr, "no answer in 15 s\n"); return 1; }
        for (int i = 0; i < found; i++) {
            struct conn *c = events[i].data.ptr;
            ssize_t got = recv(c->fd, c->answer + c->have, ROOM - 1 - c->have, 0);
            if (got <= 0) { fprintf(stderr, "the server hung up\n"); return 1; }
            c->have += (size_t)got;
            if (!whole(c)) continue;
            note(c);
            ended_s = now_s();
            if (ended_s < until_s) ask(c);
            else { close(c->fd); open--; }
        }
    }
    qsort(accepted_us, accepted < KEPT ? accepted : KEPT, sizeof(float), by_size);
    qsort(refused_us, refused < KEPT ? refused : KEPT, sizeof(float), by_size);
    printf("{\"answered\": %zu, \"accepted\": %zu, \"refused\": %zu, \"other\": %zu, \"seconds\": %.6f, "
           "\"p50_us\": %.0f, \"p99_us\": %.0f, \"max_us\": %.0f, \"refused_p99_us\": %.0f}\n",
           accepted + refused + other, accepted, refused, other, ended_s - began_s,
           share(accepted_us, accepted, 0.5), share(accepted_us, accepted, 0.99),
           share(accepted_us, accepted, 1.0), share(refused_us, refused, 0.99));
    return 0;
}
