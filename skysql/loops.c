/* The loops that numpy has no operation for, compiled: where what an event means depends on the events before it.

   Each has a twin of numpy operations that gives the same answers, and is used where this file could not be compiled:
   compiled.py says which. Nothing here knows of Python. Arrays in, arrays out; no memory of its own and no state; so
   calls may run side by side. A call is a job of words of 64 bits, in which each array comes with its length. Whatever
   the words and the arrays' elements are, nothing beyond an array is read or written: each loop begins with what has to
   hold of its lengths and offsets, and what it would take a pass to check is checked where it is used.

   Events lie group by group, those of group g at starts[g] ... starts[g+1]-1, in order of time. What an event meets is a
   mask: bit k for condition k.

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

enum { STEPS = 32, CODES = 256 };

/* What is returned: BROKEN where numbers that say where to read or write go beyond what is there. */
enum { FINE, BROKEN };

/* A word of a job: a number, or the address of an array, and in the next word how many elements that has. */
#define AT(type, word) ((type *)(intptr_t)job[word])
#define LENGTH(word) job[(word) + 1]

/* Whether offsets ascend from 0 or more to n or less: those of `groups` groups, and one more. */
#define ASCENDING(name, type)                                                                   \
    static int name(const type *starts, int64_t groups, int64_t n) {                            \
        int descends = groups < 0 || starts[0] < 0 || starts[groups] > n;                       \
        for (int64_t g = 0; g < groups; g++) descends |= starts[g] > starts[g + 1];             \
        return !descends;                                                                       \
    }
ASCENDING(ascending, int64_t)
ASCENDING(ascending_narrow, int32_t)

/* The masks of events: either codes of one byte (a table's actions are such) and what each code meets, or themselves. */
typedef struct {
    const uint8_t *codes;
    const uint32_t *table; /* [CODES] */
    const uint32_t *wide;
} Masks;

static inline uint32_t mask_at(const Masks *masks, int64_t at) {
    return masks->wide ? masks->wide[at] : masks->table[masks->codes[at]];
}

/* What a job over groups of events begins with, in its words 1 to 10. */
typedef struct {
    Masks masks;
    const int64_t *ts, *starts;
    int64_t groups;
} Events;

/* Whether the lengths fit one another. */
static int read_events(const int64_t *job, Events *in) {
    const int64_t n = LENGTH(7);
    *in = (Events){{AT(uint8_t, 1), AT(uint32_t, 3), AT(uint32_t, 5)}, AT(int64_t, 7), AT(int64_t, 9), LENGTH(9) - 1};
    const int fits = in->masks.wide ? LENGTH(5) == n : LENGTH(1) == n && LENGTH(3) == CODES;
    return fits && ascending(in->starts, in->groups, n);
}

#if defined(__GNUC__)
static inline int lowest(uint64_t bits) { return __builtin_ctzll(bits); }
static inline int length(uint64_t bits) { return bits ? 64 - __builtin_clzll(bits) : 0; }
#else
static inline int lowest(uint64_t bits) {
    int at = 0;
    while (!(bits >> at & 1)) at++;
    return at;
}
static inline int length(uint64_t bits) {
    int n = 0;
    for (; bits; bits >>= 1) n++;
    return n;
}
#endif

static inline int within(int64_t since, int64_t t, int64_t window) {
    return (uint64_t)t - (uint64_t)since <= (uint64_t)window;
}

/* Funnels: functions/window_funnel.py says what the modes mean, and functions/funnel_levels.py why one chain for each number of steps
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
    int64_t events;
    int strange, several; /* strange: whether one meets nothing; several: whether one meets several */
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

