/* The loops that numpy has no operation for, compiled: where what an event means depends on the events before it.

   Each has a twin of numpy operations that gives the same answers, and is used where this file could not be compiled:
   compiled.py says which. Nothing here knows of Python. Arrays in, arrays out; no memory of its own, no errors, no state;
   so calls may run side by side.

   Events lie group by group, those of group g at starts[g] ... starts[g+1]-1, in order of time, which are within 2^62
   of 0. What an event meets is a mask: bit k for condition k.

   Three habits make the loops fast. Events that meet nothing are passed over by a loop without branches, which writes
   every index and keeps those that count. A step is taken by arithmetic and not by a branch, as nothing is harder to
   foretell than behaviour. And a group whose answer can no longer change is left. */

#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

enum { STEPS = 32 };

/* The masks of events: either codes of one byte (a table's actions are such) and what each code meets, or themselves. */
typedef struct {
    const uint8_t *codes;
    const uint32_t *table; /* [256] */
    const uint32_t *wide;
} Masks;

static inline uint32_t mask_at(const Masks *masks, int64_t at) {
    return masks->wide ? masks->wide[at] : masks->table[masks->codes[at]];
}

static inline int lowest(uint32_t bits) {
#if defined(__GNUC__)
    return __builtin_ctz(bits);
#else
    int at = 0;
    while (!(bits >> at & 1)) at++;
    return at;
#endif
}

static inline int length(uint64_t bits) {
#if defined(__GNUC__)
    return bits ? 64 - __builtin_clzll(bits) : 0;
#else
    int n = 0;
    for (; bits; bits >>= 1) n++;
    return n;
#endif
}

static inline int within(int64_t since, int64_t t, int64_t window) {
    return (uint64_t)t - (uint64_t)since <= (uint64_t)window;
}

/* Funnels: functions/funnel.py says what the modes mean, and functions/chains.py why one chain for each number of steps
   is enough. PATH: an event is of one step, and events at one time come in the order of the path; else they come in the
   order of their steps. */

enum { DEDUPLICATION = 1, ORDER = 2, INCREASE = 4, ONCE = 8, REENTRY = 16, PATH = 32 };

/* Stands for the level of a group in which an event counts once, and several at one time meet several steps. */
enum { CROWDED = 255 };

/* Of the chains of s+1 steps the one that begins last: when it began, and took its last step; have: which s there are. */
typedef struct {
    int64_t begun[STEPS], last[STEPS];
    uint32_t have;
} Chains;

/* The events at one moment: what any of them meets, what two of them do, and how many meet anything. */
typedef struct {
    int64_t t;
    uint32_t any, twice;
    int events, strange, several; /* strange: whether one meets nothing; several: whether one meets several */
} Moment;

static int64_t next_moment(const Masks *masks, const int64_t *ts, int64_t at, int64_t end, Moment *moment) {
    memset(moment, 0, sizeof *moment);
    moment->t = ts[at];
    do {
        uint32_t mask = mask_at(masks, at);
        moment->twice |= moment->any & mask;
        moment->any |= mask;
        moment->events += mask != 0;
        moment->strange |= mask == 0;
        moment->several |= (mask & (mask - 1)) != 0;
    } while (++at < end && ts[at] == moment->t);
    return at;
}

/* Takes the steps of a moment; whether the funnel goes on. before: chains that a step may follow, if not those of now. */
static int take_steps(Chains *now, const Chains *before, const Moment *moment, int steps, int64_t window, int modes) {
    const Chains *from = before ? before : now;
    for (uint32_t any = moment->any; any; any &= any - 1) {
        int s = lowest(any);
        uint32_t here = (uint32_t)1 << s;
        if (s == 0) {
            now->begun[0] = now->last[0] = moment->t;
            now->have |= 1;
        } else if (modes & DEDUPLICATION && now->have & here) {
            return 0;
        } else if (!(now->have & here >> 1)) {
            if (modes & ORDER && now->have && !(modes & REENTRY)) return 0;
        } else {
            int follows = before || !(modes & INCREASE) || now->last[s - 1] != moment->t;
            if (from->have & here >> 1 && follows && within(from->begun[s - 1], moment->t, window)) {
                now->begun[s] = from->begun[s - 1];
                now->last[s] = moment->t;
                now->have |= here;
            }
            if (modes & DEDUPLICATION && moment->twice & now->have & here) return 0;
        }
        if (now->have >> (steps - 1) & 1) return 0;
    }
    return 1;
}

static int level_by_moments(const Masks *masks, const int64_t *ts, int64_t at, int64_t end, int steps, int64_t window,
                            int modes) {
    Chains chains, before;
    Moment moment;
    chains.have = 0;
    while (at < end) {
        if (!(modes & ORDER) && !mask_at(masks, at)) {
            at++;
            continue;
        }
        at = next_moment(masks, ts, at, end, &moment);
        if (modes & ORDER && moment.strange && chains.have) break;
        if (modes & ONCE && !(modes & INCREASE) && moment.several && moment.events > 1) return CROWDED;
        int apart = modes & ONCE && (modes & INCREASE || moment.events == 1);
        if (apart) before = chains;
        if (!take_steps(&chains, apart ? &before : 0, &moment, steps, window, modes)) break;
    }
    return length(chains.have);
}

static int level_by_events(const Masks *masks, const int64_t *ts, int64_t at, int64_t end, int steps, int64_t window) {
    int64_t begun[STEPS];
    uint32_t have = 0;
    for (; at < end && !(have >> (steps - 1) & 1); at++) {
        uint32_t mask = mask_at(masks, at);
        for (uint32_t left = mask & have << 1; left;) { /* the last step first, so that the event takes but one */
            int s = length(left) - 1;
            left ^= (uint32_t)1 << s;
            if (within(begun[s - 1], ts[at], window)) {
                begun[s] = begun[s - 1];
                have |= (uint32_t)1 << s;
            }
        }
        if (mask & 1) begun[0] = ts[at];
        have |= mask & 1;
    }
    return length(have);
}

enum { TOGETHER = 64, SEVERAL = STEPS + 1 };

/* The level where no modes are asked for: an event goes on with a chain, or does not. step: by code the only step that
   it meets, counted from 1; 0 for none, SEVERAL for several. begun[s]: of s steps; begun[0] is the event's own time.
   -1 if an event meets several steps or, but in the order of the path, shares its time with another. */
static int quick_level(const uint8_t *codes, const uint8_t *step, const int64_t *ts, int64_t at, int64_t end, int steps,
                       int64_t window, int modes) {
    uint8_t rows[TOGETHER + 1];
    int64_t begun[STEPS + 2], latest = INT64_MIN;
    uint64_t have = 0, several = 0, ties = 0;
    for (int s = 0; s <= steps; s++) begun[s] = INT64_MIN;
    for (int64_t base = at; base < end && !(have >> steps & 1); base += TOGETHER) {
        int many = end - base < TOGETHER ? (int)(end - base) : TOGETHER, found = 0;
        for (int k = 0; k < many; k++) {
            rows[found] = (uint8_t)k;
            found += step[codes[base + k]] != 0;
        }
        for (int k = 0; k < found; k++) {
            int64_t t = ts[base + rows[k]];
            int s = step[codes[base + rows[k]]];
            several |= s == SEVERAL;
            s = s == SEVERAL ? 1 : s;
            ties |= t == latest;
            latest = begun[0] = t;
            int64_t since = begun[s - 1], goes = -(int64_t)within(since, t, window);
            begun[s] ^= (begun[s] ^ since) & goes;
            have |= (uint64_t)(goes & 1) << s;
        }
    }
    return several || (ties && !(modes & PATH)) ? -1 : length(have >> 1);
}