/* Events; steps, 1 ... STEPS; window, 0 or more; modes; levels uint8[groups]: the most steps that each group takes. */
static int funnel(const int64_t *job) {
    Events in;
    const int64_t steps = job[11], window = job[12], modes = job[13];
    uint8_t *levels = AT(uint8_t, 14), step[CODES];
    uint32_t table[CODES], met = 0;
    if (!read_events(job, &in) || steps < 1 || steps > STEPS || window < 0 || LENGTH(14) != in.groups) return BROKEN;
    const int64_t *ts = in.ts, *starts = in.starts;
    const uint32_t known = (uint32_t)-1 >> (STEPS - steps), *wide = in.masks.wide;
    const int quick = !wide && !(modes & ~PATH);
    for (int64_t k = starts[0]; wide && k < starts[in.groups]; k++) met |= wide[k];
    if (met & ~known) return BROKEN;
    for (int code = 0; !wide && code < CODES; code++) { /* codes that no event has may stand for more than all steps */
        uint32_t mask = table[code] = in.masks.table[code] & known;
        step[code] = !mask ? 0 : mask & (mask - 1) ? SEVERAL : (uint8_t)(lowest(mask) + 1);
    }
    const Masks masks = {in.masks.codes, table, wide};
    for (int64_t g = 0; g < in.groups; g++) {
        int64_t at = starts[g], end = starts[g + 1];
        int level = quick ? quick_level(masks.codes, step, ts, at, end, (int)steps, window, (int)modes) : -1;
        if (level < 0)
            level = modes & PATH ? level_by_events(&masks, ts, at, end, (int)steps, window)
                                 : level_by_moments(&masks, ts, at, end, (int)steps, window, (int)modes);
        levels[g] = (uint8_t)level;
    }
    return FINE;
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

/* The same of codes that are one of few, which are compared with all of 64 at a time. */
enum { FEW = 8, WORD = 64 };

static inline int meeting_few(const uint8_t *codes, int many, const uint8_t *few, int kinds, uint16_t *rows) {
    int found = 0;
    for (int base = 0; base < many; base += WORD) {
        uint8_t hit[WORD] = {0};
        uint64_t bits = 0;
        if (many - base >= WORD)
            for (int kind = 0; kind < kinds; kind++)
                for (int k = 0; k < WORD; k++) hit[k] |= codes[base + k] == few[kind];
        else
            for (int kind = 0; kind < kinds; kind++)
                for (int k = 0; k < many - base; k++) hit[k] |= codes[base + k] == few[kind];
        for (int k = 0; k < WORD; k += 8) { /* eight bytes of 0 or 1 become eight bits */
            uint64_t eight = 0;
            for (int byte = 0; byte < 8; byte++) eight |= (uint64_t)hit[k + byte] << 8 * byte;
            bits |= (eight * 0x0102040810204080u >> 56) << k;
        }
        for (; bits; bits &= bits - 1) rows[found++] = (uint16_t)(base + lowest(bits));
    }
    return found;
}

/* A pattern without adjacent gaps, of which each code may be one event at the most: the place[code]-th, from 1. few: the
   codes that are one, `kinds` of them, or more than FEW. */
typedef struct {
    uint8_t place[CODES], few[FEW];
    uint32_t placed[CODES];
    int kinds;
} Places;

/* Whether a pattern is such. */
static int places(const uint32_t *table, int events, const uint32_t *wanted, const uint8_t *adjacent, Places *found) {
    found->kinds = 0;
    for (int j = 1; j < events; j++)
        if (adjacent[j]) return 0;
    for (int code = 0; code < CODES; code++) {
        found->placed[code] = 0;
        for (int j = 0; j < events; j++)
            if (table[code] & wanted[j]) {
                if (found->placed[code]) return 0;
                found->placed[code] = 1;
                found->place[code] = (uint8_t)(j + 1);
            }
        if (found->placed[code] && found->kinds++ < FEW) found->few[found->kinds - 1] = (uint8_t)code;
    }
    return 1;
}

/* The matches of two events among some rows, from `base` on: as below, in registers. */
typedef struct {
    int64_t group, end, since, first, done;
} Two;

static void match_two(Two *now, const uint8_t *codes, const Places *in, const int64_t *ts, const int64_t *starts,
                      int64_t base, const uint16_t *rows, int found, int64_t most, int64_t *counts) {
    int64_t group = now->group, end = now->end, since = now->since, first = now->first, done = now->done, count = 0;
    for (int k = 0; k < found; k++) {
        int64_t row = base + rows[k], t = ts[row];
        if (row >= end) {
            counts[group] += count;
            count = 0;
            do end = starts[++group + 1];
            while (row >= end);
            done = starts[group] - 1;
        }
        int64_t last = -(int64_t)(in->place[codes[row]] == 2);
        int64_t ends = last & -(int64_t)((first > done) & within(since, t, most));
        count -= ends;
        done ^= (done ^ row) & ends;
        first ^= (first ^ row) & ~last;
        since ^= (since ^ t) & ~last;
    }
    counts[group] += count;
    *now = (Two){group, end, since, first, done};
}

/* Its matches. first[j]: the first event of the match whose j-th was the last; it counts if that is after `done`, where
   the match before or the group before ended. first[0] and t[0] are the event's own. */
static void quick_matches(const uint8_t *codes, const Places *in, const int64_t *ts, const int64_t *starts,
                          int64_t groups, int events, const int64_t *most, int64_t *counts) {
    const Masks masks = {codes, in->placed, 0};
    uint16_t rows[MANY + 1];
    int64_t first[STEPS + 1], t[STEPS + 1], limit[STEPS + 1];
    int64_t n = starts[groups], group = 0, done = -1;
    for (int j = 0; j <= events; j++) {
        first[j] = -1;
        t[j] = 0;
        limit[j] = j < 2 ? 0 : most[j - 1];
    }
    Two two = {0, starts[1], 0, -1, -1};
    for (int64_t base = starts[0]; base < n; base += MANY) {
        int many = n - base < MANY ? (int)(n - base) : MANY;
        int found = in->kinds > FEW ? meeting(&masks, base, many, rows)
                                    : meeting_few(codes + base, many, in->few, in->kinds, rows);
        if (events == 2) {
            match_two(&two, codes, in, ts, starts, base, rows, found, most[1], counts);
            continue;
        }
        for (int k = 0; k < found; k++) {
            int64_t row = base + rows[k];
            if (row >= starts[group + 1]) {
                while (row >= starts[group + 1]) group++;
                done = starts[group] - 1;
            }
            int j = in->place[codes[row]];
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

/* Events; wanted, 1 ... STEPS: the conditions of which each event of the pattern has to meet one. Before the j-th lies
   nothing if adjacent[j], and else at the most so much time, most[j] >= 0. counts int64[groups]: the matches that each
   group has, one after the other. */
static int matches(const int64_t *job) {
    Events in;
    const uint32_t *wanted = AT(uint32_t, 11);
    const uint8_t *adjacent = AT(uint8_t, 13);
    const int64_t *most = AT(int64_t, 15), events = LENGTH(11);
    int64_t *counts = AT(int64_t, 17);
    Places found_places;
    uint16_t rows[MANY + 1];
    if (!read_events(job, &in) || events < 1 || events > STEPS || LENGTH(13) != events || LENGTH(15) != events) return BROKEN;
    if (LENGTH(17) != in.groups) return BROKEN;
    if (!in.groups) return FINE;
    const Masks masks = in.masks;
    const int64_t *ts = in.ts, *starts = in.starts, groups = in.groups;
    memset(counts, 0, (size_t)groups * sizeof *counts);
    if (!masks.wide && places(masks.table, (int)events, wanted, adjacent, &found_places)) {
        quick_matches(masks.codes, &found_places, ts, starts, groups, (int)events, most, counts);
        return FINE;
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
    return FINE;
}

/* Returns: reports/retention.py. */

typedef struct {
    int64_t us;
    double share; /* 1 / us */
} Unit;

static inline Unit unit_of(int64_t us) {
    Unit unit = {us, 1.0 / (double)us};
    return unit;
}

enum { SHORT = 2048 };

/* No times are farther from 0, so that their differences, and a unit more, are numbers of 64 bits. */
static const int64_t FAR = (int64_t)1 << 60;

static int near(int64_t time) { return -FAR <= time && time <= FAR; }
static int is_unit(int64_t us) { return 1 <= us && us <= 4 * FAR; }

/* How many units are in a time, rounded down. By multiplication, which is off by less than 1 for quotients below 2^51. */
static inline int64_t units_in(int64_t time, Unit unit) {
    int64_t found = unit.us < SHORT ? time / unit.us : (int64_t)((double)time * unit.share);
    int64_t rest = time - found * unit.us;
    return found - (rest < 0) + (rest >= unit.us);
}

/* One more of what may be any number, as the caller gave it. */
static int64_t more(int64_t count) { return (int64_t)((uint64_t)count + 1); }

/* Of each cohort, how many paths were born, the time of the first birth, and how many paths returned in each row, each
   once: adds to sizes int64[cohorts] and returned int64[cohorts][rows], and lowers earliest int64[cohorts].

   Some events of a path p are given by their positions and times, those from starts[p] to starts[p+1]-1. It is born at
   the first of its events `first`, and counts if begin <= time < end. Its cohort is cohort_of[path]
   (-1: it does not count), or without that its period of `cohort_unit` from `cohort_origin` on. It returns with those of
   its events `again` that come after its birth. Periods are `unit` long, and begin at `origin`, or if rolling at the
   birth. row_of int64[periods]: the row of each period since the birth, or -1; later ones have none. With on_or_after,
   the last return counts in all rows up to its own. */
static int retention(const int64_t *job) {
    const int32_t *first = AT(int32_t, 1), *first_starts = AT(int32_t, 3), *again = AT(int32_t, 7),
                  *again_starts = AT(int32_t, 9), *cohort_of = AT(int32_t, 15);
    const int64_t *first_ts = AT(int64_t, 5), *again_ts = AT(int64_t, 11), *row_of = AT(int64_t, 22);
    const int64_t begin = job[13], end = job[14], cohort_unit = job[17], cohort_origin = job[18], unit = job[19],
                  origin = job[20], rolling = job[21], rows = job[24], on_or_after = job[25];
    int64_t *sizes = AT(int64_t, 26), *earliest = AT(int64_t, 28), *returned = AT(int64_t, 30);
    const int64_t paths = LENGTH(3) - 1, periods = LENGTH(22), cohorts = LENGTH(26), counted = LENGTH(30);
    const int equal = LENGTH(1) == LENGTH(5) && LENGTH(7) == LENGTH(11) && LENGTH(9) == LENGTH(3) &&
                      LENGTH(28) == cohorts && (!cohort_of || LENGTH(15) == paths);
    if (!equal || rows < 0 || (cohorts && (counted % cohorts || counted / cohorts != rows))) return BROKEN;
    if (!ascending_narrow(first_starts, paths, LENGTH(1)) || !ascending_narrow(again_starts, paths, LENGTH(7))) return BROKEN;
    if (begin < -FAR || end > FAR || !near(origin) || !near(cohort_origin) || !is_unit(unit) || !is_unit(cohort_unit))
        return BROKEN;
    for (int64_t period = 0; period < periods; period++)
        if (row_of[period] < -1 || row_of[period] >= rows) return BROKEN;
    const Unit period_unit = unit_of(unit), of_cohorts = unit_of(cohort_unit);
    for (int64_t path = 0; path < paths; path++) {
        int64_t birth = first_starts[path], at = again_starts[path], last = again_starts[path + 1];
        if (birth == first_starts[path + 1]) continue;
        int64_t born = first_ts[birth];
        if (born < begin || born >= end) continue;
        int64_t cohort = cohort_of ? cohort_of[path] : units_in(born - cohort_origin, of_cohorts);
        if (cohort < 0 || cohort >= cohorts) continue;
        sizes[cohort] = more(sizes[cohort]);
        if (born < earliest[cohort]) earliest[cohort] = born;

        int64_t *counts = returned + cohort * rows, latest = -1;
        int64_t from = rolling ? born : origin, before = rolling ? 0 : units_in(born - origin, period_unit);
        while (at < last && (again_ts[at] < born || (again_ts[at] == born && again[at] <= first[birth]))) at++;
        for (int64_t until = INT64_MIN; at < last; at++) {
            if (again_ts[at] < until) continue;
            if (again_ts[at] > FAR) return BROKEN;
            int64_t number = units_in(again_ts[at] - from, period_unit), period = number - before;
            if (period >= periods) {
                if (on_or_after) latest = rows - 1;
                break;
            }
            until = from + (number + 1) * unit;
            int64_t row = row_of[period];
            if (row >= 0 && row != latest && !on_or_after) counts[row] = more(counts[row]);
            latest = row;
        }
        if (on_or_after)
            for (int64_t row = 0; row <= latest; row++) counts[row] = more(counts[row]);
    }
    return FINE;
}

/* Moments: marks.py, Marks. A path has few marks, so they are looked through from its first on. */

enum { FEW_MARKS = 16 };

/* found int64[n]: the last of the marks of a path that is not after the moment, or -1; path -1 has none. Those of path p
   are keys[starts[p]] ... keys[starts[p+1]-1], ascending: p << bits | time since `low`, up to that of `high`. */
static int last_marks(const int64_t *job) {
    const int64_t *keys = AT(int64_t, 1), *starts = AT(int64_t, 3), *paths = AT(int64_t, 8), *until = AT(int64_t, 10);
    const int64_t marks = LENGTH(1), known = LENGTH(3) - 1, bits = job[5], low = job[6], high = job[7], n = LENGTH(8);
    int64_t *found = AT(int64_t, 12);
    if (bits < 0 || bits > 62 || low > high || LENGTH(10) != n || LENGTH(12) != n) return BROKEN;
    for (int64_t k = 0; k < n; k++) {
        int64_t path = paths[k], moment = until[k] > high ? high : until[k];
        found[k] = -1;
        if (path < 0 || moment < low) continue;
        if (path >= known || !ascending(starts + path, 1, marks)) return BROKEN;
        int64_t key = (int64_t)(((uint64_t)path << bits) + ((uint64_t)moment - (uint64_t)low));
        int64_t from = starts[path], to = starts[path + 1];
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
    return FINE;
}

/* The loops by their numbers in jobs, and how many words each takes, that of its number included. */
static int (*const LOOPS[])(const int64_t *) = {funnel, matches, retention, last_marks};
static const int64_t WORDS[] = {16, 19, 32, 14};
enum { KNOWN = sizeof WORDS / sizeof *WORDS };

/* Runs jobs int64[words / width][width]. Many in one call, so that a thread comes back to Python's lock but once. */
EXPORT int skysql_run(const int64_t *jobs, int64_t words, int64_t width) {
    int broken = words < 0 || width < 1 || words % width;
    for (int64_t at = 0; !broken && at < words; at += width) {
        const int64_t loop = jobs[at];
        broken = loop < 0 || loop >= KNOWN || width < WORDS[loop] || LOOPS[loop](jobs + at) != FINE;
    }
    return broken ? BROKEN : FINE;
}

#ifdef _WIN32
EXPORT void *PyInit__loops(void) { /* which the linker is told to export; nothing is imported */
    return 0;
}
#endif