/* levels uint8[groups]: the most steps that each group takes. 1 <= steps <= STEPS, 0 <= window < 2^62. */
EXPORT void skysql_funnel(const uint8_t *codes, const uint32_t *table, const uint32_t *wide, const int64_t *ts,
                          const int64_t *starts, int64_t groups, int64_t steps, int64_t window, int64_t modes,
                          uint8_t *levels) {
    Masks masks = {codes, table, wide};
    uint8_t step[256];
    int quick = !wide && !(modes & ~PATH);
    for (int code = 0; quick && code < 256; code++)
        step[code] = !table[code] ? 0 : table[code] & (table[code] - 1) ? SEVERAL : (uint8_t)(lowest(table[code]) + 1);
    for (int64_t g = 0; g < groups; g++) {
        int64_t at = starts[g], end = starts[g + 1];
        int level = quick ? quick_level(codes, step, ts, at, end, (int)steps, window, (int)modes) : -1;
        if (level < 0)
            level = modes & PATH ? level_by_events(&masks, ts, at, end, (int)steps, window)
                                 : level_by_moments(&masks, ts, at, end, (int)steps, window, (int)modes);
        levels[g] = (uint8_t)level;
    }
}

/* Patterns: functions/links.py. Of the ways to have met the first j+1 events of a pattern the one that did so last is
   the best, as a gap is measured from there: to be adjacent, or not too long. So a match that is found first ends first,
   and is the one that begins first. */

enum { MANY = 2048 };

/* How far a group is in the pattern: the time and the number of the last event that was the (j+1)-th; have: bits. */
typedef struct {
    int64_t t[STEPS], number[STEPS];
    uint64_t have;
} Progress;

/* Goes on with an event; whether it ends a match. */
static inline int goes_on(Progress *progress, uint32_t mask, int64_t t, int64_t number, int events,
                          const uint32_t *wanted, const uint8_t *adjacent, const int64_t *most) {
    for (int j = events - 1; j > 0; j--) {
        if (!(mask & wanted[j]) || !(progress->have >> (j - 1) & 1)) continue;
        if (adjacent[j] ? progress->number[j - 1] != number - 1 : !within(progress->t[j - 1], t, most[j])) continue;
        progress->t[j] = t;
        progress->number[j] = number;
        progress->have |= (uint64_t)1 << j;
    }
    if (mask & wanted[0]) {
        progress->t[0] = t;
        progress->number[0] = number;
        progress->have |= 1;
    }
    return progress->have >> (events - 1) & 1;
}

/* The rows that meet anything among `many` from `base` on, counted from there: how many, in rows[many + 1]. */
static inline int meeting(const Masks *masks, int64_t base, int many, uint16_t *rows) {
    int found = 0;
    if (masks->wide)
        for (int k = 0; k < many; k++) {
            rows[found] = (uint16_t)k;
            found += masks->wide[base + k] != 0;
        }
    else
        for (int k = 0; k < many; k++) {
            rows[found] = (uint16_t)k;
            found += masks->table[masks->codes[base + k]] != 0;
        }
    return found;
}

/* Whether no gap is adjacent and each event may be one of the pattern at the most: the place[code]-th, from 1, if
   placed[code]. */
static int places(const uint32_t *table, int events, const uint32_t *wanted, const uint8_t *adjacent, uint8_t *place,
                  uint32_t *placed) {
    for (int j = 1; j < events; j++)
        if (adjacent[j]) return 0;
    for (int code = 0; code < 256; code++) {
        placed[code] = 0;
        for (int j = 0; j < events; j++)
            if (table[code] & wanted[j]) {
                if (placed[code]) return 0;
                placed[code] = 1;
                place[code] = (uint8_t)(j + 1);
            }
    }
    return 1;
}

/* Where each event may be only one of the pattern, and no gap is adjacent. first[j]: the first event
   of the match whose j-th was the last; it counts if that is after `done`, where the match before or the group before
   ended. first[0] and t[0] are the event's own. */
static void quick_matches(const Masks *masks, const uint8_t *place, const int64_t *ts, const int64_t *starts,
                          int64_t groups, int events, const int64_t *most, int64_t *counts) {
    uint16_t rows[MANY + 1];
    int64_t first[STEPS + 1], t[STEPS + 1], limit[STEPS + 1];
    int64_t n = starts[groups], group = 0, done = -1;
    for (int j = 0; j <= events; j++) {
        first[j] = -1;
        t[j] = 0;
        limit[j] = j < 2 ? 0 : most[j - 1];
    }
    for (int64_t base = starts[0]; base < n; base += MANY) {
        int found = meeting(masks, base, n - base < MANY ? (int)(n - base) : MANY, rows);
        for (int k = 0; k < found; k++) {
            int64_t row = base + rows[k];
            if (row >= starts[group + 1]) {
                while (row >= starts[group + 1]) group++;
                done = starts[group] - 1;
            }
            int j = place[masks->codes[row]];
            first[0] = row;
            t[0] = ts[row];
            int64_t goes = -(int64_t)((first[j - 1] > done) & within(t[j - 1], t[0], limit[j]));
            int64_t ends = goes & -(int64_t)(j == events);
            first[j] ^= (first[j] ^ first[j - 1]) & goes;
            t[j] ^= (t[j] ^ t[0]) & goes;
            counts[group] -= ends;
            done ^= (done ^ row) & ends;
        }
    }
}

/* counts int64[groups]: the matches that each group has, one after the other, of a pattern of 1 ... STEPS events.
   wanted: the conditions of which each event of it has to meet one. Before the j-th lies nothing if adjacent[j], and else
   at the most so much time, 0 <= most[j] < 2^62. */
EXPORT void skysql_matches(const uint8_t *codes, const uint32_t *table, const uint32_t *wide, const int64_t *ts,
                           const int64_t *starts, int64_t groups, int64_t events, const uint32_t *wanted,
                           const uint8_t *adjacent, const int64_t *most, int64_t *counts) {
    Masks masks = {codes, table, wide};
    uint8_t place[256];
    uint32_t placed[256];
    uint16_t rows[MANY + 1];
    memset(counts, 0, (size_t)groups * sizeof *counts);
    if (!wide && places(table, (int)events, wanted, adjacent, place, placed)) {
        masks.table = placed;
        quick_matches(&masks, place, ts, starts, groups, (int)events, most, counts);
        return;
    }
    Progress progress;
    int64_t n = starts[groups], group = 0, number = 0;
    progress.have = 0;
    for (int64_t base = starts[0]; base < n; base += MANY) {
        int found = meeting(&masks, base, n - base < MANY ? (int)(n - base) : MANY, rows);
        for (int k = 0; k < found; k++) {
            int64_t row = base + rows[k];
            if (row >= starts[group + 1]) {
                while (row >= starts[group + 1]) group++;
                progress.have = 0;
            }
            if (goes_on(&progress, mask_at(&masks, row), ts[row], number++, (int)events, wanted, adjacent, most)) {
                counts[group]++;
                progress.have = 0;
            }
        }
    }
}

/* Returns: reports/retention.py. */

static inline int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Adds to returned int64[cohorts][rows], for each path that was born, the rows in which it returned, each once.

   Born, births in order of their paths: the path, the event, the cohort, and the period, or the time if rolling. What
   returns, n events in path order: the path, the event and the time; those up to the birth do not count. Periods are
   `unit` long, and begin at `origin`, or if rolling at the birth. row_of int64[periods]: the row of each period since
   the birth, or -1; later ones have none. With on_or_after, the last return counts in all rows up to its own. */
EXPORT void skysql_returns(const int32_t *born, const int64_t *birth, const int64_t *cohort, const int64_t *begun,
                           int64_t births, const int32_t *paths, const int64_t *events, const int64_t *ts, int64_t n,
                           int64_t unit, int64_t origin, int64_t rolling, const int64_t *row_of, int64_t periods,
                           int64_t rows, int64_t on_or_after, int64_t *returned) {
    int64_t at = 0;
    for (int64_t b = 0; b < births; b++) {
        int64_t *counts = returned + cohort[b] * rows, last = -1, until = INT64_MIN;
        int64_t from = rolling ? begun[b] : origin, before = rolling ? 0 : begun[b];
        while (at < n && paths[at] < born[b]) at++;
        for (; at < n && paths[at] == born[b]; at++) {
            if (events[at] <= birth[b] || ts[at] < until) continue;
            int64_t number = floor_divide(ts[at] - from, unit), period = number - before;
            if (period >= periods) {
                if (on_or_after) last = rows - 1;
                break;
            }
            until = from + (number + 1) * unit;
            int64_t row = row_of[period];
            if (row >= 0 && row != last && !on_or_after) counts[row]++;
            last = row;
        }
        if (on_or_after)
            for (int64_t row = 0; row <= last; row++) counts[row]++;
    }
}

/* Moments: segment.py, Marks. A path has few marks, so they are looked through from its first on. */

enum { FEW_MARKS = 16 };

/* found int64[n]: the last of the marks of a path that is not after the moment, or -1; path -1 has none. Those of path p
   are keys[starts[p]] ... keys[starts[p+1]-1], ascending: p << bits | time since `low`, up to that of `high`. */
EXPORT void skysql_last_marks(const int64_t *keys, const int64_t *starts, int64_t bits, int64_t low, int64_t high,
                              const int64_t *paths, const int64_t *until, int64_t n, int64_t *found) {
    for (int64_t k = 0; k < n; k++) {
        int64_t path = paths[k], moment = until[k] > high ? high : until[k];
        found[k] = -1;
        if (path < 0 || moment < low) continue;
        int64_t key = (path << bits) + (moment - low), from = starts[path], to = starts[path + 1];
        while (to - from > FEW_MARKS) {
            int64_t middle = from + (to - from) / 2;
            if (keys[middle] <= key)
                from = middle;
            else
                to = middle;
        }
        int64_t at = from;
        for (; from < to; from++) at += keys[from] <= key;
        if (at > starts[path]) found[k] = at - 1;
    }
}

/* Groups: kernels.py. Four tables are filled in turn, as an addition waits for the one before it in the same group. */

enum { GROUPS = 256, TURNS = 4 };

/* Adds to counts int64[GROUPS] how many of n there are of each. */
EXPORT void skysql_counts(const uint8_t *groups, int64_t n, int64_t *counts) {
    int64_t tables[TURNS][GROUPS] = {{0}}, at = 0;
    for (; at + TURNS <= n; at += TURNS)
        for (int turn = 0; turn < TURNS; turn++) tables[turn][groups[at + turn]]++;
    for (; at < n; at++) tables[0][groups[at]]++;
    for (int group = 0; group < GROUPS; group++)
        for (int turn = 0; turn < TURNS; turn++) counts[group] += tables[turn][group];
}

/* Adds to sums double[GROUPS] the values of each. */
EXPORT void skysql_sums(const uint8_t *groups, const double *values, int64_t n, double *sums) {
    double tables[TURNS][GROUPS] = {{0}};
    int64_t at = 0;
    for (; at + TURNS <= n; at += TURNS)
        for (int turn = 0; turn < TURNS; turn++) tables[turn][groups[at + turn]] += values[at + turn];
    for (; at < n; at++) tables[0][groups[at]] += values[at];
    for (int group = 0; group < GROUPS; group++)
        for (int turn = 0; turn < TURNS; turn++) sums[group] += tables[turn][group];
}

#ifdef _WIN32
EXPORT void *PyInit__loops(void) { /* which the linker is told to export; nothing is imported */
    return 0;
}
#endif
